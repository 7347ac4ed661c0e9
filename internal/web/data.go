package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
)

func (d *Door) getData(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.dataPage(w, r, http.StatusOK, DataPage{}, v)
}

func (d *Door) dataPage(w http.ResponseWriter, r *http.Request, status int, p DataPage, v visitor) error {
	p.Login, p.AskPassword = v.Person.Email, d.asksPassword(v)
	d.Pages.Page(w, r, status, "data", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

func (d *Door) getDownload(w http.ResponseWriter, r *http.Request, v visitor) error {
	data, err := d.Profile.Download(r.Context(), v.Found, d.client(r))
	if errors.Is(err, credential.ErrStale) {
		return d.askAgain(w, r)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="usher-`+d.Now().UTC().Format("2006-01-02")+`.json"`)
	write(w, http.StatusOK, "application/json", data)
	return nil
}

func (d *Door) postDelete(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := DataPage{Open: true}
	v, err := d.proveUnlessFresh(w, r, v, &p.Form)
	if err == nil {
		_, err = d.Profile.Delete(r.Context(), v.Found, d.client(r))
	}
	if errors.Is(err, account.ErrLastAdmin) {
		p.Problem = "Nobody else administers this service. Let somebody else become an administrator first, then delete your account."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.dataPage(w, r, status, p, v) })
	}
	d.dropCookie(w, cookieBrowser)
	return to(w, r, "/sign-in?why="+whyGone)
}
