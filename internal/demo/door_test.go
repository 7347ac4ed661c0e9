package demo

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// house is a site that gives each browser a number and says what it hears, behind a door.
func house(t *testing.T) *Door {
	t.Helper()
	visitors := 0
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		if err != nil {
			visitors++
			c = &http.Cookie{Name: "who", Value: fmt.Sprint("visitor-", visitors), HttpOnly: true, SameSite: http.SameSiteStrictMode}
			http.SetCookie(w, c)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; form-action 'self'")
		_, _ = fmt.Fprintf(w, "%s at %s came %s as %s with %q", c.Value, r.Host, r.Header.Get("Sec-Fetch-Site"), r.Header.Get("User-Agent"), r.Header["Cookie"])
	}))
	t.Cleanup(behind.Close)
	d, err := NewDoor("http://127.0.0.1:9", behind.URL, "http://127.0.0.1:8")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Door) ask(t *testing.T, host, site string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/page", nil)
	r.Header.Set("Sec-Fetch-Site", site)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	a := w.Result()
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(raw)
}

// Whoever comes by a door is the person of the door, and the browser itself keeps nothing.
func TestADoorKeepsItsPersonsCookies(t *testing.T) {
	d := house(t)
	for _, site := range []string{"none", "same-site", "same-origin"} {
		a, page := d.ask(t, "127.0.0.1:9", site, "Cookie", "usher=of another usher")
		if !strings.HasPrefix(page, "visitor-1 at 127.0.0.1:9") || strings.Contains(page, "another") || len(a.Cookies()) > 0 {
			t.Errorf("%s: %q, and the browser keeps %v", site, page, a.Cookies())
		}
	}
	other := house(t)
	if _, page := other.ask(t, "127.0.0.1:9", "none"); !strings.Contains(page, "visitor-1") || strings.Contains(page, "who=") {
		t.Errorf("the doors share cookies: %q", page)
	}
}

// Pages of other websites, and programs such as the gate, are nobody in particular.
func TestOthersAreNotThePersonOfADoor(t *testing.T) {
	d := house(t)
	d.ask(t, "127.0.0.1:9", "none")
	for _, site := range []string{"cross-site", ""} {
		if _, page := d.ask(t, "127.0.0.1:9", site); strings.HasPrefix(page, "visitor-1") {
			t.Errorf("%q: %s", site, page)
		}
	}
	if a, page := d.ask(t, "attic.example.org:9", "none"); a.StatusCode != http.StatusMisdirectedRequest || strings.Contains(page, "visitor") {
		t.Errorf("under another name: %d %s", a.StatusCode, page)
	}
}

// The page of the story alone may show it in a frame, and opens it as somebody does who types the address.
func TestOnlyTheStoryMayFrameADoor(t *testing.T) {
	d := house(t)
	a, page := d.ask(t, "127.0.0.1:9", "same-site", "Sec-Fetch-Mode", "navigate")
	if a.Header.Get("X-Frame-Options") != "" || a.Header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors http://127.0.0.1:8; form-action 'self'" {
		t.Errorf("%v", a.Header)
	}
	if !strings.Contains(page, "came none") {
		t.Error(page)
	}
}
