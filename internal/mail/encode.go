package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// ErrAddress says that no mail can go to an address: it is not one plain address, or too long (RFC 5321 section 4.5.3.1).
var ErrAddress = errors.New("mail: address cannot be used")

// envelope is a message as it crosses the wire.
type envelope struct {
	from, to string // as they stand in MAIL FROM and RCPT TO, without brackets
	utf8     bool   // an address needs SMTPUTF8 (RFC 6531)
	body     []byte
}

// route checks one address and returns it as SMTP carries it: the local part untouched, the domain in ASCII. Quoted local
// parts are refused; nobody has one, and every parser reads them differently.
func route(address string) (string, error) {
	if len(address) > 254 {
		return "", fmt.Errorf("%w: too long", ErrAddress) // before parsing: the parser's work grows with the square
	}
	if strings.ContainsFunc(address, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == 0xFFFD || strings.ContainsRune(`"\<>(),;`, r)
	}) {
		return "", fmt.Errorf("%w: a character in it", ErrAddress)
	}
	if !single(address) {
		return "", fmt.Errorf("%w: not one plain address", ErrAddress)
	}
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	if len(local) > 64 {
		return "", fmt.Errorf("%w: too long before the @", ErrAddress)
	}
	if ascii(domain) {
		return address, nil
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(domain) > 253 || !single(local+"@"+domain) { // ToASCII drops some characters, even all
		return "", fmt.Errorf("%w: the domain", ErrAddress)
	}
	return local + "@" + domain, nil
}

func single(address string) bool {
	parsed, err := netmail.ParseAddress(address)
	return err == nil && parsed.Address == address && parsed.Name == ""
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// encode makes the bytes that cross the wire. Headers go through go-mail's encoders, and nothing reaches them that holds
// a line break or looks encoded already.
func (m Message) encode() (envelope, error) {
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return envelope{}, fmt.Errorf("%w: sender", ErrAddress)
	}
	var e envelope
	if e.from, err = route(from.Address); err != nil {
		return envelope{}, err
	}
	if e.to, err = route(m.To); err != nil {
		return envelope{}, err
	}
	e.utf8 = !ascii(e.from) || !ascii(e.to)
	head := m.ID + m.Subject + from.Name
	if m.Date.IsZero() || m.ID == "" || strings.ContainsAny(head, "\r\n\x00") || strings.Contains(head, "=?") {
		return envelope{}, fmt.Errorf("%w: headers", ErrRender)
	}

	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&netmail.Address{Name: from.Name, Address: e.from})
	msg.ToMailAddress(&netmail.Address{Address: e.to})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date.UTC())
	msg.SetMessageIDWithValue(m.ID)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)

	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return envelope{}, fmt.Errorf("%w: encoding", ErrRender)
	}
	e.body = out.Bytes()
	return e, nil
}
