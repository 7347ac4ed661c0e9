package relyingparty

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Scope is one scope value (RFC 6749 §3.3).
type Scope string

// The scopes there are.
const (
	OpenID        Scope = "openid"
	Profile       Scope = "profile"
	Email         Scope = "email"
	OfflineAccess Scope = "offline_access"
	Player        Scope = "player"     // plays at media servers; no right to the account
	Servers       Scope = "servers"    // a media server's own
	Signals       Scope = "ssf.read"   // a client's own: reads its stream of shared signals
	ManageSignals Scope = "ssf.manage" // a client's own: makes, changes and ends that stream
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{OpenID, Profile, Email, OfflineAccess, Player, Servers, Signals, ManageSignals}
}

// ForClients lists the scopes that clients have for themselves, and for no person.
func ForClients() []Scope { return []Scope{Servers, Signals, ManageSignals} }

// Consent is what a person has agreed to for one client.
type Consent struct {
	ClientID string
	Scopes   []Scope
	At       time.Time // last agreed to
}

// ErrScope says that a text is no list of scopes.
var ErrScope = errors.New("relyingparty: not a list of scopes")

// longestScope bounds a list of scopes that somebody asks for, in bytes.
const longestScope = 1000

// ParseScopes reads a list as RFC 6749 §3.3 writes it: values separated by one space each. A value that stands twice counts once; values that
// nobody knows are kept. The empty text is the empty list; ErrScope.
func ParseScopes(text string) ([]Scope, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > longestScope {
		return nil, ErrScope
	}
	var all []Scope
	for value := range strings.SplitSeq(text, " ") {
		if value == "" || strings.ContainsFunc(value, notInScope) {
			return nil, ErrScope
		}
		if !slices.Contains(all, Scope(value)) {
			all = append(all, Scope(value))
		}
	}
	return all, nil
}

func notInScope(c rune) bool { return c < 0x21 || c > 0x7e || c == '"' || c == '\\' }

// JoinScopes is the text that ParseScopes reads.
func JoinScopes(all []Scope) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(s))
	}
	return b.String()
}
