package door

import (
	"cmp"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"usher/internal/id"
)

// The headers in which the media server is told who asks. All of them are always there, empty where nothing is known.
const (
	UserHeader   = "Remote-User" // the user name, else the subject
	NameHeader   = "Remote-Name" // UTF-8 as it stands
	EmailHeader  = "Remote-Email"
	GroupsHeader = "Remote-Groups" // separated by commas
	// AssertionHeader carries the same, signed by the gate's key.
	AssertionHeader = "X-Usher-Assertion"
)

// identity is what the four headers say.
type identity struct{ user, display, email, groups string }

// name is the user name, where one is told of an account.
func (i identity) name(account string) string {
	if i.user == headerText(account) {
		return ""
	}
	return i.user
}

func identityOf(d Decision) identity {
	groups := make([]string, 0, len(d.Groups))
	for _, group := range d.Groups {
		if group = headerText(strings.ReplaceAll(group, ",", "")); group != "" {
			groups = append(groups, group)
		}
	}
	return identity{
		user:    cmp.Or(userName(d.UserName), headerText(d.Account)),
		display: headerText(d.Name),
		email:   headerText(d.Email),
		groups:  strings.Join(groups, ","),
	}
}

// userName is the name that a person chose; empty when it reads like a subject, under which somebody else may be known who has no name.
func userName(chosen string) string {
	if id.Valid(strings.ToLower(chosen)) {
		return ""
	}
	return headerText(chosen)
}

// headerText leaves out what a field value may not hold (RFC 9110 §5.5), and what changes how the rest of a line reads.
func headerText(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs, unicode.Co) {
			return -1
		}
		return r
	}, s))
}

// set puts all four in; each value has memory of its own in one piece.
func (i identity) set(h http.Header) {
	values := [...]string{i.user, i.display, i.email, i.groups}
	for n, name := range [...]string{UserHeader, NameHeader, EmailHeader, GroupsHeader} {
		h[name] = values[n : n+1 : n+1]
	}
}

// foreignPrefixes begin the names of headers in which some proxy tells some server who asks. They are compared as a server reads them that takes everything
// but letters and digits for the same sign, as CGI does (RFC 3875 §4.1.18).
var foreignPrefixes = []string{
	"remote-", "x-remote-", "http-remote-", "x-usher-", "x-auth-request-", "x-authentik-", "x-webauth-", "x-authelia-", "x-authenticated-", "x-pomerium-", "x-goog-authenticated-",
	"x-forwarded-user", "x-forwarded-email", "x-forwarded-group", "x-forwarded-preferred-username", "x-forwarded-access-token", "x-forwarded-name",
	"x-tailscale-", "tailscale-", "cf-access-", "x-ms-client-principal", "x-amzn-oidc-", "x-goog-iap-", "oidc-", "x-vouch-", "x-sso-", "x-userinfo", "x-consumer-", "x-credential-identifier", "shib-", "mellon-",
	"ssl-client-", "x-ssl-client-", "x-client-cert", "x-client-verify", "x-client-dn", "x-arr-clientcert",
}

// forwardingPrefixes begin the names of headers in which proxies speak about the client.
var forwardingPrefixes = []string{"x-forwarded", "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip", "x-original-", "x-rewrite-url"}

// identifies reports whether a header's name is one in which a server might look for who asks, however it is spelled.
func identifies(name string) bool { return flatBegins(name, foreignPrefixes) }

// forwards reports whether a header's name is one in which a server might look for where a request came from, or what it was.
func forwards(name string) bool { return flatBegins(name, forwardingPrefixes) }

func flatBegins(name string, prefixes []string) bool {
	var memory [48]byte
	flat := memory[:0]
	for i := 0; i < len(name) && len(flat) < len(memory); i++ {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			flat = append(flat, c|0x20)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			flat = append(flat, c)
		case len(flat) > 0:
			flat = append(flat, '-')
		}
	}
	for _, prefix := range prefixes {
		if len(flat) >= len(prefix) && string(flat[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// stripForeign takes off whatever the client says about who it is and where it comes from.
func stripForeign(h http.Header) {
	for name := range h {
		if mayBegin(name) && (identifies(name) || forwards(name)) {
			delete(h, name)
		}
	}
}

// mayBegin sorts out at once most names that no prefix begins.
func mayBegin(name string) bool {
	if name == "" {
		return false
	}
	c := name[0] | 0x20
	return c < 'a' || 'z' < c || strings.IndexByte("cfhmorstx", c) >= 0
}
