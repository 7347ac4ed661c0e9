// Package device owns what is signed in to an account: browsers today, players and servers later. It refuses to know how they
// signed in.
package device

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind is what a device is, for its icon and its place in the list.
type Kind string

// The kinds of devices.
const (
	Browser Kind = "browser"
	Phone   Kind = "phone"  // a browser on a phone or tablet
	App     Kind = "app"    // software that signs in by itself, with a name and a password or an app password
	Server  Kind = "server" // a media server that was claimed for the account
	TV      Kind = "tv"     // a TV or player that was let in by a code
)

// IsSoftware tells apps and players from browsers: they have limits and an idle time of their own.
func (k Kind) IsSoftware() bool { return k == App || k == TV }

// ByCode is the method of what was let in by a code.
const ByCode = "code"

// ByAppPassword is the method of what is signed in by an app password.
const ByAppPassword = "app password"

// ByServerPassword is the method of what is signed in at one media server by an app password of that server.
const ByServerPassword = "app password of a server"

// ByConsent is the method of an app that its person let in on our pages (OpenID Connect).
const ByConsent = "OpenID Connect"

// ByHome is the method of what a member of a Home switched to the account on.
const ByHome = "Home"

// Most is how many browsers, and how many apps, an account may have; the one unused for longest is signed out to make room (ASVS 7.1.2).
const Most = 200

// ErrNotFound says that the account has no such device.
var ErrNotFound = errors.New("device: there is no such device on this account")

// ErrTooMany says that the account has as many devices of a kind as it may have.
var ErrTooMany = errors.New("device: the account has as many of these as it may have")

// Device is one thing that is signed in.
type Device struct {
	ID        string
	AccountID string
	Kind      Kind
	Name      string // "Firefox on Linux"
	Product   string // "Firefox"
	Purpose   string // what it is for, in its owner's words; often empty
	Method    string // how it signed in: "password"
	Server    string // id of the server that it is signed in at, where it is one by an app password of a server
	Origin    string // id of the device that it was switched to this account on; empty where that is not how it came
	Claim     Claim  // what it said about itself besides; empty for browsers
	Seen      Seen
	CreatedAt time.Time
	UsedAt    time.Time
}

// Client is what a request tells about where it comes from. The user agent is the client's own claim.
type Client struct {
	Address   netip.Addr
	Place     string // name of the place, empty when unknown
	UserAgent string
	// Page is request.Facts.Page: whose browser a page of another website is open in, it does not know, so where this is set the address says nothing of
	// where anybody is.
	Page string
}

// longestAgent bounds what is kept of a User-Agent header, in bytes.
const longestAgent = 512

// ClientAt returns the client at an address, whose place is named by place.
func ClientAt(address netip.Addr, place func(netip.Addr) string, userAgent string) Client {
	return Client{Address: address, Place: place(address), UserAgent: userAgent[:min(len(userAgent), longestAgent)]}
}

// OnPage returns the client as one that a page of another website sends; empty: none does.
func (c Client) OnPage(page string) Client {
	c.Page = page
	return c
}

// Seen returns where the client is.
func (c Client) Seen() Seen {
	if !c.Address.IsValid() {
		return Seen{Place: c.Place, Page: c.Page}
	}
	return Seen{Address: c.Address.String(), Place: c.Place, Page: c.Page}
}

// Seen is where a device was when it was last used.
type Seen struct {
	Address string `json:"address"`        // IP address
	Place   string `json:"place"`          // name of the place; empty when unknown
	Page    string `json:"page,omitempty"` // Client.Page
}

// Claimed is what software that names itself is called: a short line for the device and one for the product, whatever it claims. Where it says
// nothing, the first product of its User-Agent does (RFC 9110 §10.1.5).
func Claimed(name, product, userAgent string) (calls, made string) {
	name, product = tame(name), tame(product)
	if first, _, _ := strings.Cut(userAgent, " "); product == "" {
		first, _, _ = strings.Cut(first, "/")
		product = tame(first)
	}
	if product == "" || product == "Mozilla" { // a library, or a browser's own
		product = "App"
	}
	return cmp.Or(name, product), product
}

// Claim is what software says about itself when it signs in. Nothing of it is proved.
type Claim struct {
	// Identifier is the lasting name it chose for itself, to the letter: whoever has another one is another. Signing in again under one takes the
	// place of the device that had it.
	Identifier      string `json:"identifier,omitempty"`
	Version         string `json:"version,omitempty"`
	Platform        string `json:"platform,omitempty"`
	PlatformVersion string `json:"platform_version,omitempty"`
	Hardware        string `json:"hardware,omitempty"`
	Model           string `json:"model,omitempty"`
	Vendor          string `json:"vendor,omitempty"`
	Provides        string `json:"provides,omitempty"` // "player", "controller", "server", with commas
}

// LongestIdentifier bounds the name that software has for itself, in bytes.
const LongestIdentifier = 255

// IsIdentifier reports whether a text can be the name that software has for itself: not too long, and nothing in it that cannot be seen.
func IsIdentifier(name string) bool {
	return name != "" && len(name) <= LongestIdentifier && utf8.ValidString(name) && strings.IndexFunc(name, func(c rune) bool { return !unicode.IsGraphic(c) }) < 0
}

// Tame returns the claim with each of its texts as one short line, but for the identifier: cut, it would be another's as well.
func (c Claim) Tame() Claim {
	for _, text := range []*string{&c.Version, &c.Platform, &c.PlatformVersion, &c.Hardware, &c.Model, &c.Vendor, &c.Provides} {
		*text = tame(*text)
	}
	return c
}

// numberBits is how much of a hash a number holds: what JavaScript counts exactly.
const numberBits = 53

// Number returns the number that stands for a row's identifier where a protocol has room for a number only. Two rows of an instance with a
// million share one with a probability of 6e-5; a device's number is only looked for among those of its account.
func Number(id string) int64 {
	sum := sha256.Sum256([]byte("number\x00" + id))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> (64 - numberBits))
}

// longestClaim is how many characters of a claim are kept.
const longestClaim = 64

// tame makes one short line of a claim: no controls, nothing invisible or turning the direction of writing.
func tame(claim string) string {
	var line strings.Builder
	n, blank := 0, false
	for _, c := range claim {
		if unicode.IsSpace(c) || unicode.IsControl(c) {
			blank = n > 0
			continue
		}
		if c == unicode.ReplacementChar || !unicode.IsGraphic(c) || unicode.Is(unicode.Variation_Selector, c) {
			continue
		}
		if blank {
			line.WriteByte(' ')
			n, blank = n+1, false
		}
		if n >= longestClaim {
			break
		}
		line.WriteRune(c)
		n++
	}
	return strings.TrimSpace(line.String())
}

// TouchEvery is how much older than now a stored last use must be before it is written again.
const TouchEvery = 5 * time.Minute

// Describe names a browser by its User-Agent, in the coarse words people use. The header is the client's claim and no more.
func Describe(userAgent string) (kind Kind, name, product string) {
	product, system := "Browser", ""
	for _, p := range products {
		if strings.Contains(userAgent, p.mark) {
			product = p.name
			break
		}
	}
	kind = Browser
	for _, s := range systems {
		if strings.Contains(userAgent, s.mark) {
			system, kind = s.name, s.kind
			break
		}
	}
	if system == "" {
		return kind, product, product
	}
	return kind, product + " on " + system, product
}

// products in the order that tells browsers apart which name each other.
var products = []struct{ mark, name string }{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
	{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"},
	{"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []struct {
	mark, name string
	kind       Kind
}{
	{"iPhone", "iPhone", Phone}, {"iPad", "iPad", Phone}, {"Android", "Android", Phone}, {"Windows", "Windows", Browser},
	{"Macintosh", "Mac", Browser}, {"CrOS", "ChromeOS", Browser}, {"Linux", "Linux", Browser},
}
