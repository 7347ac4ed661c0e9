package issuertest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
)

// The headers by which a Browser says who sits before it, and by which issuer.mjs is told.
const (
	browserHeader = "X-Issuertest-Browser"
	accountHeader = "X-Issuertest-Account"
)

// Account is somebody as an issuer knows them.
type Account struct {
	Subject      string
	Email        string
	Verified     bool   // the issuer says that the address is theirs
	HostedDomain string // Google's hd: the domain whose Workspace the account belongs to
	GivenName    string
	FamilyName   string
	Private      bool           // the address is one of Apple's relay
	Declined     []string       // Facebook: permissions that the person did not give, of "email" and "public_profile"
	More         map[string]any // further claims, and others in place of those above
}

// Name is both names in one.
func (a Account) Name() string {
	if a.FamilyName == "" {
		return a.GivenName
	}
	return a.GivenName + " " + a.FamilyName
}

// header is the account as issuer.mjs reads it, in the claims of the issuer's kind; somebody without a subject says no.
func (a Account) header(of *kind, client string) (string, error) {
	claims := map[string]any{"sub": a.Subject}
	if a.Subject != "" {
		maps.Copy(claims, of.tell(a, client))
		maps.Copy(claims, a.More)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(text), nil
}
