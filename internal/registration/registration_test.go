package registration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/registration"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// world is an instance without anybody, on a real store, and a clock that the test moves.
type world struct {
	*testing.T
	db   *store.DB
	flow *registration.Service
	now  time.Time
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) {
		w := &world{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)}
		w.db = teststore.Open(t, url, w.now)
		w.flow = &registration.Service{Store: w.db, Now: func() time.Time {
			w.now = w.now.Add(time.Millisecond) // so that entries are in the order of writing
			return w.now
		}}
		test(w)
	})
}

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

// web is a client that may be registered.
func web(id string) relyingparty.Client {
	return relyingparty.Client{
		ID: id, Name: "Jellyfin", RedirectURIs: []string{"https://jf.example/cb"}, Scopes: []relyingparty.Scope{relyingparty.OpenID},
		Grants: []relyingparty.Grant{relyingparty.Code}, Auth: relyingparty.Basic,
	}
}

// proved is the client that a secret proves, "" for none.
func (w *world) proved(s secret.Token) string {
	w.Helper()
	r := credential.Resolver{Store: w.db, Now: func() time.Time { return w.now }}
	f, err := r.Resolve(w.Context(), credential.ClientSecret, s)
	if err != nil {
		w.is(err, credential.ErrUnknown)
	}
	return f.Subject
}

// recorded fails the test unless the newest entry of an action says that, and there are so many.
func (w *world) recorded(action audit.Action, many int, by, about, reason string) {
	w.Helper()
	all, err := w.db.ListAudit(w.Context(), audit.Filter{Action: action, Limit: 100})
	w.must(err)
	if len(all) != many || many > 0 && (all[0].Actor != by || all[0].Detail[audit.Client] != about || all[0].Detail[audit.Reason] != reason || all[0].AccountID != "") {
		w.Errorf("%s: %+v", action, all)
	}
}

func TestRegister(t *testing.T) {
	each(t, func(w *world) {
		c, shown, err := w.flow.Register(w.Context(), "root", web(""))
		w.must(err)
		if !id.Valid(c.ID) || c.CreatedAt.IsZero() || w.proved(shown) != c.ID {
			t.Errorf("%+v is proved by %q", c, w.proved(shown))
		}
		w.recorded(audit.ClientRegistered, 1, "root", "Jellyfin ("+c.ID+")", "")

		sneaky := web("chosen")
		sneaky.Configured, sneaky.Auth = true, relyingparty.None
		c, shown, err = w.flow.Register(w.Context(), audit.CLI, sneaky)
		w.must(err)
		if c.ID != "chosen" || c.Configured || !shown.Empty() {
			t.Errorf("%+v, with a secret: %t", c, !shown.Empty())
		}
		_, _, err = w.flow.Register(w.Context(), audit.CLI, web("chosen"))
		w.is(err, relyingparty.ErrTaken)

		bad := web("bad")
		bad.Name, bad.RedirectURIs = "", []string{"https://jf.example/*"}
		_, _, err = w.flow.Register(w.Context(), audit.CLI, bad)
		refused := new(registration.Refused)
		if !errors.As(err, &refused) || len(refused.Problems) != 2 || !strings.Contains(err.Error(), "name: ") || !strings.Contains(err.Error(), "\nredirect_uris: ") {
			t.Errorf("got %v", err)
		}
		w.recorded(audit.ClientRegistered, 2, audit.CLI, "Jellyfin (chosen)", "")
	})
}

func TestList(t *testing.T) {
	each(t, func(w *world) {
		var want, got []string
		for i := range registration.PageSize + 3 {
			c := web(fmt.Sprintf("c%03d", i))
			w.must(w.db.RegisterClient(w.Context(), c, nil, audit.Act{At: w.now}))
			want = append(want, c.ID)
		}
		pages := 0
		for after := ""; ; pages++ {
			page, next, err := w.flow.List(w.Context(), after)
			w.must(err)
			for _, c := range page {
				got = append(got, c.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) || pages != 1 {
			t.Errorf("%d pages after the first: %v", pages, got)
		}
	})
}

func TestChange(t *testing.T) {
	each(t, func(w *world) {
		c, shown, err := w.flow.Register(w.Context(), "root", web("app"))
		w.must(err)
		made := c.CreatedAt
		w.now = w.now.Add(time.Hour)
		w.must(w.flow.Change(w.Context(), "root", c)) // nothing differs
		w.recorded(audit.ClientChanged, 0, "", "", "")
		c.Name, c.FirstParty, c.CreatedAt = "Jellyfin 2", true, w.now
		w.must(w.flow.Change(w.Context(), "root", c))
		w.recorded(audit.ClientChanged, 1, "root", "Jellyfin 2 (app)", "name, first_party")
		sheet, err := w.flow.Show(w.Context(), "app")
		w.must(err)
		if sheet.Name != "Jellyfin 2" || !sheet.CreatedAt.Equal(made) || len(sheet.Secrets) != 1 || w.proved(shown) != "app" {
			t.Errorf("%+v", sheet)
		}
		c.Grants = nil
		if err := w.flow.Change(w.Context(), "root", c); !errors.As(err, new(*registration.Refused)) {
			t.Errorf("got %v", err)
		}
		w.is(w.flow.Change(w.Context(), "root", web("gone")), relyingparty.ErrNotFound)
		_, err = w.flow.Show(w.Context(), "gone")
		w.is(err, relyingparty.ErrNotFound)
	})
}

func TestSecretsOverlap(t *testing.T) {
	each(t, func(w *world) {
		_, first, err := w.flow.Register(w.Context(), "root", web("app"))
		w.must(err)
		w.is(w.flow.RetireSecrets(w.Context(), "root", "app"), credential.ErrSpent)
		w.now = w.now.Add(time.Minute)
		c, second, err := w.flow.NewSecret(w.Context(), "root", "app")
		w.must(err)
		if c.Name != "Jellyfin" || w.proved(first) != "app" || w.proved(second) != "app" {
			t.Error("both count during the change")
		}
		w.recorded(audit.ClientSecretMade, 1, "root", "Jellyfin (app)", "")
		w.must(w.flow.RetireSecrets(w.Context(), "root", "app"))
		if w.proved(first) != "" || w.proved(second) != "app" {
			t.Error("only the newest counts after it")
		}
		w.recorded(audit.ClientSecretEnded, 1, "root", "Jellyfin (app)", "")
		_, _, err = w.flow.NewSecret(w.Context(), "root", "gone")
		w.is(err, relyingparty.ErrNotFound)
		w.is(w.flow.RetireSecrets(w.Context(), "root", "gone"), relyingparty.ErrNotFound)
	})
}

func TestRemove(t *testing.T) {
	each(t, func(w *world) {
		_, shown, err := w.flow.Register(w.Context(), "root", web("app"))
		w.must(err)
		w.must(w.flow.Remove(w.Context(), "root", "app"))
		w.is(w.flow.Remove(w.Context(), "root", "app"), relyingparty.ErrNotFound)
		w.recorded(audit.ClientRemoved, 1, "root", "Jellyfin (app)", "")
		if w.proved(shown) != "" {
			t.Error("its secret counts")
		}
	})
}

func TestApply(t *testing.T) {
	each(t, func(w *world) {
		_, _, err := w.flow.Register(w.Context(), "root", web("own"))
		w.must(err)
		s := secret.NewToken()
		app := registration.Configured{Client: web("app"), Secrets: []secret.Token{s}}
		tv := registration.Configured{Client: web("tv")}
		tv.Auth = relyingparty.None
		for range 2 { // the second start changes nothing
			w.must(w.flow.Apply(w.Context(), []registration.Configured{app, tv}))
		}
		w.recorded(audit.ClientChanged, 2, audit.System, "Jellyfin (tv)", "by the configuration")
		if w.proved(s) != "app" {
			t.Error("its secret does not count")
		}
		// What stands in the configuration is changed only there.
		w.is(w.flow.Change(w.Context(), "root", web("app")), relyingparty.ErrConfigured)
		w.is(w.flow.Remove(w.Context(), "root", "app"), relyingparty.ErrConfigured)
		w.is(w.flow.RetireSecrets(w.Context(), "root", "app"), relyingparty.ErrConfigured)
		_, _, err = w.flow.NewSecret(w.Context(), "root", "app")
		w.is(err, relyingparty.ErrConfigured)

		w.must(w.flow.Apply(w.Context(), []registration.Configured{tv})) // one stands there no more
		w.recorded(audit.ClientRemoved, 1, audit.System, "Jellyfin (app)", "")
		list, _, err := w.flow.List(w.Context(), "")
		w.must(err)
		if len(list) != 2 || list[0].ID != "own" || list[1].ID != "tv" || !list[1].Configured {
			t.Errorf("%+v", list)
		}
		tv.Name = ""
		if err := w.flow.Apply(w.Context(), []registration.Configured{tv}); !errors.As(err, new(*registration.Refused)) {
			t.Errorf("got %v", err)
		}
		stopped, stop := context.WithCancel(w.Context())
		stop()
		w.is(w.flow.Apply(stopped, []registration.Configured{app}), context.Canceled)
	})
}

// halfEnded is a store that finds rows of a removed client until it was asked to end them so often.
type halfEnded struct {
	*store.DB
	left int
}

func (h *halfEnded) ApplyClient(ctx context.Context, c relyingparty.Client, secrets []secret.Token, act audit.Act) error {
	if h.left > 0 {
		return relyingparty.ErrTaken
	}
	return h.DB.ApplyClient(ctx, c, secrets, act)
}

func (h *halfEnded) EndRemovedClient(context.Context) (bool, error) {
	h.left--
	return h.left > 0, nil
}

func TestApplyWaitsForWhatIsBeingEnded(t *testing.T) {
	each(t, func(w *world) {
		w.flow.Store = &halfEnded{w.db, 3}
		w.must(w.flow.Apply(w.Context(), []registration.Configured{{Client: web("app")}}))
		sheet, err := w.flow.Show(w.Context(), "app")
		w.must(err)
		if !sheet.Configured {
			t.Errorf("%+v", sheet)
		}
	})
}
