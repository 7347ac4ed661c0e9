package issuer

import (
	"net/url"

	"usher/internal/secret"
)

// Google is what is configured for it.
type Google struct {
	ClientID string
	Secret   secret.Token
	Issuer   string
}

// Further is an issuer of OpenID Connect besides the three.
type Further struct {
	ID, Name, Issuer string
	ClientID         string
	Secret           secret.Token
	Scopes           []string // none: openid, email and profile
	Logo             bool
	EmailDomains     []string // whose addresses are believed; "*" is every one
}

// Configured is all that is configured; what is nil is not.
type Configured struct {
	Google   *Google
	Apple    *Apple
	Facebook *Facebook
	Further  []Further
}

// usual is what an issuer is asked for.
var usual = []string{"openid", "email", "profile"}

// afresh asks an issuer of OpenID Connect to have the person prove again who they are (OpenID Connect Core §3.1.2.1).
var afresh = url.Values{"prompt": {"login"}, "max_age": {"0"}}

// New returns the services that are configured. ErrAppleKey.
func New(s Setup, c Configured) (*Set, error) {
	set := &Set{log: s.Log}
	if g := c.Google; g != nil {
		// Google knows no prompt=login, and answers it with an error.
		set.all = append(set.all, s.openID(OpenID{
			ID: "google", Name: "Google", Issuer: g.Issuer, ClientID: g.ClientID, Secret: fixed(g.Secret), Scopes: usual, Logo: true, Again: url.Values{"max_age": {"0"}}, Proves: googleProves,
		}))
	}
	if c.Apple != nil {
		apple, err := AppleAs(*c.Apple, s.Now)
		if err != nil {
			return nil, err
		}
		set.all = append(set.all, s.openID(apple))
	}
	if c.Facebook != nil {
		set.all = append(set.all, s.facebook(*c.Facebook))
	}
	for _, f := range c.Further {
		scopes := f.Scopes
		if len(scopes) == 0 {
			scopes = usual
		}
		set.all = append(set.all, s.openID(OpenID{
			ID: f.ID, Name: f.Name, Issuer: f.Issuer, ClientID: f.ClientID, Secret: fixed(f.Secret), Scopes: scopes, Logo: f.Logo, Again: afresh, TellsWhen: true, Proves: provesOf(f.EmailDomains),
		}))
	}
	return set, nil
}

func fixed(t secret.Token) func() (secret.Token, error) {
	return func() (secret.Token, error) { return t, nil }
}
