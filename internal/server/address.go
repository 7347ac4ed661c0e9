package server

import (
	"errors"
	"net/netip"
	"strings"

	"usher/internal/relyingparty"
)

// ErrAddress says that a text is no address of a server. Its text is for people.
var ErrAddress = errors.New("An address begins with https://, or with http:// and a number in your own network, and nothing follows the name but a port.")

const longestAddress = 200

// ReadAddress returns an address of a server in its one spelling: https and a name or number, or http and a number of a private network, of this link or
// of the machine itself; with a port or not, and nothing behind it but at most one slash. ErrAddress.
func ReadAddress(text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "/")
	scheme, authority, found := strings.Cut(text, "://")
	if !found || len(text) > longestAddress || strings.ContainsAny(authority, "/?#@") {
		return "", ErrAddress
	}
	scheme, authority = strings.ToLower(scheme), strings.ToLower(authority)
	if relyingparty.CheckRedirect("https://"+authority+Callback) != nil {
		return "", ErrAddress
	}
	if scheme == "https" {
		return "https://" + strings.TrimSuffix(authority, ":443"), nil
	}
	if scheme == "http" && inside(authority) {
		return "http://" + strings.TrimSuffix(authority, ":80"), nil
	}
	return "", ErrAddress
}

// inside reports whether an authority is a number that nobody on the internet has.
func inside(authority string) bool {
	host := authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.IndexByte(authority, ']') {
		host = authority[:i]
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast())
}
