package signing

import "strings"

// Looks reports whether a text could be a token of any kind at all (RFC 7515 §3.1), so that nothing else is worth a look.
func Looks(text string) bool { return len(text) <= longest && strings.Count(text, ".") == 2 }

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
