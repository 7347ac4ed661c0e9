package web

import (
	"errors"
	"net/http"
	"strings"

	"usher/internal/incident"
)

// getNotice explains how to tell a real mail about an incident, and asks for its code.
func (d *Door) getNotice(w http.ResponseWriter, r *http.Request) error {
	return d.noticePage(w, r, http.StatusOK, NoticePage{})
}

func (d *Door) noticePage(w http.ResponseWriter, r *http.Request, status int, p NoticePage) error {
	d.Pages.Page(w, r, status, "notice-check", Page{Data: p})
	return nil
}

// postNotice tells whether a mail is ours. It changes nothing, and it is a form, not a link, because an address must not stay in an address bar;
// so the page itself is the answer.
func (d *Door) postNotice(w http.ResponseWriter, r *http.Request) error {
	p := NoticePage{Email: strings.TrimSpace(r.PostFormValue("email"))}
	typed := r.PostFormValue("check")
	if p.Email == "" {
		p.Refuse("email", "Enter the e-mail address of your account.")
	}
	if strings.TrimSpace(typed) == "" {
		p.Refuse("check", "Enter the code that stands in the e-mail.")
	}
	if p.Refused() {
		return d.noticePage(w, r, http.StatusUnprocessableEntity, p)
	}
	i, err := d.Incident.Check(r.Context(), p.Email, typed, d.client(r).Address)
	if errors.Is(err, incident.ErrWrong) {
		p.Problem = "This address and this code do not belong together. Check both. If they are as in the e-mail, it is not from us: do not do what it says."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.noticePage(w, r, status, p) })
	}
	d.Pages.Page(w, r, http.StatusOK, "notice-real", Page{Data: NoticeRealPage{
		Parts: noticeParts(i.Notice), Sent: i.DeclaredAt, Withdrawn: i.State == incident.Withdrawn, Advises: i.Action == incident.Advise,
	}})
	return nil
}
