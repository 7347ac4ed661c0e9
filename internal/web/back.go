package web

import (
	"encoding/base64"
	"net/url"
	"strings"

	"usher/internal/secret"
)

// fieldForward is the name, in a form and in the address, of where an app wants its person back after the code.
const fieldForward = "forward"

// Back is where an app wants its person back: shown with its host, and only ever followed by a press. Zero when it said nothing, or nothing usable.
type Back struct{ URL, Host string }

// longestBack is more than any browser's address line shows.
const longestBack = 2000

// backOf takes web addresses only. A host in other letters than ASCII could look like another, and a name before the host like the host itself.
func backOf(raw string) Back {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > longestBack || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return Back{}
	}
	if strings.ContainsFunc(u.Host, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\\<>\"'%", c) }) {
		return Back{}
	}
	return Back{URL: u.String(), Host: u.Host}
}

// cookieBack holds it from the press that let the app in to the page that says so: an address alone, which anybody can write, shows no way back.
const cookieBack = "usher-link-back"

// pack makes a text one that a cookie may hold (RFC 6265 §4.1.1); unpack reads it.
func pack(text string) secret.Token {
	return secret.TokenOf(base64.RawURLEncoding.EncodeToString([]byte(text)))
}

func unpack(cookie secret.Token) string {
	raw, err := base64.RawURLEncoding.DecodeString(cookie.Reveal())
	if err != nil {
		return ""
	}
	return string(raw)
}

// behind adds it to one of our own paths.
func (b Back) behind(path string) string {
	if b.URL == "" {
		return path
	}
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return path + sign + url.Values{fieldForward: {b.URL}}.Encode()
}
