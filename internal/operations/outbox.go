package operations

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Mail is a message that waits in the outbox, as it would be sent.
type Mail struct {
	ID      string
	From    string
	To      string
	Subject string
	At      time.Time
	Text    string
	HTML    string
}

// Outbox reads the mails that wait.
type Outbox interface {
	// Waiting returns the newest mails first, at most limit.
	Waiting(ctx context.Context, limit int) ([]Mail, error)
	// Waits returns one mail, or ErrNoMail.
	Waits(ctx context.Context, id string) (Mail, error)
}

// ErrNoMail says that no mail of that id waits.
var ErrNoMail = errors.New("no such mail is waiting")

// shownMails is how many mails the list has at most.
const shownMails = 200

type outboxPages struct {
	box Outbox
	log *slog.Logger
}

func (p outboxPages) list(w http.ResponseWriter, r *http.Request) {
	mails, err := p.box.Waiting(r.Context(), shownMails)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.render(w, r, "list", mails)
}

func (p outboxPages) show(w http.ResponseWriter, r *http.Request) {
	mail, err := p.box.Waits(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.render(w, r, "mail", mail)
}

// mailPolicy lets a mail use its own inline styles and nothing else: no script, no picture from afar, no form. In
// its sandbox it is a stranger to these pages, but its links still lead out of it.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"

func (p outboxPages) html(w http.ResponseWriter, r *http.Request) {
	mail, err := p.box.Waits(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write([]byte(mail.HTML)) // not escaped: it is the mail itself
}

func (p outboxPages) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrNoMail) {
		plain(w, http.StatusNotFound, "This mail is not waiting any more.\n")
		return
	}
	p.log.LogAttrs(r.Context(), slog.LevelError, "reading the outbox", slog.String("error", err.Error()))
	plain(w, http.StatusInternalServerError, "The outbox cannot be read right now. The log says why.\n")
}

func (p outboxPages) render(w http.ResponseWriter, r *http.Request, name string, data any) {
	var page bytes.Buffer
	if err := outboxTemplates.ExecuteTemplate(&page, name, data); err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page.Bytes())
}

//go:embed outbox.html
var outboxHTML string

//go:embed outbox.css
var outboxCSS string

var outboxTemplates = template.Must(template.New("outbox").Funcs(template.FuncMap{"pieces": pieces}).Parse(outboxHTML))

func styleSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write([]byte(outboxCSS))
}

// piece is a run of a mail's text, or a link in it.
type piece struct{ Text, Link string }

// pieces finds the links in a plain text, so that they can be followed; html/template escapes both kinds.
func pieces(text string) []piece {
	var found []piece
	for text != "" {
		start := linkStart(text)
		if start < 0 {
			return append(found, piece{Text: text})
		}
		if start > 0 {
			found = append(found, piece{Text: text[:start]})
		}
		end := start + linkLength(text[start:])
		found = append(found, piece{Link: text[start:end]})
		text = text[end:]
	}
	return found
}

func linkStart(text string) int {
	plain, secure := strings.Index(text, "http://"), strings.Index(text, "https://")
	if plain < 0 || (secure >= 0 && secure < plain) {
		return secure
	}
	return plain
}

// linkLength ends a link before a space or what brackets it, and leaves the full stop of the sentence outside.
func linkLength(text string) int {
	end := strings.IndexAny(text, " \t\r\n<>\"'()")
	if end < 0 {
		end = len(text)
	}
	return len(strings.TrimRight(text[:end], ".,;:!?"))
}
