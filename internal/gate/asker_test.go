package gate

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/secret"
)

// serves is where a service is that answers questions about tokens like that.
func serves(t *testing.T, introspection http.HandlerFunc) *url.URL {
	t.Helper()
	mux := http.NewServeMux()
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[2]s/t","device_authorization_endpoint":"%[2]s/d","introspection_endpoint":"%[2]s/i"}`, service.URL, service.URL)
	})
	mux.HandleFunc("/t", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":600}`)
	})
	mux.HandleFunc("/i", introspection)
	mux.HandleFunc("/api/v1/server/standing", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"standing":"good"}`)
	})
	at, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// claimedFolder is the folder at path, of a server that belongs to somebody at a service.
func claimedFolder(t testing.TB, path, service string) *keep.Folder {
	t.Helper()
	folder, err := keep.Open(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	if err := folder.SaveServer(keep.Server{Service: service, ID: "srv-1", Owner: keep.Owner{Subject: "acc-ann"}}); err != nil {
		t.Fatal(err)
	}
	return folder
}

// served is a client of a service that answers questions about tokens like that.
func served(t *testing.T, introspection http.HandlerFunc) *accounts.Client {
	t.Helper()
	at := serves(t, introspection)
	return accounts.New(at, claimedFolder(t, t.TempDir(), at.String()), "1.0", time.Now)
}

// Whatever answers in the service's place, such as a portal that wants to be clicked or a proxy that is being repaired, signs nobody out. The service's own no does.
func TestOnlyTheServiceSaysNo(t *testing.T) {
	status, kind, answer := 0, "", ""
	client := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "http://portal.example/")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	})
	woken := 0
	a := asker{client, &accounts.Places{Client: client}, func() { woken++ }, func() {}}
	const page, object = "text/html", "application/json"
	for _, c := range []struct {
		status       int
		kind, answer string
		want         error
	}{
		{200, page, "<h1>Welcome to our hotel</h1>", door.ErrAway}, {302, page, "", door.ErrAway}, {401, page, "<h1>Sign in</h1>", door.ErrAway}, {403, page, "<h1>Forbidden</h1>", door.ErrAway},
		{404, page, "", door.ErrAway}, {407, page, "", door.ErrAway}, {429, object, `{"error":"slow"}`, door.ErrAway}, {451, page, "", door.ErrAway}, {500, object, `{"active":false}`, door.ErrAway},
		{502, page, "", door.ErrAway}, {503, object, `{"error":"temporarily_unavailable"}`, door.ErrAway}, {200, object, `{}`, door.ErrAway}, {200, object, `[]`, door.ErrAway},
		{200, object, `{"active":false}`, door.ErrRefused},
		{400, object, `{"error":"unauthorized_client","standing":"suspended"}`, door.ErrSuspended}, {401, object, `{"error":"invalid_client"}`, door.ErrSuspended},
	} {
		status, kind, answer = c.status, c.kind, c.answer
		before := woken
		if _, err := a.Ask(t.Context(), secret.NewToken()); !errors.Is(err, c.want) {
			t.Errorf("%d %s: %v, want %v", c.status, c.answer, err, c.want)
		}
		if (woken > before) != errors.Is(c.want, door.ErrSuspended) {
			t.Errorf("%d %s: how the server stands is asked: %t", c.status, c.answer, woken > before)
		}
	}
}

// A media server is told no address that its account never confirmed: the header is there, and empty.
func TestUnconfirmedAddressesAreNotTold(t *testing.T) {
	for verified, want := range map[string]string{`,"email_verified":true`: "ann@example.org", `,"email_verified":false`: "", "": ""} {
		client := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"active":true,"sub":"acc-ann","sid":"s","exp":%d,"username":"ann","name":"Ann","email":"ann@example.org"%s,"groups":["owner"]}`, time.Now().Add(time.Hour).Unix(), verified)
		})
		heard := make(chan http.Header, 1)
		upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.Header }))
		t.Cleanup(upstream.Close)
		target, err := url.Parse(upstream.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		decider := door.NewDecider(asker{client, &accounts.Places{Client: client}, func() {}, func() {}}, client.Issuer(), "srv-1", 12*time.Hour, time.Now)
		entry, err := door.New(door.Settings{Decider: decider, Server: "srv-1", Issuer: client.Issuer(), Key: key, CookieKey: make([]byte, 32), Upstream: target})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/films", nil)
		r.Header.Set("Authorization", "Bearer e30."+base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`))+"."+secret.NewToken().Reveal())
		w := httptest.NewRecorder()
		entry.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if got := <-heard; !slices.Equal(got["Remote-Email"], []string{want}) || got.Get("Remote-User") != "ann" {
			t.Errorf("%q: the media server is told %q", verified, got["Remote-Email"])
		}
	}
}
