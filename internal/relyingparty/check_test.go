package relyingparty

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/id"
)

// web is a client that may be registered.
func web() Client {
	return Client{
		ID: "jellyfin", Name: "Jellyfin in the attic", RedirectURIs: []string{"https://jf.example/cb"}, PostLogoutURIs: []string{"https://jf.example/bye"},
		Scopes: []Scope{OpenID, Profile}, Grants: []Grant{Code, Refresh}, Auth: Basic, LogoutURI: "https://jf.example/logout",
	}
}

func TestCheck(t *testing.T) {
	keys := keySet(t, newKey(t, "one"))
	for name, c := range map[string]struct {
		change func(*Client)
		want   string // the fields that are wrong
	}{
		"as it is":                 {func(*Client) {}, ""},
		"a made id":                {func(c *Client) { c.ID = NewID(time.Unix(1, 0)) }, ""},
		"no id":                    {func(c *Client) { c.ID = "" }, "id"},
		"a long id":                {func(c *Client) { c.ID = strings.Repeat("a", 65) }, "id"},
		"the id new":               {func(c *Client) { c.ID = "new" }, "id"},
		"an id of one letter":      {func(c *Client) { c.ID = "a" }, ""},
		"an id with a slash":       {func(c *Client) { c.ID = "a/b" }, "id"},
		"an id with a colon":       {func(c *Client) { c.ID = "a:b" }, "id"},
		"an id with capitals":      {func(c *Client) { c.ID = "Jelly" }, "id"},
		"an id that ends in a dot": {func(c *Client) { c.ID = "a." }, "id"},
		"no name":                  {func(c *Client) { c.Name = "" }, "name"},
		"a name with a line break": {func(c *Client) { c.Name = "a\nb" }, "name"},
		"a name that turns around": {func(c *Client) { c.Name = "a\u202eb" }, "name"},
		"a name with air":          {func(c *Client) { c.Name = " a" }, "name"},
		"a name of 64":             {func(c *Client) { c.Name = strings.Repeat("ü", 64) }, ""},
		"a name of 65":             {func(c *Client) { c.Name = strings.Repeat("ü", 65) }, "name"},
		"a broken name":            {func(c *Client) { c.Name = "a\xff" }, "name"},
		"nowhere to come back to":  {func(c *Client) { c.RedirectURIs = nil }, "redirect_uris"},
		"a wildcard":               {func(c *Client) { c.RedirectURIs = append(c.RedirectURIs, "https://*.example/") }, "redirect_uris"},
		"too many":                 {func(c *Client) { c.RedirectURIs = many() }, "redirect_uris"},
		"an app's with a secret":   {func(c *Client) { c.RedirectURIs = []string{"com.example:/cb"} }, "redirect_uris"},
		"an app":                   {func(c *Client) { c.Auth, c.RedirectURIs = None, []string{"com.example:/cb"} }, ""},
		"after, with a fragment":   {func(c *Client) { c.PostLogoutURIs = []string{"https://a.example/#"} }, "post_logout_uris"},
		"no scope":                 {func(c *Client) { c.Scopes = nil }, "scopes"},
		"an unknown scope":         {func(c *Client) { c.Scopes = []Scope{"admin"} }, "scopes"},
		"a scope twice":            {func(c *Client) { c.Scopes = []Scope{OpenID, OpenID} }, "scopes"},
		"no grant":                 {func(c *Client) { c.Grants = nil }, "grants"},
		"the implicit grant":       {func(c *Client) { c.Grants = []Grant{Code, "implicit"} }, "grants"},
		"refresh alone":            {func(c *Client) { c.Grants = []Grant{Refresh} }, "grants"},
		"a television":             {func(c *Client) { c.Grants, c.RedirectURIs, c.Auth = []Grant{DeviceCode, Refresh}, nil, None }, ""},
		"credentials by a secret":  {func(c *Client) { c.Grants = []Grant{Credentials} }, "grants"},
		"credentials of anybody":   {func(c *Client) { c.Grants, c.Auth = []Grant{Credentials}, None }, "grants"},
		"a media server": {func(c *Client) {
			c.Grants, c.RedirectURIs, c.Auth, c.Keys = []Grant{Credentials}, nil, PrivateKey, keys
		}, ""},
		"no authentication":         {func(c *Client) { c.Auth = "" }, "auth"},
		"an unknown authentication": {func(c *Client) { c.Auth = "client_secret_jwt" }, "auth"},
		"keys missing":              {func(c *Client) { c.Auth = PrivateKey }, "keys"},
		"keys without use":          {func(c *Client) { c.Keys = keys }, "keys"},
		"a broken key":              {func(c *Client) { c.Auth, c.Keys = PrivateKey, "{}" }, "keys"},
		"told without https":        {func(c *Client) { c.LogoutURI = "http://jf.example/logout" }, "logout_uri"},
		"told at a scheme":          {func(c *Client) { c.LogoutURI = "com.example:/x" }, "logout_uri"},
		"told as a user":            {func(c *Client) { c.LogoutURI = "https://u:p@jf.example/" }, "logout_uri"},
		"told inside":               {func(c *Client) { c.LogoutURI, c.TrustedPrivate = "http://10.0.0.7:8096/logout", true }, ""},
		"told inside in secret":     {func(c *Client) { c.LogoutURI = "https://10.0.0.7:8096/logout" }, "logout_uri"},
		"told on this machine":      {func(c *Client) { c.LogoutURI = "https://[::1]?x" }, "logout_uri"},
		"told at localhost":         {func(c *Client) { c.LogoutURI = "https://localhost:1/" }, "logout_uri"},
		"told at an address":        {func(c *Client) { c.LogoutURI = "https://[2606:4700::1111]/logout" }, ""},
		"told inside by file":       {func(c *Client) { c.LogoutURI, c.TrustedPrivate = "file:///etc/passwd", true }, "logout_uri"},
		"the house's":               {func(c *Client) { c.FirstParty = true }, ""},
		"the house's in a browser":  {func(c *Client) { c.FirstParty, c.Auth = true, None }, ""},
		"the house's on a computer": {func(c *Client) { c.FirstParty, c.Auth, c.RedirectURIs = true, None, []string{"http://127.0.0.1/cb"} }, "first_party"},
		"the house's on a phone": {func(c *Client) {
			c.FirstParty, c.Auth, c.RedirectURIs = true, None, []string{"https://a.example/", "com.example:/cb"}
		}, "first_party"},
		"the house's, and proved": {func(c *Client) { c.FirstParty, c.RedirectURIs = true, []string{"http://127.0.0.1/cb"} }, ""},
		"everything":              {func(c *Client) { *c = Client{} }, "id name scopes grants auth"},
	} {
		client := web()
		c.change(&client)
		var fields []string
		for _, p := range client.Check() {
			fields = append(fields, string(p.Field))
			if !strings.HasPrefix(p.Error(), string(p.Field)+": ") || p.Err.Error() == "" {
				t.Errorf("%s: %q", name, p.Error())
			}
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func many() (all []string) {
	for i := range mostURIs + 1 {
		all = append(all, fmt.Sprintf("https://a.example/%d", i))
	}
	return all
}

func TestClientsKnowWhatTheyMay(t *testing.T) {
	c := web()
	if c.Public() || !c.HasSecret() || !c.MayUse(Code) || c.MayUse(DeviceCode) || !c.MayAsk(Profile) || c.MayAsk(Player) {
		t.Errorf("%+v", c)
	}
	if c.Auth = None; !c.Public() || c.HasSecret() {
		t.Error("a public client has no secret")
	}
	if c.Auth = PrivateKey; c.Public() || c.HasSecret() {
		t.Error("a client with keys has no secret either, and is not public")
	}
	if !id.Valid(NewID(time.Unix(1, 0))) {
		t.Error("no id")
	}
}

// Differs names every part but the id, when it was made, and where it stands.
func TestDiffers(t *testing.T) {
	c, other := web(), web()
	other.ID, other.CreatedAt, other.Configured = "other", time.Unix(9, 0), true
	if got := c.Differs(other); got != nil {
		t.Errorf("nothing differs but %q", got)
	}
	got := strings.Join(c.Differs(Client{TrustedPrivate: true, FirstParty: true, Keys: "x"}), " ")
	if got != "name redirect_uris post_logout_uris scopes grants auth keys logout_uri trusted_private first_party" {
		t.Errorf("everything differs: %s", got)
	}
}

func newKey(t *testing.T, kid string) jose.JSONWebKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: public, KeyID: kid}
}

func keySet(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseKeys(t *testing.T) {
	secretKey := func(key crypto.Signer, err error) crypto.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	good := secretKey(rsa.GenerateKey(rand.Reader, 2048))
	p256, p384 := secretKey(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), secretKey(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	one := newKey(t, "one")
	encrypting, nameless := newKey(t, "enc"), newKey(t, "")
	encrypting.Use = "enc"
	var crowd []jose.JSONWebKey
	for i := range mostKeys + 1 {
		crowd = append(crowd, newKey(t, fmt.Sprint(i)))
	}
	weak := `{"keys":[{"kty":"RSA","kid":"w","e":"AQAB","n":"` + strings.Repeat("x", 171) + `"}]}` // 1,024 bits
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"three kinds":    {keySet(t, one, jose.JSONWebKey{Key: good.Public(), KeyID: "rsa", Use: "sig"}, jose.JSONWebKey{Key: p256.Public(), KeyID: "ec"}), nil},
		"nothing":        {"", errKeys},
		"no keys":        {`{"keys":[]}`, errKeys},
		"an address":     {"https://client.example/jwks", errKeys},
		"too many":       {keySet(t, crowd...), errKeys},
		"too long":       {keySet(t, one) + strings.Repeat(" ", longestKeys), errKeys},
		"a private one":  {keySet(t, one, jose.JSONWebKey{Key: p256, KeyID: "ec"}), errKeysPrivate},
		"a shared one":   {keySet(t, jose.JSONWebKey{Key: []byte("a secret that both know"), KeyID: "oct"}), errKeysPrivate},
		"another curve":  {keySet(t, jose.JSONWebKey{Key: p384.Public(), KeyID: "ec"}), errKeysWeak},
		"a short one":    {weak, errKeysWeak},
		"for secrecy":    {keySet(t, encrypting), errKeysWeak},
		"without a name": {keySet(t, nameless), errKeysWeak},
		"one name twice": {keySet(t, one, newKey(t, "one")), errKeysWeak},
	} {
		if _, err := ParseKeys(c.text); err != c.want { // the table names the very values
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
