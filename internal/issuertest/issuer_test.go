package issuertest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

func TestGoogleTellsOfPeopleAsGoogleDoes(t *testing.T) {
	i := StartGoogle(t)
	site := newSite(t, i)
	who := ann
	who.HostedDomain = "example.com"
	i.SignIn(who)
	in := site.mustSignIn(NewBrowser())
	for name, want := range map[string]any{
		"sub": "ann-there", "email": "ann@example.com", "email_verified": true, "hd": "example.com", "name": "Ann Example", "azp": i.ClientID, "iss": i.URL, "aud": i.ClientID,
	} {
		if got := in.claims[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if in.answer.Form != nil {
		t.Error("the answer is posted")
	}
}

func TestAppleTellsANameOnce(t *testing.T) {
	i := StartApple(t)
	site := newSite(t, i)
	who := Account{Subject: "ann-there", Email: "abc@privaterelay.appleid.com", Verified: true, Private: true, GivenName: "Ann", FamilyName: "Example"}
	i.SignIn(who)
	in := site.mustSignIn(NewBrowser())
	for name, want := range map[string]any{"sub": "ann-there", "email": "abc@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true", "name": nil, "given_name": nil} {
		if got := in.claims[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	var user struct {
		Name struct{ FirstName, LastName string }
	}
	if err := json.Unmarshal([]byte(in.values().Get("user")), &user); err != nil || user.Name.FirstName != "Ann" || user.Name.LastName != "Example" {
		t.Errorf("the first time Apple says %q", in.values().Get("user"))
	}
	if in.answer.Form == nil || in.values().Has("iss") {
		t.Errorf("the answer is %v", in.answer)
	}
	if in = site.mustSignIn(NewBrowser()); in.values().Has("user") {
		t.Error("Apple tells the name twice")
	}
	i.ForgetConsent("ann-there")
	if in = site.mustSignIn(NewBrowser()); !in.values().Has("user") {
		t.Error("Apple tells no name to an app that was removed and came again")
	}
}

func TestAppleChecksTheSecret(t *testing.T) {
	i := StartApple(t)
	site := newSite(t, i)
	i.SignIn(ann)
	other := StartApple(t)
	for name, secret := range map[string]func() string{
		"none":            func() string { return "" },
		"not made":        func() string { return i.ClientSecret },
		"another's":       func() string { return appleSecret(t, other, time.Now().Add(time.Hour), jose.ES256) },
		"ended":           func() string { return appleSecret(t, i, time.Now().Add(-time.Hour), jose.ES256) },
		"a year":          func() string { return appleSecret(t, i, time.Now().Add(365*24*time.Hour), jose.ES256) },
		"a shared secret": func() string { return appleSecret(t, i, time.Now().Add(time.Hour), jose.HS256) },
	} {
		site.secret = secret
		var refused *oauth2.RetrieveError
		if _, err := site.signIn(NewBrowser()); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" {
			t.Errorf("with a secret that is %s: %v", name, err)
		}
	}
	if _, err := NewBrowser().Visit(site.config.AuthCodeURL("state")); err == nil || !strings.Contains(err.Error(), "form_post") {
		t.Errorf("a question without form_post is answered: %v", err)
	}
}

func TestAPlainIssuerTellsAtUserInfo(t *testing.T) {
	i := StartOpenID(t, "studio")
	site := newSite(t, i)
	i.SignIn(ann)
	if in := site.mustSignIn(NewBrowser()); in.claims["email"] != "ann@example.com" || in.claims["name"] != "Ann Example" {
		t.Errorf("the token says %v", in.claims)
	}
	i.ClaimsAtUserInfo(t)
	in := site.mustSignIn(NewBrowser())
	if in.claims["email"] != nil {
		t.Errorf("the token says %v", in.claims)
	}
	told, err := site.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(in.access))
	if err != nil || told.Email != "ann@example.com" || !told.EmailVerified || told.Subject != "ann-there" {
		t.Errorf("userinfo says %v, %v", told, err)
	}
}

// Whoever sits before a browser is signed in, whoever sat there before, and whatever others do meanwhile.
func TestIssuersKeepPeopleApart(t *testing.T) {
	house := Start(t)
	shared := NewBrowser()
	for _, i := range []*Issuer{house.Google, house.Apple, house.Studio, house.Club} {
		site := newSite(t, i)
		for _, name := range []string{"ann", "bob", "ann"} {
			i.SignIn(Account{Subject: name, Email: name + "@example.com"})
			if in := site.mustSignIn(shared); in.subject != name {
				t.Errorf("%s: %s comes in as %s", i.name, name, in.subject)
			}
		}
		i.SignIn(ann)
		var all sync.WaitGroup
		for _, name := range []string{"cid", "dot", "eve", "fay"} {
			all.Go(func() {
				own := *site
				if in, err := own.signIn(BrowserOf(Account{Subject: name})); err != nil || in.subject != name {
					t.Errorf("%s: %s comes in as %v, %v", i.name, name, in, err)
				}
			})
		}
		all.Wait()
	}
	if house.Studio.key.KeyID == house.Club.key.KeyID {
		t.Error("two issuers share a key")
	}
}

func TestSomebodyWhoSaysNo(t *testing.T) {
	house := Start(t)
	for i, want := range map[*Issuer]string{house.Google: "access_denied", house.Studio: "access_denied", house.Apple: "user_cancelled_authorize"} {
		i.SayNo()
		if _, err := newSite(t, i).signIn(NewBrowser()); err == nil || err.Error() != want {
			t.Errorf("%s: somebody who says no leads to %v", i.name, err)
		}
	}
}

func TestAnswersGoToOnePlace(t *testing.T) {
	i := StartGoogle(t)
	i.SignIn(ann)
	site := newSite(t, i)
	site.mustSignIn(NewBrowser())
	site.config.RedirectURL = "https://thief.invalid/return"
	if answer, err := NewBrowser().Visit(site.config.AuthCodeURL("state")); err == nil {
		t.Errorf("another place gets %v", answer)
	}
	if err := i.Register("https://thief.invalid/return"); err != nil {
		t.Fatal(err)
	}
	if _, err := NewBrowser().Visit(site.config.AuthCodeURL("state")); err != nil {
		t.Errorf("the place that is registered now: %v", err)
	}
	if asked := i.Asked(); len(asked) != 3 || asked[0].Get("client_id") != i.ClientID {
		t.Errorf("what was asked: %v", asked)
	}
}

func TestARotatedKeyIsFound(t *testing.T) {
	for _, start := range []func(Test) *Issuer{StartGoogle, StartApple, func(t Test) *Issuer { return StartOpenID(t, "studio") }} {
		i := start(t)
		i.SignIn(ann)
		site := newSite(t, i)
		site.mustSignIn(NewBrowser())
		before := i.key.KeyID
		i.RotateKey(t)
		site.mustSignIn(NewBrowser())
		if text := get(t, i.URL+i.kind.routes["jwks"]); strings.Contains(text, before) || !strings.Contains(text, i.key.KeyID) {
			t.Errorf("%s publishes %s", i.name, text)
		}
	}
}

// A service whose clock a test moves on gets tokens of its own time.
func TestTokensTellTheTimeTheyAreTold(t *testing.T) {
	i := StartGoogle(t)
	i.SignIn(ann)
	then := time.Now().Add(30 * 24 * time.Hour)
	i.Clock(func() time.Time { return then })
	in := newSite(t, i).mustSignIn(NewBrowser())
	if at := time.Unix(int64(in.claims["iat"].(float64)), 0); at.Before(then.Add(-time.Minute)) || at.After(then.Add(time.Minute)) {
		t.Errorf("the token was made at %v, want about %v", at, then)
	}
}

// Nothing of the issuers outlives the tests: their process ends when its standard input does, as it does when a test binary is killed.
func TestTheProcessEnds(t *testing.T) {
	own, err := startProcess()
	if err != nil {
		t.Fatal(err)
	}
	if err := own.end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if err := own.tell(opening{}); err == nil {
		t.Error("it answers after its end")
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text strings.Builder
	if err := response.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
