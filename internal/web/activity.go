package web

import (
	"context"
	"net/http"

	"usher/internal/audit"
	"usher/internal/id"
)

// eventsPerPage is how many events a page of the activity shows.
const eventsPerPage = 30

func (d *Door) getActivity(w http.ResponseWriter, r *http.Request, v visitor) error {
	before := r.URL.Query().Get("before")
	if before != "" && !id.Valid(before) {
		return errNotFound
	}
	events, next, err := d.events(r.Context(), v, before, eventsPerPage)
	if err != nil {
		return err
	}
	p := ActivityPage{Events: events}
	if next != "" {
		p.Next = "/account/activity?before=" + next
	}
	d.Pages.Page(w, r, http.StatusOK, "activity", Page{Person: v.header(), Data: p})
	return nil
}

// events reads about n events from before an entry on, and the entry to go on from; that is empty when there are no more. Tries that
// follow each other are one event, so there may be fewer.
func (d *Door) events(ctx context.Context, v visitor, before string, n int) (events []Event, next string, err error) {
	var entries []audit.Entry
	for batch := n + 1; len(entries) <= n; {
		more, err := d.Profile.Events(ctx, v.Found, before, batch)
		if err != nil {
			return nil, "", err
		}
		for _, e := range more {
			before = e.ID
			if worthShowing(e) {
				entries = append(entries, e)
			}
		}
		if len(more) < batch {
			break
		}
	}
	if len(entries) > n {
		entries = entries[:n]
		next = entries[n-1].ID
	}
	return eventsShown(entries), next, nil
}
