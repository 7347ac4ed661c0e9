package web

import (
	"net/url"
	"strings"
	"testing"
)

func TestBackOf(t *testing.T) {
	for raw, host := range map[string]string{
		"https://attic.example.org/back?x=1#y": "attic.example.org", "http://192.0.2.7:8181/": "192.0.2.7:8181", "https://[2001:db8::1]/": "[2001:db8::1]", "HTTPS://a.example": "a.example",
		"": "", "/account": "", "//evil.example": "", "javascript:alert(1)": "", "data:text/html,x": "", "ftp://a.example/": "", "https:a.example": "", "https:///x": "", "https://good.example@evil.example/": "",
		"https://evil.example\\@good.example/": "", "https://аpple.example/": "", "https://a b.example/": "", "app://back": "", "https://a.example/\n": "", "https://%65vil.example/": "",
		"https://a.example/" + strings.Repeat("x", longestBack): "",
	} {
		got := backOf(raw)
		if got.Host != host || (got.URL == "") != (host == "") {
			t.Errorf("%.60q leads to %q", raw, got.Host)
		}
	}
	if got := backOf("https://a.example/?b=c&d").behind("/link?done=allowed"); got != "/link?done=allowed&forward=https%3A%2F%2Fa.example%2F%3Fb%3Dc%26d" || (Back{}).behind("/link") != "/link" {
		t.Error(got)
	}
}

// FuzzBack: whatever an app asks for, a person is led to a web address on the host that was shown, or nowhere.
func FuzzBack(f *testing.F) {
	for _, raw := range []string{"https://a.example/", "https://a@b", "http://[::1]:80/x", "https://a.example\\b", "javascript:x", "https://a%00b/"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := backOf(raw)
		if got.URL == "" {
			return
		}
		u, err := url.Parse(got.URL)
		if err != nil || u.Host != got.Host || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q leads to %q on %q", raw, got.URL, got.Host)
		}
	})
}
