package web

import (
	"net/url"
	"strings"
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
