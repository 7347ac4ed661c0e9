package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/demo"
	"usher/internal/gate/keep"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/signup"
)

// demoHouse is what somebody sees and does who sits at the machine of a demonstration, by the same verbs as the commands.
type demoHouse struct {
	*stack
	folder string // the gate's

	mu       sync.Mutex
	promoted map[string]bool
}

// seed makes accounts for those who are there before the story begins.
func (h *demoHouse) seed(ctx context.Context) error {
	for _, p := range []demo.Person{demo.Nora, demo.Emil} {
		who := signup.NewAccount{Email: p.Email, UserName: p.UserName, Name: p.Name, Password: secret.TokenOf(p.Password)}
		if _, err := h.founding().Add(ctx, who); err != nil {
			return err
		}
	}
	return nil
}

// mostActs is more than a story leaves in the record.
const mostActs = 500

// Acts reads the record.
func (h *demoHouse) Acts(ctx context.Context) ([]demo.Act, error) {
	entries, err := h.db.ListAudit(ctx, audit.Filter{Limit: mostActs})
	acts := make([]demo.Act, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		acts = append(acts, demo.Act{Action: string(e.Action), Account: e.AccountID, At: e.At})
	}
	return acts, err
}

// Mail reads the outbox.
func (h *demoHouse) Mail(ctx context.Context) ([]demo.Mail, error) {
	waiting, err := outbox{h.stack}.Waiting(ctx, 20)
	all := make([]demo.Mail, 0, len(waiting))
	for _, m := range waiting {
		all = append(all, demo.Mail{ID: m.ID, To: m.To, Subject: m.Subject, Text: m.Text, At: m.At})
	}
	return all, err
}

// Digits are those of RFC 6238.
func (h *demoHouse) Digits(key string) (digits string, left time.Duration) {
	const shown = 30 * time.Second
	now := h.now()
	return mfa.Code(secret.TokenOf(key), mfa.Step(now)).Reveal(), shown - time.Duration(now.UnixNano())%shown
}

// Promote makes an account an administrator, once.
func (h *demoHouse) Promote(ctx context.Context, account string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.promoted[account] {
		return nil
	}
	if err := h.admin().MakeAdmin(ctx, audit.CLI, account); err != nil && !errors.Is(err, admin.ErrAlready) {
		return err
	}
	h.promoted = map[string]bool{account: true}
	return nil
}

// Ready opens the window in which the server can be claimed, where it is closed.
func (h *demoHouse) Ready() (string, error) {
	window, err := keep.Opened(h.folder, h.now())
	return "?setup=" + url.QueryEscape(window.Spelled()), err
}
