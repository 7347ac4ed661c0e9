package crowd

import (
	"fmt"
	"net/url"
)

// Service is the address a crowd goes to.
type Service struct {
	Listen string // host:port to connect to
	Host   string // what the Host header says
	// Prefix comes before the cookies' names: "__Host-" where the origin is https.
	Prefix string
	// Proxied adds X-Forwarded-For with each person's own address; the service must trust loopback.
	Proxied bool
}

// Get is person i's request for a page, as the signed-in browser sends it.
func (s Service) Get(i int, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: text/html\r\n%sCookie: %susher=%s; %susher-known=%s\r\n\r\n",
		path, s.Host, Agent, s.forwarded(i), s.Prefix, token("browser", i).Reveal(), s.Prefix, token("known", i).Reveal())
}

// Send is person i's form, as the signed-in browser sends it.
func (s Service) Send(i int, path string, form url.Values) []byte {
	return s.post(i, path, fmt.Sprintf("Cookie: %susher=%s; %susher-known=%s\r\n", s.Prefix, token("browser", i).Reveal(), s.Prefix, token("known", i).Reveal()), form)
}

// SignIn is person i signing in once more with the browser that is known already.
func (s Service) SignIn(i int) []byte {
	return s.post(i, "/sign-in", fmt.Sprintf("Cookie: %susher-known=%s\r\n", s.Prefix, token("known", i).Reveal()), signIn(i))
}

// SignInAnew is person i signing in with a browser never seen before, about which a mail is written.
func (s Service) SignInAnew(i int) []byte { return s.post(i, "/sign-in", "", signIn(i)) }

func signIn(i int) url.Values { return url.Values{"login": {Email(i)}, "password": {Password}} }

// Post is person i's form, from a browser that shows nothing.
func (s Service) Post(i int, path string, form url.Values) []byte { return s.post(i, path, "", form) }

func (s Service) post(i int, path, cookie string, fields url.Values) []byte {
	form := fields.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nSec-Fetch-Site: same-origin\r\n%s%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, s.Host, Agent, s.forwarded(i), cookie, len(form), form)
}

func (s Service) forwarded(i int) string {
	if !s.Proxied {
		return ""
	}
	return fmt.Sprintf("X-Forwarded-For: %s\r\nX-Forwarded-Proto: http\r\n", Address(i))
}
