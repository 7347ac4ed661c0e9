package accounts

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Resident is somebody whom the server lets in, and who has come in. What the person did not agree to tell is empty.
type Resident struct {
	Subject       string    `json:"sub"`
	UserName      string    `json:"username"`
	Name          string    `json:"name"`
	Email         string    `json:"email"` // where it was proved
	EmailVerified bool      `json:"email_verified"`
	Group         string    `json:"group"` // owner, household or guest
	Ends          time.Time `json:"ends"`  // when they are let in no more, or not in this group; zero: no end
}

var errNoPeople = errors.New("its answer names nobody")

// People asks whom the server lets in: its owner is always among them. ErrUnclaimed; outage.Err; *Refused, with the server's standing where that is why.
func (c *Client) People(ctx context.Context) ([]Resident, error) {
	var told struct {
		People []Resident `json:"people"`
	}
	err := c.withToken(ctx, call{method: http.MethodGet, url: c.at("/api/v1/server/people")}, &told)
	if err == nil && len(told.People) == 0 { // something else has answered
		err = away(c.Issuer(), errNoPeople)
	}
	for i, p := range told.People {
		if !p.EmailVerified {
			told.People[i].Email = ""
		}
	}
	return told.People, err
}
