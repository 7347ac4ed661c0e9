package issuertest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// tricked says how a client that follows the rules finds each trick out; go-oidc leaves nonce, state, issuer of the answer, party and age to whoever uses it.
var tricked = map[Trick]string{
	SwappedNonce:       errNonce.Error(),
	NoNonce:            errNonce.Error(),
	AlgorithmNone:      "unexpected signature algorithm",
	SignedByPublic:     "unexpected signature algorithm",
	SignedByClient:     "unexpected signature algorithm",
	StrangersKey:       "failed to verify",
	BringsKey:          "failed to verify",
	ForeignAudience:    "expected audience",
	SharedAudience:     errParty.Error(),
	WrongParty:         errParty.Error(),
	Expired:            "token is expired",
	NeverExpires:       "token is expired",
	NotYet:             "current time",
	ForeignIssuer:      "issued by a different provider",
	NoSubject:          "nobody came in",
	EmptySubject:       "nobody came in",
	LongSubject:        "somebody came in whose name is too long",
	NoToken:            "malformed jwt",
	OldSignIn:          "proved themselves too long ago",
	ForeignAnswer:      errAnswer.Error(),
	NamelessAnswer:     errAnswer.Error(),
	ForeignState:       errAnswer.Error(),
	NoState:            errAnswer.Error(),
	ForeignDiscovery:   "did not match the issuer",
	NothingDiscovered:  "did not match the issuer",
	EndpointsElsewhere: "10.0.0.1",
}

func TestTricksAreTricks(t *testing.T) {
	for _, start := range []func(Test) *Issuer{StartGoogle, StartApple, func(t Test) *Issuer { return StartOpenID(t, "studio") }} {
		i := start(t)
		for trick, want := range tricked {
			if i.kind == apple && (trick == ForeignAnswer || trick == NamelessAnswer) {
				continue // Apple's answers name no issuer
			}
			t.Run(i.name+"/"+string(trick), func(t *testing.T) {
				i.SignIn(ann)
				i.Play(Honest)
				newSite(t, i).mustSignIn(NewBrowser())
				i.Play(trick)
				if err := fallFor(t, i); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("a client that looks is told %v, want %q", err, want)
				}
			})
		}
	}
}

// fallFor has a client that follows the rules sign somebody in, from the first question on.
func fallFor(t *testing.T, i *Issuer) error {
	provider, err := oidc.NewProvider(t.Context(), i.URL)
	if err != nil {
		return err
	}
	if at := provider.Endpoint().TokenURL; !strings.HasPrefix(at, i.URL) {
		return errors.New(at)
	}
	i.mu.Lock()
	trick := i.trick
	i.trick = Honest
	i.mu.Unlock()
	site := newSite(t, i)
	i.Play(trick)
	in, err := site.signIn(NewBrowser())
	if err != nil {
		return err
	}
	at, _ := in.claims["auth_time"].(float64)
	switch {
	case in.subject == "":
		return errors.New("nobody came in")
	case len(in.subject) > 255:
		return errors.New("somebody came in whose name is too long")
	case at != 0 && time.Since(time.Unix(int64(at), 0)) > time.Hour:
		return errors.New("they proved themselves too long ago")
	}
	return nil
}

func TestTokensAndDiscoveryAreRewritten(t *testing.T) {
	i := StartGoogle(t)
	i.SignIn(ann)
	site := newSite(t, i)
	i.RewriteToken(func(claims map[string]any) { claims["email"] = "eve@example.com" })
	if in := site.mustSignIn(NewBrowser()); in.claims["email"] != "eve@example.com" {
		t.Errorf("the token says %v", in.claims)
	}
	i.RewriteToken(nil)
	if in := site.mustSignIn(NewBrowser()); in.claims["email"] != "ann@example.com" {
		t.Errorf("the token says %v", in.claims)
	}
	i.RewriteDiscovery(func(metadata map[string]any) { metadata["authorization_endpoint"] = "javascript:alert(1)" })
	if at := newSite(t, i).config.Endpoint.AuthURL; at != "javascript:alert(1)" {
		t.Errorf("discovery says %q", at)
	}
}

func TestObstaclesStandInTheWay(t *testing.T) {
	house := Start(t)
	for what, at := range map[Endpoint]string{Discovery: "/.well-known/openid-configuration", Keys: "/keys", Tokens: "/token", UserInfo: "/me"} {
		house.Studio.Obstruct(what, Broken)
		if !strings.Contains(get(t, house.Studio.URL+at), "500 Internal") {
			t.Errorf("%s is not broken", what)
		}
		house.Studio.Obstruct(what, "")
		if text := get(t, house.Studio.URL+at); strings.Contains(text, "500 Internal") {
			t.Errorf("%s stays broken: %s", what, text)
		}
	}
	for what, at := range map[Endpoint]string{Tokens: house.Facebook.TokenURL(), UserInfo: house.Facebook.ProfileURL()} {
		house.Facebook.Obstruct(what, Babbles)
		if !strings.Contains(get(t, at), "Under construction") {
			t.Errorf("Facebook's %s answers", what)
		}
	}
}

func TestObstaclesAreWhatTheyAreCalled(t *testing.T) {
	i := StartGoogle(t)
	at := i.URL + "/.well-known/openid-configuration"
	i.Obstruct(Discovery, Redirects)
	if text := get(t, at); !strings.Contains(text, "200 OK") || !strings.Contains(text, i.URL) || i.Lured() != 1 {
		t.Errorf("who follows a redirect is lured %d times, and reads %s", i.Lured(), text)
	}
	for obstacle, want := range map[Obstacle]int64{Huge: 64 << 20, Endless: 65 << 20, Silent: 0} {
		i.Obstruct(Discovery, obstacle)
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if obstacle == Silent {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		var read int64
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			read, _ = io.CopyN(io.Discard, response.Body, min(want, 1<<20))
			if obstacle == Huge {
				rest, err := io.Copy(io.Discard, response.Body)
				if read += rest; err != nil {
					t.Errorf("the end of a huge answer: %v", err)
				}
			}
			_ = response.Body.Close()
		}
		cancel()
		if read < min(want, 1<<20) || obstacle == Huge && read < want || obstacle == Silent && err == nil {
			t.Errorf("%s: %d bytes, %v", obstacle, read, err)
		}
	}
}

// facebookIn takes somebody through the dialog as Facebook's guide for servers has it.
func facebookIn(t *testing.T, f *Facebook, scope, fields string) map[string]any {
	t.Helper()
	answer, err := NewBrowser().Visit(f.DialogURL() + "?" + url.Values{"client_id": {f.AppID}, "redirect_uri": {returns}, "state": {"the state"}, "scope": {scope}, "response_type": {"code"}}.Encode())
	if err != nil || answer.Values().Get("state") != "the state" {
		t.Fatalf("the dialog leads to %v, %v", answer, err)
	}
	if answer.Values().Has("error") {
		return map[string]any{"error": answer.Values().Get("error_reason")}
	}
	given := askGraph(t, f.TokenURL(), url.Values{"client_id": {f.AppID}, "client_secret": {f.AppSecret}, "redirect_uri": {returns}, "code": {answer.Values().Get("code")}})
	token, _ := given["access_token"].(string)
	return askGraph(t, f.ProfileURL(), url.Values{"access_token": {token}, "appsecret_proof": {f.proof(token)}, "fields": {fields}})
}

func askGraph(t *testing.T, at string, values url.Values) map[string]any {
	t.Helper()
	response, err := http.Get(at + "?" + values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if _, wrong := body["error"]; wrong != (response.StatusCode != http.StatusOK) {
		t.Errorf("%d says %v", response.StatusCode, body)
	}
	return body
}

func TestFacebookAnswersAsItsDocumentationSays(t *testing.T) {
	f := StartFacebook(t)
	f.SignIn(Account{Subject: "10158", Email: "ann@example.com", GivenName: "Ann", FamilyName: "Example"})
	if me := facebookIn(t, f, "public_profile,email", "id,name,email"); me["id"] != "10158" || me["name"] != "Ann Example" || me["email"] != "ann@example.com" || len(me) != 3 {
		t.Errorf("/me says %v", me)
	}
	if me := facebookIn(t, f, "public_profile", "id,name,email"); me["email"] != nil {
		t.Errorf("/me tells an address that was not asked for: %v", me)
	}
	f.SignIn(Account{Subject: "10158", Email: "ann@example.com", GivenName: "Ann", Declined: []string{"email"}})
	if me := facebookIn(t, f, "email public_profile", "id,name,email"); me["email"] != nil || me["name"] != "Ann" {
		t.Errorf("/me tells an address that was not given: %v", me)
	}
	f.SayNo()
	if me := facebookIn(t, f, "email", "id"); me["error"] != "user_denied" {
		t.Errorf("somebody who says no leads to %v", me)
	}
}

func TestFacebookRefuses(t *testing.T) {
	f := StartFacebook(t)
	f.SignIn(Account{Subject: "10158", GivenName: "Ann"})
	dialog := url.Values{"client_id": {f.AppID}, "redirect_uri": {returns}, "state": {"s"}}
	code := func() string {
		answer, err := NewBrowser().Visit(f.DialogURL() + "?" + dialog.Encode())
		if err != nil {
			t.Fatal(err)
		}
		return answer.Values().Get("code")
	}
	exchange := func(change url.Values) url.Values {
		all := url.Values{"client_id": {f.AppID}, "client_secret": {f.AppSecret}, "redirect_uri": {returns}}
		for name, values := range change {
			all[name] = values
		}
		return all
	}
	used := code()
	token, _ := askGraph(t, f.TokenURL(), exchange(url.Values{"code": {used}}))["access_token"].(string)
	for name, test := range map[string]struct {
		at       string
		values   url.Values
		want     float64
		sentence string
	}{
		"a code twice":      {f.TokenURL(), exchange(url.Values{"code": {used}}), 100, "has been used"},
		"no code":           {f.TokenURL(), exchange(url.Values{"code": {"x"}}), 100, "Invalid verification code"},
		"another place":     {f.TokenURL(), exchange(url.Values{"code": {code()}, "redirect_uri": {returns + "/"}}), 100, "identical"},
		"a wrong secret":    {f.TokenURL(), exchange(url.Values{"code": {code()}, "client_secret": {"x"}}), 1, "client secret"},
		"another app":       {f.TokenURL(), exchange(url.Values{"code": {code()}, "client_id": {"1"}}), 101, "application"},
		"no proof":          {f.ProfileURL(), url.Values{"access_token": {token}}, 100, "require an appsecret_proof"},
		"a wrong proof":     {f.ProfileURL(), url.Values{"access_token": {token}, "appsecret_proof": {f.proof("x")}}, 100, "Invalid appsecret_proof"},
		"no token":          {f.ProfileURL(), url.Values{}, 190, "access token"},
		"something unknown": {f.URL + "/v23.0/others", url.Values{}, 2500, "Unknown path"},
	} {
		wrong, _ := askGraph(t, test.at, test.values)["error"].(map[string]any)
		if message, _ := wrong["message"].(string); wrong["code"] != test.want || !strings.Contains(message, test.sentence) || wrong["fbtrace_id"] == "" {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	dialog.Set("code_challenge", challengeOf("the verifier"))
	for verifier, want := range map[string]bool{"": false, "another": false, "the verifier": true} {
		if _, wrong := askGraph(t, f.TokenURL(), exchange(url.Values{"code": {code()}, "code_verifier": {verifier}}))["error"]; wrong == want {
			t.Errorf("the verifier %q: %v", verifier, !wrong)
		}
	}
	dialog.Set("redirect_uri", "https://thief.invalid/")
	if answer, err := NewBrowser().Visit(f.DialogURL() + "?" + dialog.Encode()); err == nil {
		t.Errorf("another place gets %v", answer)
	}
}

func TestFacebookPlaysTricks(t *testing.T) {
	f := StartFacebook(t)
	f.SignIn(ann)
	config := oauth2.Config{ClientID: f.AppID, RedirectURL: returns, Endpoint: oauth2.Endpoint{AuthURL: f.DialogURL()}}
	for trick, want := range map[Trick]func(url.Values) bool{
		Honest:       func(v url.Values) bool { return v.Get("state") == "the state" },
		ForeignState: func(v url.Values) bool { return v.Get("state") != "the state" && v.Get("state") != "" },
		NoState:      func(v url.Values) bool { return !v.Has("state") },
	} {
		f.Play(trick)
		answer, err := NewBrowser().Visit(config.AuthCodeURL("the state"))
		if err != nil || !want(answer.Values()) {
			t.Errorf("%q: %v, %v", trick, answer, err)
		}
	}
}
