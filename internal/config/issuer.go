package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Issuer is one entry [[issuer]] of the file: somebody besides the three with settings of their own who signs people in by OpenID Connect. The tags are the
// documentation.
type Issuer struct {
	ID           string   `key:"id" help:"Names it in addresses: small letters, digits and dashes. It never changes."`
	Name         string   `key:"name" help:"What its button says."`
	Issuer       string   `key:"issuer" help:"The issuer, letter for letter as its tokens name it. What it offers is read from /.well-known/openid-configuration below."`
	ClientID     string   `key:"client_id" help:"What it knows this service as."`
	SecretFile   string   `key:"secret_file" help:"File with the secret that it gave."`
	Scopes       []string `key:"scopes" help:"What it is asked for. Without this: openid, email and profile."`
	Logo         string   `key:"logo" help:"File with the picture for its button: SVG without script, PNG or WebP, at most 64 KiB. Without this: none."`
	EmailDomains []string `key:"email_domains" help:"Domains whose addresses are believed when it says that it has confirmed them; \"*\" believes it about every address. Without this: none, and people confirm their address here."`
}

// issuerKey begins an entry of the file for an issuer.
const issuerKey = "issuer"

// The names in addresses of the three with settings of their own.
const (
	Google   = "google"
	Apple    = "apple"
	Facebook = "facebook"
)

var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Issuers are the further issuers of the configuration file, in its order.
func (c Config) Issuers() []Issuer { return slices.Clone(c.issuers) }

// IssuerProblem is one thing to put right in an entry for an issuer; text completes a sentence.
func (c Config) IssuerProblem(id, key, text string) Problem {
	return Problem{issuerKey + " " + showName(id) + ", " + key, c.sources[issuerKey], text}
}

// readIssuers reads the entries of the file for issuers; path is used in messages only.
func readIssuers(path string, value any) ([]Issuer, []Problem) {
	return readEntries(issuerKey, path, value, func(i Issuer) string { return i.ID })
}

// outside holds the rules of other ways in: each is set up whole or not at all.
func (r *review) outside() {
	r.whole("Google", pair{"google_client_id", r.GoogleClientID}, pair{"google_client_secret", r.GoogleClientSecret.Reveal()})
	r.whole("Apple", pair{"apple_client_id", r.AppleClientID}, pair{"apple_team_id", r.AppleTeamID}, pair{"apple_key_id", r.AppleKeyID}, pair{"apple_key", r.AppleKey.Reveal()})
	r.whole("Facebook", pair{"facebook_client_id", r.FacebookClientID}, pair{"facebook_client_secret", r.FacebookClientSecret.Reveal()})
	for _, p := range []pair{{"google_issuer", r.GoogleIssuer}, {"apple_issuer", r.AppleIssuer}, {"facebook_dialog", r.FacebookDialog}, {"facebook_graph", r.FacebookGraph}} {
		if text := outsideAddress(p.value); text != "" {
			r.refuse(p.key, "%s", text)
		}
	}
	for _, i := range r.issuers {
		for key, text := range i.wrong() {
			r.found = append(r.found, r.IssuerProblem(i.ID, key, text))
		}
	}
}

type pair struct{ key, value string }

// whole refuses what is set up in part.
func (r *review) whole(name string, parts ...pair) {
	given := slices.ContainsFunc(parts, func(p pair) bool { return p.value != "" })
	for _, p := range parts {
		if given && p.value == "" {
			r.refuse(p.key, "is missing; signing in with %s needs it", name)
		}
	}
}

// wrong says by key what an entry breaks. Whether its files are there is for those who open them.
func (i Issuer) wrong() map[string]string {
	found := map[string]string{}
	switch {
	case i.ID == Google || i.ID == Apple || i.ID == Facebook:
		found["id"] = "is taken by the settings that begin with it; choose another"
	case !issuerName.MatchString(i.ID):
		found["id"] = "has to be 1 to 32 small letters, digits and dashes"
	}
	for _, p := range []pair{{"name", i.Name}, {"client_id", i.ClientID}, {"secret_file", i.SecretFile}} {
		if p.value == "" || !printable(p.value) {
			found[p.key] = "is missing"
		}
	}
	if n := len([]rune(i.Name)); n > longestName {
		found["name"] = fmt.Sprintf("has %d characters; at most %d are shown", n, longestName)
	}
	if text := outsideAddress(i.Issuer); text != "" {
		found["issuer"] = text
	}
	if len(i.Scopes) > 0 && !slices.Contains(i.Scopes, "openid") {
		found["scopes"] = "has to have openid among them"
	}
	for _, domain := range i.EmailDomains {
		if _, err := parseName(domain); domain != "*" && (err != nil || domain != strings.ToLower(domain) || !strings.Contains(domain, ".")) {
			found["email_domains"] = "has " + quote(domain) + ", which is no domain in small letters"
		}
	}
	return found
}

// outsideAddress says what is wrong with the address of a service that signs people in; empty when nothing is. The error completes a sentence that begins with the key.
func outsideAddress(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "is missing"
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !printable(text):
		return "is " + quote(text) + "; it has to be a whole address, such as https://accounts.example.org"
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "is " + quote(text) + "; it has to begin with https, unless it is this machine"
	}
	return ""
}

const exampleIssuer = `[[issuer]]
id = "club"
name = "Film club"
issuer = "https://login.club.example.org"
client_id = "usher"
secret_file = "/run/secrets/usher-club"
logo = "/etc/usher/club.svg"
email_domains = ["club.example.org"]
`

const issuerIntroduction = `
## Further issuers

Whoever signs people in by OpenID Connect can have a button beside those of Google, Apple and Facebook: one ` + "`[[issuer]]`" + ` for each, after everything else in the file; flags and variables
have no place for it. The address to enter there as the redirect URI is this service's origin with ` + "`/sign-in/with/ID/return`" + ` ([how to set one up](guides/other-issuers.md)).

` + "```toml\n" + exampleIssuer + "```\n" + `
| key | meaning |
|---|---|
`

// issuerMarkdown documents the entries.
func issuerMarkdown(b *strings.Builder) {
	b.WriteString(issuerIntroduction)
	entryMarkdown[Issuer](b)
}
