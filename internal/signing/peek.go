package signing

import "strings"

// Peek returns what a client's token says before anybody has checked its signature: which key it names, and who claims to have signed it. It is for
// finding the key to check it by, and for nothing else. ErrInvalid.
func Peek(token string) (kid, issuer string, err error) {
	if !Looks(token) {
		return "", "", ErrInvalid
	}
	head, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	var parts [2]Claims
	for i, part := range []string{head, body} {
		raw, err := encoding.DecodeString(part)
		if err != nil {
			return "", "", ErrInvalid
		}
		if parts[i], err = members(raw); err != nil {
			return "", "", err
		}
	}
	return parts[0].Text("kid"), parts[1].Text("iss"), nil
}
