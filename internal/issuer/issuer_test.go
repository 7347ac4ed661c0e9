package issuer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/identity"
	"usher/internal/issuertest"
	"usher/internal/secret"
	"usher/internal/social"
)

// site is this service as issuers see it.
type site struct {
	*testing.T
	house *issuertest.House
	set   *Set
	now   func() time.Time
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, house: issuertest.Start(t), now: time.Now}
	s.set = s.open()
	return s
}

// open is the service after a start.
func (s *site) open() *Set {
	s.Helper()
	h := s.house
	set, err := New(Setup{Origin: "https://usher.invalid", Now: func() time.Time { return s.now() }, Log: slog.New(slog.DiscardHandler)}, Configured{
		Google: &Google{h.Google.ClientID, secret.TokenOf(h.Google.ClientSecret), h.Google.URL},
		Apple:  &Apple{h.Apple.ClientID, h.Apple.AppleTeam(), h.Apple.AppleKeyID(), secret.TokenOf(h.Apple.AppleKey(s)), h.Apple.URL},
		Facebook: &Facebook{
			ClientID: h.Facebook.AppID, Secret: secret.TokenOf(h.Facebook.AppSecret), Dialog: h.Facebook.DialogURL(), Graph: strings.TrimSuffix(h.Facebook.ProfileURL(), "/me"),
		},
		Further: []Further{
			{ID: "studio", Name: "Studio", Issuer: h.Studio.URL, ClientID: h.Studio.ClientID, Secret: secret.TokenOf(h.Studio.ClientSecret), EmailDomains: []string{"studio.example.org"}},
			{ID: "club", Name: "Club", Issuer: h.Club.URL, ClientID: h.Club.ClientID, Secret: secret.TokenOf(h.Club.ClientSecret), EmailDomains: []string{"*"}},
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	return set
}

// anna is somebody who has an account everywhere.
var anna = issuertest.Account{Subject: "anna-1", Email: "Anna@Gmail.com", Verified: true, GivenName: "Anna", FamilyName: "Walker"}

func question() social.Question {
	return social.Question{State: secret.NewToken(), Nonce: secret.NewToken(), Verifier: secret.NewToken(), AskedAt: time.Now()}
}

// goes sends somebody to a service and reads what the browser brings back.
func (s *site) goes(id string, who issuertest.Account) (identity.Told, error) {
	s.Helper()
	return s.asks(id, who, question())
}

func (s *site) asks(id string, who issuertest.Account, q social.Question) (identity.Told, error) {
	s.Helper()
	ctx := context.Background()
	address, err := s.set.Ask(ctx, id, q)
	if err != nil {
		return identity.Told{}, err
	}
	back, err := issuertest.BrowserOf(who).Visit(address)
	if err != nil {
		s.Fatalf("%s: %v", id, err)
	}
	if !strings.HasPrefix(back.URL, "https://usher.invalid/sign-in/with/"+id+"/return") {
		s.Fatalf("%s sends the browser to %s", id, back.URL)
	}
	v := back.Values()
	return s.set.Read(ctx, id, q, answerOf(v))
}

func answerOf(v url.Values) social.Answer {
	return social.Answer{Code: v.Get("code"), Issuer: v.Get("iss"), User: v.Get("user"), Error: v.Get("error")}
}

func TestEveryServiceTellsWhoItIs(t *testing.T) {
	s := newSite(t)
	for id, want := range map[string]identity.Told{
		"google":   {Issuer: s.house.Google.URL, Email: "Anna@Gmail.com", Proved: true, Name: "Anna Walker"},
		"apple":    {Issuer: s.house.Apple.URL, Email: "Anna@Gmail.com", Proved: true, Name: "Anna Walker"},
		"facebook": {Issuer: FacebookIssuer, Email: "Anna@Gmail.com", Name: "Anna Walker"},
		"studio":   {Issuer: s.house.Studio.URL, Email: "Anna@Gmail.com", Name: "Anna Walker"},
		"club":     {Issuer: s.house.Club.URL, Email: "Anna@Gmail.com", Proved: true, Name: "Anna Walker"},
	} {
		want.Provider, want.Subject = id, "anna-1"
		got, err := s.goes(id, anna)
		got.SignedIn = time.Time{}
		if err != nil || got != want {
			t.Errorf("%s tells %+v, %v; want %+v", id, got, err, want)
		}
	}
	if got, err := s.goes("apple", anna); err != nil || got.Name != "" {
		t.Errorf("Apple tells the name again: %+v, %v", got, err)
	}
	if _, err := s.set.Ask(t.Context(), "somebody", question()); !errors.Is(err, social.ErrNotOffered) {
		t.Errorf("somebody who is not configured: %v", err)
	}
	if _, err := s.set.Read(t.Context(), "somebody", question(), social.Answer{Code: "x"}); !errors.Is(err, social.ErrNotOffered) {
		t.Errorf("an answer of somebody who is not configured: %v", err)
	}
}

// How an address is believed.
func TestWhoProvesAnAddress(t *testing.T) {
	s := newSite(t)
	at := func(address, hosted string, verified bool) issuertest.Account {
		return issuertest.Account{Subject: "x", Email: address, HostedDomain: hosted, Verified: verified}
	}
	relay := at("abc@privaterelay.appleid.com", "", true)
	relay.Private = true
	for name, c := range map[string]struct {
		id   string
		who  issuertest.Account
		want bool
	}{
		"Gmail":                    {"google", at("a@gmail.com", "", true), true},
		"Gmail of old":             {"google", at("a@GoogleMail.com", "", true), true},
		"Gmail, not verified":      {"google", at("a@gmail.com", "", false), false},
		"Workspace":                {"google", at("a@Example.org", "example.org", true), true},
		"another's Workspace":      {"google", at("a@example.org", "example.com", true), false},
		"elsewhere, once verified": {"google", at("a@yahoo.example", "", true), false},
		"looks like Gmail":         {"google", at("a@gmail.com.example.org", "", true), false},
		"Apple":                    {"apple", at("a@example.org", "", true), true},
		"Apple's relay":            {"apple", relay, true},
		"Apple, not verified":      {"apple", at("a@example.org", "", false), false},
		"Facebook":                 {"facebook", at("a@example.org", "", true), false},
		"a listed domain":          {"studio", at("a@studio.example.org", "", true), true},
		"another domain":           {"studio", at("a@example.org", "", true), false},
		"below a listed domain":    {"studio", at("a@x.studio.example.org", "", true), false},
		"listed, not verified":     {"studio", at("a@studio.example.org", "", false), false},
		"every domain":             {"club", at("a@example.org", "", true), true},
		"every domain, unverified": {"club", at("a@example.org", "", false), false},
	} {
		got, err := s.goes(c.id, c.who)
		if err != nil || got.Proved != c.want || !strings.EqualFold(got.Email, c.who.Email) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, address := range []string{"", "nobody", "a@b", "a@example.org\r\nBcc: b@example.org", "a@gmail.com,b@gmail.com"} {
		got, err := s.goes("club", at(address, "", true))
		if err != nil || got.Email != "" || got.Proved {
			t.Errorf("%q is told as %+v, %v", address, got, err)
		}
	}
	odd := anna
	odd.GivenName, odd.FamilyName = "Anna\u202e", "Walker"
	if got, err := s.goes("club", odd); err != nil || got.Name != "" {
		t.Errorf("a name that turns the line around: %+v, %v", got, err)
	}
	for _, verified := range []any{"yes", 1, "TRUE", []any{true}, map[string]any{"x": true}, nil, "false"} {
		odd := at("a@gmail.com", "", true)
		odd.More = map[string]any{"email_verified": verified}
		if got, err := s.goes("google", odd); err != nil || got.Proved {
			t.Errorf("email_verified %v: %+v, %v", verified, got, err)
		}
	}
}

var tricks = []issuertest.Trick{
	issuertest.SwappedNonce, issuertest.NoNonce, issuertest.AlgorithmNone, issuertest.SignedByPublic, issuertest.SignedByClient, issuertest.StrangersKey, issuertest.BringsKey,
	issuertest.ForeignAudience, issuertest.SharedAudience, issuertest.WrongParty, issuertest.Expired, issuertest.NeverExpires, issuertest.NotYet, issuertest.ForeignIssuer,
	issuertest.NoSubject, issuertest.EmptySubject, issuertest.LongSubject, issuertest.NoToken, issuertest.OldSignIn, issuertest.ForeignAnswer, issuertest.NamelessAnswer,
	issuertest.ForeignDiscovery, issuertest.NothingDiscovered, issuertest.EndpointsElsewhere,
}

// FE-2, O5: whatever a hostile issuer, or somebody between, does with a token or an answer, nobody comes in by it.
func TestHostileIssuer(t *testing.T) {
	s := newSite(t)
	for _, trick := range tricks {
		for id, i := range map[string]*issuertest.Issuer{"google": s.house.Google, "club": s.house.Club, "apple": s.house.Apple} {
			s.set = s.open()
			i.Play(trick)
			q := question()
			q.Afresh = trick == issuertest.OldSignIn
			told, err := s.asksOf(id, q)
			i.Play(issuertest.Honest)
			switch {
			case trick == issuertest.NamelessAnswer && id == "apple": // which does not say that it names itself
			case err == nil:
				t.Errorf("%s, %s: %+v comes in", id, trick, told)
			case !errors.Is(err, social.ErrRefused) && !errors.Is(err, social.ErrUnreachable):
				t.Errorf("%s, %s: %v", id, trick, err)
			}
			if i.Lured() != 0 {
				t.Errorf("%s, %s: a redirect was followed", id, trick)
			}
		}
	}
}

// asksOf is asks for an issuer that may answer no question at all.
func (s *site) asksOf(id string, q social.Question) (identity.Told, error) {
	address, err := s.set.Ask(context.Background(), id, q)
	if err != nil {
		return identity.Told{}, err
	}
	back, err := issuertest.BrowserOf(anna).Visit(address)
	if err != nil {
		return identity.Told{}, errors.Join(social.ErrRefused, err)
	}
	return s.set.Read(context.Background(), id, q, answerOf(back.Values()))
}

// A code is worth nothing to who has not the verifier of its question, nor at another issuer, nor twice.
func TestCodeBelongsToItsQuestion(t *testing.T) {
	s := newSite(t)
	for _, id := range []string{"google", "apple", "club"} {
		q := question()
		address, err := s.set.Ask(t.Context(), id, q)
		if err != nil {
			t.Fatal(err)
		}
		back, err := issuertest.BrowserOf(anna).Visit(address)
		if err != nil {
			t.Fatal(err)
		}
		a, stranger := answerOf(back.Values()), question()
		stranger.Nonce = q.Nonce
		if _, err := s.set.Read(t.Context(), id, stranger, a); !errors.Is(err, social.ErrRefused) {
			t.Errorf("%s: with another verifier: %v", id, err)
		}
		if _, err := s.set.Read(t.Context(), "studio", q, a); !errors.Is(err, social.ErrRefused) {
			t.Errorf("%s: at another issuer: %v", id, err)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	s := newSite(t)
	for range 2 {
		if _, err := s.goes("google", anna); err != nil {
			t.Fatal(err)
		}
		s.house.Google.RotateKey(t)
	}
	if got, err := s.goes("google", anna); err != nil || got.Subject != anna.Subject {
		t.Errorf("after a new key: %+v, %v", got, err)
	}
}

func TestClaimsAtUserInfo(t *testing.T) {
	s := newSite(t)
	s.house.Club.ClaimsAtUserInfo(t)
	if got, err := s.goes("club", anna); err != nil || got.Email != anna.Email || !got.Proved || got.Name != "Anna Walker" {
		t.Errorf("%+v, %v", got, err)
	}
}

// What the userinfo endpoint says of somebody else, or of nobody, is said of nobody who comes in (OpenID Connect Core §5.3.2): who has the access token of another would lend that
// one's address to their own identity.
func TestUserInfoOfSomebodyElse(t *testing.T) {
	s := newSite(t)
	club := s.house.Club
	club.ClaimsAtUserInfo(t)
	for what, subject := range map[string]any{"another": "bert-2", "nobody": "", "none at all": nil, "another spelling": "Anna-1"} {
		club.RewriteUserInfo(func(claims map[string]any) {
			claims["sub"] = subject
			maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		})
		if got, err := s.goes("club", anna); !errors.Is(err, social.ErrRefused) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	club.RewriteUserInfo(nil)
	if got, err := s.goes("club", anna); err != nil || got.Email != anna.Email {
		t.Errorf("honest again: %+v, %v", got, err)
	}
}

func TestSomebodySaysNo(t *testing.T) {
	s := newSite(t)
	for _, id := range []string{"google", "apple", "facebook", "club"} {
		if told, err := s.goes(id, issuertest.Account{}); !errors.Is(err, social.ErrCancelled) {
			t.Errorf("%s: %+v, %v", id, told, err)
		}
	}
}

// A service that hangs, floods or is broken costs its own people some seconds, and nobody anything else; what it says elsewhere is not listened to.
func TestServiceInTrouble(t *testing.T) {
	s := newSite(t)
	h := s.house
	s.hasLittlePatience()
	for endpoint, obstruct := range map[issuertest.Endpoint]func(issuertest.Endpoint, issuertest.Obstacle){
		issuertest.Tokens: h.Google.Obstruct, issuertest.Keys: h.Google.Obstruct, issuertest.UserInfo: h.Facebook.Obstruct,
	} {
		id := map[bool]string{true: "facebook", false: "google"}[endpoint == issuertest.UserInfo]
		obstruct(endpoint, issuertest.Silent)
		if _, err := s.goes(id, anna); !errors.Is(err, social.ErrUnreachable) {
			t.Errorf("%s, %s says nothing: %v", id, endpoint, err)
		}
		obstruct(endpoint, "")
	}
	for _, obstacle := range []issuertest.Obstacle{issuertest.Redirects, issuertest.Huge, issuertest.Broken, issuertest.Babbles} {
		for _, endpoint := range []issuertest.Endpoint{issuertest.Discovery, issuertest.Keys, issuertest.Tokens} {
			s.set = s.open()
			h.Google.Obstruct(endpoint, obstacle)
			_, err := s.asksOf("google", question())
			h.Google.Obstruct(endpoint, "")
			if !errors.Is(err, social.ErrUnreachable) && !errors.Is(err, social.ErrRefused) || h.Google.Lured() != 0 {
				t.Errorf("%s %s: %v, %d lured", endpoint, obstacle, err, h.Google.Lured())
			}
			if text := err.Error(); strings.Contains(text, h.Google.ClientSecret) || len(text) > 500 {
				t.Errorf("%s %s: %.600s", endpoint, obstacle, text)
			}
		}
		for _, endpoint := range []issuertest.Endpoint{issuertest.Tokens, issuertest.UserInfo} {
			h.Facebook.Obstruct(endpoint, obstacle)
			_, err := s.goes("facebook", anna)
			h.Facebook.Obstruct(endpoint, "")
			if !errors.Is(err, social.ErrUnreachable) && !errors.Is(err, social.ErrRefused) || h.Facebook.Lured() != 0 {
				t.Errorf("Facebook, %s %s: %v", endpoint, obstacle, err)
			}
			if strings.Contains(err.Error(), h.Facebook.AppSecret) || strings.Contains(err.Error(), "appsecret_proof") {
				t.Errorf("Facebook, %s %s: %v", endpoint, obstacle, err)
			}
		}
	}
	s.set = s.open()
	if err := s.set.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Google.Obstruct(issuertest.Discovery, issuertest.Broken)
	later := time.Now().Add(2 * discoveryLife)
	s.now = func() time.Time { return later }
	if _, err := s.set.Ask(t.Context(), "google", question()); err != nil {
		t.Errorf("an issuer that was known is not any more: %v", err)
	}
}

// hasLittlePatience has the conversations end soon where somebody says nothing; else it takes as long as patience says.
func (s *site) hasLittlePatience() {
	s.Helper()
	if err := s.set.Discover(s.Context()); err != nil {
		s.Fatal(err)
	}
	for _, one := range s.set.all {
		client := one.(interface{ calls() *http.Client }).calls()
		if client.Timeout != patience {
			s.Errorf("%s is waited for %v", one.about().ID, client.Timeout)
		}
		client.Timeout = 200 * time.Millisecond
	}
}

func (o *openID) calls() *http.Client   { return o.client }
func (f *facebook) calls() *http.Client { return f.client }

func TestOffered(t *testing.T) {
	s := newSite(t)
	elsewhere := s.house.Studio
	elsewhere.RewriteDiscovery(func(m map[string]any) {
		m["authorization_endpoint"] = strings.Replace(m["authorization_endpoint"].(string), "127.0.0.1", "localhost", 1)
	})
	var names []string
	for _, p := range s.set.Offered() {
		names = append(names, p.Name)
		if len(p.Origins) != 1 {
			t.Errorf("%s leads to %v before anything was asked", p.ID, p.Origins)
		}
	}
	if !slices.Equal(names, []string{"Google", "Apple", "Facebook", "Studio", "Club"}) {
		t.Errorf("%v", names)
	}
	if err := s.set.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.set.Offered() {
		if want := map[bool]int{true: 2, false: 1}[p.ID == "studio"]; len(p.Origins) != want {
			t.Errorf("%s leads to %v", p.ID, p.Origins)
		}
	}
}

func TestAfresh(t *testing.T) {
	s := newSite(t)
	q := question()
	q.Afresh = true
	for id, want := range map[string]string{"google": "max_age=0", "apple": "prompt=login", "club": "prompt=login", "facebook": "auth_type=reauthenticate"} {
		address, err := s.set.Ask(t.Context(), id, q)
		if err != nil || !strings.Contains(address, want) {
			t.Errorf("%s: %s, %v", id, address, err)
		}
		if _, err := s.asks(id, anna, q); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	// Who was asked for a fresh proof says when it was given (OpenID Connect Core §2). Google, as it is known to answer, does not.
	for i, want := range map[*issuertest.Issuer]error{s.house.Google: nil, s.house.Club: social.ErrRefused} {
		i.RewriteToken(func(claims map[string]any) { delete(claims, "auth_time") })
		t.Cleanup(func() { i.RewriteToken(nil) })
		id := map[*issuertest.Issuer]string{s.house.Google: "google", s.house.Club: "club"}[i]
		if _, err := s.asks(id, anna, q); !errors.Is(err, want) {
			t.Errorf("%s, which does not say when: %v", id, err)
		}
		q := question()
		if _, err := s.asks(id, anna, q); err != nil {
			t.Errorf("%s, which was not asked when: %v", id, err)
		}
	}
}
