package keep

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Server is whose server it is, as the service said when it was claimed.
type Server struct {
	// Service is the origin of the service it was claimed at.
	Service string `json:"service"`
	// ID is what the service calls the server, and its client_id there.
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Owner     Owner     `json:"owner"`
	ClaimedAt time.Time `json:"claimed_at"`
}

// Owner is the account a server belongs to.
type Owner struct {
	Subject string `json:"sub"`
	Name    string `json:"name"`
}

// Called says in a sentence whose the server is.
func (o Owner) Called() string { return cmp.Or(o.Name, "an account without a user name") }

// form is the version of the identity's file.
const form = 1

// kept is the identity on the disk. It names the key that it belongs to: in another server's folder it means nothing.
type kept struct {
	Form       int    `json:"usher_gate"`
	Thumbprint string `json:"key"`
	Server
}

// errForeign says that a file is not ours, or not whole.
var errForeign = errors.New("keep: not a file of this server")

// longestName bounds texts that the service chose, in bytes.
const longestName = 1000

func parseServer(raw []byte, thumbprint string) (Server, error) {
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return Server{}, errForeign
	}
	u, err := url.Parse(k.Service)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Server{}, errForeign
	}
	if k.Form != form || k.Thumbprint != thumbprint || !isID(k.ID) || k.Owner.Subject == "" || len(k.Name)+len(k.Owner.Name)+len(k.Owner.Subject) > longestName {
		return Server{}, errForeign
	}
	return k.Server, nil
}

// isID reports whether a text can be an id of the service: it stands in paths and headers.
func isID(text string) bool {
	outside := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, outside)
}

// formatServer refuses what parseServer would not read again.
func formatServer(s Server, thumbprint string) ([]byte, error) {
	raw, err := json.MarshalIndent(kept{form, thumbprint, s}, "", " ")
	if err != nil {
		return nil, err
	}
	if _, err := parseServer(raw, thumbprint); err != nil {
		return nil, errors.New("the service named the server in a way that cannot be kept")
	}
	return append(raw, '\n'), nil
}

const keyBlock = "PRIVATE KEY"

// formatKey writes a key as other programs read it too (PKCS #8, RFC 8410).
func formatKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

func parseKey(raw []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != keyBlock || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errForeign
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errForeign // the parser's own words could quote the key
	}
	own, is := key.(ed25519.PrivateKey)
	if !is {
		return nil, errForeign
	}
	return own, nil
}

func thumbprint(key ed25519.PrivateKey) string {
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		panic("keep: a key of ours has no thumbprint: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
