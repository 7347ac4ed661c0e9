package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"usher/internal/audit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

const origin = "https://usher.example.org"

// fromElsewhere is what a browser says of a form that another site's page sends.
var fromElsewhere = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://jellyfin.example"}}

// app is a client of the provider, which works through a library that is not ours.
type app struct {
	*doors
	relyingparty.Client
	secret   secret.Token
	key      jose.JSONWebKey // of a client that proves itself by a signature
	config   oauth2.Config
	provider *oidc.Provider
}

// RoundTrip lets the libraries speak to the doors. Nothing of ours is between them but the transport.
func (d *doors) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "203.0.113.7:4711", r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.every.ServeHTTP(w, in)
	return w.Result(), nil
}

// outside is a context in which go-oidc and oauth2 reach the service.
func (d *doors) outside() context.Context {
	return oidc.ClientContext(d.Context(), &http.Client{Transport: d})
}

// newApp registers a client and reads the provider's description.
func (d *doors) newApp(id string, change func(*relyingparty.Client)) *app {
	d.Helper()
	a := &app{doors: d, secret: secret.NewToken(), Client: relyingparty.Client{
		ID: id, Name: "The " + id, RedirectURIs: []string{"https://" + id + ".example/cb"}, PostLogoutURIs: []string{"https://" + id + ".example/bye"},
		Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email, relyingparty.OfflineAccess, relyingparty.Player},
		Grants: []relyingparty.Grant{relyingparty.Code, relyingparty.Refresh}, Auth: relyingparty.Basic, CreatedAt: d.at,
	}}
	if change != nil {
		change(&a.Client)
	}
	var secrets []secret.Token
	if a.HasSecret() {
		secrets = []secret.Token{a.secret}
	}
	if a.Auth == relyingparty.PrivateKey {
		a.makeKey()
	}
	if wrong := a.Check(); wrong != nil {
		d.Fatal(wrong)
	}
	d.must(d.db.RegisterClient(d.Context(), a.Client, secrets, audit.New(d.at, audit.ClientRegistered, audit.CLI, "")))
	var err error
	a.provider, err = oidc.NewProvider(d.outside(), origin)
	d.must(err)
	a.config = oauth2.Config{ClientID: id, Endpoint: a.provider.Endpoint(), Scopes: []string{"openid"}}
	if a.HasSecret() {
		a.config.ClientSecret = a.secret.Reveal()
	}
	if len(a.RedirectURIs) > 0 {
		a.config.RedirectURL = a.RedirectURIs[0]
	}
	return a
}

// makeKey gives a client a key to prove itself by.
func (a *app) makeKey() {
	a.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	a.must(err)
	a.key = jose.JSONWebKey{Key: private, KeyID: a.ID, Algorithm: "EdDSA"}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{a.key.Public()}})
	a.must(err)
	a.Keys = string(keys)
}

// aServer is a client that proves itself by a signature and speaks for itself, as media servers do.
func aServer(c *relyingparty.Client) {
	c.Auth, c.RedirectURIs, c.PostLogoutURIs = relyingparty.PrivateKey, nil, nil
	c.Grants, c.Scopes = []relyingparty.Grant{relyingparty.Credentials}, []relyingparty.Scope{relyingparty.Servers, relyingparty.Signals}
}

// ask begins an authorization, and returns the address that the browser is sent on to.
func (d *doors) ask(address string) *url.URL {
	d.Helper()
	u, err := url.Parse(address)
	d.must(err)
	w := d.send(http.MethodGet, u.RequestURI(), request{})
	if w.Code != http.StatusSeeOther {
		d.Fatalf("authorize answers %d: %s", w.Code, w.Body)
	}
	on, err := url.Parse(w.Header().Get("Location"))
	d.must(err)
	return on
}

// allow presses Allow on the page of a request, and returns where the browser goes.
func (h *holder) allow(page *url.URL, browser string) *url.URL {
	h.Helper()
	w := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}})
	if w.Code == http.StatusOK {
		w = h.post("/authorize/consent", consentForm(w, "allow"), "usher", browser)
	}
	if w.Code != http.StatusSeeOther {
		h.Fatalf("consent answers %d: %s", w.Code, w.Body)
	}
	on, err := url.Parse(w.Header().Get("Location"))
	h.must(err)
	return on
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// consentForm is the form of the page as a browser sends it.
func consentForm(page *httptest.ResponseRecorder, act string) url.Values {
	form := url.Values{"act": {act}}
	for _, field := range hidden.FindAllStringSubmatch(page.Body.String(), -1) {
		form.Set(field[1], field[2])
	}
	return form
}

// people is a service with somebody on it.
func (d *doors) people() *holder {
	h := &holder{doors: d, name: "openid", password: "seven copper kettles sing"}
	h.anna = d.person("anna", h.password, false)
	return h
}

// code runs an authorization to its end, as its person who allows it.
func (h *holder) codeFor(a *app, browser string, options ...oauth2.AuthCodeOption) (code, verifier string) {
	h.Helper()
	verifier = oauth2.GenerateVerifier()
	back := h.allow(h.ask(a.config.AuthCodeURL("some state", append(options, oauth2.S256ChallengeOption(verifier))...)), browser)
	q := back.Query()
	if q.Get("error") != "" || q.Get("state") != "some state" || q.Get("iss") != origin || q.Get("code") == "" || !strings.HasPrefix(back.String(), a.config.RedirectURL+"?") {
		h.Fatalf("back at %s", back)
	}
	return q.Get("code"), verifier
}

// tokens runs an authorization and exchanges its code.
func (h *holder) tokensFor(a *app, browser string, scopes ...string) *oauth2.Token {
	h.Helper()
	a.config.Scopes = scopes
	code, verifier := h.codeFor(a, browser)
	t, err := a.config.Exchange(h.outside(), code, oauth2.VerifierOption(verifier))
	h.must(err)
	return t
}

// Apps are told the truth about an address that only an operator has named: nobody proved it. And once somebody did, that.
func TestAppsAreToldWhoseAddressIsProved(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("jellyfin", nil)
		for _, proved := range []bool{true, false} {
			d.do("UPDATE account SET email_proved = $1", proved)
			tokens := h.tokensFor(a, h.signedIn(h.anna), "openid", "email")
			raw, _ := tokens.Extra("id_token").(string)
			id, err := a.provider.VerifierContext(d.outside(), &oidc.Config{ClientID: a.ID, Now: d.now}).Verify(d.outside(), raw)
			d.must(err)
			var inToken, inInfo struct {
				Verified *bool `json:"email_verified"`
			}
			d.must(id.Claims(&inToken))
			info, err := a.provider.UserInfo(d.outside(), a.config.TokenSource(d.outside(), tokens))
			d.must(err)
			d.must(info.Claims(&inInfo))
			for where, said := range map[string]*bool{"ID token": inToken.Verified, "userinfo": inInfo.Verified} {
				if said == nil || *said != proved {
					t.Errorf("%s, while it is proved %t: %v", where, proved, said)
				}
			}
		}
	})
}

// Strict libraries that are not ours run discovery, the code flow with PKCE, the check of the ID token, userinfo, and refresh.
func TestForeignClientsSignIn(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("jellyfin", nil)
		a.config.Scopes = []string{"openid", "profile", "email", "offline_access"}
		code, verifier := h.codeFor(a, h.signedIn(h.anna), oidc.Nonce("some nonce"))
		tokens, err := a.config.Exchange(d.outside(), code, oauth2.VerifierOption(verifier))
		d.must(err)
		if tokens.TokenType != "Bearer" || tokens.RefreshToken == "" || tokens.ExpiresIn != 600 {
			t.Errorf("%+v", tokens)
		}
		raw, _ := tokens.Extra("id_token").(string)
		check := a.provider.VerifierContext(d.outside(), &oidc.Config{ClientID: a.ID, Now: d.now})
		id, err := check.Verify(d.outside(), raw)
		d.must(err)
		d.must(id.VerifyAccessToken(tokens.AccessToken))
		var said struct {
			ACR, Name string
			AMR       []string
			UserName  string `json:"preferred_username"`
			Email     string
			Verified  bool  `json:"email_verified"`
			AuthTime  int64 `json:"auth_time"`
		}
		d.must(id.Claims(&said))
		if id.Nonce != "some nonce" || id.Subject != h.anna.ID || said.UserName != "anna" || said.Email != h.anna.Email || said.Verified || said.ACR != "urn:usher:password" || !slices.Equal(said.AMR, []string{"pwd"}) || said.AuthTime == 0 {
			t.Errorf("%+v %+v", id, said)
		}
		info, err := a.provider.UserInfo(d.outside(), a.config.TokenSource(d.outside(), tokens))
		d.must(err)
		if info.Subject != h.anna.ID || info.Email != h.anna.Email || info.EmailVerified { // an operator has named it
			t.Errorf("%+v", info)
		}
		tokens.Expiry = d.at.Add(-1)
		again, err := a.config.TokenSource(d.outside(), tokens).Token()
		d.must(err)
		if again.RefreshToken == tokens.RefreshToken || again.AccessToken == tokens.AccessToken {
			t.Error("a refresh gives back what it got")
		}
		_, err = check.Verify(d.outside(), again.Extra("id_token").(string))
		d.must(err)
	})
}

// asks sends a form to an endpoint as the client, which proves itself as it is registered.
func (a *app) asks(path string, form url.Values) *httptest.ResponseRecorder {
	a.Helper()
	q := request{form: form}
	switch {
	case a.HasSecret():
		q.header = asBasic(a.ID, a.secret.Reveal()).header
	case a.Auth == relyingparty.PrivateKey:
		form.Set("client_assertion", a.signed(a.claims()))
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	default:
		form.Set("client_id", a.ID)
	}
	w := a.send(http.MethodPost, path, q)
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Access-Control-Allow-Origin") != "*" || len(w.Result().Cookies()) > 0 {
		a.Errorf("%s: %v", path, w.Header())
	}
	return w
}

// introspects asks about a token; what does not count is answered as if nobody were there.
func (a *app) introspects(token string) *httptest.ResponseRecorder {
	a.Helper()
	w := a.asks("/oauth/introspect", url.Values{"token": {token}})
	if strings.TrimSpace(w.Body.String()) == `{"active":false}` {
		w.Code = http.StatusUnauthorized
	}
	return w
}

// claims are those of a good assertion, used once.
func (a *app) claims() map[string]any {
	return map[string]any{"iss": a.ID, "sub": a.ID, "aud": origin, "exp": a.at.Add(time.Minute).Unix(), "iat": a.at.Unix(), "jti": rand.Text()}
}

// signed is an assertion of the client.
func (a *app) signed(claims map[string]any) string {
	a.Helper()
	raw, err := json.Marshal(claims)
	a.must(err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: a.key}, nil)
	a.must(err)
	made, err := signer.Sign(raw)
	a.must(err)
	text, err := made.CompactSerialize()
	a.must(err)
	return text
}

// atApp is asks, of the app that somebody has let in.
func (h *holder) atApp(path string, form url.Values) *httptest.ResponseRecorder {
	return h.app.asks(path, form)
}
