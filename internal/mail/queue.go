package mail

import (
	"context"
	"time"

	"usher/internal/notice"
)

// Queue is where mail waits. Any number of nodes may share one. An idle Deliverer asks it once a second, so LeaseMail
// should look before it writes.
type Queue interface {
	// LeaseMail returns at most limit notices that are due, by priority and then age, with Attempts set to the number of
	// earlier leases, and gives them to nobody else until now+lease. What has expired may be among them.
	LeaseMail(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]notice.Notice, error)
	// MailSent erases the sealed body.
	MailSent(ctx context.Context, id string, now time.Time) error
	// MailFailed ends the lease; the notice is due again at retryAt.
	MailFailed(ctx context.Context, id string, retryAt time.Time, reason string) error
	// MailRefused gives the notice up and erases the sealed body.
	MailRefused(ctx context.Context, id string, reason string, now time.Time) error
}

// Transport is what a Deliverer hands messages to; *Sender is one. Errors wrap ErrRefused, ErrDeferred or ErrUnreachable;
// any other counts as ErrDeferred.
type Transport interface {
	Send(ctx context.Context, m Message) error
}

// Outcome is what became of one try to send.
type Outcome string

// The outcomes.
const (
	Sent    Outcome = "sent"
	Retried Outcome = "retried"
	Refused Outcome = "refused"
	Expired Outcome = "expired"
)

// Counter counts outcomes for the metrics.
type Counter interface {
	CountMail(kind notice.Kind, outcome Outcome)
}
