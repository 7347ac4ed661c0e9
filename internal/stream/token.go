package stream

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Claims are those of a security event token (RFC 8417 §2.2, SSF 1.0 §4): it has neither sub nor exp, and nobody takes it for another token.
type Claims struct {
	Issuer   string                   `json:"iss"`
	Audience string                   `json:"aud"`
	IssuedAt int64                    `json:"iat"`
	ID       string                   `json:"jti"`
	Cause    string                   `json:"txn"`
	Subject  map[string]any           `json:"sub_id"`
	Events   map[Event]map[string]any `json:"events"`
}

// Token returns the claims by which a signal of a stream is told. They are the same whenever they are made.
func (s Stream) Token(issuer string, g Signal) Claims {
	r := rules[g.What]
	said := map[string]any{"event_timestamp": g.At.Unix()}
	if r.reason != "" {
		said["reason_admin"] = map[string]string{"en": r.reason}
	}
	for name, value := range r.more {
		said[name] = value
	}
	if g.What == Verified {
		said = map[string]any{}
		if g.Subject != "" {
			said["state"] = g.Subject
		}
	}
	return Claims{
		Issuer: issuer, Audience: s.ClientID, IssuedAt: g.At.Unix(), ID: g.ID, Cause: cmp.Or(g.Cause, g.ID), Subject: s.subject(issuer, g),
		Events: map[Event]map[string]any{r.event: said},
	}
}

// subject says whom a signal is about (RFC 9493 §3, SSF 1.0 §3).
func (s Stream) subject(issuer string, g Signal) map[string]any {
	user := map[string]any{"format": "iss_sub", "iss": issuer, "sub": g.AccountID}
	switch r := rules[g.What]; {
	case g.What == Verified:
		return opaque(s.ID)
	case g.What == everybody, g.What == missed:
		return map[string]any{"format": "uri", "uri": issuer}
	case r.part != "":
		return map[string]any{"format": "complex", "user": user, r.part: opaque(g.Subject)}
	}
	return user
}

func opaque(id string) map[string]any { return map[string]any{"format": "opaque", "id": id} }

// Derived returns what concerns everybody and what the reader of a stream does not know yet. No row stands for it: it follows from how far the
// reader is behind.
func (s Stream) Derived(now time.Time) (all []Signal) {
	if s.Events&ForEverybody() == 0 {
		return nil
	}
	if s.Told < s.Floor {
		at := time.Unix(s.Floor, 0) // an epoch is the time, unless many came in one second
		if at.After(now) {
			at = now
		}
		all = append(all, Signal{ID: derivedID(everybody, s.Floor), What: everybody, At: at.UTC()})
	}
	if !s.Missed.IsZero() {
		all = append(all, Signal{ID: derivedID(missed, s.Missed.UnixMilli()), What: missed, At: s.Missed})
	}
	return all
}

func derivedID(w What, n int64) string { return string(w) + "." + strconv.FormatInt(n, 10) }

// Acknowledged is what a reader has taken and is not told again.
type Acknowledged struct {
	Signals []string // jti
	Told    int64    // the instance epoch that it knows of; 0 for none
	Missed  time.Time
}

// longestID bounds an identifier that somebody acknowledges, in bytes.
const longestID = 300

// kept reports whether an identifier can be one of ours.
func kept(id string) bool {
	return len(id) <= longestID && !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' })
}

// Acknowledge sorts identifiers of tokens into what is kept of them. What nobody was ever told of leads to nothing.
func Acknowledge(ids []string) (a Acknowledged) {
	for _, id := range ids {
		what, number, _ := strings.Cut(id, ".")
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case What(what) == everybody && err == nil:
			a.Told = max(a.Told, n)
		case What(what) == missed && err == nil:
			if at := time.UnixMilli(n).UTC(); at.After(a.Missed) {
				a.Missed = at
			}
		default:
			if kept(id) {
				a.Signals = append(a.Signals, id)
			}
		}
	}
	return a
}
