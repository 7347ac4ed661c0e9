package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/id"
	"usher/internal/secret"
)

// longestSearch bounds how long accounts are opened one after the other for one search.
const longestSearch = 5 * time.Second

// accountStates are what a listing can be narrowed to.
var accountStates = []string{"", string(account.Active), string(account.Locked), string(account.Deleting)}

// searching in an address says that the listing shows what was looked for last. What that was waits in a cookie: it is often somebody's
// address, and must not stay in a history or in a proxy's log.
const searching = "yes"

const longestSearchText = 320

func (d *Door) postAdminAccounts(w http.ResponseWriter, r *http.Request, _ visitor) error {
	text, state := strings.TrimSpace(r.PostFormValue("q")), r.PostFormValue("state")
	if text == "" {
		d.dropCookie(w, cookieSearch)
		return to(w, r, pathWith("/admin/accounts", "state", state))
	}
	text = strings.ToValidUTF8(text[:min(len(text), longestSearchText)], "")
	d.setCookie(w, cookieSearch, secret.TokenOf(url.QueryEscape(text)), ticketLife)
	return to(w, r, pathWith("/admin/accounts", "search", searching, "state", state))
}

// searched is what was looked for last in this browser.
func (d *Door) searched(r *http.Request) string {
	text, err := url.QueryUnescape(d.cookie(r, cookieSearch).Reveal())
	if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return ""
	}
	return text
}

func (d *Door) getAdminAccounts(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked := r.URL.Query()
	q := admin.Query{State: account.State(asked.Get("state")), Before: asked.Get("before")}
	if asked.Get("search") == searching {
		q.Text = d.searched(r)
	}
	if !slices.Contains(accountStates, string(q.State)) || q.Before != "" && !id.Valid(q.Before) {
		return errNotFound
	}
	p := AdminAccountsPage{Query: q.Text, State: string(q.State)}
	var err error
	if p.AnyPart, err = d.Admin.AnyPart(r.Context()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), longestSearch)
	defer cancel()
	found, err := d.Admin.Search(ctx, q)
	status := http.StatusOK
	switch {
	case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
		status, p.Problem = http.StatusServiceUnavailable, "This search took too long. Look for a whole address or user name."
	case err != nil:
		return err
	}
	p.fill(q, found)
	d.Pages.Page(w, r, status, "admin-accounts", Page{Person: v.header(), Notice: done(r, adminDone), Data: p})
	return nil
}

// fill puts the found rows and the ways on into the page.
func (p *AdminAccountsPage) fill(q admin.Query, found admin.Listing) {
	for _, row := range found.Rows {
		p.Rows = append(p.Rows, accountRow(row.Account, row.LastSeen))
	}
	search := ""
	if q.Text != "" {
		search = searching
	}
	if found.Next != "" {
		p.Next = pathWith("/admin/accounts", "search", search, "state", p.State, "before", found.Next)
	}
	if q.Before != "" {
		p.First = pathWith("/admin/accounts", "search", search, "state", p.State)
	}
}

func accountRow(a account.Account, seen time.Time) AccountRow {
	return AccountRow{
		ID: a.ID, Name: a.Name, UserName: a.UserName, Address: a.Email, State: string(a.State), Admin: a.Admin,
		Created: a.CreatedAt, LastSeen: seen, Erasing: !a.DeleteAt.IsZero() && a.State != account.Deleting,
	}
}
