package incident_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// world is an instance with one administrator, on a real store, with a folder, and a clock that the test moves.
type world struct {
	*testing.T
	db   *store.DB
	flow *incident.Service
	now  time.Time
	root account.Account
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) { test(newWorld(t, url)) })
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)}
	w.db = teststore.Open(t, url, w.now)
	clock := func() time.Time { return w.now }
	w.flow = &incident.Service{
		Store: w.db, Resolver: &credential.Resolver{Store: w.db, Now: clock}, Folder: incident.Folder{Path: t.TempDir() + "/incidents"}, Now: clock,
		Host: "usher.example.org",
	}
	w.root = w.account("root", func(a *account.Account) { a.Admin = true })
	return w
}

func (w *world) ctx() context.Context { return w.Context() }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

// account makes an account called name, with the address name@example.org.
func (w *world) account(name string, change func(*account.Account)) account.Account {
	w.Helper()
	w.now = w.now.Add(time.Millisecond)
	return teststore.Person(w, w.db, name, w.now, change)
}

func (w *world) load(a account.Account) account.Account {
	w.Helper()
	found, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return found
}

func (w *world) required(a account.Account) bool {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	return clock.ResetRequired(w.load(a).Standing)
}

// signIn signs a browser in and returns its token.
func (w *world) signIn(a account.Account) secret.Token {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	in := credential.NewSignIn(a.ID, "password", device.Client{}, w.now)
	in.Stamp = credential.StampNow(clock, w.load(a).Standing)
	w.must(w.db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, in, audit.Act{At: w.now}, audit.Act{}))
	return in.Token
}

// counts reports whether a browser's sign-in still does.
func (w *world) counts(token secret.Token) bool {
	_, err := w.flow.Resolver.Resolve(w.ctx(), credential.Browser, token)
	return err == nil
}

// draft is ready to be declared, for a list where names are given.
func (w *world) draft(action incident.Action, names ...string) incident.Draft {
	w.Helper()
	d := incident.Draft{Action: action, Scope: incident.All, Notice: w.flow.Parts()}
	if len(names) > 0 {
		named, err := w.flow.Read(w.ctx(), strings.NewReader(strings.Join(names, "\n")))
		w.must(err)
		d.Scope, d.Accounts, d.Source = incident.List, named.Accounts, named.Source
	}
	return d
}

func (w *world) declare(d incident.Draft) incident.Incident {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	i, err := w.flow.Declare(w.ctx(), audit.CLI, d)
	w.must(err)
	return i
}

// told lists the kinds of waiting mail to an address.
func (w *world) told(to string) (mails []notice.Notice) {
	w.Helper()
	waiting, err := w.db.WaitingMail(w.ctx(), 1000)
	w.must(err)
	for _, n := range waiting {
		if n.To == to {
			mails = append(mails, n)
		}
	}
	return mails
}

func (w *world) recorded(action audit.Action, want int) {
	w.Helper()
	all, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: action, Limit: 1000})
	w.must(err)
	if len(all) != want {
		w.Errorf("%s is recorded %d times, want %d", action, len(all), want)
	}
}

// filed counts the files beside the key ring.
func (w *world) filed(want int) {
	w.Helper()
	files, err := w.flow.Folder.Files()
	w.must(err)
	if len(files) != want {
		w.Errorf("%d files, want %d", len(files), want)
	}
}
