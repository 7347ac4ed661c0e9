package accounts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Signal is one thing that the service tells.
type Signal struct {
	ID string // jti
	// Revokes says that something which was signed in is so no more.
	Revokes bool
	// Everybody says that it concerns all accounts.
	Everybody bool
	Whose     Whose
}

// Whose says whom a signal concerns: an account, one of its sign-ins, or one server of it. Empty parts are not named.
type Whose struct{ Account, Session, Server string }

// revoking are the events after which nothing that was signed in counts (CAEP 1.0 §3.1, RISC 1.0 §2).
var revoking = []string{
	"https://schemas.openid.net/secevent/caep/event-type/session-revoked",
	"https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	"https://schemas.openid.net/secevent/risc/event-type/account-purged",
}

const verificationEvent = "https://schemas.openid.net/secevent/ssf/event-type/verification"

// wrongSET is why a security event token is not believed (RFC 8935 §2.4).
type wrongSET struct{ Code, Why string }

func (w *wrongSET) Error() string { return w.Code + ": " + w.Why }

func wrong(code, why string) error { return &wrongSET{code, why} }

// subject is a sub_id (RFC 9493 §3, SSF 1.0 §3).
type subject struct {
	Format  string   `json:"format"`
	Issuer  string   `json:"iss"`
	Subject string   `json:"sub"`
	URI     string   `json:"uri"`
	ID      string   `json:"id"`
	User    *subject `json:"user"`
	Session *subject `json:"session"`
	Device  *subject `json:"device"`
}

// setClaims are those of a security event token (RFC 8417 §2.2).
type setClaims struct {
	Issuer   string                     `json:"iss"`
	Audience any                        `json:"aud"`
	ID       string                     `json:"jti"`
	Subject  json.RawMessage            `json:"sub"`
	Expires  json.RawMessage            `json:"exp"`
	SubID    subject                    `json:"sub_id"`
	Events   map[string]json.RawMessage `json:"events"`
}

// readSET believes a token that the service has signed for this server, as a security event token and as nothing else. The error is a *wrongSET.
func readSET(text string, keys jose.JSONWebKeySet, issuer, audience string) (Signal, error) {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return Signal{}, wrong("invalid_request", "it is no token signed with RS256")
	}
	head := signed.Signatures[0].Protected
	if kind, _ := head.ExtraHeaders[jose.HeaderType].(string); strings.TrimPrefix(strings.ToLower(kind), "application/") != "secevent+jwt" {
		return Signal{}, wrong("invalid_request", "its typ is another")
	}
	key := keyOf(keys, head.KeyID)
	if key == nil {
		return Signal{}, errUnknownKey
	}
	body, err := signed.Verify(key)
	if err != nil {
		return Signal{}, wrong("authentication_failed", "its signature is wrong")
	}
	var c setClaims
	if err := json.Unmarshal(body, &c); err != nil {
		return Signal{}, wrong("invalid_request", "it cannot be read")
	}
	switch {
	case c.Issuer != issuer:
		return Signal{}, wrong("invalid_issuer", "it is of another service")
	case !isFor(c.Audience, audience):
		return Signal{}, wrong("invalid_audience", "it is for another server")
	case c.ID == "" || len(c.Subject) > 0 || len(c.Expires) > 0 || len(c.Events) != 1:
		return Signal{}, wrong("invalid_request", "it is no security event token of one event")
	}
	return c.signal(issuer)
}

var errUnknownKey = wrong("invalid_key", "its key is none of the service's")

// keyOf is the service's key of that name for signatures with RSA; nil: there is none.
func keyOf(keys jose.JSONWebKeySet, id string) any {
	for _, k := range keys.Key(id) {
		if id != "" && k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == string(jose.RS256)) {
			return k
		}
	}
	return nil
}

// isFor takes one audience, alone or in a list.
func isFor(said any, want string) bool {
	if all, is := said.([]any); is && len(all) == 1 {
		said = all[0]
	}
	return said == any(want)
}

// signal says what a token tells.
func (c setClaims) signal(issuer string) (Signal, error) {
	s := Signal{ID: c.ID}
	for event := range c.Events {
		if event == verificationEvent {
			return s, nil
		}
		s.Revokes = slices.Contains(revoking, event)
	}
	user := &c.SubID
	if c.SubID.Format == "complex" {
		user = c.SubID.User
	}
	switch id := c.SubID; {
	case id.Format == "uri" && id.URI == issuer:
		s.Everybody = true
		return s, nil
	case user == nil || user.Format != "iss_sub" || user.Issuer != issuer || user.Subject == "":
		return Signal{}, wrong("invalid_request", "it does not say whom it concerns")
	case id.Session != nil && (id.Session.Format != "opaque" || id.Session.ID == ""), id.Device != nil && (id.Device.Format != "opaque" || id.Device.ID == ""):
		return Signal{}, wrong("invalid_request", fmt.Sprintf("it names a part of format %q", id.Format))
	}
	s.Whose.Account = user.Subject
	if c.SubID.Session != nil {
		s.Whose.Session = c.SubID.Session.ID
	}
	if c.SubID.Device != nil {
		s.Whose.Server = c.SubID.Device.ID
	}
	return s, nil
}
