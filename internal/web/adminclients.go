package web

import (
	"net/http"

	"usher/internal/relyingparty"
)

// clientDone says on the next page what a form about an app has done.
var clientDone = map[string]string{
	"registered": "The app is registered.",
	"changed":    "The app is changed.",
	"retired":    "Only the newest secret counts now.",
	"removed":    "The app is removed, and what it signed in is being signed out.",
}

func (d *Door) getAdminClients(w http.ResponseWriter, r *http.Request, v visitor) error {
	after := r.URL.Query().Get("after")
	list, next, err := d.Clients.List(r.Context(), after)
	if err != nil {
		return err
	}
	p := AdminClientsPage{}
	for _, c := range list {
		p.Rows = append(p.Rows, clientRow(c))
	}
	if after != "" {
		p.First = "/admin/clients"
	}
	if next != "" {
		p.Next = pathWith("/admin/clients", "after", next)
	}
	d.Pages.Page(w, r, http.StatusOK, "admin-clients", Page{Person: v.header(), Notice: done(r, clientDone), Data: p})
	return nil
}

func clientRow(c relyingparty.Client) ClientRow {
	return ClientRow{ID: c.ID, Name: c.Name, Public: c.Public(), Configured: c.Configured, Registered: c.CreatedAt}
}
