package player

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// service answers a player with what a test says, one answer after the other.
func service(t *testing.T, answers ...string) *Player {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(answers) == 0 {
			t.Error("asked once too often")
			return
		}
		said := answers[0]
		answers = answers[1:]
		if strings.HasPrefix(said, "away") {
			w.WriteHeader(http.StatusServiceUnavailable)
		} else if strings.Contains(said, "/problems/") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, said)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return At(at)
}

func problem(name string) string {
	return `{"type":"https://x/api/v1/problems/` + name + `","title":"T","detail":"D"}`
}

func TestWait(t *testing.T) {
	soon := Waiting{DeviceCode: "d", ExpiresIn: 60, Interval: 1}
	p := service(t, problem("authorization-pending"), "away", `{"token":"t","account":{"name":"Ann"}}`)
	kept, who, err := p.Wait(t.Context(), soon)
	if err != nil || kept.Token != "t" || who.Name != "Ann" || kept.Service != p.service.String() {
		t.Errorf("%+v, %v", who, err)
	}
	for name, want := range map[string]error{"access-denied": ErrDenied, "expired-token": ErrExpired} {
		if _, _, err := service(t, problem(name)).Wait(t.Context(), soon); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var refused *Refused
	if _, _, err := service(t, problem("bad-fields")).Wait(t.Context(), soon); !errors.As(err, &refused) || err.Error() != "T: D" {
		t.Errorf("%v", err)
	}
	if _, err := service(t, "<html>").Ask(t.Context(), "x", "y"); !errors.Is(err, ErrAway) {
		t.Errorf("another program answers: %v", err)
	}
	if _, err := service(t, "/problems/ <html>").Ask(t.Context(), "x", "y"); !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "status 400") {
		t.Errorf("another program refuses: %v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	nowhere, err := url.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := At(nowhere).Ask(t.Context(), "x", "y"); !errors.Is(err, ErrAway) {
		t.Errorf("nobody is there: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := At(nowhere).Ask(stopped, "x", "y"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrAway) {
		t.Errorf("stopped: %v", err)
	}
}

func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher", "player.json")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is kept yet: %v", err)
	}
	want := Kept{Service: "https://accounts.example.org", Token: "t"}
	if err := Keep(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || got != want {
		t.Errorf("%v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("an empty one is read")
	}
}

// What the service says to programs about a header is for people how long to wait.
func TestRefusalsSayHowLong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "840")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"type":"https://x/api/v1/problems/too-many-tries","title":"Too many tries","detail":"Wait for as many seconds as Retry-After says."}`)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := At(at).Switch(t.Context(), Kept{Token: "t"}, "m", "0000"); err == nil || err.Error() != "Too many tries: try again in 14m0s" {
		t.Errorf("%v", err)
	}
	if _, _, err := service(t, problem("wrong-pin")).Switch(t.Context(), Kept{Token: "t"}, "m", "0000"); !errors.Is(err, ErrWrongPIN) {
		t.Errorf("a wrong PIN: %v", err)
	}
}
