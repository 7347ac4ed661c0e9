package web

import (
	"errors"
	"net/http"
	"strings"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/id"
)

func (d *Door) getAdminAudit(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	f := audit.Filter{AccountID: q.Get("account"), Action: audit.Action(q.Get("act")), Before: q.Get("before")}
	if f.Action != "" && actWords[f.Action].text == "" {
		return errNotFound
	}
	for _, one := range []string{f.AccountID, f.Before} {
		if one != "" && !id.Valid(one) {
			return errNotFound
		}
	}
	log, err := d.Admin.Audit(r.Context(), f)
	if err != nil {
		return err
	}
	p := AdminAuditPage{Act: string(f.Action), Account: f.AccountID}
	for _, e := range log.Entries {
		p.Rows = append(p.Rows, AuditRow{
			At: e.At, Act: actText(e.Action), By: v.actor(e.Actor, e.AccountID, log.Names), AccountID: e.AccountID, Account: log.Names[e.AccountID],
			Detail: particulars(e), Client: whereabouts(e.Detail),
		})
	}
	if log.Next != "" {
		p.Next = pathWith("/admin/audit", "act", p.Act, "account", p.Account, "before", log.Next)
	}
	if f.Before != "" {
		p.First = pathWith("/admin/audit", "act", p.Act, "account", p.Account)
	}
	return d.adminAuditPage(w, r, http.StatusOK, p, v)
}

func (d *Door) adminAuditPage(w http.ResponseWriter, r *http.Request, status int, p AdminAuditPage, v visitor) error {
	for _, a := range audit.Actions() {
		p.Acts = append(p.Acts, ActChoice{string(a), actText(a)})
	}
	d.Pages.Page(w, r, status, "admin-audit", Page{Person: v.header(), Data: p})
	return nil
}

// postAdminAudit turns a typed address or name into the account's number, which may stand in an address bar. An account that was erased is
// still found by its number.
func (d *Door) postAdminAudit(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AdminAuditPage{Act: r.PostFormValue("act"), Account: strings.TrimSpace(r.PostFormValue("account"))}
	number := p.Account
	if number != "" && !id.Valid(number) {
		a, err := d.Admin.Find(r.Context(), number)
		if errors.Is(err, account.ErrNotFound) {
			p.Problem = "Nobody has this address or user name."
			return d.adminAuditPage(w, r, http.StatusUnprocessableEntity, p, v)
		}
		if err != nil {
			return err
		}
		number = a.ID
	}
	return to(w, r, pathWith("/admin/audit", "act", p.Act, "account", number))
}
