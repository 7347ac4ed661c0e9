package accounts

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"usher/internal/gate/keep"
	"usher/internal/outage"
	"usher/internal/secret"
)

// claimedAt is a server that an account of the service at that address owns, and its folder.
func claimedAt(t *testing.T, service string) (*Client, *keep.Folder) {
	t.Helper()
	folder, err := keep.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	if err := folder.SaveServer(keep.Server{Service: service, ID: "srv-1", Owner: keep.Owner{Subject: "acc-ann"}}); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	return New(at, folder, "1.0", time.Now), folder
}

// An answer that says neither yes nor no is none: whatever stands in the service's place just now signs nobody out.
func TestWhatIsNoAnswerAboutAToken(t *testing.T) {
	answer := ""
	mux := http.NewServeMux()
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[2]s/t","device_authorization_endpoint":"%[2]s/d","introspection_endpoint":"%[2]s/i"}`, service.URL, service.URL)
	})
	mux.HandleFunc("/t", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":600}`)
	})
	mux.HandleFunc("/i", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, answer) })
	c, folder := claimedAt(t, service.URL)
	for _, answer = range []string{`{}`, `{"error":"maintenance"}`, `null`} {
		if _, err := c.Introspect(t.Context(), secret.NewToken()); !errors.Is(err, outage.Err) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if err := c.Unclaim(t.Context()); err == nil { // the mux knows no such place: 404, in words that are not the service's
		t.Error("a page that is not found makes the server nobody's")
	}
	if _, claimed := folder.Server(); !claimed {
		t.Error("it is nobody's")
	}
	answer = `{"active":false}`
	if said, err := c.Introspect(t.Context(), secret.NewToken()); err != nil || *said.Active {
		t.Errorf("a no: %v", err)
	}
}
