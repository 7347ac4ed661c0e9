package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestSwitch(t *testing.T) {
	each(t, func(w *world) {
		anna, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		theirs, mia := w.joins(anna, bert), w.managed(anna, "Mia")
		browser, hash := w.signedIn(anna)
		w.client("jellyfin")
		_, inBrowser := w.granted(credential.Access, browser, "jellyfin")
		app := w.named(anna, device.App, "TV")
		w.openSignIn(app)
		own := w.named(bert, device.App, "TV") // of the same name for itself
		w.openSignIn(own)
		s := w.switched(app, theirs)
		w.must(w.resolve(credential.App, own.Token))
		f := w.find(credential.Switched, s.Token)
		if f.AccountID != bert.ID || f.Origin != app.Device.ID || !f.IsPlayer() || f.MayAct() == nil || f.IsFresh(w.now) {
			t.Errorf("%+v", f)
		}
		k := w.switched(s, mia) // from there on, the root stays
		if f := w.find(credential.Switched, k.Token); f.Origin != app.Device.ID || f.Account.State != account.Active || f.Account.ID != mia.AccountID {
			t.Errorf("%+v", f)
		}
		// A browser parks its own sign-in, once, and what it had made in the browser is over.
		p := w.switching(browser, anna.ID, mia)
		p.Parks = hash
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			again := p
			again.Away, again.SignIn.Token, again.SignIn.Device.ID = secret.NewToken(), secret.NewToken(), id.New(w.now)
			return db.Switch(w.ctx(), again, w.act(audit.ProfileChanged, anna.ID))
		})
		w.recorded(audit.ProfileChanged, 1)
		w.is(w.resolve(credential.Browser, browser.Token), credential.ErrUnknown)
		w.count(1, "credential WHERE kind = 'away' AND device_id = $1 AND fresh_at = 0", browser.Device.ID)
		w.count(0, "credential WHERE hash = $1", inBrowser.Hash)
		// Neither a stranger nor one who left meanwhile.
		for source, to := range map[string]household.Member{carl.ID: mia, anna.ID: {ID: "x", HomeID: anna.ID, AccountID: carl.ID}} {
			wrong := w.switching(app, anna.ID, mia)
			wrong.Source, wrong.Member = source, to
			w.is(w.db.Switch(w.ctx(), wrong, w.quietly()), household.ErrNotFound)
		}
		late := w.switching(app, anna.ID, mia)
		w.must(w.db.EndDevice(w.ctx(), anna.ID, app.Device.ID, w.quietly()))
		w.is(w.db.Switch(w.ctx(), late, w.quietly()), store.ErrSpent)
	})
}

// One device does not fill the list of a member.
func TestSwitchingEndsTheOldest(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna")
		mia := w.managed(anna, "Mia")
		app := w.named(anna, device.App, "TV")
		w.openSignIn(app)
		var all []credential.SignIn
		for range household.MostSwitched + 2 {
			w.now = w.now.Add(time.Second)
			all = append(all, w.switched(app, mia))
		}
		for i, s := range all {
			want := map[bool]error{true: credential.ErrUnknown}[i < 2]
			w.is(w.resolve(credential.Switched, s.Token), want)
		}
	})
}

func TestComeBack(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna")
		mia := w.managed(anna, "Mia")
		browser, hash := w.signedIn(anna)
		s := w.switching(browser, anna.ID, mia)
		s.Parks, s.Away = hash, secret.NewToken()
		w.must(w.db.Switch(w.ctx(), s, w.quietly()))
		away := w.find(credential.Away, s.Away)
		tokens := make([]secret.Token, racers)
		for i := range tokens {
			tokens[i] = secret.NewToken()
		}
		won := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			return db.ComeBack(w.ctx(), household.Return{Away: away, Token: tokens[i], Ends: s.SignIn.Device.ID, EndsOf: mia.AccountID}, w.act(audit.ProfileChanged, anna.ID))
		})
		w.recorded(audit.ProfileChanged, 1)
		if f := w.find(credential.Browser, tokens[won]); f.AccountID != anna.ID || f.DeviceID != browser.Device.ID || f.IsFresh(w.now) {
			t.Errorf("%+v", f)
		}
		w.is(w.resolve(credential.Switched, s.SignIn.Token), credential.ErrUnknown)
		s = w.switching(browser, anna.ID, mia)
		s.Parks, s.Away = w.find(credential.Browser, tokens[won]).Hash, secret.NewToken()
		w.must(w.db.Switch(w.ctx(), s, w.quietly()))
		away = w.find(credential.Away, s.Away)
		w.must(w.db.EndEverything(w.ctx(), anna.ID, nil, w.quietly()))
		w.is(w.db.ComeBack(w.ctx(), household.Return{Away: away, Token: secret.NewToken()}, w.quietly()), store.ErrSpent)
	})
}

// What ends a switched sign-in, and whatever was made from it: everything that ends the sign-in it came from, and everything that ends the member's own. It is
// derived, wherever a credential is judged.
func TestSwitchedSignInsEnd(t *testing.T) {
	ends := map[string]struct {
		does func(w *world, h homeOf4) error
		// toCarl, toMia and toAnna say which of them go on.
		toCarl, toMia, toAnna bool
	}{
		"nothing": {func(*world, homeOf4) error { return nil }, true, true, true},
		"device signed out": {func(w *world, h homeOf4) error {
			return w.db.EndDevice(w.ctx(), h.bert.ID, h.at.Device.ID, w.quietly())
		}, false, false, false},
		"everything signed out": {func(w *world, h homeOf4) error { return w.db.EndEverything(w.ctx(), h.bert.ID, nil, w.quietly()) }, false, false, false},
		"source locked": {func(w *world, h homeOf4) error {
			return w.db.SetState(w.ctx(), h.bert.ID, account.Active, account.Locked, time.Time{}, w.quietly())
		}, false, false, false},
		"source locked and opened again": {func(w *world, h homeOf4) error {
			w.must(w.db.SetState(w.ctx(), h.bert.ID, account.Active, account.Locked, time.Time{}, w.quietly()))
			return w.db.SetState(w.ctx(), h.bert.ID, account.Locked, account.Active, time.Time{}, w.quietly())
		}, false, false, false},
		"source to be deleted": {func(w *world, h homeOf4) error {
			return w.db.SetState(w.ctx(), h.bert.ID, account.Active, account.Deleting, w.now.Add(time.Hour), w.quietly())
		}, false, false, false},
		"source must reset":       {func(w *world, h homeOf4) error { return w.db.RequireReset(w.ctx(), h.bert.ID, "", w.quietly()) }, false, false, false},
		"incident for the source": {func(w *world, h homeOf4) error { w.declared(incident.Require, h.bert); return nil }, false, false, false},
		"incident for all":        {func(w *world, _ homeOf4) error { w.declared(incident.Require); return nil }, false, false, false},
		"backup restored": {func(w *world, _ homeOf4) error {
			w.tamper("UPDATE instance SET epoch = epoch + 1, floor = epoch + 1")
			return nil
		}, false, false, false},
		"source left":                  {func(w *world, h homeOf4) error { return w.db.LeaveHome(w.ctx(), h.bert.ID, w.quietly(), w.quietly()) }, false, false, false},
		"member signed out everything": {func(w *world, h homeOf4) error { return w.db.EndEverything(w.ctx(), h.carl.ID, nil, w.quietly()) }, false, true, true},
		"member locked": {func(w *world, h homeOf4) error {
			return w.db.SetState(w.ctx(), h.carl.ID, account.Active, account.Locked, time.Time{}, w.quietly())
		}, false, true, true},
		"member must reset":                {func(w *world, h homeOf4) error { return w.db.RequireReset(w.ctx(), h.carl.ID, "", w.quietly()) }, false, true, true},
		"incident for the member":          {func(w *world, h homeOf4) error { w.declared(incident.Require, h.carl); return nil }, false, true, true},
		"member left":                      {func(w *world, h homeOf4) error { return w.db.LeaveHome(w.ctx(), h.carl.ID, w.quietly(), w.quietly()) }, false, true, true},
		"member reset, and nothing beside": {func(w *world, h homeOf4) error { return w.reset(h.carl) }, false, true, true},
		"owner reset, and nothing beside":  {func(w *world, h homeOf4) error { return w.reset(h.anna) }, true, false, false},
		"owner signed out everything":      {func(w *world, h homeOf4) error { return w.db.EndEverything(w.ctx(), h.anna.ID, nil, w.quietly()) }, true, false, false},
		"owner locked": {func(w *world, h homeOf4) error {
			return w.db.SetState(w.ctx(), h.anna.ID, account.Active, account.Locked, time.Time{}, w.quietly())
		}, true, false, false},
		"owner must reset":       {func(w *world, h homeOf4) error { return w.db.RequireReset(w.ctx(), h.anna.ID, "", w.quietly()) }, true, false, false},
		"incident for the owner": {func(w *world, h homeOf4) error { w.declared(incident.Require, h.anna); return nil }, true, false, false},
		"owner to be deleted": {func(w *world, h homeOf4) error {
			return w.db.SetState(w.ctx(), h.anna.ID, account.Active, account.Deleting, w.now.Add(time.Hour), w.quietly())
		}, true, false, false},
		"member removed": {func(w *world, h homeOf4) error {
			return w.db.RemoveMember(w.ctx(), h.anna.ID, w.member(h.carl.ID).ID, w.quietly(), audit.Act{})
		}, false, true, true},
		"managed member removed": {func(w *world, h homeOf4) error {
			return w.db.RemoveMember(w.ctx(), h.anna.ID, h.mia.ID, w.quietly(), audit.Act{})
		}, true, false, true},
		"owner erased": {func(w *world, h homeOf4) error {
			w.must(w.db.SetState(w.ctx(), h.anna.ID, account.Active, account.Deleting, w.now, w.quietly()))
			return w.db.EraseAccount(w.ctx(), h.anna.ID, w.quietly())
		}, false, false, false},
	}
	each(t, func(w *world) {
		last := []string{"incident for all", "backup restored"} // what follows would need new passwords
		for i, name := range append(slices.DeleteFunc(slices.Sorted(maps.Keys(ends)), func(one string) bool { return slices.Contains(last, one) }), last...) {
			if name == "backup restored" {
				w.tamper("UPDATE instance SET incident = 0")
			}
			h, end := w.house(fmt.Sprint(i)), ends[name]
			to := map[string]credential.SignIn{"carl": w.switched(h.at, w.member(h.carl.ID)), "Mia": w.switched(h.at, h.mia), "anna": w.switched(h.at, w.member(h.anna.ID))}
			s := w.claimed(h.dora, "dora's"+fmt.Sprint(i))
			w.admits(s, h.carl.UserName)
			w.must(w.come(s, h.carl))
			w.must(end.does(w, h))
			for who, goesOn := range map[string]bool{"carl": end.toCarl, "Mia": end.toMia, "anna": end.toAnna} {
				err := w.resolve(credential.Switched, to[who].Token)
				if (err == nil) != goesOn {
					t.Errorf("%s: switched to %s: %v", name, who, err)
				}
				if err != nil && !credential.IsDead(err) {
					t.Errorf("%s: switched to %s: %v", name, who, err)
				}
			}
			hash := w.keys.Ring().HashToken(string(credential.Switched), to["carl"].Token)[0]
			v, err := w.db.FindVisit(w.ctx(), s.ID, hash, w.now)
			if err == nil {
				err = credential.Judge(v.Parent, w.now)
			}
			if (err == nil) != end.toCarl {
				t.Errorf("%s: carl at a server: %v", name, err)
			}
			listed, err := w.db.ListSwitched(w.ctx(), h.anna.ID)
			w.must(err)
			want := 0
			for _, goesOn := range []bool{end.toCarl, end.toMia, end.toAnna} {
				if goesOn {
					want++
				}
			}
			if len(listed) != want && !strings.Contains(name, "must reset") {
				t.Errorf("%s: %d are listed, want %d", name, len(listed), want)
			}
		}
	})
}

// homeOf4 is a Home of four.
type homeOf4 struct {
	anna, bert, carl account.Account // its owner, and two members
	dora             account.Account // who is in none
	mia              household.Member
	at               credential.SignIn // bert's
}

func (w *world) house(n string) (h homeOf4) {
	w.Helper()
	h.anna, h.bert, h.carl, h.dora = w.person("anna"+n), w.person("bert"+n), w.person("carl"+n), w.person("dora"+n)
	w.joins(h.anna, h.bert)
	w.joins(h.anna, h.carl)
	h.mia = w.managed(h.anna, "Mia")
	h.at = w.signIn(h.bert)
	w.openSignIn(h.at)
	return h
}

// reset chooses a new password by a link that was mailed; what else is signed in stays.
func (w *world) reset(a account.Account) error {
	w.Helper()
	_, hash := w.link(credential.Reset, a)
	return w.db.RedeemReset(w.ctx(), hash, w.newPassword(a, "new"), w.quietly())
}

func TestListSwitched(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		all, err := w.db.ListSwitched(w.ctx(), h.anna.ID)
		w.must(err)
		if len(all) != 0 {
			t.Errorf("%+v", all)
		}
		s := w.switched(h.at, h.mia)
		w.switched(h.at, w.member(h.carl.ID))
		w.now = w.now.Add(time.Hour)
		w.must(w.db.TouchDevices(w.ctx(), []device.Device{{ID: s.Device.ID, AccountID: h.mia.AccountID, Origin: h.at.Device.ID, UsedAt: w.now}}))
		all, err = w.db.ListSwitched(w.ctx(), h.anna.ID)
		w.must(err)
		by := w.member(h.bert.ID).ID
		if len(all) != 2 || all[0].ID != s.Device.ID || all[0].Member != h.mia.ID || all[0].By != by || all[0].Method != device.ByHome || all[0].Name != "Firefox on Linux" || !all[0].UsedAt.Equal(w.now) || all[1].By != by {
			t.Errorf("%+v", all)
		}
		w.count(1, "device WHERE id = $1 AND used_at = $2", h.at.Device.ID, w.now.UnixMilli()) // what it was switched on is used with it
		other, err := w.db.ListSwitched(w.ctx(), h.dora.ID)
		w.must(err)
		own, err := w.db.ListDevices(w.ctx(), h.carl.ID)
		w.must(err)
		if len(other) != 0 || len(own) != 1 || own[0].Origin != h.at.Device.ID {
			t.Errorf("%+v %+v", other, own)
		}
	})
}

func TestEndSwitched(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		s := w.switched(h.at, h.mia)
		w.is(w.db.EndSwitched(w.ctx(), h.dora.ID, s.Device.ID, w.quietly()), device.ErrNotFound)
		w.is(w.db.EndSwitched(w.ctx(), h.anna.ID, h.at.Device.ID, w.quietly()), device.ErrNotFound) // a member's own sign-in
		w.race(device.ErrNotFound, func(db *store.DB, _ int) error {
			return db.EndSwitched(w.ctx(), h.anna.ID, s.Device.ID, w.act(audit.ProfileChanged, h.anna.ID))
		})
		w.recorded(audit.ProfileChanged, 1)
		w.is(w.resolve(credential.Switched, s.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, h.at.Token))
	})
}

// Gates are told when what somebody switched to has ended, whatever ended it: they let nobody in by it any more.
func TestSwitchedEndsAreTold(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		s := w.claimed(h.anna, "one")
		w.stream(s.ID)
		w.must(w.opens(s, household.WithAll))
		w.acknowledge(s.ID)
		is := func(want ...string) {
			w.Helper()
			w.told(s.ID, want...)
			w.acknowledge(s.ID)
		}
		at := func(a account.Account) credential.SignIn {
			w.Helper()
			in := w.signIn(a)
			w.openSignIn(in)
			return in
		}
		here := at(h.bert)
		w.switched(here, w.member(h.carl.ID))
		w.switched(here, h.mia)
		w.must(w.db.EndDevice(w.ctx(), h.bert.ID, here.Device.ID, w.quietly()))
		is("session-ended", "session-ended")
		w.switched(at(h.anna), w.member(h.carl.ID)) // from the owner's own device
		w.must(w.db.EndEverything(w.ctx(), h.anna.ID, nil, w.quietly()))
		is("all-ended", "all-ended", "session-ended") // of the owner and the managed member
		w.switched(at(h.bert), w.member(h.carl.ID))
		w.declared(incident.Require, h.bert)
		is("all-ended", "session-ended") // a server hears of no reset but its owner's
		w.declared(incident.Require, h.anna)
		is("all-ended", "all-ended", "reset-required")
		w.must(w.db.LeaveHome(w.ctx(), h.carl.ID, w.quietly(), w.quietly()))
		is("all-ended")
	})
}
