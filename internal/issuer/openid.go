package issuer

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"usher/internal/identity"
	"usher/internal/secret"
	"usher/internal/social"
)

// How long what an issuer said about itself counts, and how soon one that did not answer is asked again.
const (
	discoveryLife  = 6 * time.Hour
	discoveryPause = 10 * time.Second
)

// algorithms are those that an ID token may be signed by: asymmetric ones, so that no published key is ever a shared secret (RFC 8725 §3.1).
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// OpenID is an issuer of OpenID Connect, as it is configured.
type OpenID struct {
	ID       string
	Name     string
	Issuer   string
	ClientID string
	Secret   func() (secret.Token, error)
	Scopes   []string
	Logo     bool
	// FormPost has the answer posted by the issuer's page (OAuth 2.0 Form Post Response Mode).
	FormPost bool
	// SecretInForm has the secret sent in the form whatever discovery says.
	SecretInForm bool
	// Again are the parameters by which it is asked to have the person prove afresh who they are.
	Again url.Values
	// TellsWhen has it say at each sign-in when the person last proved who they are there, and holds it to that in the answer to Again (OpenID Connect Core §2).
	TellsWhen bool
	// Proves reports whether an address that the issuer tells is believed to be the person's.
	Proves func(c Claims) bool
}

// openID is a conversation partner.
type openID struct {
	OpenID
	setup  Setup
	client *http.Client

	known atomic.Pointer[known] // nil until it has answered

	mu        sync.Mutex // held while it is asked about itself
	triedAt   time.Time
	triedWith error
}

// known is what an issuer has said about itself.
type known struct {
	provider *oidc.Provider
	keys     oidc.KeySet
	endpoint oauth2.Endpoint
	names    bool // it names itself in every answer (RFC 9207 §3)
	at       time.Time
}

func (s Setup) openID(o OpenID) *openID { return &openID{OpenID: o, setup: s, client: newClient()} }

func (o *openID) about() social.Provider {
	p := social.Provider{ID: o.ID, Name: o.Name, Logo: o.Logo, Origins: []string{originOf(o.Issuer)}}
	if k := o.known.Load(); k != nil {
		if origin := originOf(k.endpoint.AuthURL); !slices.Contains(p.Origins, origin) {
			p.Origins = append(p.Origins, origin)
		}
	}
	return p
}

func (o *openID) discover(ctx context.Context) error {
	_, err := o.discovered(ctx)
	return err
}

// discovered returns what the issuer has said about itself, and asks when that is too old. One that does not answer any more is known as it was.
func (o *openID) discovered(ctx context.Context) (*known, error) {
	if k := o.known.Load(); k != nil && k.young(o.setup.Now()) {
		return k, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now, former := o.setup.Now(), o.known.Load()
	if former != nil && former.young(now) { // somebody else has asked meanwhile
		return former, nil
	}
	if o.triedWith == nil || now.Sub(o.triedAt) >= discoveryPause {
		var k *known
		k, o.triedWith = o.askItself(context.WithoutCancel(ctx)) // whoever pressed first may leave: others wait for the same
		o.triedAt = now
		if o.triedWith == nil {
			k.at = now
			o.known.Store(k)
			return k, nil
		}
	}
	if former != nil {
		return former, nil
	}
	return nil, o.triedWith
}

func (k *known) young(now time.Time) bool { return now.Sub(k.at) < discoveryLife }

// askItself reads the issuer's metadata (OpenID Connect Discovery §4).
func (o *openID) askItself(ctx context.Context) (*known, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	provider, err := oidc.NewProvider(with(ctx, o.client), o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: discovery: %w", social.ErrUnreachable, plainDiscovery(err))
	}
	var more struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Names   bool     `json:"authorization_response_iss_parameter_supported"`
		JWKS    string   `json:"jwks_uri"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: discovery: %w", social.ErrUnreachable, err)
	}
	k := &known{provider: provider, endpoint: provider.Endpoint(), names: more.Names}
	for _, address := range []string{k.endpoint.AuthURL, k.endpoint.TokenURL, more.JWKS} {
		if err := o.mayBeAt(address); err != nil {
			return nil, err
		}
	}
	if address := provider.UserInfoEndpoint(); address != "" {
		if err := o.mayBeAt(address); err != nil {
			return nil, err
		}
	}
	k.keys = oidc.NewRemoteKeySet(with(context.Background(), o.client), more.JWKS)
	k.endpoint.AuthStyle = oauth2.AuthStyleInHeader // OpenID Connect Core §9: where nothing else is said
	if o.SecretInForm || len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") {
		k.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return k, nil
}

// plainDiscovery takes from go-oidc's errors the bodies of answers.
func plainDiscovery(err error) error {
	var mismatch *oidc.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return errors.New("the issuer calls itself something else than it is configured as; look whether one of the two ends with a slash")
	}
	var tried *url.Error
	if errors.As(err, &tried) {
		return plain(err)
	}
	return errors.New("it does not answer with a document about itself")
}

// mayBeAt refuses an endpoint over plain http, but on this machine where the issuer is on it too.
func (o *openID) mayBeAt(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%w: discovery names no endpoint where one has to be", social.ErrUnreachable)
	case u.Scheme == "https", u.Scheme == "http" && strings.HasPrefix(o.Issuer, "http://") && onThisMachine(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: discovery names an endpoint without https", social.ErrUnreachable)
}

func onThisMachine(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

func (o *openID) config(k *known) (*oauth2.Config, error) {
	own, err := o.Secret()
	if err != nil {
		return nil, fmt.Errorf("%w: making the secret: %w", social.ErrRefused, err)
	}
	return &oauth2.Config{ClientID: o.ClientID, ClientSecret: own.Reveal(), Endpoint: k.endpoint, RedirectURL: o.setup.redirect(o.ID), Scopes: o.Scopes}, nil
}

func (o *openID) ask(ctx context.Context, q social.Question) (string, error) {
	k, err := o.discovered(ctx)
	if err != nil {
		return "", err
	}
	config := oauth2.Config{ClientID: o.ClientID, Endpoint: k.endpoint, RedirectURL: o.setup.redirect(o.ID), Scopes: o.Scopes}
	options := []oauth2.AuthCodeOption{oidc.Nonce(q.Nonce.Reveal()), oauth2.S256ChallengeOption(q.Verifier.Reveal())}
	if o.FormPost {
		options = append(options, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	if o.TellsWhen && !q.Afresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", longest)) // who is asked for an age tells the time (§3.1.2.1)
	}
	if q.Afresh {
		for name, values := range o.Again {
			options = append(options, oauth2.SetAuthURLParam(name, values[0]))
		}
	}
	return config.AuthCodeURL(q.State.Reveal(), options...), nil
}

// read exchanges the code, and checks the ID token (OpenID Connect Core §3.1.3.7).
func (o *openID) read(ctx context.Context, q social.Question, a social.Answer) (identity.Told, error) {
	k, err := o.discovered(ctx)
	if err != nil {
		return identity.Told{}, err
	}
	if a.Issuer != "" && a.Issuer != o.Issuer || a.Issuer == "" && k.names {
		return identity.Told{}, refused("the answer is not this issuer's") // RFC 9207 §2.4
	}
	if err := saidNo(a); err != nil {
		return identity.Told{}, err
	}
	config, err := o.config(k)
	if err != nil {
		return identity.Told{}, err
	}
	ctx = with(ctx, o.client)
	token, err := config.Exchange(ctx, a.Code, oauth2.VerifierOption(q.Verifier.Reveal()))
	if err != nil {
		return identity.Told{}, failed("exchanging the code", err)
	}
	claims, err := o.verify(ctx, k, token, q)
	if err != nil {
		return identity.Told{}, err
	}
	if claims, err = o.completed(ctx, k, token, claims); err != nil {
		return identity.Told{}, err
	}
	told := claims.told(o.Issuer, o.Proves)
	if name := nameOf(a.User); told.Name == "" {
		told.Name = name
	}
	return told, nil
}

// saidNo is the answer of an issuer that has no code for us.
func saidNo(a social.Answer) error {
	switch a.Error {
	case "":
	case "access_denied", "user_cancelled_authorize", "user_cancelled_login", "login_required", "interaction_required", "consent_required":
		return social.ErrCancelled
	default:
		return refused("it answers with the error %.60q", a.Error)
	}
	if a.Code == "" {
		return refused("the answer has no code")
	}
	return nil
}

func (o *openID) verify(ctx context.Context, k *known, token *oauth2.Token, q social.Question) (Claims, error) {
	raw, is := token.Extra("id_token").(string)
	if !is {
		return Claims{}, refused("there is no ID token")
	}
	keys := &checked{KeySet: k.keys}
	verifier := oidc.NewVerifier(o.Issuer, keys, &oidc.Config{ClientID: o.ClientID, SupportedSigningAlgs: algorithms, Now: o.setup.Now})
	found, err := verifier.Verify(ctx, raw)
	if err != nil {
		return Claims{}, failed("checking the ID token", cmp.Or(keys.err, err))
	}
	var c Claims
	if err := found.Claims(&c); err != nil {
		return c, refused("the ID token's claims cannot be read")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(found.Nonce), []byte(q.Nonce.Reveal())) != 1:
		return c, refused("the ID token was made for another sign-in")
	case len(found.Audience) > 1 && c.Party == "", c.Party != "" && c.Party != o.ClientID:
		return c, refused("the ID token was given to somebody else")
	case !plausibleSubject(found.Subject):
		return c, refused("the ID token does not say who")
	case found.AccessTokenHash != "" && found.VerifyAccessToken(token.AccessToken) != nil:
		return c, refused("the access token is another one's")
	case q.Afresh && o.TellsWhen && c.SignedIn <= 0:
		return c, refused("the ID token does not say when the person proved who they are")
	case q.Afresh && c.SignedIn > 0 && time.Unix(int64(c.SignedIn), 0).Before(q.AskedAt.Add(-clockSlack)):
		return c, refused("the person has not proved afresh who they are")
	}
	c.Subject = found.Subject
	return c, nil
}

// longest is an age that nearly every sign-in at an issuer is within, in seconds: a year.
const longest = "31536000"

// checked keeps why a signature was not checked: go-oidc tells it without what tells an outage from a forgery.
type checked struct {
	oidc.KeySet
	err error
}

// VerifySignature checks one.
func (c *checked) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, c.err = c.KeySet.VerifySignature(ctx, token)
	return payload, c.err
}

// clockSlack is how far an issuer's clock may be behind ours.
const clockSlack = time.Minute

// completed adds what an issuer tells only when it is asked with the access token (OpenID Connect Core §5.3).
func (o *openID) completed(ctx context.Context, k *known, token *oauth2.Token, c Claims) (Claims, error) {
	if c.Email != "" || k.provider.UserInfoEndpoint() == "" {
		return c, nil
	}
	info, err := k.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		if away(err) {
			return c, failed("asking who it is", err)
		}
		return c, refused("it does not say who it is")
	}
	if info.Subject != c.Subject { // OpenID Connect Core §5.3.2
		return c, refused("it says that it is somebody else")
	}
	var more Claims
	if err := info.Claims(&more); err != nil {
		return c, refused("what it says of the person cannot be read")
	}
	c.Email, c.EmailVerified, c.HostedDomain = more.Email, more.EmailVerified, more.HostedDomain
	if c.Name == "" {
		c.Name = more.Name
	}
	return c, nil
}

// longestSubject is what OpenID Connect Core §2 allows, in bytes.
const longestSubject = 255

func plausibleSubject(s string) bool {
	return s != "" && len(s) <= longestSubject && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
}

// nameOf reads the name that Apple's page posts the first time.
func nameOf(user string) string {
	var said struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if len(user) > 2048 || json.Unmarshal([]byte(user), &said) != nil {
		return ""
	}
	return shownName(strings.TrimSpace(said.Name.First + " " + said.Name.Last))
}
