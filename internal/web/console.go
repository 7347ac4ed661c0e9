package web

import (
	"errors"
	"net/http"
	"net/url"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/incident"
)

// The page of the browser that declared an incident and was signed out by it: how far that incident has come, pausing its e-mails, and the own
// new password. Its ticket opens nothing else.
const (
	cookieConsole = "usher-console"
	consolePath   = "/incident"
)

// watcher is who holds a console ticket.
type watcher struct {
	credential.Found
	person account.Account
}

// console lets in who holds the ticket of an incident.
func (d *Door) console(h func(w http.ResponseWriter, r *http.Request, c watcher) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, a, err := d.Incident.Console(r.Context(), d.cookie(r, cookieConsole))
		if _, out := whyOutside(err); err != nil && (out || errors.Is(err, credential.ErrDeleting)) {
			d.dropCookie(w, cookieConsole)
			return to(w, r, "/sign-in?next="+url.QueryEscape("/admin/incidents"))
		}
		if err != nil {
			return err
		}
		return h(w, r, watcher{f, a})
	}
}

func (d *Door) getConsole(w http.ResponseWriter, r *http.Request, c watcher) error {
	return d.consolePage(w, r, http.StatusOK, ConsolePage{}, c)
}

func (d *Door) consolePage(w http.ResponseWriter, r *http.Request, status int, p ConsolePage, c watcher) error {
	progress, err := d.progress(r, c.Subject, consolePath)
	if err != nil {
		return err
	}
	p.Progress, p.ResetRequired = progress.Progress, c.Clock.ResetRequired(c.Account)
	d.Pages.Page(w, r, status, "console", Page{Notice: done(r, consoleDone), Data: p})
	return nil
}

// consoleDone says what a form of the page has done.
var consoleDone = map[string]string{
	"declared": incidentDone["declared"],
	"paused":   incidentDone["paused"],
	"resumed":  incidentDone["resumed"],
	"sent":     "The e-mail to choose your own new password is on its way.",
}

func (d *Door) postConsole(w http.ResponseWriter, r *http.Request, c watcher) error {
	said := ""
	var err error
	switch r.PathValue("act") {
	case "pause":
		said, err = "paused", d.Incident.Pause(r.Context(), c.AccountID, c.Subject)
	case "resume":
		said, err = "resumed", d.Incident.Resume(r.Context(), c.AccountID, c.Subject)
	case "own-reset":
		said, err = "sent", d.Password.Ask(r.Context(), c.person.Email, d.client(r))
	default:
		return errNotFound
	}
	if errors.Is(err, incident.ErrState) {
		return to(w, r, consolePath)
	}
	if err != nil {
		p := ConsolePage{}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.consolePage(w, r, status, p, c) })
	}
	return to(w, r, pathWith(consolePath, "done", said))
}
