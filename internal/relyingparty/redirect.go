package relyingparty

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Errors about a redirect URI that somebody wants to register. Their texts are for people.
var (
	errURILong      = errors.New("An address has at most 2,000 characters.")
	errURISpelling  = errors.New("Only the plain characters of an address may stand in it: no space, backslash, *, # or letters beyond a to z.")
	errURIScheme    = errors.New("It begins with https://, with http://127.0.0.1 or http://[::1], or, for an app, with a scheme of its own that has a dot in it.")
	errURIHost      = errors.New("Its host is a name in small letters or a number, without user, and without a dot at the end.")
	errURIPath      = errors.New("Its path has no parts of only dots, no empty parts, and no encoded slashes, dots or percent signs.")
	errURIOnlyInApp = errors.New("A scheme of its own is for apps that have no secret.")
)

// CheckRedirect says whether a redirect URI may be registered, for any client: https; http at a loopback literal (RFC 8252 §7.3); or a
// private-use scheme with a dot (RFC 8252 §7.1). Whatever two programs could read in two ways is refused.
func CheckRedirect(uri string) error {
	if len(uri) > longestURI {
		return errURILong
	}
	if strings.ContainsFunc(uri, notInURI) || !escapesWell(uri) {
		return errURISpelling
	}
	scheme, rest, found := strings.Cut(uri, ":")
	switch {
	case !found:
		return errURIScheme
	case scheme == "https":
		return checkAuthority(rest, plausibleHost)
	case scheme == "http":
		if checkAuthority(rest, loopbackLiteral) != nil {
			return errURIScheme
		}
		return nil
	case privateScheme(scheme):
		return checkPrivate(rest)
	}
	return errURIScheme
}

// notInURI is true of what RFC 3986 does not allow in a URI, and of fragments and wildcards.
func notInURI(c rune) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return false
	}
	return !strings.ContainsRune("-._~:/?[]@!$&'()+,;=%", c)
}

// escapesWell reports whether every percent sign begins an escape, and none of them a control character.
func escapesWell(uri string) bool {
	for i := range len(uri) {
		if uri[i] != '%' {
			continue
		}
		if i+3 > len(uri) {
			return false
		}
		c, err := strconv.ParseUint(uri[i+1:i+3], 16, 8)
		if err != nil || c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

// checkAuthority checks what follows "https:" or "http:".
func checkAuthority(rest string, isHost func(string) bool) error {
	rest, found := strings.CutPrefix(rest, "//")
	if !found {
		return errURIScheme
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, port := cutPort(rest[:end])
	if !isHost(host) || port != "" && !plausiblePort(port[1:]) {
		return errURIHost
	}
	return checkPath(rest[end:])
}

// cutPort cuts an authority into host and ":port"; an IPv6 literal keeps its brackets.
func cutPort(authority string) (host, port string) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || i < strings.IndexByte(authority, ']') {
		return authority, ""
	}
	return authority[:i], authority[i:]
}

// plausiblePort reports whether a text is a port in its one spelling.
func plausiblePort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s == strconv.FormatUint(n, 10)
}

func loopbackLiteral(host string) bool { return host == "127.0.0.1" || host == "[::1]" }

// plausibleHost accepts names of letters, digits and dashes, as a name server knows them, and addresses in their one spelling, without a zone.
func plausibleHost(host string) bool {
	if inner, is := strings.CutPrefix(host, "["); is {
		inner, closed := strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return closed && err == nil && a.Is6() && !a.Is4In6() && a.Zone() == "" && a.String() == inner
	}
	labels := strings.Split(host, ".")
	if last := labels[len(labels)-1]; last != "" && strings.Trim(last, "0123456789abcdefx") == "" && last[0] <= '9' { // read as a number by some
		a, err := netip.ParseAddr(host)
		return err == nil && a.String() == host
	}
	return len(host) <= 253 && !slices.ContainsFunc(labels, func(label string) bool {
		return label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}

// checkPath checks what follows the host. In a query anything goes that may stand in a URI.
func checkPath(rest string) error {
	path, _, _ := strings.Cut(rest, "?")
	if path == "" {
		return nil
	}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		last := i == len(parts)-1
		if part == "" && !last || part == "." || part == ".." || strings.ContainsAny(part, "[]") || trickyEscape(part) {
			return errURIPath
		}
	}
	return nil
}

// trickyEscape is true of encoded slashes, backslashes, dots and percent signs: a server that decodes before it routes sees another path.
func trickyEscape(part string) bool {
	part = strings.ToLower(part)
	return slices.ContainsFunc([]string{"%2f", "%5c", "%2e", "%25"}, func(e string) bool { return strings.Contains(part, e) })
}

// privateScheme is true of schemes that begin with a domain name in reverse (RFC 8252 §7.1): no scheme with a meaning of its own has a dot.
func privateScheme(scheme string) bool {
	return len(scheme) <= 100 && strings.Contains(scheme, ".") && !slices.ContainsFunc(strings.Split(scheme, "."), func(label string) bool {
		return label == "" || label[0] < 'a' || label[0] > 'z' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}

// checkPrivate checks what follows a private-use scheme: a path, or two slashes with a name or nothing between them and the path.
func checkPrivate(rest string) error {
	if after, has := strings.CutPrefix(rest, "//"); has {
		end := strings.IndexAny(after, "/?")
		if end < 0 {
			end = len(after)
		}
		host, path := after[:end], after[end:]
		switch {
		case host == "" && !strings.HasPrefix(path, "/"): // nothing follows, and some leave the slashes out then
			return errURIPath
		case host != "" && !plausibleHost(host):
			return errURIHost
		}
		return checkPath(path)
	}
	if !strings.HasPrefix(rest, "/") {
		return errURIPath
	}
	return checkPath(rest)
}

// AllowsRedirect reports whether an answer may go to the URI of a request: it is, letter for letter, one of those registered. Only of a public
// client's http://127.0.0.1 or http://[::1] may the port be another one (RFC 8252 §7.3).
func (c Client) AllowsRedirect(asked string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return asked == registered || c.Public() && sameButPort(asked, registered)
	})
}

// AllowsPostLogout reports whether a browser may go to the URI after signing out: it is, letter for letter, one of those registered.
func (c Client) AllowsPostLogout(asked string) bool { return slices.Contains(c.PostLogoutURIs, asked) }

// sameButPort reports whether both begin with the same loopback literal and differ in nothing but its port.
func sameButPort(asked, registered string) bool {
	host, rest, loopback := cutLoopback(registered)
	otherHost, otherRest, otherLoopback := cutLoopback(asked)
	return loopback && otherLoopback && host == otherHost && rest == otherRest
}

// cutLoopback cuts a URI with a loopback literal into what stands before and after its port.
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, is := strings.CutPrefix(uri, host)
		if !is {
			continue
		}
		if after, has := strings.CutPrefix(rest, ":"); has {
			end := strings.IndexAny(after, "/?")
			if end < 0 {
				end = len(after)
			}
			if !plausiblePort(after[:end]) {
				return "", "", false
			}
			rest = after[end:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}
