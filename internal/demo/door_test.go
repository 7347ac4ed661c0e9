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

// A door can lead to what is known under another address: what stands behind it hears its own, and what it says leads through the door.
func TestADoorStandsForAnotherAddress(t *testing.T) {
	const known, origin = "http://127.0.0.1:7", "http://127.0.0.1:9"
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "form-action "+known)
		w.Header().Set("Location", known+"/next?back=http%3A%2F%2F127.0.0.1%3A7")
		w.Header().Set("Heard", fmt.Sprint(r.Host, " from ", r.Header.Get("Origin"), " and ", r.Header.Get("Referer")))
		_, _ = fmt.Fprintf(w, "Go on at <a href=\"%s/film\">the film</a>.", known)
	}))
	t.Cleanup(behind.Close)
	d, err := NewDoor(origin, behind.URL, "http://127.0.0.1:8")
	if err != nil {
		t.Fatal(err)
	}
	d.Inner, d.Swap = known, strings.NewReplacer(known, origin)
	a, page := d.ask(t, "127.0.0.1:9", "same-origin", "Origin", origin, "Referer", origin+"/page")
	if heard := a.Header.Get("Heard"); heard != "127.0.0.1:7 from "+known+" and "+known+"/page" {
		t.Error(heard)
	}
	if want := "Go on at <a href=\"" + origin + "/film\">the film</a>."; page != want || a.Header.Get("Content-Length") != fmt.Sprint(len(want)) {
		t.Errorf("%q in %s bytes, want %q", page, a.Header.Get("Content-Length"), want)
	}
	// What is escaped is a program's to compare, and stays.
	if to := a.Header.Get("Location"); to != origin+"/next?back=http%3A%2F%2F127.0.0.1%3A7" {
		t.Error(to)
	}
	if policy := a.Header.Get("Content-Security-Policy"); policy != "form-action "+origin {
		t.Error(policy)
	}
	if a, _ := d.ask(t, "127.0.0.1:7", "same-origin"); a.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under the known address it answers %d", a.StatusCode)
	}
}
