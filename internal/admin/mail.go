package admin

import (
	"context"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
)

// MailStore reads the queue and hastens it.
type MailStore interface {
	ListQueue(ctx context.Context, f notice.Filter) ([]notice.Queued, error)
	CountQueue(ctx context.Context, since time.Time) (map[string]int64, error)
	// ResendMail makes one waiting mail due at once; notice.ErrNotFound when it does not wait.
	ResendMail(ctx context.Context, mailID string, act audit.Act) error
	// ResendMailOf makes every waiting mail of the act's account due at once; notice.ErrNotFound when none waits.
	ResendMailOf(ctx context.Context, act audit.Act) error
}

// MailCounts is how the queue stands.
type MailCounts struct {
	Waiting int64
	Sent    int64 // in the last day
	Refused int64 // in the last day: given up
	Expired int64 // in the last day: too old to be worth sending
}

// MailCounts counts the queue.
func (s *Service) MailCounts(ctx context.Context) (MailCounts, error) {
	n, err := s.Store.CountQueue(ctx, s.Now().Add(-24*time.Hour))
	return MailCounts{n[notice.Waiting], n[notice.Sent], n[notice.Refused], n[notice.Expired]}, err
}

// Mail lists the queue's mails in one state, newest first, without their text.
func (s *Service) Mail(ctx context.Context, state, before string) (mails []notice.Queued, next string, err error) {
	mails, err = s.Store.ListQueue(ctx, notice.Filter{State: state, Before: before, Limit: PageSize + 1})
	mails, next = cut(mails, func(q notice.Queued) string { return q.ID })
	return mails, next, err
}

// Resend tries one waiting mail again now; notice.ErrNotFound when it does not wait any more.
func (s *Service) Resend(ctx context.Context, by Actor, mailID string) error {
	return s.Store.ResendMail(ctx, mailID, audit.New(s.Now(), audit.MailRetried, string(by), ""))
}

// ResendOf tries all waiting mails of an account again now; notice.ErrNotFound when none waits.
func (s *Service) ResendOf(ctx context.Context, by Actor, accountID string) error {
	return s.Store.ResendMailOf(ctx, audit.New(s.Now(), audit.MailRetried, string(by), accountID))
}
