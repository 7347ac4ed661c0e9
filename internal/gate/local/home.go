package local

import (
	"errors"
	"net/http"
	"regexp"

	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/outage"
)

// setupField carries the set-up code, in the ready link and in the form.
const setupField = "setup"

var codeSpelling = regexp.MustCompile(`^[A-Za-z0-9 -]{1,20}$`)

// codeOf is the part of an address with the set-up code that the request's had; empty when there is none.
func (d *Door) codeOf(r *http.Request) string {
	if code := r.URL.Query().Get(setupField); codeSpelling.MatchString(code) {
		return "?" + setupField + "=" + code
	}
	return ""
}

// toHome brings what people type to the page, whose address no media server has.
func (d *Door) toHome(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/.usher/"+d.codeOf(r), http.StatusSeeOther)
}

// homeData is what the first page and the settings show.
type homeData struct {
	Open  bool // the server can be claimed here now
	Wrong bool // another code was typed
}

// home is the server's page. A ready link makes the browser one that knows the code, and is taken out of the address.
func (d *Door) home(w http.ResponseWriter, r *http.Request) {
	window, err := d.Folder.Window()
	if err != nil {
		d.failed(w, r, err)
		return
	}
	g := d.visits.of(w, r, window, d.Now(), r.URL.Query().Get(setupField))
	if r.URL.Query().Has(setupField) && g.Knows {
		http.Redirect(w, r, "/.usher/", http.StatusSeeOther)
		return
	}
	d.present(w, r, http.StatusOK, "home", g, d.homeData(window))
}

func (d *Door) homeData(window keep.Window) homeData {
	return homeData{Open: window.OpenAt(d.Now())}
}

// settings are what there is to say about the server, and to change, for whoever knows the code.
func (d *Door) settings(w http.ResponseWriter, r *http.Request) {
	window, err := d.Folder.Window()
	if err != nil {
		d.failed(w, r, err)
		return
	}
	d.present(w, r, http.StatusOK, "settings", d.visits.of(w, r, window, d.Now(), ""), d.homeData(window))
}

// setUp takes a typed set-up code. It is 60 random bits that live for minutes: there is nothing to count.
func (d *Door) setUp(w http.ResponseWriter, r *http.Request, _ guest) {
	window, err := d.Folder.Window()
	if err != nil {
		d.failed(w, r, err)
		return
	}
	g := d.visits.of(w, r, window, d.Now(), r.PostForm.Get(setupField))
	if g.Knows {
		http.Redirect(w, r, "/.usher/", http.StatusSeeOther)
		return
	}
	data := d.homeData(window)
	data.Wrong = data.Open
	d.present(w, r, http.StatusUnprocessableEntity, "home", g, data)
}

// claimData is a claim on its way.
type claimData struct {
	accounts.Waiting
}

// Clock is until when the code works, by the server's clock.
func (c claimData) Clock() string { return c.Until.Format("15:04") }

// Sentence says why it came to nothing.
func (c claimData) Sentence() string {
	switch {
	case errors.Is(c.Problem, accounts.ErrDenied):
		return "Somebody said no to it."
	case errors.Is(c.Problem, accounts.ErrExpired), errors.Is(c.Problem, accounts.ErrDead):
		return "Nobody confirmed the code in time."
	case errors.Is(c.Problem, accounts.ErrTaken):
		return "It is claimed already."
	case errors.Is(c.Problem, accounts.ErrTooMany):
		return "Your account has as many servers as it may have. Take one away first."
	case errors.Is(c.Problem, outage.Err):
		return "The account service stopped answering. Nothing was changed."
	}
	return "The account service did not take it. What it said stands in the gate’s log."
}

// claim begins one, and shows what to do next. With script, the browser has sent this form into a new tab, which goes on to the service.
func (d *Door) claim(w http.ResponseWriter, r *http.Request, g guest) {
	if d.ownership().Claimed || !g.Knows {
		http.Redirect(w, r, "/.usher/", http.StatusSeeOther)
		return
	}
	waiting, err := d.Claims.Begin(r.Context())
	if err != nil {
		d.failed(w, r, err)
		return
	}
	if r.PostForm.Has("tab") {
		http.Redirect(w, r, waiting.Complete, http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/.usher/claim", http.StatusSeeOther)
}

// waiting shows the code to compare, until somebody has confirmed it.
func (d *Door) waiting(w http.ResponseWriter, r *http.Request) {
	window, err := d.Folder.Window()
	if err != nil {
		d.failed(w, r, err)
		return
	}
	g := d.visits.of(w, r, window, d.Now(), "")
	data := claimData{Waiting: d.Claims.Waiting()}
	if d.ownership().Claimed || !g.Knows || data.Code == "" {
		http.Redirect(w, r, "/.usher/", http.StatusSeeOther)
		return
	}
	d.present(w, r, http.StatusOK, "claim", g, data)
}

// state says in one word how a claim stands, for the script of the pages.
func (d *Door) state(w http.ResponseWriter, _ *http.Request) {
	word := "over"
	if d.Claims.Waiting().Going() {
		word = "waiting"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(word))
}

// stop gives a claim up.
func (d *Door) stop(w http.ResponseWriter, r *http.Request, g guest) {
	if g.Knows {
		d.Claims.Stop()
	}
	http.Redirect(w, r, "/.usher/", http.StatusSeeOther)
}

// serversPage is where an owner sees to the server at the service.
func (d *Door) serversPage() string { return d.Facts.Service.JoinPath("servers").String() }

// unclaim gives the server up, for whoever may claim it.
func (d *Door) unclaim(w http.ResponseWriter, r *http.Request, g guest) {
	if g.Knows && d.ownership().Claimed {
		err := d.Claims.Unclaim(r.Context())
		switch {
		case errors.Is(err, accounts.ErrSignedOut):
			d.show(w, r, http.StatusConflict, "message", message{
				Title: "This server is signed out", Text: "Nothing was changed. Its owner signs in at " + d.Facts.Service.Host + ", opens Servers, and gives it up there, or brings it back.", Path: d.serversPage(), Action: "Open Servers",
			})
			return
		case err != nil:
			d.failed(w, r, err)
			return
		}
		d.Log.Info("the server was given up on its own page")
	}
	http.Redirect(w, r, "/.usher/settings", http.StatusSeeOther)
}
