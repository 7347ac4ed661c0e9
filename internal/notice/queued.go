package notice

import (
	"errors"
	"time"
)

// ErrNotFound says that no such mail waits.
var ErrNotFound = errors.New("notice: no such mail waits")

// The states of a mail in the queue.
const (
	Waiting = "waiting"
	Sent    = "sent"
	Refused = "refused"
	Expired = "expired"
)

// Filter narrows a listing of the queue, newest first; empty fields do not narrow.
type Filter struct {
	State     string
	AccountID string
	Before    string // id of the mail to go on after
	Limit     int
}

// Queued is a mail's row in the queue, without what is in it.
type Queued struct {
	ID        string
	AccountID string
	Kind      Kind
	State     string
	To        string // Masked; empty once the mail is done, because its content is gone
	Attempts  int64
	Reason    string // why the last try failed
	CreatedAt time.Time
	NextAt    time.Time
	DoneAt    time.Time
}
