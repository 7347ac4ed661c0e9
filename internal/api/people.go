package api

import (
	"net/http"
	"time"

	"usher/internal/server"
)

// resident is somebody whom a server lets in.
type resident struct {
	Subject       string       `json:"sub"`
	UserName      string       `json:"username,omitempty"`
	Name          string       `json:"name,omitempty"`
	Email         string       `json:"email,omitempty"`
	EmailVerified bool         `json:"email_verified,omitempty"`
	Group         server.Group `json:"group"`
	Ends          *time.Time   `json:"ends,omitempty"`
}

// people tells a server whom it lets in: its owner, and everybody who has come in by its list.
func (d *Door) people(w http.ResponseWriter, r *http.Request) error {
	id, err := d.server(r)
	if err != nil {
		return err
	}
	all, err := d.Grants.People(r.Context(), id)
	if err != nil {
		return err
	}
	told := make([]resident, len(all))
	for i, p := range all {
		told[i] = resident{p.Subject, p.UserName, p.Name, p.Email, p.Email != "", p.Group, nil}
		if !p.EndsAt.IsZero() {
			told[i].Ends = &p.EndsAt
		}
	}
	send(w, http.StatusOK, "application/json", map[string][]resident{"people": told})
	return nil
}
