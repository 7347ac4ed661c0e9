package signing

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"
)

// Skew is how far another machine's clock may be off.
const Skew = time.Minute

// Claims are the members of a token's one JSON object, by their exact names, each of which stood there once.
type Claims map[string]json.RawMessage

// deepest bounds how far objects and lists may stand in each other.
const deepest = 8

// members reads one JSON object in which no name stands twice, at any depth. ErrInvalid.
func members(raw []byte) (Claims, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if walk(d, 0) != nil {
		return nil, ErrInvalid
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrInvalid
	}
	var c Claims
	if json.Unmarshal(raw, &c) != nil || c == nil {
		return nil, ErrInvalid
	}
	return c, nil
}

// walk goes over the next value.
func walk(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil || depth > deepest {
		return ErrInvalid
	}
	open, is := t.(json.Delim)
	if !is {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			text, is := name.(string)
			if err != nil || !is || seen[text] {
				return ErrInvalid
			}
			seen[text] = true
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// Text returns a claim that is a text; empty when it is anything else.
func (c Claims) Text(name string) string {
	if text, plain := plainText(c[name]); plain {
		return text
	}
	var s *string
	if json.Unmarshal(c[name], &s) != nil || s == nil {
		return ""
	}
	return *s
}

// plainText returns a JSON text that stands for itself, as nearly every one does: reading such ones is most of what checking a token costs.
func plainText(raw json.RawMessage) (text string, plain bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(inner), true
}

// Texts returns a claim that is a text or a list of texts.
func (c Claims) Texts(name string) []string {
	if one := c.Text(name); one != "" {
		return []string{one}
	}
	var all []string
	if json.Unmarshal(c[name], &all) != nil {
		return nil
	}
	return all
}

// Time returns a claim that is a NumericDate (RFC 7519 §2); zero when it is anything else.
func (c Claims) Time(name string) time.Time {
	if whole, err := strconv.ParseUint(string(c[name]), 10, 40); err == nil && whole > 0 {
		return time.Unix(int64(whole), 0).UTC()
	}
	var s *float64
	if json.Unmarshal(c[name], &s) != nil || s == nil || *s <= 0 || *s >= 1<<40 {
		return time.Time{}
	}
	return time.UnixMilli(int64(*s * 1000)).UTC()
}

// Number returns a claim that is a whole number; zero when it is anything else.
func (c Claims) Number(name string) int64 {
	var n *int64
	if json.Unmarshal(c[name], &n) != nil || n == nil {
		return 0
	}
	return *n
}

// Expected is what a token has to say to count.
type Expected struct {
	Issuer   string
	Audience []string // it is for one of these
	Now      time.Time
	// Skew is how far the clock that wrote the token may be off.
	Skew time.Duration
}

// Check reports whether the claims name issuer and audience and count now: exp and iat have to stand there, nbf and exp hold. ErrInvalid.
func (c Claims) Check(want Expected) error {
	meant := slices.ContainsFunc(c.Texts("aud"), func(a string) bool { return slices.Contains(want.Audience, a) })
	exp, iat := c.Time("exp"), c.Time("iat")
	if c.Text("iss") != want.Issuer || !meant || exp.IsZero() || iat.IsZero() {
		return ErrInvalid
	}
	if !want.Now.Before(exp.Add(want.Skew)) || iat.After(want.Now.Add(Skew)) {
		return ErrInvalid
	}
	if _, given := c["nbf"]; given {
		if nbf := c.Time("nbf"); nbf.IsZero() || nbf.After(want.Now.Add(Skew)) {
			return ErrInvalid
		}
	}
	return nil
}
