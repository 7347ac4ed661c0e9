package signing

import "strings"

// symbols are the bytes that the parts of a token are written in (RFC 4648 §5). Go's decoder skips line breaks, however strict it is.
var symbols = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[c] = true
	}
	return is
}()

// Looks reports whether a text could be a token of any kind at all (RFC 7515 §3.1), so that nothing else is worth a look.
func Looks(text string) bool {
	dots := 0
	for i := range min(len(text), longest) {
		if text[i] == '.' {
			dots++
		} else if !symbols[text[i]] {
			return false
		}
	}
	return dots == 2 && len(text) <= longest
}

// spelled reports whether each part of a token is in the one spelling that its bytes have. Others' readers compare the bytes.
func spelled(token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := encoding.DecodeString(part); err != nil {
			return false
		}
	}
	return Looks(token)
}

// Unverified is what a token says before anybody has checked its signature. It is for finding the key to check it by, or whom to ask about it, and for nothing else.
type Unverified struct{ KeyID, Issuer, Subject, Audience string }

// Peek reads a token without checking it. What it does not say, or not as a text, is empty. ErrInvalid.
func Peek(token string) (Unverified, error) {
	if !Looks(token) {
		return Unverified{}, ErrInvalid
	}
	parts := strings.Split(token, ".")
	header, err := part(parts[0])
	if err != nil {
		return Unverified{}, err
	}
	says, err := part(parts[1])
	if err != nil {
		return Unverified{}, err
	}
	return Unverified{KeyID: header.Text("kid"), Issuer: says.Text("iss"), Subject: says.Text("sub"), Audience: says.Text("aud")}, nil
}

// part reads one of the first two parts of a token.
func part(text string) (Claims, error) {
	raw, err := encoding.DecodeString(text)
	if err != nil {
		return nil, ErrInvalid
	}
	return members(raw)
}
