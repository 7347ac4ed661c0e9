package config

import (
	"slices"
	"strings"
)

// Client is one entry [[client]] of the file: an app that signs people in by OpenID Connect. What its values may be is the apps' to say. The tags
// are the documentation.
type Client struct {
	ID             string   `key:"id" help:"The client_id. It never changes: another id is another app."`
	Name           string   `key:"name" help:"What people read when they sign in to it."`
	RedirectURIs   []string `key:"redirect_uris" help:"Where people come back to after signing in, letter for letter."`
	PostLogoutURIs []string `key:"post_logout_uris" help:"Where a browser may go after signing out here."`
	Scopes         []string `key:"scopes" help:"All it may ask for: openid, profile, email, offline_access, player; for a client itself servers (a media server), ssf.read and ssf.manage (shared signals). Without this: openid, profile and email."`
	Grants         []string `key:"grants" help:"authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code, client_credentials. Without this: authorization_code."`
	Auth           string   `key:"auth" help:"How it proves itself: none, client_secret_basic, client_secret_post, private_key_jwt. Without this: client_secret_basic where there is a secret_file, private_key_jwt where there are keys, else none."`
	SecretFile     string   `key:"secret_file" help:"File with its secret: 32 to 128 letters, digits, dashes, dots, underscores and tildes. During a change it may hold several, one on a line; all of them count."`
	Keys           string   `key:"keys" help:"Its public keys as a JWK Set, the text itself."`
	LogoutURI      string   `key:"logout_uri" help:"Is told when somebody is signed out (OpenID Connect Back-Channel Logout)."`
	TrustedPrivate bool     `key:"trusted_private" help:"logout_uri may be in a private network, or without https."`
	FirstParty     bool     `key:"first_party" help:"Belongs to the house: nobody is asked whether it may know them."`
}

// clientKey begins an entry of the file for an app.
const clientKey = "client"

// Clients are the apps of the configuration file, in its order.
func (c Config) Clients() []Client { return slices.Clone(c.clients) }

// ClientProblem is one thing to put right in an entry for an app; text completes a sentence.
func (c Config) ClientProblem(id, key, text string) Problem {
	return Problem{clientKey + " " + showName(id) + ", " + key, c.sources[clientKey], text}
}

// Wrong is the error of problems that were found after Load, or nil when there are none.
func Wrong(problems []Problem) error { return invalid(problems) }

// readClients reads the entries of the file for apps; path is used in messages only.
func readClients(path string, value any) ([]Client, []Problem) {
	return readEntries(clientKey, path, value, func(c Client) string { return c.ID })
}

const exampleClient = `[[client]]
id = "jellyfin"
name = "Jellyfin in the attic"
redirect_uris = ["https://jellyfin.example.org/sso/OID/redirect/usher"]
secret_file = "/run/secrets/usher-jellyfin"
`

const clientIntroduction = `
## Apps

An app that signs people in by OpenID Connect can stand in the file, one ` + "`[[client]]`" + ` for each, after everything else; flags and variables have no place for it. ` + "`usher serve`" + ` applies
the entries when it starts: what stands here is made so, and an app that stood here and no longer does is removed, with everything that is signed in to it. Such an app is shown in the administration and changed only here.

` + "```toml\n" + exampleClient + "```\n" + `
| key | meaning |
|---|---|
`

// clientMarkdown documents the entries.
func clientMarkdown(b *strings.Builder) {
	b.WriteString(clientIntroduction)
	entryMarkdown[Client](b)
}
