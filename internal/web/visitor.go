package web

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
)

// visitor is somebody who is signed in.
type visitor struct {
	credential.Found
	Person account.Account // without its password
}

// header is how the pages' header shows the visitor.
func (v visitor) header() *Person { return &Person{Name: v.Person.Called(), Admin: v.Person.Admin} }

// visitorHandler answers somebody who is signed in.
type visitorHandler func(w http.ResponseWriter, r *http.Request, v visitor) error

// person lets in who is signed in, and sends everybody else to sign in with the reason, if there is one to tell.
func (d *Door) person(h visitorHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := d.visit(r)
		if err != nil {
			return d.turnAway(w, r, err)
		}
		return h(w, r, v)
	}
}

// leaver lets in who is signed in to an account that is going to be deleted.
func (d *Door) leaver(h visitorHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := d.visit(r)
		switch {
		case err == nil:
			return to(w, r, "/account")
		case !errors.Is(err, credential.ErrDeleting):
			return d.turnAway(w, r, err)
		}
		return h(w, r, v)
	}
}

// fresh lets in who gave a full proof a moment ago, and asks everybody else who is signed in for one first.
func (d *Door) fresh(h visitorHandler) handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error {
		if !v.IsFresh(d.Now()) {
			return d.askAgain(w, r)
		}
		return h(w, r, v)
	})
}

// administrator lets in administrators whose proof is not too old: some minutes for reading, less for what touches other people.
func (d *Door) administrator(h visitorHandler) handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error {
		age := d.Now().Sub(v.FullyProved())
		switch {
		case !v.Person.Admin:
			return errNotFound // who is none is not told that there is something here
		case !v.Account.SecondFactor:
			return d.secondStepFirst(w, r, v)
		case age >= credential.AdminFresh, r.Method != http.MethodGet && r.Method != http.MethodHead && age >= credential.Fresh:
			return d.askAgain(w, r)
		}
		return h(w, r, v)
	})
}

// secondStepFirst tells an administrator that a password alone does not open administration.
func (d *Door) secondStepFirst(w http.ResponseWriter, r *http.Request, v visitor) error {
	d.Pages.Page(w, r, http.StatusForbidden, "admin-second-step", Page{Person: v.header(), Data: struct{}{}})
	return nil
}

// visit resolves the browser's sign-in together with the account. With credential.ErrDeleting the visitor is returned too.
func (d *Door) visit(r *http.Request) (visitor, error) {
	token := d.cookie(r, cookieBrowser)
	if token.Empty() {
		return visitor{}, errSignedOut
	}
	f, a, err := d.Profile.Visit(r.Context(), token)
	if err != nil && !errors.Is(err, credential.ErrDeleting) {
		return visitor{}, err
	}
	f.NoteUse(d.Touches, d.Now(), func() device.Client { return d.client(r) })
	return visitor{f, a}, err
}

var errSignedOut = errors.New("web: nobody is signed in here")

// turnAway sends a browser whose sign-in does not count to where it can go on.
func (d *Door) turnAway(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, credential.ErrDeleting) {
		return to(w, r, "/account/deleting")
	}
	why, out := whyOutside(err)
	if !out {
		return err
	}
	a, failed := d.away(w, r)
	if failed != nil {
		return failed
	}
	if a.is() { // in a browser that is switched, accounts are closed
		return to(w, r, home.Path)
	}
	if why != "" {
		d.dropCookie(w, cookieBrowser)
	}
	q := url.Values{}
	if why != "" {
		q.Set("why", why)
	}
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		q.Set("next", r.URL.RequestURI())
	}
	if len(q) == 0 {
		return to(w, r, "/sign-in")
	}
	return to(w, r, "/sign-in?"+q.Encode())
}

// whyOutside tells whether an error says that nobody is signed in here, and why that is, if there is something to tell. Any other error, such
// as a database that is away, says nothing about a sign-in.
func whyOutside(err error) (why string, out bool) {
	for e, key := range map[error]string{
		credential.ErrEnded: whyEnded, credential.ErrUnknown: whyEnded, credential.ErrResetRequired: whyReset, credential.ErrLocked: whyLocked,
	} {
		if errors.Is(err, e) {
			return key, true
		}
	}
	return "", errors.Is(err, errSignedOut)
}

// hasPage reports whether a page can be asked for at a path, besides a form sent there.
func (d *Door) hasPage(path string) bool {
	return slices.ContainsFunc(d.routes(), func(rt route) bool { return rt.pattern == "GET "+path })
}

// askAgain asks for a proof and comes back: to the page, or, after a form, to the page above the form's action.
func (d *Door) askAgain(w http.ResponseWriter, r *http.Request) error {
	return to(w, r, pathWith("/sign-in/again", "next", d.pageOf(r)))
}

// pageOf is the page that a request is for: its own, or, of a form, the page above the form's action.
func (d *Door) pageOf(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	if !d.hasPage(r.URL.Path) {
		return path.Dir(r.URL.Path)
	}
	return r.URL.Path
}
