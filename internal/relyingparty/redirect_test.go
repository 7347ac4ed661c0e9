package relyingparty

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

// accepted are redirect URIs that real clients have.
var accepted = []string{
	"https://app.example.org", "https://app.example.org/", "https://app.example.org/cb", "https://app.example.org:8443/sso/OID/redirect/usher?flow=1&x=%2F",
	"https://10.0.0.7/cb", "https://[2001:db8::1]:444/cb/", "https://xn--bcher-kva.example/cb", "https://nas/cb", "https://a.example/~u/@me;v=1",
	"http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1:49152/cb?x=y", "http://[::1]/cb", "http://[::1]:8000",
	"com.example.app:/oauth2redirect/example-provider", "app.immich:///oauth-callback", "org.example.my-app://callback",
}

// Attack O1: what two programs could read in two ways is not registered.
var refused = map[string]error{
	"": errURIScheme, "/cb": errURIScheme, "//evil.example/cb": errURIScheme, "https:": errURIScheme, "https:/one.example": errURIScheme, "https:good.example": errURIScheme,
	"http://app.example.org/cb": errURIScheme, "http://localhost/cb": errURIScheme, "http://localhost:8000/cb": errURIScheme, "http://127.0.0.2/cb": errURIScheme,
	"http://127.0.0.1.evil.example/cb": errURIScheme, "http://127.1/cb": errURIScheme, "http://2130706433/cb": errURIScheme, "http://[::ffff:127.0.0.1]/cb": errURIScheme,
	"http://[::1%25lo]/cb": errURIScheme, "http://127.0.0.1:0/cb": errURIScheme, "http://127.0.0.1:65536/cb": errURIScheme, "http://127.0.0.1:080/cb": errURIScheme,
	"http://127.0.0.1:/cb": errURIScheme, "http://me@127.0.0.1/cb": errURIScheme, "http://127.0.0.1:8000@evil.example/": errURIScheme, "http://127.0.0.1/../cb": errURIScheme,
	"HTTPS://app.example.org/cb": errURIScheme, "javascript:alert(1)": errURIScheme, "data:text/html,x": errURIScheme, "myapp:/cb": errURIScheme, "myapp://cb": errURIScheme,
	"Com.example:/cb": errURIScheme, ".example:/cb": errURIScheme, "com.:/cb": errURIScheme, "com..example:/cb": errURIScheme, "1.example:/cb": errURIScheme,
	"https://": errURIHost, "https:///cb": errURIHost, "https://good.example@evil.example/": errURIHost, "https://good.example:pw@evil.example/": errURIHost,
	"https://App.example.org/cb": errURIHost, "https://app.example.org./cb": errURIHost, "https://app..example/cb": errURIHost, "https://-app.example/": errURIHost,
	"https://app.example:/cb": errURIHost, "https://app.example:0443/cb": errURIHost, "https://app.example:99999/": errURIHost, "https://app.example:8:8/": errURIHost,
	"https://[::1%25eth0]/": errURIHost, "https://[fe80::1%25eth0]/": errURIHost, "https://[0:0::1]/": errURIHost, "https://[::1/": errURIHost, "https://::1/": errURIHost,
	"https://0x7f.0.0.1/": errURIHost, "https://0177.0.0.1/": errURIHost, "https://127.1/": errURIHost, "https://app.example.0x7f/": errURIHost, "https://a_b.example/": errURIHost,
	"https://app%2eexample/": errURIHost, "com.example.app://user@host/cb": errURIHost,
	"https://app.example/a/../b": errURIPath, "https://app.example/./b": errURIPath, "https://app.example/a/..": errURIPath, "https://app.example//evil.example": errURIPath,
	"https://app.example/%2e%2e/b": errURIPath, "https://app.example/a%2Fb": errURIPath, "https://app.example/a%2fb": errURIPath, "https://app.example/a%5cb": errURIPath,
	"https://app.example/%252e/b": errURIPath, "https://app.example/.%2E/b": errURIPath, "com.example.app:/../cb": errURIPath, "com.example.app:cb": errURIPath,
	"com.example.app:": errURIPath, "com.example.app:?x": errURIPath, "com.example.app:////evil.example": errURIPath, "app.immich://": errURIPath, "app.immich://?x": errURIPath, "https://app.example/[x]": errURIPath,
	"https://app.example/cb#x": errURISpelling, "https://app.example/cb#": errURISpelling, `https://app.example\@evil.example/`: errURISpelling, "https://*.example.org/cb": errURISpelling,
	"https://app.example/*": errURISpelling, " https://app.example/": errURISpelling, "https://app.example/ ": errURISpelling, "https://app.example/\ncb": errURISpelling,
	"https://app.example/\x00": errURISpelling, "https://bücher.example/": errURISpelling, "https://app.example/ü": errURISpelling, "https://app.example/%": errURISpelling,
	"https://app.example/%4": errURISpelling, "https://app.example/%zz": errURISpelling, "https://app.example/%00": errURISpelling, "https://app.example/cb?x=%0d%0aSet-Cookie": errURISpelling,
	"https://app.example/<script>": errURISpelling, `https://app.example/"x`: errURISpelling, "https://app.example/^": errURISpelling, "https://evil。example/": errURISpelling,
}

func TestCheckRedirect(t *testing.T) {
	for _, uri := range accepted {
		if err := CheckRedirect(uri); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for uri, want := range refused {
		if err := CheckRedirect(uri); err != want { // the table names the very values
			t.Errorf("%q: %v, want %v", uri, err, want)
		}
	}
	long := "https://app.example/" + strings.Repeat("a", longestURI)
	if CheckRedirect(long) != errURILong || CheckRedirect(long[:longestURI]) != nil {
		t.Error("the longest address")
	}
}

func TestAllowsRedirect(t *testing.T) {
	registered := []string{"https://app.example/cb", "https://app.example:8443/cb?a=1", "http://127.0.0.1/cb", "http://[::1]:7000/cb?x=y", "com.example.app:/cb"}
	public, confidential := Client{Auth: None, RedirectURIs: registered}, Client{Auth: Basic, RedirectURIs: registered}
	for _, uri := range registered {
		if !public.AllowsRedirect(uri) || !confidential.AllowsRedirect(uri) {
			t.Errorf("%s is registered", uri)
		}
	}
	for _, uri := range []string{"http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb?x=y", "http://[::1]:51004/cb?x=y"} {
		if !public.AllowsRedirect(uri) || confidential.AllowsRedirect(uri) {
			t.Errorf("%s: only the port differs, which only a public client may choose", uri)
		}
	}
	for _, uri := range []string{
		"", "https://app.example/cb/", "https://app.example/cb?", "https://app.example/cb?x=1", "https://app.example/cb#x", "https://app.example:443/cb", "https://app.example:8444/cb?a=1",
		"https://app.example/CB", "https://APP.example/cb", "https://app.example./cb", "https://app.example@evil.example/cb", "https://app.example/cb/../x", "https://app.example/%63b",
		"https://app.example\\cb", "https://app.example//cb", "http://app.example/cb", "https://evil.app.example/cb", "https://app.example.evil.example/cb",
		"http://localhost/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1:8a/cb",
		"http://127.0.0.1:8000@evil.example/cb", "http://127.0.0.1@evil.example/cb", "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80", "http://127.0.0.1:80/cb2", "http://127.0.0.1:80/cb?x",
		"http://[::1]:80/cb", "http://[::1]:80/cb?x=z", "http://[::2]:80/cb?x=y", "http://127.0.0.1/cb?x=y", "https://127.0.0.1/cb", "http://127.0.0.1:+80/cb", "http://127.0.0.1: 80/cb",
		"com.example.app:/cb/x", "com.example.app://cb", "com.example.app2:/cb",
	} {
		if public.AllowsRedirect(uri) || confidential.AllowsRedirect(uri) {
			t.Errorf("%q is not registered", uri)
		}
	}
	if (Client{}).AllowsRedirect("") {
		t.Error("a client without addresses allows the empty one")
	}
	after := Client{Auth: None, PostLogoutURIs: []string{"http://127.0.0.1/bye"}}
	if !after.AllowsPostLogout("http://127.0.0.1/bye") || after.AllowsPostLogout("http://127.0.0.1:80/bye") || after.AllowsPostLogout("") {
		t.Error("after signing out only the very address is allowed")
	}
}

// FuzzRedirect looks for a registered address that Go's own parser reads in another way, and for an address that is allowed though it leads
// anywhere else than the registered one.
func FuzzRedirect(f *testing.F) {
	for _, uri := range accepted {
		f.Add(uri, uri)
		f.Add(uri, "http://127.0.0.1:8000/cb")
	}
	for uri := range refused {
		f.Add("http://127.0.0.1/cb", uri)
		f.Add(uri, uri)
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		if CheckRedirect(registered) != nil {
			return
		}
		r := readAgain(t, registered)
		for _, auth := range []Auth{None, Basic} {
			c := Client{Auth: auth, RedirectURIs: []string{registered}}
			if !c.AllowsRedirect(registered) {
				t.Fatalf("%q is registered and not allowed", registered)
			}
			if asked == registered || !c.AllowsRedirect(asked) {
				continue
			}
			a, err := url.Parse(asked)
			if err != nil || auth != None || a.Scheme != "http" || a.User != nil || a.Hostname() != r.Hostname() || a.RequestURI() != r.RequestURI() || a.Fragment != "" ||
				a.Hostname() != "127.0.0.1" && a.Hostname() != "::1" || strings.Replace(asked, ":"+a.Port(), "", 1) != strings.Replace(registered, ":"+r.Port(), "", 1) && a.Port() != "" && r.Port() != "" {
				t.Fatalf("%q is allowed where %q is registered", asked, registered)
			}
		}
	})
}

// readAgain is a registered URI as Go reads it, which must be what we took it for.
func readAgain(t *testing.T, registered string) *url.URL {
	t.Helper()
	r, err := url.Parse(registered)
	if err != nil {
		t.Fatalf("%q is accepted, and Go cannot read it: %v", registered, err)
	}
	plain := r.Path == "" || path.Clean(r.Path) == strings.TrimSuffix(r.Path, "/") || r.Path == "/"
	if r.String() != registered && r.String() != strings.Replace(registered, ":///", ":/", 1) || r.User != nil || r.Fragment != "" || r.Opaque != "" || !plain {
		t.Fatalf("%q is accepted, and Go reads %q", registered, r.String())
	}
	switch r.Scheme {
	case "https":
		if r.Host == "" {
			t.Fatalf("%q is accepted without a host", registered)
		}
	case "http":
		if h := r.Hostname(); h != "127.0.0.1" && h != "::1" {
			t.Fatalf("%q is accepted", registered)
		}
	default:
		if !strings.Contains(r.Scheme, ".") {
			t.Fatalf("%q is accepted", registered)
		}
	}
	return r
}
