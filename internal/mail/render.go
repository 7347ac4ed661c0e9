package mail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	texttemplate "text/template"
	"time"

	"usher/internal/notice"
)

// ErrRender says that a notice cannot be put into words: it is incomplete, or its link leads away from the origin.
// It never tells what the notice holds.
var ErrRender = errors.New("mail: cannot be put into words")

// letter is what both layouts print, so that text and HTML always say the same.
type letter struct {
	Service string
	Subject string
	Lead    string
	Code    string
	Facts   []fact
	Before  []string
	Parts   []part
	Link    *link
	After   []string
	Never   string
	Why     string
}

type fact struct{ Name, Value string }

type link struct{ Label, URL string }

// part is one part of an incident's notice, in the words of who declared it.
type part struct {
	Title      string
	Paragraphs []string
}

// Render puts a notice into words. The errors are ErrRender and ErrAddress; trying again helps neither.
func (c *Composer) Render(n notice.Notice) (Message, error) {
	if err := n.Check(); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	if _, err := route(n.To); err != nil {
		return Message{}, err
	}
	l, err := c.letter(n)
	if err != nil {
		return Message{}, err
	}
	var text, html bytes.Buffer
	if err := c.text.ExecuteTemplate(&text, "layout.txt", l); err != nil {
		return Message{}, fmt.Errorf("%w: text of %s", ErrRender, n.Kind)
	}
	if err := c.html.ExecuteTemplate(&html, "layout.html", l); err != nil {
		return Message{}, fmt.Errorf("%w: HTML of %s", ErrRender, n.Kind)
	}
	return Message{
		ID:      c.messageID(n.ID),
		Date:    n.CreatedAt,
		From:    c.from[n.Kind.Sender()],
		To:      n.To,
		Subject: l.Subject,
		Text:    text.String(),
		HTML:    html.String(),
	}, nil
}

func (c *Composer) letter(n notice.Notice) (letter, error) {
	facts, err := c.wordsOf(n)
	if err != nil {
		return letter{}, err
	}
	t := c.words[n.Kind]
	l := letter{Service: c.service, Code: n.Data[notice.DataCode], Facts: facts.list(n.Kind), Parts: partsOf(n)}
	l.Never = "We never ask for your password or a code by e-mail."
	l.Why = c.why(n)
	var label string
	for _, part := range []struct {
		name string
		into *string
	}{{"subject", &l.Subject}, {"lead", &l.Lead}, {"link", &label}} {
		if *part.into, err = say(t, part.name, facts); err != nil {
			return letter{}, fmt.Errorf("%w: %s of %s", ErrRender, part.name, n.Kind)
		}
	}
	if l.Before, err = paragraphs(t, "before", facts); err != nil {
		return letter{}, fmt.Errorf("%w: words of %s", ErrRender, n.Kind)
	}
	if l.After, err = paragraphs(t, "after", facts); err != nil {
		return letter{}, fmt.Errorf("%w: words of %s", ErrRender, n.Kind)
	}
	if label != "" {
		l.Link = &link{Label: label, URL: facts.link}
	}
	return l, nil
}

// partsOf tames what an operator wrote, and keeps mail readers from making links of it.
func partsOf(n notice.Notice) []part {
	if n.Kind != notice.KindIncident && n.Kind != notice.KindIncidentAdvice {
		return nil
	}
	var parts []part
	for _, one := range notice.PartTitles {
		p := part{Title: one.Title}
		for _, text := range notice.Paragraphs(n.Data[one.Key]) {
			p.Paragraphs = append(p.Paragraphs, tameForeign(text, notice.LongestPart))
		}
		if len(p.Paragraphs) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// why says in one line how the mail came to this address; a person's name stands here and nowhere else.
func (c *Composer) why(n notice.Notice) string {
	switch n.Kind {
	case notice.KindConfirmSignUp, notice.KindConfirmAddress, notice.KindConfirmNoticeAddress:
		return fmt.Sprintf("Sent to %s because it was typed at %s.", n.To, c.host)
	case notice.KindInvitation, notice.KindServerInvitation, notice.KindHomeInvitation, notice.KindTest:
		return fmt.Sprintf("Sent to %s from %s.", n.To, c.host)
	case notice.KindDeletionDone:
		return fmt.Sprintf("Sent to %s because it belonged to an account at %s.", n.To, c.host)
	}
	if name := tameForeign(n.Name, 64); name != "" {
		return fmt.Sprintf("Sent to %s because it belongs to the account of %s at %s.", n.To, name, c.host)
	}
	return fmt.Sprintf("Sent to %s because it belongs to an account at %s.", n.To, c.host)
}

func say(t *texttemplate.Template, name string, words any) (string, error) {
	if t.Lookup(name) == nil {
		return "", nil
	}
	var out strings.Builder
	if err := t.ExecuteTemplate(&out, name, words); err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(out.String()), " "), nil
}

func paragraphs(t *texttemplate.Template, name string, words any) ([]string, error) {
	if t.Lookup(name) == nil {
		return nil, nil
	}
	var out strings.Builder
	if err := t.ExecuteTemplate(&out, name, words); err != nil {
		return nil, err
	}
	var list []string
	for paragraph := range strings.SplitSeq(out.String(), "\n\n") {
		if text := strings.Join(strings.Fields(paragraph), " "); text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}

func moment(data, layout string) (string, error) {
	t, err := time.Parse(time.RFC3339, data)
	if err != nil {
		return "", fmt.Errorf("%w: a time in it is none", ErrRender)
	}
	return t.UTC().Format(layout), nil
}
