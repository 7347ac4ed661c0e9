package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/oauth2"
)

// storyApp is an app of a story, which signs people in by libraries that are not ours.
type storyApp struct {
	config   oauth2.Config
	verifier string
	tokens   *oauth2.Token
}

var aClientSecret = regexp.MustCompile(`client_secret, shown only this once: (\S+)`)

// openid register ID [FLAG…] registers an app by command. openid ask [NAME=VALUE…] sends the browser to sign in to it, openid back takes the code that it
// came back with and checks what the code gets, openid refused ERROR that it came back with an error. openid refresh and openid userinfo use the tokens;
// with "!" they must not count.
func cmdOpenID(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	switch args[0] {
	case "register":
		s.register(ts, args[1:])
	case "ask":
		s.askToSignIn(ts, args[1:])
	case "back":
		ts.Check(s.comeBack(ts))
	case "refused":
		if got := s.leftTo(ts).Query().Get("error"); got != args[1] {
			ts.Fatalf("the app is told %q", got)
		}
	case "refresh":
		s.app.tokens.Expiry = s.app.tokens.Expiry.Add(-1e6 * 3600 * 1e9)
		t, err := s.app.config.TokenSource(s.outside(), s.app.tokens).Token()
		if (err == nil) == neg {
			ts.Fatalf("refresh: %v", err)
		}
		if err == nil {
			s.keepTokensOf(t)
		}
	case "userinfo":
		provider, err := oidc.NewProvider(s.outside(), ts.Getenv("ORIGIN"))
		ts.Check(err)
		info, err := provider.UserInfo(s.outside(), oauth2.StaticTokenSource(s.app.tokens))
		if (err == nil) == neg {
			ts.Fatalf("userinfo: %v", err)
		}
		if err == nil && !strings.Contains(info.Email, "@example.org") {
			ts.Fatalf("userinfo: %+v", info)
		}
	default:
		ts.Fatalf("openid: no %s", args[0])
	}
}

// outside reaches the node that the story speaks to, whatever the address.
func (s *story) outside() context.Context {
	to := s.node.listen
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to)
	}}
	return oidc.ClientContext(context.Background(), &http.Client{Transport: transport})
}

func (s *story) register(ts *testscript.TestScript, args []string) {
	redirect := "https://" + args[0] + ".example.org/cb"
	c := exec.Command(usherCommand(ts), append([]string{"client", "add", "The " + args[0], "--id", args[0], "--redirect-uri", redirect}, args[1:]...)...)
	c.Dir, c.Env = s.dir, s.environ(ts)
	out, err := c.CombinedOutput()
	found := aClientSecret.FindSubmatch(out)
	if err != nil || found == nil {
		ts.Fatalf("client add: %v %s", err, out)
	}
	s.keepSecret(string(found[1]))
	provider, err := oidc.NewProvider(s.outside(), ts.Getenv("ORIGIN"))
	ts.Check(err)
	s.app = &storyApp{config: oauth2.Config{
		ClientID: args[0], ClientSecret: string(found[1]), RedirectURL: redirect, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email", "offline_access"},
	}}
}

func (s *story) askToSignIn(ts *testscript.TestScript, args []string) {
	s.app.verifier = oauth2.GenerateVerifier()
	s.keepSecret(s.app.verifier)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.app.verifier)}
	for _, pair := range args {
		name, value, _ := strings.Cut(pair, "=")
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	ts.Check(s.browser().open(s, http.MethodGet, s.app.config.AuthCodeURL("the state", options...), nil))
}

// leftTo is where the browser was sent, out of the house.
func (s *story) leftTo(ts *testscript.TestScript) *url.URL {
	on, err := url.Parse(s.page(ts).header.Get("Location"))
	ts.Check(err)
	if q := on.Query(); !strings.HasPrefix(on.String(), s.app.config.RedirectURL+"?") || q.Get("state") != "the state" || q.Get("iss") != ts.Getenv("ORIGIN") {
		ts.Fatalf("the browser is not back in the app: status %d, %s\n%s", s.page(ts).status, on, s.page(ts).text())
	}
	return on
}

func (s *story) comeBack(ts *testscript.TestScript) error {
	code := s.leftTo(ts).Query().Get("code")
	s.keepSecret(code)
	t, err := s.app.config.Exchange(s.outside(), code, oauth2.VerifierOption(s.app.verifier))
	if err != nil {
		return err
	}
	s.keepTokensOf(t)
	provider, err := oidc.NewProvider(s.outside(), ts.Getenv("ORIGIN"))
	if err != nil {
		return err
	}
	raw, _ := t.Extra("id_token").(string)
	id, err := provider.VerifierContext(s.outside(), &oidc.Config{ClientID: s.app.config.ClientID, Now: storyClock(ts.Getenv("USHER_TEST_CLOCK"))}).Verify(s.outside(), raw)
	if err != nil {
		return fmt.Errorf("the ID token: %w", err)
	}
	return id.VerifyAccessToken(t.AccessToken)
}

func (s *story) keepTokensOf(t *oauth2.Token) {
	s.app.tokens = t
	s.keepSecret(t.AccessToken)
	s.keepSecret(t.RefreshToken)
	if raw, is := t.Extra("id_token").(string); is {
		s.keepSecret(raw)
	}
}
