package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/store"
	"usher/internal/stream"
)

// draftStream is a stream of a client that is not in the database yet.
func (w *world) draftStream(clientID string) stream.Stream {
	return stream.Stream{ID: id.New(w.now), ClientID: clientID, Events: stream.Every(), Status: stream.Enabled, CreatedAt: w.now}
}

// stream gives a client a stream on which everything is told.
func (w *world) stream(clientID string) stream.Stream {
	w.Helper()
	s := w.draftStream(clientID)
	w.must(w.db.CreateStream(w.ctx(), s))
	return s
}

func (w *world) readStream(clientID string) stream.Waiting {
	w.Helper()
	waiting, err := w.db.ReadSignals(w.ctx(), clientID, 50)
	w.must(err)
	return waiting
}

// told fails the test unless these things, and nothing else, wait for a client, in any order.
func (w *world) told(clientID string, want ...string) {
	w.Helper()
	var got []string
	for _, g := range w.readStream(clientID).Signals {
		got = append(got, string(g.What))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%s is told %v, want %v", clientID, got, want)
	}
}

// acknowledge takes everything that waits for a client.
func (w *world) acknowledge(clientID string) {
	w.Helper()
	var ids []string
	waiting := w.readStream(clientID)
	for _, g := range append(waiting.Signals, waiting.Stream.Derived(w.now)...) {
		ids = append(ids, g.ID)
	}
	w.must(w.db.AcknowledgeSignals(w.ctx(), clientID, stream.Acknowledge(ids)))
}

func TestCreateStream(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		s := w.draftStream("jellyfin")
		s.Facts = stream.Facts{Endpoint: "https://jf.example/events", Authorization: secret.TokenOf("Bearer hush"), Description: "the attic"}
		s.Events = stream.EventsOf(stream.Supported()[:2])
		w.race(stream.ErrExists, func(db *store.DB, i int) error {
			mine := s
			mine.ID = id.New(w.now.Add(time.Duration(i)))
			return db.CreateStream(w.ctx(), mine)
		})
		got, err := w.db.FindStream(w.ctx(), "jellyfin")
		if err != nil || got.Facts != s.Facts || got.Events != s.Events || got.Status != s.Status || !got.CreatedAt.Equal(w.now) || got.Method() != stream.Push {
			t.Errorf("%+v %v", got, err)
		}
		w.is(w.db.CreateStream(w.ctx(), w.draftStream("nobody")), stream.ErrNotFound)
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		_, err = w.db.FindStream(w.ctx(), "jellyfin")
		w.is(err, stream.ErrNotFound)
	})
}

func TestFindStream(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		_, err := w.db.FindStream(w.ctx(), "jellyfin")
		w.is(err, stream.ErrNotFound)
		s := w.stream("jellyfin")
		got, err := w.db.FindStream(w.ctx(), "jellyfin")
		if err != nil || got.ID != s.ID || got.ClientID != "jellyfin" || got.Method() != stream.Poll || len(got.Derived(w.now)) != 0 {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestChangeStream(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.given("jellyfin", a)
		s := w.stream("jellyfin")
		w.is(w.db.ChangeStream(w.ctx(), stream.Stream{ID: s.ID, ClientID: "other", Status: stream.Enabled}), stream.ErrNotFound)

		s.Status, s.Facts.Reason = stream.Paused, "being moved"
		w.must(w.db.ChangeStream(w.ctx(), s))
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		if got := w.readStream("jellyfin"); len(got.Signals) != 0 || got.Stream.Facts.Reason != "being moved" {
			t.Errorf("a paused stream shows %+v", got)
		}
		s.Status = stream.Enabled
		w.must(w.db.ChangeStream(w.ctx(), s))
		w.told("jellyfin", "all-ended")

		s.Status = stream.Disabled
		w.must(w.db.ChangeStream(w.ctx(), s))
		w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		s.Status, s.Events = stream.Enabled, stream.EventsOf(stream.Supported()[1:])
		w.must(w.db.ChangeStream(w.ctx(), s))
		w.told("jellyfin")
		w.given("jellyfin", a)
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		w.told("jellyfin", "reset-required") // that sign-ins have ended is not asked for
	})
}

func TestDeleteStream(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.given("jellyfin", a)
		s := w.stream("jellyfin")
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.is(w.db.DeleteStream(w.ctx(), "other", s.ID), stream.ErrNotFound)
		w.must(w.db.DeleteStream(w.ctx(), "jellyfin", s.ID))
		w.count(0, "signal")
		_, err := w.db.ReadSignals(w.ctx(), "jellyfin", 9)
		w.is(err, stream.ErrNotFound)
		w.stream("jellyfin")
		w.told("jellyfin")
	})
}

func TestVerifyStream(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		s := w.stream("jellyfin")
		w.is(w.db.VerifyStream(w.ctx(), "other", s.ID, "x", w.now), stream.ErrNotFound)
		for _, state := range []string{"one", "two"} {
			w.must(w.db.VerifyStream(w.ctx(), "jellyfin", s.ID, state, w.now))
		}
		got := w.readStream("jellyfin").Signals
		if len(got) != 1 || got[0].What != stream.Verified || got[0].Subject != "two" || !got[0].At.Equal(w.now) {
			t.Errorf("%+v", got)
		}
	})
}

func TestReadSignals(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		app, _, grants := w.given("jellyfin", a)
		w.stream("jellyfin")
		w.must(w.db.EndDevice(w.ctx(), a.ID, app.Device.ID, w.act(audit.SignedOut, a.ID)))
		w.now = w.now.Add(time.Second)
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		first, err := w.db.ReadSignals(w.ctx(), "jellyfin", 2)
		if err != nil || len(first.Signals) != 2 || !first.More {
			t.Fatalf("%+v %v", first, err)
		}
		if g := first.Signals[0]; g.What != stream.SessionEnded || g.Subject != grants[0] || g.AccountID != a.ID || !g.At.Equal(start) || !strings.HasPrefix(g.ID, g.Cause+".") {
			t.Errorf("%+v", g)
		}
		all := w.readStream("jellyfin")
		if all.More || len(all.Signals) != 3 || all.Signals[1].Cause != all.Signals[2].Cause || all.Signals[0].Cause == all.Signals[1].Cause || !all.Signals[2].At.Equal(w.now) {
			t.Errorf("%+v", all)
		}
	})
}

// Reading while acts happen loses nothing, and what was acknowledged does not come again.
func TestAcknowledgeSignals(t *testing.T) {
	each(t, func(w *world) {
		w.is(w.db.AcknowledgeSignals(w.ctx(), "nobody", stream.Acknowledged{}), stream.ErrNotFound)
		w.client("jellyfin")
		w.stream("jellyfin")
		const people = 40
		var accounts []account.Account
		for i := range people {
			a := w.person("p" + string(rune('a'+i/10)) + string(rune('a'+i%10)))
			w.tamper("INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES ($1, 'jellyfin', 'openid', 1)", a.ID)
			accounts = append(accounts, a)
		}
		seen := map[string]int{}
		read := func() {
			waiting, err := w.db.ReadSignals(w.ctx(), "jellyfin", 7)
			w.must(err)
			var ids []string
			for _, g := range waiting.Signals {
				seen[g.AccountID+string(g.What)]++
				ids = append(ids, g.ID)
			}
			w.must(w.db.AcknowledgeSignals(w.ctx(), "jellyfin", stream.Acknowledge(ids)))
		}
		acted := make(chan []error)
		go func() {
			acted <- w.parallel(people, func(db *store.DB, i int) error {
				return db.EndEverything(w.ctx(), accounts[i].ID, nil, audit.Act{At: w.now})
			})
		}()
		for done := false; !done; {
			select {
			case errs := <-acted:
				for _, err := range errs {
					w.must(err)
				}
				done = true
			default:
			}
			read()
		}
		for len(w.readStream("jellyfin").Signals) > 0 {
			read()
		}
		for key, n := range seen {
			if n != 1 {
				t.Errorf("%s was read %d times", key, n)
			}
		}
		if len(seen) != people {
			t.Errorf("%d of %d sign-outs were read", len(seen), people)
		}
		w.count(0, "signal")
	})
}

func TestQuietStreams(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		var ids []string
		for _, name := range []string{"one", "two", "three", "four"} {
			w.client(name)
			ids = append(ids, w.stream(name).ID)
		}
		quiet := func(want ...string) {
			w.Helper()
			got, err := w.db.QuietStreams(w.ctx(), append([]string{"gone"}, ids...))
			w.must(err)
			slices.Sort(got)
			want = slices.Sorted(slices.Values(want))
			if !slices.Equal(got, want) {
				w.Errorf("%v are quiet, want %v", got, want)
			}
		}
		quiet(ids...)
		w.given("one", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		quiet(ids[1:]...)
		w.must(w.db.DeleteStream(w.ctx(), "two", ids[1]))
		quiet(ids[2:]...)
		_, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.All), incident.Console{}, w.act(audit.IncidentDeclared, ""))
		w.must(err)
		quiet()
		w.acknowledge("three")
		quiet(ids[2])
		four, err := w.db.FindStream(w.ctx(), "four")
		w.must(err)
		four.Status = stream.Paused
		w.must(w.db.ChangeStream(w.ctx(), four))
		quiet(ids[2:]...)
	})
}

// What is pushed is handed to one node at a time, and a reader that fails rests.
func TestLeaseStreams(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("polls")
		w.client("called")
		w.stream("polls")
		s := w.draftStream("called")
		s.Facts.Endpoint = "https://called.example/events"
		w.must(w.db.CreateStream(w.ctx(), s))
		lease := func(at time.Time, want int) {
			w.Helper()
			got, err := w.db.LeaseStreams(w.ctx(), at, time.Minute, 5)
			if err != nil || len(got) != want || want == 1 && (got[0].ID != s.ID || got[0].Facts != s.Facts) {
				w.Errorf("leased %+v %v", got, err)
			}
		}
		lease(w.now, 0)
		w.given("polls", a)
		w.given("called", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		won := make([]int, 8)
		for _, err := range w.parallel(len(won), func(db *store.DB, i int) error {
			got, err := db.LeaseStreams(w.ctx(), w.now, time.Minute, 5)
			won[i] = len(got)
			return err
		}) {
			w.must(err)
		}
		if slices.Sort(won); won[len(won)-1] != 1 || won[len(won)-2] != 0 {
			t.Errorf("the lease was won %v times", won)
		}
		lease(w.now.Add(time.Minute), 1)
	})
}

// called is a stream that is pushed, with something to say, and leased.
func (w *world) called() stream.Stream {
	w.Helper()
	w.client("called")
	s := w.draftStream("called")
	s.Facts.Endpoint = "https://called.example/events"
	w.must(w.db.CreateStream(w.ctx(), s))
	w.must(w.db.VerifyStream(w.ctx(), "called", s.ID, "", w.now))
	got, err := w.db.LeaseStreams(w.ctx(), w.now, time.Minute, 5)
	if err != nil || len(got) != 1 {
		w.Fatalf("leased %+v %v", got, err)
	}
	return got[0]
}

func TestStreamTaken(t *testing.T) {
	each(t, func(w *world) {
		s := w.called()
		w.must(w.db.StreamFailed(w.ctx(), s.ID, w.now))
		w.must(w.db.StreamTaken(w.ctx(), s.ID))
		got, err := w.db.LeaseStreams(w.ctx(), w.now, time.Minute, 5)
		if err != nil || len(got) != 1 || got[0].Fails != 0 {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestStreamFailed(t *testing.T) {
	each(t, func(w *world) {
		s := w.called()
		again := w.now.Add(time.Hour)
		w.must(w.db.StreamFailed(w.ctx(), s.ID, again))
		for at, want := range map[time.Time]int{again.Add(-time.Millisecond): 0, again: 1} {
			got, err := w.db.LeaseStreams(w.ctx(), at, time.Minute, 5)
			if err != nil || len(got) != want || want == 1 && got[0].Fails != 1 {
				t.Errorf("%v: %+v %v", at, got, err)
			}
		}
	})
}

// What nobody reads goes after a week, and then the reader is told that it has missed something, once.
func TestUnreadSignalsAreDroppedAndTold(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.given("jellyfin", a)
		w.stream("jellyfin")
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.sweep(w.now.Add(stream.Life - time.Millisecond))
		w.told("jellyfin", "all-ended")
		w.now = w.now.Add(stream.Life)
		w.sweep(w.now)
		w.told("jellyfin")
		if d := w.readStream("jellyfin").Stream.Derived(w.now); len(d) != 1 || !strings.HasPrefix(d[0].ID, "missed.") {
			t.Errorf("%+v", d)
		}
		w.acknowledge("jellyfin")
		if d := w.readStream("jellyfin").Stream.Derived(w.now); len(d) != 0 {
			t.Errorf("told again: %+v", d)
		}
	})
}

// An incident for everybody writes no row for any stream, and is told to each until it is acknowledged. A stream that begins later is not told of it.
func TestEverybodyIsDerived(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		w.client("immich")
		w.stream("jellyfin")
		for range 2 {
			_, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.All), incident.Console{}, w.act(audit.IncidentDeclared, ""))
			w.must(err)
		}
		w.count(0, "signal")
		w.stream("immich")
		if d := w.readStream("immich").Stream.Derived(w.now); len(d) != 0 {
			t.Errorf("a new stream is told of the past: %+v", d)
		}
		d := w.readStream("jellyfin").Stream.Derived(w.now)
		if len(d) != 1 || !strings.HasPrefix(d[0].ID, "everybody.") {
			t.Fatalf("%+v", d)
		}
		w.must(w.db.AcknowledgeSignals(w.ctx(), "jellyfin", stream.Acknowledge([]string{"everybody.99999999999"}))) // nobody was told of that
		if len(w.readStream("jellyfin").Stream.Derived(w.now)) != 1 {
			t.Error("it was acknowledged by a number that there is not")
		}
		w.acknowledge("jellyfin")
		if len(w.readStream("jellyfin").Stream.Derived(w.now)) != 0 {
			t.Error("told again")
		}
	})
}

// concern is a person with everything that somebody may be told about: a server, another's server where it is a guest, an app.
type concern struct {
	who, owner   account.Account
	mine, theirs server.Server
	guest        server.Guest
	app, browser credential.SignIn
}

// What is told to whom, by the act (SG-4). The stream of the server that the person owns, of the one where it is a guest, of the app it signed in to, and of
// an app that it does not know.
func TestActsAreTold(t *testing.T) {
	quiet := []string{}
	one, all, reset := []string{"session-ended"}, []string{"all-ended"}, []string{"all-ended", "reset-required"}
	for name, act := range map[string]struct {
		mine, theirs, app []string
		do                func(w *world, c concern) error
	}{
		"app signed out": {one, one, one, func(w *world, c concern) error {
			return w.db.EndDevice(w.ctx(), c.who.ID, c.app.Device.ID, w.act(audit.SignedOut, c.who.ID))
		}},
		"browser signed out": {one, one, one, func(w *world, c concern) error { // its grant
			return w.db.EndDevice(w.ctx(), c.who.ID, c.browser.Device.ID, w.act(audit.SignedOut, c.who.ID))
		}},
		"everything signed out": {all, all, all, func(w *world, c concern) error {
			return w.db.EndEverything(w.ctx(), c.who.ID, nil, w.act(audit.SignedOutAll, c.who.ID))
		}},
		"password changed": {[]string{"password-changed"}, quiet, []string{"password-changed"}, func(w *world, c concern) error {
			return w.db.RedeemReset(w.ctx(), second(w.link(credential.Reset, c.who)), w.newPassword(c.who, "new"), w.act(audit.PasswordReset, c.who.ID))
		}},
		"password changed everywhere": {[]string{"all-ended", "password-changed"}, all, []string{"all-ended", "password-changed"},
			func(w *world, c concern) error {
				return w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(c.who, "new"), nil, w.act(audit.PasswordChanged, c.who.ID))
			}},
		"passkey added": {[]string{"passkey-added"}, quiet, []string{"passkey-added"}, func(w *world, c concern) error {
			return w.db.AddPasskey(w.ctx(), w.key(c.who, "telephone"), w.asked(c.who), w.act(audit.PasskeyAdded, c.who.ID))
		}},
		"security key added and removed": {[]string{"roaming-passkey-added", "roaming-passkey-removed"}, quiet, []string{"roaming-passkey-added", "roaming-passkey-removed"}, func(w *world, c concern) error {
			k := w.key(c.who, "ring")
			k.Transports = []string{"usb", "nfc"}
			w.must(w.db.AddPasskey(w.ctx(), k, w.asked(c.who), w.act(audit.PasskeyAdded, c.who.ID)))
			return w.db.RemovePasskey(w.ctx(), c.who.ID, k.ID, w.act(audit.PasskeyRemoved, c.who.ID))
		}},
		"reset required": {reset, all, reset, func(w *world, c concern) error {
			return w.db.RequireReset(w.ctx(), c.who.ID, "", w.act(audit.ResetRequired, c.who.ID))
		}},
		"incident on a list": {reset, all, reset, func(w *world, c concern) error {
			i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.List), incident.Console{}, w.act(audit.IncidentDeclared, ""))
			w.must(err)
			w.must(w.db.ListIncident(w.ctx(), i.ID, []string{c.who.ID}))
			return w.db.ListIncident(w.ctx(), i.ID, []string{c.who.ID}) // repeated, it tells nobody again
		}},
		"locked": {[]string{"all-ended", "locked"}, all, []string{"all-ended", "locked"}, func(w *world, c concern) error {
			return w.db.SetState(w.ctx(), c.who.ID, account.Active, account.Locked, time.Time{}, w.act(audit.AccountLocked, c.who.ID))
		}},
		"locked and unlocked": {[]string{"all-ended", "all-ended", "locked", "unlocked"}, []string{"all-ended", "all-ended"}, []string{"all-ended", "all-ended", "locked", "unlocked"}, func(w *world, c concern) error {
			w.must(w.db.SetState(w.ctx(), c.who.ID, account.Active, account.Locked, time.Time{}, w.act(audit.AccountLocked, c.who.ID)))
			return w.db.SetState(w.ctx(), c.who.ID, account.Locked, account.Active, time.Time{}, w.act(audit.AccountUnlocked, c.who.ID))
		}},
		"deleting and kept": {[]string{"all-ended", "all-ended", "deleting", "kept"}, []string{"all-ended", "all-ended"}, []string{"all-ended", "all-ended", "deleting", "kept"}, func(w *world, c concern) error {
			w.must(w.db.SetState(w.ctx(), c.who.ID, account.Active, account.Deleting, w.now, w.act(audit.DeletionAsked, c.who.ID)))
			return w.db.SetState(w.ctx(), c.who.ID, account.Deleting, account.Active, time.Time{}, w.act(audit.DeletionRevoked, c.who.ID))
		}},
		"erased": {quiet, all, []string{"all-ended", "deleting", "erased"}, func(w *world, c concern) error {
			w.must(w.db.SetState(w.ctx(), c.who.ID, account.Active, account.Deleting, w.now, w.act(audit.DeletionAsked, c.who.ID)))
			return w.db.EraseAccount(w.ctx(), c.who.ID, w.act(audit.AccountErased, ""))
		}},
		"server signed out": {[]string{"server-ended"}, quiet, quiet, func(w *world, c concern) error {
			return w.db.SignOutServer(w.ctx(), c.who.ID, c.mine.ID, w.act(audit.ServerSignedOut, c.who.ID))
		}},
		"server brought back": {[]string{"server-back"}, quiet, quiet, func(w *world, c concern) error {
			return w.db.BringServersBack(w.ctx(), c.who.ID, []string{c.mine.ID}, w.stampOf(c.who), w.act(audit.ServerBack, c.who.ID))
		}},
		"taken off a list": {quiet, all, quiet, func(w *world, c concern) error {
			return w.db.DismissGuest(w.ctx(), c.owner.ID, c.theirs.ID, c.guest.ID, w.act(audit.GuestDismissed, c.owner.ID))
		}},
		"comes in": {quiet, []string{"came-in"}, quiet, func(w *world, c concern) error {
			w.tamper("UPDATE server_access SET account_id = ''")
			return w.come(c.theirs, c.who)
		}},
		"accepts": {quiet, []string{"came-in"}, quiet, func(w *world, c concern) error {
			w.tamper("UPDATE server_access SET account_id = ''")
			return w.db.AcceptInvitation(w.ctx(), c.theirs.ID, server.Acceptance{AccountID: c.who.ID}, w.act(audit.ServerJoined, c.who.ID))
		}},
		"accepts something else": {quiet, all, quiet, func(w *world, c concern) error {
			w.admitsAs(c.theirs, "bert@example.org", server.Terms{Role: server.Household})
			return w.come(c.theirs, c.who)
		}},
		"comes again": {quiet, quiet, quiet, func(w *world, c concern) error {
			return w.come(c.theirs, c.who)
		}},
		"let in as something else": {quiet, all, quiet, func(w *world, c concern) error {
			return w.db.ChangeGuest(w.ctx(), c.owner.ID, c.theirs.ID, c.guest.ID, server.Terms{Role: server.Household}, w.act(audit.GuestChanged, c.owner.ID))
		}},
		"let in as before": {quiet, quiet, quiet, func(w *world, c concern) error {
			return w.db.ChangeGuest(w.ctx(), c.owner.ID, c.theirs.ID, c.guest.ID, c.guest.Terms, w.act(audit.GuestChanged, c.owner.ID))
		}},
		"everything signed out after the end": {all, quiet, all, func(w *world, c concern) error {
			w.tamper("UPDATE server_access SET ends_at = $1", w.now.UnixMilli())
			return w.db.EndEverything(w.ctx(), c.who.ID, nil, w.act(audit.SignedOutAll, c.who.ID))
		}},
		"app signed out after the end": {one, quiet, one, func(w *world, c concern) error {
			w.tamper("UPDATE server_access SET ends_at = $1", w.now.UnixMilli())
			return w.db.EndDevice(w.ctx(), c.who.ID, c.app.Device.ID, w.act(audit.SignedOut, c.who.ID))
		}},
		"second step on": {[]string{"factor-on"}, quiet, []string{"factor-on"}, func(w *world, c concern) error {
			return w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: c.who.ID, Key: authKey, Step: 7}, w.act(audit.SecondFactorOn, c.who.ID))
		}},
		"app removed": {[]string{"session-ended", "session-ended"}, []string{"session-ended", "session-ended"}, nil, func(w *world, _ concern) error {
			return w.db.RemoveClient(w.ctx(), "jellyfin", w.act(audit.ClientRemoved, ""))
		}},
		"wrong password": {quiet, quiet, quiet, func(w *world, c concern) error {
			return w.db.Record(w.ctx(), w.act(audit.SignInFailed, c.who.ID))
		}},
		"consent withdrawn": {[]string{"session-ended", "session-ended"}, []string{"session-ended", "session-ended"}, []string{"all-ended", "session-ended", "session-ended"},
			func(w *world, c concern) error {
				return w.db.RevokeConsent(w.ctx(), c.who.ID, "jellyfin", w.act(audit.AppRemoved, c.who.ID))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				c := concern{owner: w.person("anna"), who: w.person("bert")}
				w.tamper("UPDATE account SET admin = FALSE")
				c.mine, c.theirs = w.claimed(c.who, "one"), w.claimed(c.owner, "two")
				c.guest = w.admits(c.theirs, "bert")
				w.tamper("UPDATE server_access SET account_id = $1", c.who.ID)
				w.client("jellyfin")
				w.client("immich")
				c.app, c.browser = w.madeFor("jellyfin", c.who)
				for _, client := range []string{"jellyfin", c.theirs.ID} {
					w.tamper("INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES ($1, $2, 'openid', 1)", c.who.ID, client)
				}
				for _, client := range []string{c.mine.ID, c.theirs.ID, "jellyfin", "immich"} {
					w.stream(client)
				}
				w.must(act.do(w, c))
				if name != "erased" { // its own server is nobody's
					w.told(c.mine.ID, act.mine...)
				}
				w.told(c.theirs.ID, act.theirs...)
				clients := []string{c.theirs.ID}
				if name != "app removed" { // its stream went with it
					w.told("jellyfin", act.app...)
					clients = append(clients, "jellyfin")
				}
				w.told("immich")
				for _, client := range clients {
					for _, g := range w.readStream(client).Signals {
						if g.AccountID != c.who.ID || !g.At.Equal(w.now) {
							w.Errorf("%+v", g)
						}
					}
				}
			})
		})
	}
}

func second[A, B any](_ A, b B) B { return b }

// A server that is unclaimed takes its stream along.
func TestUnclaimedServersHaveNoStream(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.claimed(a, "one")
		w.stream(s.ID)
		w.must(w.db.UnclaimServer(w.ctx(), a.ID, s.ID, w.act(audit.ServerUnclaimed, a.ID)))
		_, err := w.db.FindStream(w.ctx(), s.ID)
		w.is(err, stream.ErrNotFound)
	})
}
