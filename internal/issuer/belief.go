package issuer

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/identity"
)

// Claims are those of an ID token or of a profile that matter here.
type Claims struct {
	Subject       string  `json:"sub"`
	Party         string  `json:"azp"`
	Email         string  `json:"email"`
	EmailVerified flag    `json:"email_verified"`
	HostedDomain  string  `json:"hd"` // Google's: the domain whose Workspace the account belongs to
	Name          string  `json:"name"`
	SignedIn      float64 `json:"auth_time"`
}

// flag is true, or "true", as Apple writes it. Anything else is not.
type flag bool

// UnmarshalJSON reads either spelling.
func (f *flag) UnmarshalJSON(text []byte) error {
	*f = string(text) == `true` || string(text) == `"true"`
	return nil
}

var _ json.Unmarshaler = (*flag)(nil)

// domain is what stands behind the @ of the address, in its one spelling; empty when it is no address.
func (c Claims) domain() string {
	_, h, err := account.EmailHandle(c.Email)
	if err != nil {
		return ""
	}
	_, domain, _ := strings.Cut(h.Value, "@")
	return domain
}

// told is what the claims say of somebody.
func (c Claims) told(issuer string, proves func(Claims) bool) identity.Told {
	t := identity.Told{Issuer: issuer, Subject: c.Subject, Name: shownName(c.Name)}
	if c.SignedIn > 0 {
		t.SignedIn = time.Unix(int64(c.SignedIn), 0)
	}
	if address, _, err := account.EmailHandle(c.Email); err == nil {
		t.Email, t.Proved = address, proves(c)
	}
	return t
}

// shownName is a name as a page may show it; empty when it is none.
func shownName(text string) string {
	name, err := account.DisplayName(text)
	if err != nil {
		return ""
	}
	return name
}

// googleProves follows what Google says of its claims: it is the authority for its own mailboxes, and for the domains of Workspace. An address elsewhere was confirmed
// at some time, and its mailbox may have another owner by now.
func googleProves(c Claims) bool {
	domain := c.domain()
	if !bool(c.EmailVerified) || domain == "" {
		return false
	}
	return domain == "gmail.com" || domain == "googlemail.com" || strings.ToLower(c.HostedDomain) == domain
}

// appleProves believes Apple, which has the address confirmed, or is itself the one that forwards.
func appleProves(c Claims) bool { return bool(c.EmailVerified) && c.domain() != "" }

// provesOf believes an issuer about the domains that the operator has listed; "*" is every one.
func provesOf(domains []string) func(Claims) bool {
	return func(c Claims) bool {
		domain := c.domain()
		return bool(c.EmailVerified) && domain != "" && (slices.Contains(domains, domain) || slices.Contains(domains, "*"))
	}
}
