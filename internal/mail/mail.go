// Package mail owns the words of a mail and its way out: it renders a notice.Notice into a message, keeps connections to
// one SMTP server, and empties the queue. It refuses to know why a notice was written, who may read it, and how the queue
// is stored.
//
// A message is made from live secrets, so nothing here logs or returns more of one than its kind and id, and no reason
// given to the queue quotes the mail server, whose answers repeat addresses.
package mail

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"

	"usher/internal/notice"
)

//go:embed templates
var templates embed.FS

// Message is a mail in words, before it is encoded.
type Message struct {
	ID      string    // without the angle brackets; the same for every try to send it
	Date    time.Time // when the notice was written
	From    string    // "Usher <usher@example.org>"
	To      string
	Subject string
	Text    string
	HTML    string
}

// Letterhead is what all mails of one installation share.
type Letterhead struct {
	Service    string // what the installation is called
	Origin     string // "https://example.org"; links lead nowhere else
	From       string // for notice.AccountMail: "Usher <usher@example.org>"
	NoticeFrom string // for notice.NoticeMail; From when empty
}

// Composer puts notices into words. It is safe for concurrent use.
type Composer struct {
	service string
	origin  string // scheme and host, no slash
	host    string // as people type it
	idHost  string // right side of a Message-ID
	from    map[notice.Sender]string
	words   map[notice.Kind]*texttemplate.Template
	text    *texttemplate.Template
	html    *template.Template
}

// ErrLetterhead says that a Composer cannot be made from what was given.
var ErrLetterhead = errors.New("mail: letterhead")

// NewComposer fails when the origin or a sender cannot stand in a mail.
func NewComposer(head Letterhead) (*Composer, error) {
	c := &Composer{service: tame(head.Service, 60)}
	if c.service == "" {
		return nil, fmt.Errorf("%w: no service name", ErrLetterhead)
	}
	origin, err := url.Parse(head.Origin)
	if err != nil || origin.Hostname() == "" || origin.User != nil || strings.Trim(origin.Path, "/") != "" {
		return nil, fmt.Errorf("%w: the origin is not scheme://host", ErrLetterhead)
	}
	if origin.Scheme != "http" && origin.Scheme != "https" {
		return nil, fmt.Errorf("%w: the origin is neither http nor https", ErrLetterhead)
	}
	c.origin, c.host, c.idHost = origin.Scheme+"://"+origin.Host, origin.Host, idHost(origin.Hostname())
	if !plainLink(c.origin) {
		return nil, fmt.Errorf("%w: the origin's host is not written in plain letters", ErrLetterhead)
	}
	if head.NoticeFrom == "" {
		head.NoticeFrom = head.From
	}
	c.from = map[notice.Sender]string{}
	for sender, text := range map[notice.Sender]string{notice.AccountMail: head.From, notice.NoticeMail: head.NoticeFrom} {
		if c.from[sender], err = c.sender(text); err != nil {
			return nil, err
		}
	}
	return c, c.parse()
}

// sender brings a configured sender into the form "Name <address>", the service's name standing in for a missing one.
func (c *Composer) sender(text string) (string, error) {
	if len(text) > 400 {
		return "", fmt.Errorf("%w: a sender is too long", ErrLetterhead)
	}
	parsed, err := netmail.ParseAddress(text)
	if err != nil {
		return "", fmt.Errorf("%w: a sender is not of the form Name <address>", ErrLetterhead)
	}
	if _, err := route(parsed.Address); err != nil {
		return "", fmt.Errorf("%w: a sender's address: %w", ErrLetterhead, err)
	}
	if parsed.Name = tame(parsed.Name, 60); parsed.Name == "" {
		parsed.Name = c.service
	}
	return parsed.String(), nil
}

func (c *Composer) parse() error {
	var err error
	c.words = map[notice.Kind]*texttemplate.Template{}
	for _, kind := range notice.Kinds() {
		t := texttemplate.New(string(kind)).Option("missingkey=error")
		if c.words[kind], err = t.ParseFS(templates, "templates/"+string(kind)+".txt"); err != nil {
			return fmt.Errorf("mail: reading the words for %s: %w", kind, err)
		}
	}
	if c.text, err = texttemplate.ParseFS(templates, "templates/layout.txt"); err != nil {
		return fmt.Errorf("mail: reading the text layout: %w", err)
	}
	if c.html, err = template.ParseFS(templates, "templates/layout.html"); err != nil {
		return fmt.Errorf("mail: reading the HTML layout: %w", err)
	}
	return nil
}

// Senders returns the two addresses people may want to allow: account mail and notices. They can be the same.
func (c *Composer) Senders() (account, notices string) {
	return bare(c.from[notice.AccountMail]), bare(c.from[notice.NoticeMail])
}

// bare leaves out the name: a list of allowed senders wants the address alone.
func bare(sender string) string {
	parsed, err := netmail.ParseAddress(sender)
	if err != nil {
		return sender
	}
	return parsed.Address
}
