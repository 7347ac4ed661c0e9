package server

import (
	"time"

	"usher/internal/account"
	"usher/internal/relyingparty"
)

// InvitationLife is how long somebody who was invited can come in, since the invitation was sent last.
const InvitationLife = 30 * 24 * time.Hour

// DeclineLife is how long a no lasts: what the same owner sends to that account from then on is not listed for it.
const DeclineLife = 30 * 24 * time.Hour

// Terms are what an owner lets somebody in as, and until when.
type Terms struct {
	Role   Group     // Friend or Household
	EndsAt time.Time // lets nobody in from then on; zero: no end
}

// Guest is somebody whom the owner of a server lets in besides, found by what the owner typed. Nothing here tells whether there is such an account, until
// somebody came in by it.
type Guest struct {
	ID     string
	Label  string // as the owner typed it
	Handle account.Handle
	Terms
	AddedAt   time.Time
	InvitedAt time.Time // the last time
	Came      Came
}

// Came is who came in by a line of a list; zero while nobody did.
type Came struct {
	AccountID, UserName string
	SeenAt              time.Time // there, the last time, as the server tells; zero: never
}

// Ended reports whether the end that the owner set is over.
func (t Terms) Ended(now time.Time) bool { return !t.EndsAt.IsZero() && !now.Before(t.EndsAt) }

// Lapsed reports whether nobody came in before the invitation was too old.
func (g Guest) Lapsed(now time.Time) bool {
	return g.Came.AccountID == "" && !now.Before(g.InvitedAt.Add(InvitationLife))
}

// Acceptance is an account that comes in where it was invited.
type Acceptance struct {
	AccountID string
	Address   []account.Handle     // if it is confirmed
	Scopes    []relyingparty.Scope // that it agrees to
}

// Shared is a server of somebody else's that an account may use, or where it was invited.
type Shared struct {
	Held
	Owner string // user name; empty where the owner has chosen none, and never the address
	Terms
}
