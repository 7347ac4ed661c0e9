// Package server owns claimed media servers: what one is called and where it says that it is, whether it counts for its owner now, and who besides the
// owner it lets in. It refuses to know protocols, and where servers are kept.
package server

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
)

// Limits of a server.
const (
	MostAddresses = 10
	MostGuests    = 100
	// MostShared is how many servers of others are listed for an account: anybody may invite it.
	MostShared = 100
	// MostInvitations is how many invitations of one owner are among them, so that whoever invites to many servers hides nobody else's.
	MostInvitations = 10
	// SeenEvery is how often it is written at most that a server was heard of.
	SeenEvery = 5 * time.Minute
	// ThereEvery is how often it is written at most that somebody was at a server. A gate tells every ten minutes, and when it stops.
	ThereEvery = time.Minute
	// onFor is how long a server counts as on since it was heard of: it says that it is there every ten minutes.
	onFor = 15 * time.Minute
)

// Callback is where on each of its addresses a server takes answers of sign-ins.
const Callback = "/.usher/callback"

// Errors that doors translate.
var (
	ErrNotFound = errors.New("server: the account has no such server")
	// ErrClaimed says that the key is that of a server which belongs to another account.
	ErrClaimed = errors.New("server: a server with this key is claimed already")
	ErrTooMany = errors.New("server: as many as there may be")
	// ErrStands says that a server is not suspended.
	ErrStands = errors.New("server: it is not suspended")
)

// Server is a media server that belongs to an account. It is a client of OpenID Connect, too, of the same id.
type Server struct {
	ID         string
	AccountID  string // its owner's
	Thumbprint string // of its key (RFC 7638)
	Public     string // its Ed25519 key, in base64url (RFC 8037 §2)
	Facts
	Stamp     credential.Stamp
	ClaimedAt time.Time
	SeenAt    time.Time // to SeenEvery
	EndedAt   time.Time // when its owner signed it out alone; else zero
}

// Arrived is when it was claimed last.
func (s Server) Arrived() time.Time {
	if s.Again.After(s.ClaimedAt) {
		return s.Again
	}
	return s.ClaimedAt
}

// On reports whether a server was heard of lately.
func (s Server) On(now time.Time) bool { return now.Sub(s.SeenAt) < onFor }

// Facts are what is told about a server.
type Facts struct {
	Name      string      `json:"name"`
	Product   string      `json:"product,omitempty"`
	Version   string      `json:"version,omitempty"`
	Addresses []Address   `json:"addresses,omitempty"`
	From      device.Seen `json:"from"` // where it was claimed from
	// Types is what people may type there besides app passwords of the server. It is its owner's to say.
	Types Typed `json:"types,omitempty"`
	// Again is when the same server was claimed anew by its owner, the last time; zero: never.
	Again time.Time `json:"again,omitzero"`
}

// Typed is what people type at a server, where whoever runs it could read it.
type Typed string

// What may be typed.
const (
	OnlyAppPasswords Typed = ""                  // of the server, which open nothing else
	AccountPasswords Typed = "account passwords" // its owner and household: the account's own, with the code behind it
)

// Address is a place where a server may be reached.
type Address struct {
	URL       string `json:"url"`
	Confirmed bool   `json:"confirmed,omitempty"` // by its owner: people may come back there after signing in
}

// Confirmed lists the addresses where its owner says that it is.
func (f Facts) Confirmed() (all []string) {
	for _, a := range f.Addresses {
		if a.Confirmed {
			all = append(all, a.URL)
		}
	}
	return all
}

// Says returns the facts with the addresses that the server has of late. Those its owner confirmed stay until the owner takes them away.
func (f Facts) Says(addresses []string) Facts {
	var kept []Address
	for _, a := range f.Addresses {
		if a.Confirmed {
			kept = append(kept, a)
		}
	}
	f.Addresses = kept
	for _, url := range addresses {
		if !f.has(url) && len(f.Addresses) < MostAddresses {
			f.Addresses = append(f.Addresses, Address{URL: url})
		}
	}
	return f
}

// Describe returns the facts as a server words them: without a name the name stays, and what it is as well.
func (f Facts) Describe(says Facts) Facts {
	addresses := make([]string, len(says.Addresses))
	for i, a := range says.Addresses {
		addresses[i] = a.URL
	}
	f = f.Says(addresses)
	f.Version = says.Version
	if says.Name != "" {
		f.Name = says.Name
	}
	return f
}

// Changed reports whether Describe with these words changes anything.
func (f Facts) Changed(says Facts) bool {
	after := f.Describe(says)
	return f.Name != after.Name || f.Version != after.Version || !slices.Equal(f.Addresses, after.Addresses)
}

func (f Facts) has(url string) bool {
	return slices.ContainsFunc(f.Addresses, func(a Address) bool { return a.URL == url })
}

// Confirm returns the facts with an address that is confirmed by the owner, whether the server has named it or not. ErrTooMany.
func (f Facts) Confirm(url string) (Facts, error) {
	f = f.Without(url)
	if len(f.Confirmed()) == MostAddresses {
		return f, ErrTooMany
	}
	f.Addresses = append([]Address{{url, true}}, f.Addresses...)
	f.Addresses = f.Addresses[:min(len(f.Addresses), MostAddresses)]
	return f, nil
}

// Without returns the facts without an address.
func (f Facts) Without(url string) Facts {
	f.Addresses = slices.DeleteFunc(slices.Clone(f.Addresses), func(a Address) bool { return a.URL == url })
	return f
}

// Client is the server as a client of OpenID Connect.
func (s Server) Client() relyingparty.Client {
	type jwk struct {
		KeyType   string `json:"kty"`
		Curve     string `json:"crv"`
		X         string `json:"x"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
		ID        string `json:"kid"`
	}
	keys, err := json.Marshal(map[string][]jwk{"keys": {{"OKP", "Ed25519", s.Public, "sig", "EdDSA", s.Thumbprint}}})
	if err != nil {
		panic("server: a key set is no JSON: " + err.Error())
	}
	c := relyingparty.Client{
		ID: s.ID, AccountID: s.AccountID, Name: s.Name, Auth: relyingparty.PrivateKey, Keys: string(keys),
		Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email, relyingparty.Servers, relyingparty.Signals, relyingparty.ManageSignals},
		Grants: []relyingparty.Grant{relyingparty.Code, relyingparty.Credentials}, CreatedAt: s.ClaimedAt,
	}
	for _, url := range s.Confirmed() {
		c.RedirectURIs = append(c.RedirectURIs, url+Callback)
	}
	return c
}

// Claim is a server about to be claimed.
type Claim struct {
	Server
	Spends string // hash of the claim token
	Most   int64  // servers that the account may have
}

// Held is a server with everything that judges it, read in one question.
type Held struct {
	Server
	Found credential.Found
}
