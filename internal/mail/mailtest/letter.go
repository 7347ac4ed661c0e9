package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/emersion/go-message/mail"
	"golang.org/x/net/html"
)

// Letter is a mail read apart.
type Letter struct {
	Header  mail.Header
	From    string // address alone
	To      string
	Subject string
	Text    string
	HTML    string
	Links   []string // of the HTML part, in order
	Code    string   // six digits on a line of their own in the text part, or empty
}

var codeLine = regexp.MustCompile(`(?m)^ *([0-9]{6}) *\r?$`)

// ErrLetter says that a mail is not of the form Usher sends: one text part and one HTML part, nothing else.
var ErrLetter = errors.New("mailtest: not a letter")

// Read reads a mail apart.
func (m Message) Read() (Letter, error) {
	r, err := mail.CreateReader(bytes.NewReader(m.Raw))
	if err != nil {
		return Letter{}, fmt.Errorf("mailtest: reading the header: %w", err)
	}
	l := Letter{Header: r.Header}
	if l.Subject, err = r.Header.Subject(); err != nil {
		return Letter{}, fmt.Errorf("mailtest: reading the subject: %w", err)
	}
	if l.From, err = single(r.Header, "From"); err != nil {
		return Letter{}, err
	}
	if l.To, err = single(r.Header, "To"); err != nil {
		return Letter{}, err
	}
	if err := l.parts(r); err != nil {
		return Letter{}, err
	}
	l.Links = links(l.HTML)
	if found := codeLine.FindStringSubmatch(l.Text); found != nil {
		l.Code = found[1]
	}
	return l, nil
}

func single(h mail.Header, key string) (string, error) {
	list, err := h.AddressList(key)
	if err != nil {
		return "", fmt.Errorf("mailtest: reading %s: %w", key, err)
	}
	if len(list) != 1 {
		return "", fmt.Errorf("%w: %d addresses in %s", ErrLetter, len(list), key)
	}
	return list[0].Address, nil
}

func (l *Letter) parts(r *mail.Reader) error {
	var kinds []string
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("mailtest: reading a part: %w", err)
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			return fmt.Errorf("%w: an attachment", ErrLetter)
		}
		kind, _, err := inline.ContentType()
		if err != nil {
			return fmt.Errorf("mailtest: reading a part's type: %w", err)
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return fmt.Errorf("mailtest: reading a part's body: %w", err)
		}
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		kinds = append(kinds, kind)
		if kind == "text/html" {
			l.HTML = string(body)
		} else {
			l.Text = string(body)
		}
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		return fmt.Errorf("%w: parts %v", ErrLetter, kinds)
	}
	return nil
}

func links(page string) []string {
	var found []string
	doc, err := html.Parse(bytes.NewReader([]byte(page)))
	if err != nil {
		return nil
	}
	for node := range doc.Descendants() {
		for _, attribute := range node.Attr {
			if node.Data == "a" && attribute.Key == "href" {
				found = append(found, attribute.Val)
			}
		}
	}
	return found
}
