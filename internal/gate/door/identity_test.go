package door

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/gate/proxytest"
	"usher/internal/id"
)

// smuggled are spellings of identity headers that a client may send in the hope that some server takes one for the gate's.
var smuggled = []string{
	"Remote-User", "remote-user", "REMOTE-USER", "Remote_User", "remote_user", "REMOTE_USER", "Remote-Groups", "Remote_Groups", "Remote-Email", "remote.user", "Remote!User", "-Remote-User", "_remote_user",
	"X-Remote-User", "X_Remote_User", "X-Remote-Groups", "X-Remote-Anything", "Http-Remote-User", "HTTP_REMOTE_USER", "X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups",
	"X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X_Auth_Request_User", "X-Usher-Assertion", "X_Usher_Assertion",
	"X-Usher-Anything", "X-Authentik-Username", "X-WebAuth-User", "X-Webauth-Groups", "Tailscale-User-Login", "Cf-Access-Authenticated-User-Email", "X-Pomerium-Claim-Email", "X-Authenticated-User",
	"OIDC_CLAIM_sub", "X-Amzn-Oidc-Identity", "X-Goog-IAP-JWT-Assertion", "Ssl-Client-S-Dn", "X_SSL_Client_Verify", "Shib-Identity", "X-Userinfo",
}

// honest are headers that get through.
var honest = []string{"Range", "X-Emby-Token", "X-Emby-Authorization", "X-Requested-With", "Accept-Language", "X-Plex-Client-Identifier", "Content-Language", "X-Nd-Authorization", "Remotely", "Sec-Fetch-Site", "Origin", "Save-Data", "Max-Forwards"}

// asserted complains of whatever a media server could take for an identity that is not the one that was let in.
func asserted(t *testing.T, what string, got seen, want Decision) {
	t.Helper()
	identity := map[string]string{UserHeader: want.UserName, NameHeader: want.Name, EmailHeader: want.Email, GroupsHeader: strings.Join(want.Groups, ",")}
	for name, value := range identity {
		if !slices.Equal(got.Header[name], []string{value}) {
			t.Errorf("%s: %s is %q, want %q", what, name, got.Header[name], value)
		}
	}
	for name := range got.Header {
		if _, known := identity[name]; !known && name != AssertionHeader && identifies(name) {
			t.Errorf("%s: the media server received %s: %q", what, name, got.Header[name])
		}
	}
	for name := range got.Trailer {
		t.Errorf("%s: the media server received a trailer %s", what, name)
	}
	if text := fmt.Sprint(got); strings.Contains(text, "mallory") {
		t.Errorf("%s: mallory got through: %s", what, text)
	}
}

// Attack G1: whoever a request says it is, it is whom its token lets in.
func TestForeignIdentityIsStripped(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token := g.let(ann())
	for _, name := range smuggled {
		for what, header := range map[string]http.Header{
			"once":       {name: {"mallory"}},
			"twice":      {name: {"mallory", "mallory2"}},
			"and listed": {name: {"mallory"}, "Connection": {name + ", Remote-User, X-Usher-Assertion, Remote-Groups"}},
		} {
			maps.Copy(header, bearer(token))
			asserted(t, name+" "+what, g.through(t, http.MethodGet, "/x", header), ann())
		}
	}
	header := bearer(token)
	for _, name := range honest {
		header[name] = []string{"kept"}
	}
	got := g.through(t, http.MethodGet, "/x", header)
	for _, name := range honest {
		if got.Header.Get(name) != "kept" {
			t.Errorf("%s did not get through", name)
		}
	}
	if got.Header["Authorization"] != nil {
		t.Error("the gate's own token got through")
	}
}

// Attack G12: trailing blanks, folded lines, trailers, two lengths, and other ways to hide a header: either the whole request is refused, or nothing of it is believed.
func TestSmuggling(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token := g.let(ann()).Reveal()
	for name, raw := range map[string]string{
		"blank in a name":     "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nRemote-User : mallory\r\n\r\n",
		"tab in a name":       "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nRemote-User\t: mallory\r\n\r\n",
		"folded":              "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nX-A: b\r\n Remote-User: mallory\r\n\r\n",
		"bare LF":             "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nX-A: b\nRemote-User: mallory\r\n\r\n",
		"bare CR":             "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nX-A: b\rRemote-User: mallory\r\n\r\n",
		"trailer":             "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTE: trailers\r\nTrailer: Remote-User\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nRemote-User: mallory\r\n\r\n",
		"length and chunks":   "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /mallory HTTP/1.1\r\nHost: a\r\n\r\n",
		"odd coding":          "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"coding with a blank": "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"two lengths":         "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\nGET /mallory HTTP/1.1\r\nHost: a\r\n\r\n",
		"upgrade to h2c":      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nRemote-User: mallory\r\n\r\n",
		"continue":            "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nExpect: 100-continue\r\nContent-Length: 1\r\nRemote_User: mallory\r\n\r\na",
		"absolute":            "GET http://mallory.example/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nRemote-User: mallory\r\n\r\n",
		"old version":         "GET / HTTP/1.0\r\nAuthorization: Bearer TOKEN\r\nRemote-User: mallory\r\n\r\n",
		"asterisk":            "OPTIONS * HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nRemote-User: mallory\r\n\r\n",
		"tunnel":              "CONNECT mallory:1 HTTP/1.1\r\nHost: mallory:1\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"trace":               "TRACE / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nX: mallory\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", g.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, strings.ReplaceAll(raw, "TOKEN", token))
			in := bufio.NewReader(conn)
			answer, err := http.ReadResponse(in, nil)
			for err == nil && answer.StatusCode < 200 {
				answer, err = http.ReadResponse(in, nil)
			}
			if err != nil {
				return // hung up
			}
			defer answer.Body.Close()
			var got seen
			if answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(&got) == nil && got.Method != "" {
				if got.Host == "mallory.example" { // an absolute request line names its own host, RFC 9112 §3.2.2
					got.Host, got.Header = "", maps.Clone(got.Header)
					got.Header.Del("X-Forwarded-Host")
				}
				if got.Header.Get("X-A") == "b Remote-User: mallory" { // folded lines are one value, RFC 9112 §5.2
					got.Header.Del("X-A")
				}
				asserted(t, name, got, ann())
				if got.Header["Upgrade"] != nil || got.Header["Http2-Settings"] != nil && got.Header["Connection"] != nil {
					t.Errorf("the upgrade got through: %v", got.Header)
				}
			}
		})
	}
}

// Whatever the service calls somebody, it is one value of one header.
func TestNamesInHeaders(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	for name, want := range map[string]string{
		"Zoë 蔵": "Zoë 蔵", "a\r\nRemote-User: mallory": "aRemote-User: mallory", "a\x00b": "ab", "  a ": "a", "a\u202eb": "ab", "a\u2028b": "ab", "\xff": "", "": "", "a\u0085b": "ab",
	} {
		who := bob()
		who.Name, who.Email = name, name
		who.Groups = []string{name + ",owner", ""}
		got := g.through(t, http.MethodGet, "/", bearer(g.let(who)))
		if h := got.Header; !slices.Equal(h[NameHeader], []string{want}) || !slices.Equal(h[EmailHeader], []string{want}) || h.Get(UserHeader) != "bob" || len(h[GroupsHeader]) != 1 || strings.Contains(h[GroupsHeader][0], ",") {
			t.Errorf("%q is told as %q", name, h)
		}
	}
	nobody := Decision{Account: "acc-x"}
	got := g.through(t, http.MethodGet, "/", bearer(g.let(nobody)))
	if h := got.Header; h.Get(UserHeader) != "acc-x" || !slices.Equal(h[NameHeader], []string{""}) || !slices.Equal(h[EmailHeader], []string{""}) || !slices.Equal(h[GroupsHeader], []string{""}) {
		t.Errorf("who has no names is told as %q", h)
	}
}

// Who has no name is known by the subject; nobody else can take that for a name.
func TestNobodyIsNamedLikeASubject(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	subject := id.New(g.now())
	for _, name := range []string{subject, strings.ToUpper(subject)} {
		mallory := Decision{Account: "acc-mallory", UserName: name}
		got := g.through(t, http.MethodGet, "/", bearer(g.let(mallory)))
		_, body, _ := strings.Cut(got.Header.Get(AssertionHeader), ".")
		said, err := base64.RawURLEncoding.DecodeString(strings.Split(body, ".")[0])
		if err != nil || got.Header.Get(UserHeader) != "acc-mallory" || strings.Contains(string(said), name) {
			t.Errorf("a person who is called %s is told as %q, and signed as %s (%v)", name, got.Header.Get(UserHeader), said, err)
		}
	}
}

// What the guide shows of an assertion is what is sent.
func TestTheGuideShowsAnAssertion(t *testing.T) {
	type object = map[string]any
	var head, want object
	shown := json.NewDecoder(strings.NewReader(proxytest.Guide(t, "gate", "json")))
	for _, part := range []*object{&head, &want} {
		if err := shown.Decode(part); err != nil {
			t.Fatal(err)
		}
	}
	text := func(name string) string { s, _ := want[name].(string); return s }
	iat, _ := want["iat"].(float64)
	groups := []string{}
	for _, group := range want["groups"].([]any) {
		groups = append(groups, group.(string))
	}
	g := open(t, text("aud")+"/base", func(s *Settings) { s.Server = text("iss") })
	signed, err := g.door.signer.assert(g.decider.admit(key{}, Decision{Account: text("sub"), UserName: text("preferred_username"), Name: text("name"), Email: text("email"), Groups: groups}, g.now()), time.Unix(int64(iat), 0))
	if err != nil {
		t.Fatal(err)
	}
	for n, shown := range []object{head, want} {
		raw, err := encoding.DecodeString(strings.Split(signed, ".")[n])
		var sent object
		if err != nil || json.Unmarshal(raw, &sent) != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if n == 0 {
			sent["kid"] = shown["kid"]
		}
		if !reflect.DeepEqual(sent, shown) {
			t.Errorf("sent is %s, and shown %v", raw, shown)
		}
	}
	all, err := os.ReadFile("../../../docs/guides/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{UserHeader, NameHeader, EmailHeader, GroupsHeader, AssertionHeader} {
		if !strings.Contains(string(all), "| `"+name+"` |") {
			t.Errorf("%s is not explained", name)
		}
	}
}

func TestAssertion(t *testing.T) {
	upstream := echo(t)
	g := open(t, upstream.URL, nil)
	token := g.let(ann())
	_, raw := g.ask(t, http.MethodGet, "/.usher/keys", nil)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(raw), &keys); err != nil || len(keys.Keys) != 1 || !keys.Keys[0].IsPublic() {
		t.Fatalf("the keys are %s (%v)", raw, err)
	}
	first := g.through(t, http.MethodGet, "/", bearer(token)).Header.Get(AssertionHeader)
	signed, err := jose.ParseSignedCompact(first, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	body, err := signed.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	var said claims
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatal(err)
	}
	if said.Issuer != serverID || said.Audience != upstream.URL || said.Subject != "acc-ann" || said.Expires-said.IssuedAt != 60 || said.Email != "ann@example.org" || !slices.Equal(said.Groups, []string{"owner"}) {
		t.Errorf("it says %s", body)
	}
	if signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != AssertionType {
		t.Errorf("its header is %v", signed.Signatures[0].Header)
	}
	if again := g.through(t, http.MethodGet, "/", bearer(token)).Header.Get(AssertionHeader); again != first {
		t.Error("it is signed for each request")
	}
	g.pass(assertionUse)
	if later := g.through(t, http.MethodGet, "/", bearer(token)).Header.Get(AssertionHeader); later == first {
		t.Error("it is never signed anew")
	}
}
