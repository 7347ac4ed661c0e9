package storetest

import (
	"errors"
	"fmt"
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
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
)

// quietly is an act of which nothing is recorded.
func (w *world) quietly() audit.Act { return audit.Act{At: w.now} }

func (w *world) joiner(a account.Account) household.Joiner {
	w.Helper()
	address, err := a.ProvedAddress()
	w.must(err)
	return household.Joiner{AccountID: a.ID, Address: address}
}

// invites sends an invitation to a Home and returns its id.
func (w *world) invites(owner account.Account, typed string) string {
	w.Helper()
	g := household.Guest{ID: id.New(w.now), Label: typed, Handle: account.LoginHandle(typed), At: w.now}
	w.must(w.db.InviteMember(w.ctx(), owner.ID, g, w.quietly()))
	return g.ID
}

// joins has an account invited to a Home and accept.
func (w *world) joins(owner, a account.Account) household.Member {
	w.Helper()
	w.must(w.db.JoinHome(w.ctx(), w.invites(owner, a.UserName), w.joiner(a), w.quietly(), w.quietly()))
	return w.member(a.ID)
}

// member is the member of a Home that an account is.
func (w *world) member(accountID string) household.Member {
	w.Helper()
	h, err := w.db.FindHome(w.ctx(), accountID)
	w.must(err)
	m, is := h.Of(accountID)
	if !is {
		w.Fatalf("%+v has no member %s", h, accountID)
	}
	return m
}

// managed adds a managed member to a Home.
func (w *world) managed(owner account.Account, name string) household.Member {
	w.Helper()
	m := household.Managed{ID: id.New(w.now), AccountID: id.New(w.now), Name: name, Picture: 3}
	w.must(w.db.AddManaged(w.ctx(), owner.ID, m, w.quietly()))
	return w.member(m.AccountID)
}

// switching is a switch that is about to be made at a sign-in of an account, to a member of its Home.
func (w *world) switching(at credential.SignIn, source string, to household.Member) household.Switch {
	w.Helper()
	c, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: source, Member: to.ID, At: w.now})
	w.must(err)
	d := at.Device
	d.ID, d.AccountID, d.Method, d.Origin = id.New(w.now), to.AccountID, device.ByHome, at.Device.ID
	if at.Device.Origin != "" {
		d.Origin = at.Device.Origin
	}
	return household.Switch{HomeID: to.HomeID, Source: source, Member: to, SignIn: credential.SignIn{
		Device: d, Kind: credential.Switched, Subject: credential.Player, Token: secret.NewToken(), Stamp: credential.StampNow(c.Clock, c.Account),
	}}
}

// switched switches at a sign-in of an account to a member of its Home.
func (w *world) switched(at credential.SignIn, to household.Member) credential.SignIn {
	w.Helper()
	s := w.switching(at, at.Device.AccountID, to)
	w.must(w.db.Switch(w.ctx(), s, w.quietly()))
	return s.SignIn
}

func TestFindHome(t *testing.T) {
	each(t, func(w *world) {
		anna, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		_, err := w.db.FindHome(w.ctx(), anna.ID)
		w.is(err, household.ErrNone)
		_, err = w.db.FindHome(w.ctx(), "")
		w.is(err, household.ErrNone)
		w.invites(anna, carl.Email)
		w.now = w.now.Add(time.Second)
		_, err = w.db.FindHome(w.ctx(), carl.ID) // who was only invited is in none
		w.is(err, household.ErrNone)
		_, err = w.db.FindHome(w.ctx(), "")
		w.is(err, household.ErrNone)
		w.joins(anna, bert)
		w.now = w.now.Add(time.Second)
		mia := w.managed(anna, "Mia")
		for _, who := range []string{anna.ID, bert.ID, mia.AccountID} {
			h, err := w.db.FindHome(w.ctx(), who)
			w.must(err)
			var names []string
			for _, m := range h.Members {
				names = append(names, fmt.Sprintf("%s %s %s %t %t", m.Name, m.UserName, m.Label, m.IsOwner(), m.Managed))
			}
			want := []string{"The anna anna  true false", "  carl@example.org false false", "The bert bert bert false false", "Mia   false true"}
			if h.ID != anna.ID || !slices.Equal(names, want) || len(h.Joined()) != 3 || h.Members[3].Picture != 3 {
				t.Errorf("%q", names)
			}
		}
	})
}

func TestAddManaged(t *testing.T) {
	each(t, func(w *world) {
		anna, bert := w.person("anna"), w.person("bert")
		mia := w.managed(anna, "Mia")
		_, err := w.db.LoadAccount(w.ctx(), mia.AccountID) // it is no account to anybody who asks for one
		w.is(err, account.ErrNotFound)
		all, err := w.db.ListAccounts(w.ctx(), account.Filter{Limit: 9})
		w.must(err)
		some, err := w.db.ScanAccounts(w.ctx(), account.Filter{Limit: 9}, "mia")
		w.must(err)
		names, err := w.db.NameAccounts(w.ctx(), []string{mia.AccountID})
		w.must(err)
		states, err := w.db.CountAccounts(w.ctx())
		w.must(err)
		covered, err := w.db.CountIncident(w.ctx())
		w.must(err)
		if len(all) != 2 || len(some) != 0 || len(names) != 0 || len(states) != 1 || states[account.Active] != 2 || covered.Accounts != 2 {
			t.Errorf("a managed member is among the accounts: %v %v %v %v %v", all, some, names, states, covered)
		}
		i := w.declared(incident.Require, anna)
		w.is(w.db.ListIncident(w.ctx(), i.ID, []string{mia.AccountID}), store.ErrSpent)
		i.Scope = incident.All
		waiting, err := w.db.ListWaiting(w.ctx(), i, "", 9)
		w.must(err)
		n, err := w.db.CountWaiting(w.ctx(), i)
		w.must(err)
		if len(waiting) != 2 || n != 2 {
			t.Errorf("an incident waits for %d, %v", n, waiting)
		}
		w.joins(anna, bert)
		w.is(w.db.AddManaged(w.ctx(), bert.ID, household.Managed{ID: id.New(w.now), AccountID: id.New(w.now), Name: "Max"}, w.quietly()), household.ErrInOne)
		for i := range household.MostMembers - 3 {
			w.managed(anna, fmt.Sprint("one of many ", i))
		}
		full := w.all(func(db *store.DB, _ int) error {
			return db.AddManaged(w.ctx(), anna.ID, household.Managed{ID: id.New(w.now), AccountID: id.New(w.now), Name: "Max"}, w.quietly())
		}, household.ErrTooMany)
		if full != racers-1 {
			t.Errorf("%d of %d found no place, and there was one", full, racers)
		}
		w.is(w.db.InviteMember(w.ctx(), anna.ID, household.Guest{ID: id.New(w.now), Label: "carl", Handle: account.LoginHandle("carl"), At: w.now}, w.quietly()), household.ErrTooMany)
	})
}

func TestChangeManaged(t *testing.T) {
	each(t, func(w *world) {
		anna, bert := w.person("anna"), w.person("bert")
		mia, theirs := w.managed(anna, "Mia"), w.joins(anna, bert)
		w.must(w.db.ChangeManaged(w.ctx(), anna.ID, household.Managed{ID: mia.ID, Name: "Mia Maria", Picture: 7}, w.quietly()))
		if got := w.member(mia.AccountID); got.Name != "Mia Maria" || got.Picture != 7 {
			t.Errorf("%+v", got)
		}
		w.is(w.db.ChangeManaged(w.ctx(), anna.ID, household.Managed{ID: theirs.ID, Name: "x"}, w.quietly()), household.ErrNotFound)
		w.is(w.db.ChangeManaged(w.ctx(), bert.ID, household.Managed{ID: mia.ID, Name: "x"}, w.quietly()), household.ErrNotFound) // of another's Home
	})
}

func TestSetPIN(t *testing.T) {
	each(t, func(w *world) {
		anna, bert := w.person("anna"), w.person("bert")
		mia := w.managed(anna, "Mia")
		w.joins(anna, bert)
		for _, m := range []household.Member{mia, w.member(anna.ID), w.member(bert.ID)} {
			w.must(w.db.SetPIN(w.ctx(), anna.ID, m.ID, secret.TokenOf("4711"), w.quietly()))
			c, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: anna.ID, Member: m.ID, At: w.now})
			w.must(err)
			if !w.member(m.AccountID).Protected || !c.Fits(secret.TokenOf("4711")) || c.Fits(secret.TokenOf("4712")) || c.Fits(secret.Token{}) || c.Failures != 1 {
				t.Errorf("%+v", c)
			}
			w.must(w.db.SetPIN(w.ctx(), anna.ID, m.ID, secret.TokenOf("0815"), w.quietly())) // begins anew
			if got := w.member(m.AccountID).Failures; got.Count != 0 {
				t.Errorf("%+v", got)
			}
		}
		w.must(w.db.SetPIN(w.ctx(), anna.ID, mia.ID, secret.Token{}, w.quietly()))
		if w.member(mia.AccountID).Protected || w.member(mia.AccountID).Picture != 3 {
			t.Error("the PIN is not gone, or the picture is")
		}
		w.is(w.db.SetPIN(w.ctx(), bert.ID, mia.ID, secret.TokenOf("1111"), w.quietly()), household.ErrNotFound)
		w.is(w.db.SetPIN(w.ctx(), anna.ID, w.invites(anna, "carl"), secret.TokenOf("1111"), w.quietly()), household.ErrNotFound)
	})
}

// Guesses are counted for the member, in the database, however many come at once and from wherever: five, then a pause, then five more, and no more until it is unlocked.
func TestBeginSwitch(t *testing.T) {
	each(t, func(w *world) {
		anna, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		w.joins(anna, bert)
		mia := w.managed(anna, "Mia")
		for _, at := range []household.Try{{Source: carl.ID, Member: mia.ID}, {Source: anna.ID, Member: "gone"}, {Source: anna.ID, Member: w.invites(anna, "carl")}, {Member: mia.ID}} {
			at.At = w.now
			_, err := w.db.BeginSwitch(w.ctx(), at)
			w.is(err, household.ErrNotFound)
		}
		for range 20 { // where there is no PIN, nothing is counted
			c, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: bert.ID, Member: mia.ID, At: w.now})
			w.must(err)
			if !c.PIN.Empty() || c.Failures != 0 || c.Account.State != account.Active || c.Account.Epoch != w.load(anna).Epoch {
				t.Fatalf("%+v", c)
			}
		}
		w.must(w.db.SetPIN(w.ctx(), anna.ID, mia.ID, secret.TokenOf("4711"), w.quietly()))
		guess := func(want error, most int) {
			w.Helper()
			failed := 0
			for i, err := range w.parallel(2*racers, func(db *store.DB, i int) error {
				_, err := db.BeginSwitch(w.ctx(), household.Try{Source: []string{anna.ID, bert.ID}[i/2%2], Member: mia.ID, At: w.now})
				return err
			}) {
				if err != nil {
					failed++
					limited := new(ratelimit.LimitedError)
					if !errors.Is(err, want) && !(want == nil && errors.As(err, &limited) && limited.Until.Equal(w.now.Add(household.Pause))) {
						t.Errorf("guess %d: %v", i, err)
					}
				}
			}
			if failed != 2*racers-most {
				t.Errorf("%d guesses were let through, want %d", 2*racers-failed, most)
			}
		}
		guess(nil, household.FreeTries)
		w.now = w.now.Add(household.Pause - time.Millisecond)
		_, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: bert.ID, Member: mia.ID, At: w.now})
		if !errors.As(err, new(*ratelimit.LimitedError)) {
			t.Errorf("a moment too early: %v", err)
		}
		w.now = w.now.Add(time.Millisecond)
		guess(household.ErrPINLocked, household.MostTries-household.FreeTries)
		w.now = w.now.Add(400 * 24 * time.Hour)
		w.sweep(w.now)
		guess(household.ErrPINLocked, 0)
		if !w.member(mia.AccountID).Failures.Locked() {
			t.Error("the owner is not shown that it is locked")
		}
	})
}

func TestUnlockMember(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna")
		mia := w.managed(anna, "Mia")
		w.must(w.db.SetPIN(w.ctx(), anna.ID, mia.ID, secret.TokenOf("4711"), w.quietly()))
		try := household.Try{Source: anna.ID, Member: mia.ID, At: w.now}
		for range household.MostTries {
			_, err := w.db.BeginSwitch(w.ctx(), try)
			w.must(err)
			try.At = try.At.Add(household.Pause)
		}
		_, err := w.db.BeginSwitch(w.ctx(), try)
		w.is(err, household.ErrPINLocked)
		w.is(w.db.UnlockMember(w.ctx(), w.person("bert").ID, mia.ID, w.quietly()), household.ErrNotFound)
		w.must(w.db.UnlockMember(w.ctx(), anna.ID, mia.ID, w.quietly()))
		c, err := w.db.BeginSwitch(w.ctx(), try)
		w.must(err)
		if !c.Fits(secret.TokenOf("4711")) || c.Failures != 1 {
			t.Errorf("%+v", c)
		}
	})
}

func TestInviteMember(t *testing.T) {
	each(t, func(w *world) {
		anna, bert := w.person("anna"), w.person("bert")
		first := w.invites(anna, "bert")
		w.invites(anna, "nobody")
		w.invites(anna, "nobody@example.org")
		w.count(3, "home_member WHERE account_id = ''")
		w.now = w.now.Add(time.Hour)
		w.invites(anna, "bert") // again
		w.count(3, "home_member WHERE account_id = ''")
		w.count(1, "home_member WHERE id = $1 AND invited_at = $2", first, w.now.UnixMilli())
		w.must(w.db.JoinHome(w.ctx(), first, w.joiner(bert), w.quietly(), w.quietly()))
		w.invites(anna, "bert") // who is in is not invited once more
		w.count(2, "home_member WHERE account_id = ''")
		err := w.db.InviteMember(w.ctx(), bert.ID, household.Guest{ID: id.New(w.now), Label: "x", Handle: account.LoginHandle("x"), At: w.now}, w.quietly())
		w.is(err, household.ErrInOne) // a member has no Home of its own
	})
}

func TestListHomeInvitations(t *testing.T) {
	each(t, func(w *world) {
		anna, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		lists := func(who account.Account, want ...string) {
			w.Helper()
			all, err := w.db.ListHomeInvitations(w.ctx(), w.joiner(who), w.now)
			w.must(err)
			var from []string
			for _, i := range all {
				from = append(from, i.Owner)
			}
			if !slices.Equal(from, want) {
				w.Errorf("%s is invited by %q, want %q", who.UserName, from, want)
			}
		}
		lists(bert)
		w.invites(anna, bert.Email)
		w.invites(anna, "bert") // twice by one owner is one
		w.now = w.now.Add(time.Second)
		byCarl := w.invites(carl, "bert")
		lists(bert, "carl", "anna")
		lists(anna)
		unproved := bert
		unproved.EmailProved = false
		lists(unproved, "carl", "anna")
		w.must(w.db.DeclineHome(w.ctx(), byCarl, w.joiner(bert), w.quietly()))
		lists(bert, "anna")
		w.now = w.now.Add(time.Hour)
		w.invites(carl, "bert")
		lists(bert, "anna") // a no lasts
		w.now = w.now.Add(household.DeclineLife)
		w.sweep(w.now)
		w.invites(carl, "bert")
		lists(bert, "carl") // anna's is too old
		w.must(w.db.SetState(w.ctx(), carl.ID, account.Active, account.Locked, time.Time{}, w.quietly()))
		lists(bert)
	})
}

func TestFindHomeInvitation(t *testing.T) {
	each(t, func(w *world) {
		anna, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		i := w.invites(anna, bert.Email)
		got, err := w.db.FindHomeInvitation(w.ctx(), i, w.joiner(bert), w.now)
		w.must(err)
		if got.ID != i || got.HomeID != anna.ID || got.Owner != "anna" || !got.InvitedAt.Equal(w.now) {
			t.Errorf("%+v", got)
		}
		_, err = w.db.FindHomeInvitation(w.ctx(), i, w.joiner(carl), w.now)
		w.is(err, household.ErrNotFound)
		_, err = w.db.FindHomeInvitation(w.ctx(), i, w.joiner(bert), w.now.Add(household.InvitationLife))
		w.is(err, household.ErrNotFound)
		w.must(w.db.DeclineHome(w.ctx(), i, w.joiner(bert), w.quietly()))
		_, err = w.db.FindHomeInvitation(w.ctx(), i, w.joiner(bert), w.now) // a no can be thought better of
		w.must(err)
	})
}

// An invitation makes one member, and an account is in one Home, however many of either come at once.
func TestJoinHome(t *testing.T) {
	each(t, func(w *world) {
		bert := w.person("bert")
		var to []string
		var owners []account.Account
		for i := range racers {
			owner := w.person(label(i))
			owners, to = append(owners, owner), append(to, w.invites(owner, "bert"))
		}
		won := w.race(household.ErrInOne, func(db *store.DB, i int) error {
			return db.JoinHome(w.ctx(), to[i], w.joiner(bert), w.act(audit.ProfileChanged, bert.ID), w.act(audit.ProfileChanged, owners[i].ID))
		})
		w.recorded(audit.ProfileChanged, 2)
		if m := w.member(bert.ID); m.HomeID != owners[won].ID || !m.JoinedAt.Equal(w.now) {
			t.Errorf("%+v", m)
		}
		anna := w.person("anna")
		i := w.invites(anna, "fresh@example.org")
		var claim []account.Account
		for n := range racers {
			claim = append(claim, w.person("fresh"+label(n)))
		}
		w.race(household.ErrNotFound, func(db *store.DB, n int) error {
			j := household.Joiner{AccountID: claim[n].ID, Address: []account.Handle{account.LoginHandle("fresh@example.org")}}
			return db.JoinHome(w.ctx(), i, j, w.quietly(), w.quietly())
		})
		dora := w.person("dora")
		w.managed(dora, "Mia")
		w.is(w.db.JoinHome(w.ctx(), w.invites(anna, "dora"), w.joiner(dora), w.quietly(), w.quietly()), household.ErrInOne)
		emil := w.person("emil")
		w.invites(emil, "dora") // a Home in which nobody else is ends
		ida := w.managed(emil, "Ida")
		w.must(w.db.SetPIN(w.ctx(), emil.ID, w.member(emil.ID).ID, secret.TokenOf("4711"), w.quietly()))
		mine, parked := w.signIn(emil), w.signIn(emil)
		w.openSignIn(mine)
		w.openSignIn(parked)
		toSelf := w.switched(mine, w.member(emil.ID))
		s := w.switching(parked, emil.ID, ida)
		s.Parks, s.Away = w.find(credential.Browser, parked.Token).Hash, secret.NewToken()
		w.must(w.db.Switch(w.ctx(), s, w.quietly()))
		w.must(w.db.RemoveMember(w.ctx(), emil.ID, ida.ID, w.quietly(), w.quietly()))
		w.must(w.resolve(credential.Away, s.Away))
		_, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: emil.ID, Member: w.member(emil.ID).ID, At: w.now})
		w.must(err)
		w.must(w.db.JoinHome(w.ctx(), w.invites(anna, "emil"), w.joiner(emil), w.quietly(), w.quietly()))
		w.count(0, "home_member WHERE home_id = $1", emil.ID)
		w.is(w.resolve(credential.Away, s.Away), credential.ErrUnknown) // what the PIN kept shut is not left open without it
		w.is(w.resolve(credential.Switched, toSelf.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, mine.Token))
		w.count(0, "failure")
		w.is(w.db.JoinHome(w.ctx(), w.invites(anna, "late"), w.joiner(w.person("late")), w.quietly(), w.quietly()), household.ErrNotFound) // it was nobody's name
		w.is(w.db.JoinHome(w.ctx(), "gone", w.joiner(dora), w.quietly(), w.quietly()), household.ErrNotFound)
	})
}

func TestDeclineHome(t *testing.T) {
	each(t, func(w *world) {
		anna, bert := w.person("anna"), w.person("bert")
		i := w.invites(anna, "bert")
		w.is(w.db.DeclineHome(w.ctx(), i, w.joiner(w.person("carl")), w.quietly()), household.ErrNotFound)
		w.must(w.db.DeclineHome(w.ctx(), i, w.joiner(bert), w.act(audit.ProfileChanged, bert.ID)))
		w.count(1, "home_declined WHERE account_id = $1 AND owner_id = $2", bert.ID, anna.ID)
		w.recorded(audit.ProfileChanged, 1)
		w.must(w.db.JoinHome(w.ctx(), i, w.joiner(bert), w.quietly(), w.quietly()))
		w.count(0, "home_declined")
		w.is(w.db.DeclineHome(w.ctx(), i, w.joiner(bert), w.quietly()), household.ErrNotFound)
	})
}

// Who leaves, or is taken out, takes along what came by switching to them and on their devices, and the sign-ins that they parked.
func TestLeaveHome(t *testing.T) {
	each(t, func(w *world) {
		anna := w.leaves(func(owner, a account.Account) error {
			return w.db.LeaveHome(w.ctx(), a.ID, w.act(audit.ProfileChanged, a.ID), w.act(audit.ProfileChanged, owner.ID))
		})
		w.managed(anna, "Mia")
		w.is(w.db.LeaveHome(w.ctx(), anna.ID, w.quietly(), w.quietly()), household.ErrNotFound)
		w.is(w.db.LeaveHome(w.ctx(), "", w.quietly(), w.quietly()), household.ErrNotFound)
	})
}

// leaves has a member leave a Home in which there is a managed one besides, and returns the owner.
func (w *world) leaves(leave func(owner, a account.Account) error) account.Account {
	w.Helper()
	anna, bert := w.person("anna"), w.person("bert")
	theirs, mia := w.joins(anna, bert), w.managed(anna, "Mia")
	mine, here := w.signIn(anna), w.signIn(bert)
	w.openSignIn(mine)
	w.openSignIn(here)
	toBert, toMia, kept := w.switched(mine, theirs), w.switched(here, mia), w.switched(mine, mia)
	parked := w.signIn(bert)
	w.openSignIn(parked)
	s := w.switching(parked, bert.ID, mia)
	s.Parks, s.Away = w.find(credential.Browser, parked.Token).Hash, secret.NewToken()
	w.must(w.db.Switch(w.ctx(), s, w.quietly()))
	w.must(leave(anna, bert))
	w.recorded(audit.ProfileChanged, 2)
	for _, gone := range []secret.Token{toBert.Token, toMia.Token, s.SignIn.Token} {
		w.is(w.resolve(credential.Switched, gone), credential.ErrUnknown)
	}
	w.is(w.resolve(credential.Away, s.Away), credential.ErrUnknown)
	w.must(w.resolve(credential.Switched, kept.Token))
	w.must(w.resolve(credential.Browser, here.Token))
	w.count(0, "home_member WHERE account_id = $1", bert.ID)
	w.count(0, "device WHERE id IN ($1, $2)", toBert.Device.ID, parked.Device.ID)
	w.is(leave(anna, bert), household.ErrNotFound)
	return anna
}

func TestRemoveMember(t *testing.T) {
	each(t, func(w *world) {
		var of household.Member
		anna := w.leaves(func(owner, a account.Account) error {
			if of.ID == "" {
				of = w.member(a.ID)
			}
			return w.db.RemoveMember(w.ctx(), owner.ID, of.ID, w.act(audit.ProfileChanged, owner.ID), w.act(audit.ProfileChanged, a.ID))
		})
		mia, mine := w.managed(anna, "Mia"), w.signIn(anna)
		w.openSignIn(mine)
		token := w.switched(mine, mia).Token
		i := w.invites(anna, "carl")
		w.is(w.db.RemoveMember(w.ctx(), anna.ID, w.member(anna.ID).ID, w.quietly(), audit.Act{}), household.ErrNotFound)
		w.is(w.db.RemoveMember(w.ctx(), w.person("dora").ID, mia.ID, w.quietly(), audit.Act{}), household.ErrNotFound)
		w.race(household.ErrNotFound, func(db *store.DB, _ int) error {
			return db.RemoveMember(w.ctx(), anna.ID, mia.ID, w.act(audit.DataDownloaded, anna.ID), audit.Act{})
		})
		w.recorded(audit.DataDownloaded, 1)
		w.is(w.resolve(credential.Switched, token), credential.ErrUnknown)
		for _, table := range strings.Fields("device credential home_member consent server_access") {
			w.count(0, table+" WHERE account_id = $1", mia.AccountID)
		}
		w.count(0, "account WHERE id = $1", mia.AccountID)
		w.must(w.db.RemoveMember(w.ctx(), anna.ID, i, w.quietly(), audit.Act{}))
		w.count(0, "home_member WHERE id = $1", i)
	})
}

// A Home ends with its owner's account, and a member's erased account leaves it; who is left is told, once, and nobody else.
func TestErasedAccountsLeaveTheirHome(t *testing.T) {
	each(t, func(w *world) {
		gone := func(a account.Account) {
			w.Helper()
			w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now, audit.Act{}))
			erased, err := w.db.Erase(w.ctx(), w.now, 10, farewellAt(w.now), func(gone, other account.Account, h household.Home) audit.Act {
				of := audit.DataDownloaded // the owner is told that a member is gone
				if h.ID == gone.ID {
					of = audit.ProfileChanged
				}
				return w.act(of, other.ID).Telling(notice.HomeLeft(other.Email, gone.Name, "", w.now).For(other.ID))
			})
			if err != nil || erased != 1 {
				t.Errorf("erased %d: %v", erased, err)
			}
		}
		told := func(whom account.Account, want int) {
			w.Helper()
			n := 0
			waiting, err := w.db.WaitingMail(w.ctx(), 100)
			w.must(err)
			for _, mail := range waiting {
				if mail.To == whom.Email && mail.Kind == notice.KindHomeLeft {
					n++
				}
			}
			if n != want {
				t.Errorf("%s is told %d times, want %d", whom.UserName, n, want)
			}
		}
		h := w.house("")
		w.invites(h.anna, h.dora.UserName)
		w.must(w.db.SetPIN(w.ctx(), h.anna.ID, w.member(h.anna.ID).ID, secret.TokenOf("4711"), w.quietly()))
		_, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: h.bert.ID, Member: w.member(h.anna.ID).ID, At: w.now})
		w.must(err)
		gone(h.carl)
		told(h.anna, 1)
		told(h.bert, 0)
		w.recorded(audit.DataDownloaded, 1)
		token := w.switched(h.at, h.mia).Token
		gone(h.anna)
		told(h.bert, 1)
		told(h.dora, 0) // who was invited only
		w.recorded(audit.ProfileChanged, 1)
		w.is(w.resolve(credential.Switched, token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, h.at.Token))
		w.count(0, "home_member")
		w.count(0, "account WHERE id = $1", h.mia.AccountID)
		w.count(0, "failure") // nor the counters that are never swept
	})
}

// What is to be told of a Home that ends is told to nobody who left it meanwhile.
func TestEraseTellsWhoIsStillThere(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		w.must(w.db.LeaveHome(w.ctx(), h.carl.ID, w.quietly(), w.quietly()))
		w.must(w.db.SetState(w.ctx(), h.anna.ID, account.Active, account.Deleting, w.now, audit.Act{}))
		w.must(w.db.EraseAccount(w.ctx(), h.anna.ID, w.quietly(), w.act(audit.ProfileChanged, h.bert.ID), w.act(audit.ProfileChanged, h.carl.ID), w.act(audit.ProfileChanged, h.dora.ID)))
		w.recorded(audit.ProfileChanged, 1)
	})
}

func TestEndHome(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		mine := w.signIn(h.anna)
		w.openSignIn(mine)
		gate := w.claimed(h.anna, "attic")
		w.must(w.db.OpenToHome(w.ctx(), h.anna.ID, gate.ID, household.Shared{With: household.WithAll}, w.quietly()))
		w.invites(h.anna, h.dora.UserName)
		tokens := []secret.Token{w.switched(h.at, w.member(h.carl.ID)).Token, w.switched(h.at, h.mia).Token, w.switched(mine, w.member(h.anna.ID)).Token}
		parked := w.signIn(h.anna)
		w.openSignIn(parked)
		s := w.switching(parked, h.anna.ID, h.mia)
		s.Parks, s.Away = w.find(credential.Browser, parked.Token).Hash, secret.NewToken()
		w.must(w.db.Switch(w.ctx(), s, w.quietly()))
		w.is(w.db.EndHome(w.ctx(), h.bert.ID, w.quietly()), household.ErrNone) // a member's is not theirs to end
		w.is(w.db.EndHome(w.ctx(), h.dora.ID, w.quietly()), household.ErrNone)
		w.race(household.ErrNone, func(db *store.DB, _ int) error {
			return db.EndHome(w.ctx(), h.anna.ID, w.act(audit.DataDownloaded, h.anna.ID), w.act(audit.ProfileChanged, h.bert.ID), w.act(audit.ProfileChanged, h.dora.ID))
		})
		w.recorded(audit.DataDownloaded, 1)
		w.recorded(audit.ProfileChanged, 1) // to bert, and not to who was invited only
		for _, token := range append(tokens, s.SignIn.Token) {
			w.is(w.resolve(credential.Switched, token), credential.ErrUnknown)
		}
		w.is(w.resolve(credential.Away, s.Away), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, mine.Token))
		w.must(w.resolve(credential.Browser, h.at.Token))
		w.count(0, "home_member")
		w.count(0, "account WHERE id = $1", h.mia.AccountID)
		w.count(0, "server_access WHERE home = TRUE")
		w.count(1, "server WHERE id = $1 AND home = ''", gate.ID)
		w.joins(h.dora, h.anna) // and is free for another
	})
}

// Whoever shares a Home with an account becomes it without any proof. So a report of its owner ends what a stranger has joined in its name, whom they let into its own
// Home, and whom they have invited; what is older than any notice that can still be answered stays, and members without an account do.
func TestHomeOfAStrangerGoes(t *testing.T) {
	for kind, report := range strangersReported {
		t.Run(string(kind), func(t *testing.T) {
			each(t, func(w *world) {
				owner, joined, kept, opened, old, guest := w.person("owner"), w.person("joined"), w.person("kept"), w.person("opened"), w.person("old"), w.person("guest")
				w.joins(owner, kept)
				w.joins(opened, old)
				w.now = w.now.Add(credential.Rules[credential.NotMe].Life)
				w.joins(owner, joined)
				w.joins(opened, guest)
				w.managed(opened, "Mia")
				w.invites(opened, "somebody@example.net")
				app := w.named(owner, device.App, "TV")
				w.openSignIn(app)
				theirs := w.member(joined.ID)
				s := w.switched(app, theirs)
				w.now = w.now.Add(time.Minute)
				for _, a := range []account.Account{joined, kept, opened} {
					a = w.reload(a)
					_, hash := w.link(kind, a) // with the mail about what they did next
					w.must(report(w, a, hash))
				}
				w.is(w.resolve(credential.Switched, s.Token), credential.ErrUnknown)
				_, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: owner.ID, Member: theirs.ID, At: w.now})
				w.is(err, household.ErrNotFound)
				w.count(0, "home_member WHERE account_id IN ($1, $2)", joined.ID, guest.ID)
				w.count(2, "home_member WHERE account_id IN ($1, $2)", kept.ID, old.ID)
				w.count(3, "home_member WHERE home_id = $1", opened.ID) // herself, who was there before, and Mia
				for of, action := range map[string]audit.Action{owner.ID: audit.HomeMemberLeft, guest.ID: audit.HomeTakenOut} {
					entries, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: of, Action: action, Limit: 9})
					if err != nil || len(entries) != 1 {
						w.Errorf("%s of who was parted: %v (%v)", action, entries, err)
					}
				}
				w.recorded(audit.HomeMemberLeft, 1)
				w.recorded(audit.HomeTakenOut, 1)
			})
		})
	}
}
