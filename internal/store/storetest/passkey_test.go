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
	"usher/internal/passkey"
	"usher/internal/secret"
	"usher/internal/store"
)

// key is a passkey about to be added. The store does not look into what authenticators and browsers say.
func (w *world) key(a account.Account, name string) passkey.Passkey {
	return passkey.Passkey{
		ID: id.New(w.now), AccountID: a.ID, Credential: []byte("credential of " + name + " " + a.ID), UserHandle: []byte("handle of " + a.ID), PublicKey: []byte("key of " + name),
		Counter: 5, Eligible: true, AAGUID: "d548826e79b4db40a3d811116f7e8349", Transports: []string{"internal", "hybrid"}, Name: name,
	}
}

// added gives an account a passkey.
func (w *world) added(a account.Account, name string) passkey.Passkey {
	w.Helper()
	p := w.key(a, name)
	w.must(w.db.AddPasskey(w.ctx(), p, w.asked(a), w.act(audit.PasskeyAdded, a.ID)))
	return p
}

// asked is the hash of a question to an account's passkeys.
func (w *world) asked(a account.Account) string { return second(w.link(credential.Ceremony, a)) }

// use is an answer that was right a moment ago, with what was counted.
func (w *world) use(p passkey.Passkey, counter int64) credential.PasskeyUse {
	w.Helper()
	a, err := w.db.LoadAccount(w.ctx(), p.AccountID)
	w.must(err)
	return credential.PasskeyUse{AccountID: p.AccountID, ID: p.ID, Ceremony: w.asked(a), Counter: counter, BackedUp: true}
}

// held is a passkey as it stands now.
func (w *world) held(p passkey.Passkey) passkey.Held {
	w.Helper()
	h, err := w.db.FindPasskey(w.ctx(), p.Credential)
	w.must(err)
	return h
}

func TestAddPasskey(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		question := w.asked(a)
		w.race(store.ErrSpent, func(db *store.DB, i int) error { // one question, one passkey
			return db.AddPasskey(w.ctx(), w.key(a, strings.Repeat("k", i+1)), question, w.act(audit.PasskeyAdded, a.ID))
		})
		w.recorded(audit.PasskeyAdded, 1)
		w.count(1, "passkey")
		p := w.added(other, "telephone")
		stolen := w.key(a, "stolen")
		stolen.Credential = p.Credential
		w.is(w.db.AddPasskey(w.ctx(), stolen, w.asked(a), w.act(audit.PasskeyAdded, a.ID)), passkey.ErrTaken)
		strange := w.key(a, "strange")
		strange.UserHandle = []byte("another") // made at the same time as the first one
		w.is(w.db.AddPasskey(w.ctx(), strange, w.asked(a), w.act(audit.PasskeyAdded, a.ID)), store.ErrSpent)
		ended := w.asked(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, w.act(audit.SignedOutAll, a.ID)))
		w.is(w.db.AddPasskey(w.ctx(), w.key(a, "late"), ended, w.act(audit.PasskeyAdded, a.ID)), store.ErrSpent)
		w.is(w.db.AddPasskey(w.ctx(), w.key(account.Account{}, "nobody's"), ended, audit.Act{}), account.ErrNotFound)
		w.count(2, "passkey")
		if got := w.text("SELECT name FROM passkey WHERE id = $1", p.ID); strings.Contains(got, "telephone") {
			t.Error("the name lies open")
		}
	})
}

// However many are added at once, an account has no more than may be.
func TestPasskeysAreLimited(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for i := range passkey.Most - 1 {
			w.added(a, strings.Repeat("k", i+1))
		}
		var questions []string
		for range racers {
			questions = append(questions, w.asked(a))
		}
		w.race(passkey.ErrTooMany, func(db *store.DB, i int) error {
			return db.AddPasskey(w.ctx(), w.key(a, strings.Repeat("l", i+1)), questions[i], w.act(audit.PasskeyAdded, a.ID))
		})
		w.count(passkey.Most, "passkey")
	})
}

func TestListPasskeys(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		first := w.added(a, "telephone")
		w.now = w.now.Add(time.Minute)
		second := w.added(a, "key ring")
		w.added(other, "his")
		all, err := w.db.ListPasskeys(w.ctx(), a.ID)
		w.must(err)
		if len(all) != 2 || all[0].ID != first.ID || all[1].ID != second.ID {
			t.Fatalf("%+v", all)
		}
		got := all[0]
		if got.Name != "telephone" || string(got.Credential) != string(first.Credential) || string(got.UserHandle) != string(first.UserHandle) || string(got.PublicKey) != string(first.PublicKey) ||
			got.Counter != 5 || !got.Eligible || got.BackedUp || got.AAGUID != first.AAGUID || !slices.Equal(got.Transports, first.Transports) || !got.CreatedAt.Equal(start) || got.Used() || !got.AlarmAt.IsZero() {
			t.Errorf("%+v", got)
		}
		w.tamper("UPDATE passkey SET name = (SELECT name FROM passkey WHERE id = $1) WHERE id = $2", first.ID, second.ID)
		if _, err := w.db.ListPasskeys(w.ctx(), a.ID); err == nil {
			t.Error("a name moved to another row is believed")
		}
	})
}

func TestCountPasskeys(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		w.added(a, "telephone")
		w.added(a, "key ring")
		for who, want := range map[string]int64{a.ID: 2, other.ID: 0} {
			n, err := w.db.CountPasskeys(w.ctx(), who)
			w.must(err)
			if n != want {
				t.Errorf("%d, want %d", n, want)
			}
		}
	})
}

func TestFindPasskey(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.added(a, "telephone")
		h := w.held(p)
		if h.Passkey.ID != p.ID || h.Passkey.Name != "telephone" || h.Account.ID != a.ID || h.Account.Email != a.Email || h.Account.Password != "" || h.Clock.Epoch == 0 {
			t.Errorf("%+v", h)
		}
		for _, strange := range [][]byte{nil, []byte("x"), p.Credential[:3], []byte(p.ID)} {
			_, err := w.db.FindPasskey(w.ctx(), strange)
			w.is(err, passkey.ErrUnknown)
		}
	})
}

func TestRenamePasskey(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		p := w.added(a, "telephone")
		w.is(w.db.RenamePasskey(w.ctx(), other.ID, p.ID, "his", w.act(audit.PasskeyRenamed, other.ID)), passkey.ErrNotFound)
		w.must(w.db.RenamePasskey(w.ctx(), a.ID, p.ID, "old telephone", w.act(audit.PasskeyRenamed, a.ID)))
		if got := w.held(p).Passkey.Name; got != "old telephone" {
			t.Errorf("it is called %q", got)
		}
		w.recorded(audit.PasskeyRenamed, 1)
	})
}

func TestRemovePasskey(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		p := w.added(a, "telephone")
		w.is(w.db.RemovePasskey(w.ctx(), other.ID, p.ID, w.act(audit.PasskeyRemoved, other.ID)), passkey.ErrNotFound)
		w.race(passkey.ErrNotFound, func(db *store.DB, _ int) error {
			return db.RemovePasskey(w.ctx(), a.ID, p.ID, w.act(audit.PasskeyRemoved, a.ID))
		})
		w.recorded(audit.PasskeyRemoved, 1)
		w.count(0, "passkey")
	})
}

// Who has no password keeps one passkey, however many are removed at once.
func TestTheLastWayInStays(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.tamper("UPDATE account SET passwordless = TRUE WHERE id = $1", a.ID)
		var keys []passkey.Passkey
		for i := range racers {
			keys = append(keys, w.added(a, strings.Repeat("k", i+1)))
		}
		left := 0
		for _, err := range w.parallel(racers, func(db *store.DB, i int) error {
			return db.RemovePasskey(w.ctx(), a.ID, keys[i].ID, w.act(audit.PasskeyRemoved, a.ID))
		}) {
			if err != nil {
				w.is(err, passkey.ErrLast)
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d were refused", left)
		}
		w.count(1, "passkey")
		w.recorded(audit.PasskeyRemoved, racers-1)
	})
}

func TestSpendPasskey(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.added(a, "telephone")
		w.now = w.now.Add(time.Minute)
		use := w.use(p, 6)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.SpendPasskey(w.ctx(), use, w.act(audit.SignInRefused, a.ID))
		})
		w.recorded(audit.SignInRefused, 1)
		got := w.held(p).Passkey
		if got.Counter != 6 || !got.BackedUp || !got.UsedAt.Equal(w.now) || !got.Used() {
			t.Errorf("%+v", got)
		}
		before := w.use(p, 6) // two answers with one number, each to a question of its own: one of them is a copy's
		w.is(w.db.SpendPasskey(w.ctx(), before, w.act(audit.SignInRefused, a.ID)), credential.ErrPasskeySpent)
		w.recorded(audit.SignInRefused, 1)
		w.must(w.db.RemovePasskey(w.ctx(), a.ID, p.ID, w.act(audit.PasskeyRemoved, a.ID)))
		w.is(w.db.SpendPasskey(w.ctx(), credential.PasskeyUse{AccountID: a.ID, ID: p.ID, Ceremony: w.asked(a), Counter: 9}, w.act(audit.SignInRefused, a.ID)), credential.ErrPasskeySpent)
	})
}

// Authenticators that do not count say nought each time.
func TestPasskeyWithoutCounter(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.key(a, "synced")
		p.Counter = 0
		w.must(w.db.AddPasskey(w.ctx(), p, w.asked(a), w.act(audit.PasskeyAdded, a.ID)))
		for range 2 {
			use := w.use(p, 0) // the question alone says that an answer was there before
			w.race(store.ErrSpent, func(db *store.DB, _ int) error {
				return db.SpendPasskey(w.ctx(), use, w.act(audit.SignInRefused, a.ID))
			})
		}
		w.recorded(audit.SignInRefused, 2)
	})
}

func TestAlarmPasskey(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.added(a, "telephone")
		w.now = w.now.Add(time.Minute)
		use := w.use(p, 2)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.AlarmPasskey(w.ctx(), use, w.act(audit.PasskeyAlarm, a.ID)) })
		w.recorded(audit.PasskeyAlarm, 1)
		if got := w.held(p).Passkey; got.Counter != 2 || !got.AlarmAt.Equal(w.now) || got.Used() {
			t.Errorf("%+v", got)
		}
		w.must(w.db.SpendPasskey(w.ctx(), w.use(p, 3), w.act(audit.SignInRefused, a.ID))) // it is no lock
		w.must(w.db.RemovePasskey(w.ctx(), a.ID, p.ID, w.act(audit.PasskeyRemoved, a.ID)))
		w.is(w.db.AlarmPasskey(w.ctx(), credential.PasskeyUse{AccountID: a.ID, ID: p.ID, Ceremony: w.asked(a)}, w.act(audit.PasskeyAlarm, a.ID)), credential.ErrPasskeySpent)
	})
}

func TestKeepPasskey(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		p := w.added(a, "telephone")
		w.must(w.db.AlarmPasskey(w.ctx(), w.use(p, 2), w.act(audit.PasskeyAlarm, a.ID)))
		w.is(w.db.KeepPasskey(w.ctx(), other.ID, p.ID, w.act(audit.PasskeyKept, other.ID)), passkey.ErrNotFound)
		w.recorded(audit.PasskeyKept, 0)
		w.must(w.db.KeepPasskey(w.ctx(), a.ID, p.ID, w.act(audit.PasskeyKept, a.ID)))
		if got := w.held(p).Passkey; !got.AlarmAt.IsZero() || got.Counter != 2 {
			t.Errorf("%+v", got)
		}
		w.recorded(audit.PasskeyKept, 1)
	})
}

func TestProveResetByPasskey(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		p := w.added(a, "telephone")
		link, hash := w.link(credential.Reset, a)
		use := w.use(p, 6)
		ticket := secret.NewToken()
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ProveResetByPasskey(w.ctx(), hash, use, w.act(audit.ResetProved, a.ID).Linking(credential.Link{Kind: credential.Restricted, Token: ticket, AccountID: a.ID, Newest: true}))
		})
		w.recorded(audit.ResetProved, 1)
		w.is(w.resolve(credential.Reset, link), credential.ErrUnknown)
		w.count(1, "credential WHERE kind = $1", string(credential.Restricted))
		_, hash = w.link(credential.Reset, a)
		w.is(w.db.ProveResetByPasskey(w.ctx(), hash, w.use(p, 4), w.act(audit.ResetProved, a.ID)), credential.ErrPasskeySpent)
		w.count(1, "credential WHERE kind = $1", string(credential.Reset)) // nothing was spent
	})
}

// A passkey opens one sign-in, and proves one renewal, for each answer.
func TestPasskeyOpensOnce(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.added(a, "telephone")
		use := w.use(p, 6)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			s := w.signIn(a)
			s.Passkey, s.Subject = &use, string(credential.ByPasskey)
			return db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{Account: a}, s, w.act(audit.SignedIn, a.ID), audit.Act{})
		})
		w.count(1, "device")
		s, hash := w.signedIn(a)
		behind := w.use(p, 3)
		w.is(w.db.RenewSignIn(w.ctx(), credential.Renewal{Replaces: hash, Token: secret.NewToken(), FreshAt: w.now, Way: credential.ByPasskey, Passkey: &behind}, w.act(audit.ProvedAgain, a.ID)), credential.ErrPasskeySpent)
		w.must(w.resolve(credential.Browser, s.Token))
		ahead := w.use(p, 7)
		again := secret.NewToken()
		w.must(w.db.RenewSignIn(w.ctx(), credential.Renewal{Replaces: hash, Token: again, FreshAt: w.now, Way: credential.ByPasskey, Passkey: &ahead}, w.act(audit.ProvedAgain, a.ID)))
		if got := w.find(credential.Browser, again); got.Way() != credential.ByPasskey {
			t.Errorf("proved %q", got.Way())
		}
	})
}

// What a stranger has added goes when the owner says that it was a stranger; what was there before stays.
func TestPasskeysOfAStrangerGo(t *testing.T) {
	for name, report := range map[string]func(w *world, a account.Account, hash string) error{
		"this wasn't me": func(w *world, a account.Account, hash string) error {
			return w.db.RequireReset(w.ctx(), a.ID, hash, w.act(audit.NotMeReported, a.ID))
		},
		"address given back": func(w *world, a account.Account, hash string) error {
			_, handle, err := account.EmailHandle(a.Email)
			w.must(err)
			return w.db.RestoreEmail(w.ctx(), hash, account.EmailChange{AccountID: a.ID, Email: a.Email, Handle: handle}, w.act(audit.EmailRestored, a.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				a, other := w.person("anna"), w.person("bert")
				own := w.added(a, "own")
				w.now = w.now.Add(time.Minute)
				kind := map[string]credential.Kind{"this wasn't me": credential.NotMe, "address given back": credential.Undo}[name]
				_, hash := w.link(kind, a)
				strangers := w.added(a, "stranger's") // with the very mail that tells of it
				w.now = w.now.Add(time.Minute)
				w.added(a, "another of the stranger's")
				theirs := w.added(other, "somebody else's")
				w.must(report(w, a, hash))
				w.held(own)
				w.held(theirs)
				_, err := w.db.FindPasskey(w.ctx(), strangers.Credential)
				w.is(err, passkey.ErrUnknown)
				w.count(2, "passkey")
			})
		})
	}
}

// strangersReported are the ways in which an owner reports a stranger.
var strangersReported = map[credential.Kind]func(w *world, a account.Account, hash string) error{
	credential.NotMe: func(w *world, a account.Account, hash string) error {
		return w.db.RequireReset(w.ctx(), a.ID, hash, w.act(audit.NotMeReported, a.ID))
	},
	credential.Undo: func(w *world, a account.Account, hash string) error {
		_, handle, err := account.EmailHandle(a.Email)
		w.must(err)
		return w.db.RestoreEmail(w.ctx(), hash, account.EmailChange{AccountID: a.ID, Email: a.Email, Handle: handle}, w.act(audit.EmailRestored, a.ID))
	},
}

// A stranger who adds a way in and then does something else is reported by the mail about the last thing: what was added before goes as well, or it would open the
// account again without any mailbox. What is older than any notice that can still be answered stays, and what the account was made with.
func TestWayAddedBeforeTheReportedMailGoes(t *testing.T) {
	for kind, report := range strangersReported {
		t.Run(string(kind), func(t *testing.T) {
			each(t, func(w *world) {
				a := w.person("anna")
				first := w.added(a, "made with the account")
				w.now = w.now.Add(time.Hour)
				own := w.added(a, "own")
				w.now = w.now.Add(credential.Rules[credential.NotMe].Life)
				strangers := w.added(a, "stranger's")
				w.linked(a, "strangers")
				w.now = w.now.Add(time.Minute)
				_, hash := w.link(kind, a) // with the mail about what they did next
				w.now = w.now.Add(time.Minute)
				w.must(report(w, a, hash))
				w.held(first)
				w.held(own)
				_, err := w.db.FindPasskey(w.ctx(), strangers.Credential)
				w.is(err, passkey.ErrUnknown)
				w.count(2, "passkey")
				w.count(0, "identity")
			})
		})
	}
}

// After an incident a passkey confirms an account without a password, once.
func TestConfirmSecuredByPasskey(t *testing.T) {
	each(t, func(w *world) {
		a := w.withoutPassword("anna")
		k := w.added(a, "telephone")
		w.declared(incident.Require)
		confirms := func(counter int64) credential.Afresh {
			ticket, _ := w.link(credential.Restricted, w.reload(a))
			p := credential.NewAfresh(w.find(credential.Restricted, ticket))
			use := w.use(k, counter)
			p.Passkey = &use
			return p
		}
		behind := confirms(4)
		w.is(w.db.ConfirmSecured(w.ctx(), behind, w.act(audit.ConfirmedAfresh, a.ID)), credential.ErrPasskeySpent)
		if !w.required(a) {
			w.Error("confirmed by a passkey that counts backwards")
		}
		ahead := confirms(6)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ConfirmSecured(w.ctx(), ahead, w.act(audit.ConfirmedAfresh, a.ID))
		})
		if w.required(a) || w.held(k).Passkey.Counter != 6 {
			w.Error("not confirmed")
		}
	})
}

// An erased account leaves no passkey.
func TestErasingEndsPasskeys(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		w.added(a, "telephone")
		theirs := w.added(other, "his")
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now, w.act(audit.DeletionAsked, a.ID)))
		w.must(w.db.EraseAccount(w.ctx(), a.ID, w.act(audit.AccountErased, "")))
		w.count(1, "passkey")
		w.held(theirs)
	})
}
