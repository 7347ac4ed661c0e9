package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"usher/internal/secret"
)

func TestLocalPath(t *testing.T) {
	for given, want := range map[string]string{
		"/account": "/account", "/account?a=b": "/account?a=b", "/": "/",
		"": "/x", "account": "/x", "//evil.example": "/x", "/\\evil.example": "/x", "\\\\evil.example": "/x", "https://evil.example/": "/x", "javascript:alert(1)": "/x",
		"/\t/evil.example": "/x", "/%2F/evil.example": "/x", "https:evil": "/x", "/%zz": "/x", "@evil.example": "/x", "/\n/evil.example": "/x",
	} {
		if got := localPath(given, "/x"); got != want {
			t.Errorf("localPath(%q) = %q, want %q", given, got, want)
		}
	}
}

// FuzzLocalPath follows what was let through as a browser does (WHATWG URL §4.4, which takes "\" for "/" and drops tabs and line ends).
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/account", "//evil.example", "/\\evil.example", "/\t/evil.example", "/%2F", "https://x", "/a?b=//c", "/..//evil.example", "/.//evil.example", "/./\\evil.example"} {
		f.Add(seed)
	}
	base, err := url.Parse(testOrigin + "/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s, "/fallback")
		seen := strings.NewReplacer("\\", "/", "\t", "", "\n", "", "\r", "").Replace(strings.TrimLeft(got, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f "))
		target, err := base.Parse(seen)
		if err != nil || target.Scheme != base.Scheme || target.Host != base.Host || target.User != nil {
			t.Errorf("%q leads to %q", s, seen)
		}
	})
}

func TestTwoCookiesOfOneNameAreNone(t *testing.T) {
	d := &Door{SecureCookies: true}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-usher", Value: "one"})
	if d.cookie(r, cookieBrowser).Reveal() != "one" {
		t.Error("one cookie is not read")
	}
	r.AddCookie(&http.Cookie{Name: "usher", Value: "planted"})
	if d.cookie(r, cookieBrowser).Reveal() != "one" {
		t.Error("a cookie without the prefix counts")
	}
	r.AddCookie(&http.Cookie{Name: "__Host-usher", Value: "two"})
	if !d.cookie(r, cookieBrowser).Empty() {
		t.Error("one of two cookies was picked")
	}
}

func TestOneAnswerSaysOneThingAboutACookie(t *testing.T) {
	d := &Door{SecureCookies: true}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	d.keepSignIn(w, r, secret.TokenOf("first"), secret.TokenOf("known"))
	d.keepSignIn(w, r, secret.TokenOf("second"), secret.Token{})
	d.dropCookie(w, cookieKnown)
	set := w.Result().Cookies()
	if len(set) != 2 || set[0].Name != "__Host-usher" || set[0].Value != "second" || set[1].Name != "__Host-usher-known" || set[1].MaxAge != -1 {
		t.Errorf("it says %v", set)
	}
}
