package backchannel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/backchannel"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

const issuer = "https://usher.example.org"

// world is an instance with one person, on a real store, and a clock that the test moves.
type world struct {
	*testing.T
	db   *store.DB
	keys *signing.Keys
	log  *bytes.Buffer
	anna account.Account

	mu  sync.Mutex
	now time.Time
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) {
		w := &world{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
		w.db = teststore.Open(t, url, w.now)
		ring, err := secret.NewRing()
		w.must(err)
		ring, err = ring.NextSigning(w.now)
		w.must(err)
		w.keys = &signing.Keys{Ring: secret.KeeperOf(ring).Ring, Now: w.clock}
		w.anna = teststore.Person(t, w.db, "anna", w.now, nil)
		test(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// node is one process that tells.
func (w *world) node() *backchannel.Deliverer {
	return &backchannel.Deliverer{
		Queue: w.db, Sign: func(claims any) (string, error) { return w.keys.Sign(signing.Logout, claims) }, Issuer: issuer, Now: w.clock,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

// receiver is a client's address, and what it has got.
type receiver struct {
	url    string
	mu     sync.Mutex
	got    []string
	status int
}

func (r *receiver) tokens() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (w *world) receiver() *receiver {
	w.Helper()
	r := &receiver{status: http.StatusOK}
	s := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, q *http.Request) {
		token := q.PostFormValue("logout_token")
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, token)
		answer.WriteHeader(r.status)
	}))
	w.Cleanup(s.Close)
	r.url = s.URL + "/logout"
	return r
}

// client registers one that is told at an address of this machine.
func (w *world) client(id, logoutURI string, trusted bool) {
	w.Helper()
	c := relyingparty.Client{ID: id, Name: id, Auth: relyingparty.None, LogoutURI: logoutURI, TrustedPrivate: trusted, CreatedAt: w.clock()}
	w.must(w.db.RegisterClient(w.Context(), c, nil, audit.Act{At: w.clock()}))
}

// ended gives a client a grant and ends it again; it returns the grant's sid.
func (w *world) ended(clientID string) string {
	w.Helper()
	clock, err := w.db.ReadClock(w.Context())
	w.must(err)
	in := credential.NewSignIn(w.anna.ID, "openid", device.Client{}, w.clock())
	in.Device.Kind, in.Kind, in.Subject, in.Stamp = device.App, credential.Refresh, clientID, credential.StampNow(clock, w.anna.Standing)
	w.must(w.db.AddDevice(w.Context(), in, audit.Act{At: w.clock()}))
	f, err := w.db.FindCredential(w.Context(), credential.Refresh, in.Token)
	w.must(err)
	w.must(w.db.EndDevice(w.Context(), w.anna.ID, in.Device.ID, audit.Act{At: w.clock()}))
	return f.Hash
}

// says is what a logout token says, if it is one of ours.
func (w *world) says(token string) map[string]any {
	w.Helper()
	c, err := w.keys.Open(signing.Logout, token)
	w.must(err)
	said := map[string]any{}
	for name, raw := range c {
		var v any
		w.must(json.Unmarshal(raw, &v))
		said[name] = v
	}
	return said
}

// OpenID Connect Back-Channel Logout §2.4: exactly these claims, a short life, and no nonce.
func TestRoundTells(t *testing.T) {
	each(t, func(w *world) {
		r := w.receiver()
		w.client("app", r.url, true)
		w.must(w.node().Round(w.Context()))
		if len(r.tokens()) != 0 {
			t.Fatal("told of nothing")
		}
		sid := w.ended("app")
		w.must(w.node().Round(w.Context()))
		w.must(w.node().Round(w.Context())) // and not again
		got := r.tokens()
		if len(got) != 1 {
			t.Fatalf("told %d times", len(got))
		}
		said := w.says(got[0])
		if names := slices.Sorted(maps.Keys(said)); !slices.Equal(names, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}) {
			t.Errorf("it says %v", names)
		}
		if said["iss"] != issuer || said["aud"] != "app" || said["sub"] != w.anna.ID || said["sid"] != sid || said["jti"] == "" || said["exp"].(float64)-said["iat"].(float64) != 120 {
			t.Errorf("it says %v", said)
		}
		if fmt.Sprint(said["events"]) != "map[http://schemas.openid.net/event/backchannel-logout:map[]]" {
			t.Errorf("the events are %v", said["events"])
		}
		for _, other := range []signing.Kind{signing.Identity, signing.Access} {
			if _, err := w.keys.Open(other, got[0]); err == nil {
				t.Error("it is taken for a token of another kind")
			}
		}
	})
}

// Who does not take it is tried again, later each time, for a day.
func TestRoundComesAgain(t *testing.T) {
	each(t, func(w *world) {
		r, node := w.receiver(), w.node()
		w.client("app", r.url, true)
		sid := w.ended("app")
		r.answers(http.StatusInternalServerError)
		calls := 0
		for wait := 10 * time.Second; wait < time.Hour; wait *= 2 {
			w.must(node.Round(w.Context()))
			if calls++; len(r.tokens()) != calls {
				t.Fatalf("called %d times, want %d", len(r.tokens()), calls)
			}
			w.pass(wait - time.Second)
			w.must(node.Round(w.Context()))
			if len(r.tokens()) != calls {
				t.Fatalf("called again before %v", wait)
			}
			w.pass(time.Second)
		}
		r.answers(http.StatusNoContent)
		w.must(node.Round(w.Context()))
		w.must(node.Round(w.Context()))
		got := r.tokens()
		if len(got) != calls+1 || w.says(got[calls])["sid"] != sid || w.says(got[calls])["jti"] == w.says(got[calls-1])["jti"] {
			t.Errorf("told %d times", len(got)-calls)
		}
		if !strings.Contains(w.log.String(), "it answers 500") || strings.Contains(w.log.String(), "127.0.0.1") || strings.Contains(w.log.String(), sid) {
			t.Errorf("the log says %s", w.log)
		}
	})
}

// A client with much to be told is told in portions, and one that does not answer holds no other up.
func TestRoundIsPaced(t *testing.T) {
	each(t, func(w *world) {
		busy, dead, node := w.receiver(), w.receiver(), w.node()
		dead.answers(http.StatusServiceUnavailable)
		w.client("busy", busy.url, true)
		w.client("dead", dead.url, true)
		for range 25 {
			w.ended("busy")
			w.ended("dead")
		}
		w.must(node.Round(w.Context()))
		if len(busy.tokens()) != 20 || len(dead.tokens()) != 1 {
			t.Errorf("%d and %d calls in the first round", len(busy.tokens()), len(dead.tokens()))
		}
		w.must(node.Round(w.Context()))
		if len(busy.tokens()) != 25 || len(dead.tokens()) != 1 {
			t.Errorf("%d and %d calls after the second round", len(busy.tokens()), len(dead.tokens()))
		}
		dead.answers(http.StatusOK)
		for range 10 {
			w.pass(time.Minute)
			w.must(node.Round(w.Context()))
		}
		told := map[any]bool{}
		for _, token := range dead.tokens() {
			told[w.says(token)["sid"]] = true
		}
		if len(told) != 25 {
			t.Errorf("%d of 25 are told in the end", len(told))
		}
	})
}

// A process that dies in the middle of a call forgets nothing: another one tells when the lease is over.
func TestRoundThatDies(t *testing.T) {
	each(t, func(w *world) {
		dying, die := context.WithCancel(w.Context())
		var mu sync.Mutex
		var got []string
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
			token := q.PostFormValue("logout_token")
			mu.Lock()
			got = append(got, token)
			first := len(got) == 1
			mu.Unlock()
			if first {
				die()
				<-q.Context().Done()
			}
		}))
		w.Cleanup(s.Close)
		w.client("app", s.URL, true)
		sids := map[any]bool{}
		for range 3 {
			sids[w.ended("app")] = false
		}
		if err := w.node().Round(dying); err == nil {
			t.Error("it did not die")
		}
		w.must(w.node().Round(w.Context()))
		mu.Lock()
		if len(got) != 1 {
			t.Errorf("%d calls while another process may still be at it", len(got))
		}
		mu.Unlock()
		w.pass(time.Minute)
		w.must(w.node().Round(w.Context()))
		for _, token := range got[1:] {
			sids[w.says(token)["sid"]] = true
		}
		for sid, told := range sids {
			if !told {
				t.Errorf("%v is forgotten", sid)
			}
		}
		if len(got) != 4 || len(sids) != 3 {
			t.Errorf("%d calls for %d sign-ins", len(got), len(sids))
		}
	})
}

// Attack L9, with the address of somebody who is not trusted: nothing is called inside, however it is spelt.
func TestRoundDoesNotCallInside(t *testing.T) {
	each(t, func(w *world) {
		r := w.receiver()
		port := r.url[strings.LastIndexByte(r.url, ':'):]
		for i, host := range []string{"https://127.0.0.1", "https://localhost", "http://127.0.0.1"} {
			id := fmt.Sprintf("app%d", i)
			w.client(id, host+port, false)
			w.ended(id)
		}
		w.must(w.node().Round(w.Context()))
		if len(r.tokens()) != 0 {
			t.Error("it was called")
		}
		if got := strings.Count(w.log.String(), "leads to an address that is not called"); got != 3 {
			t.Errorf("%d are told of: %s", got, w.log)
		}
	})
}
