package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/secret"
)

// InvitationStore keeps invitations that nobody has used yet.
type InvitationStore interface {
	// OpenInvitations lists them, newest first; before is the Subject of the one to go on after.
	OpenInvitations(ctx context.Context, before string, limit int, now time.Time) ([]credential.Credential, error)
	// RevokeInvitation ends the one with that Subject; credential.ErrSpent when there is none any more.
	RevokeInvitation(ctx context.Context, subject string, act audit.Act) error
}

// Invitation is a link that lets one person sign up, not used yet.
type Invitation struct {
	ID        string
	Email     string // empty: for whoever holds the link
	By        string // what to call who made it; empty when the account is gone
	CreatedAt time.Time
	ExpiresAt time.Time
}

// An invitation's Subject holds its id and who made it. The token's hash stays inside the store.
const subjectSeparator = "/"

// Invite makes an invitation and returns its token, which nobody can read again; its link is "/invitation/" and the token. With an address it
// is also mailed there, and only that address can use it. ErrClosed, account.ErrBadAddress, account.ErrAddressTaken.
func (s *Service) Invite(ctx context.Context, by Actor, address string) (token secret.Token, err error) {
	if s.Closed {
		return token, ErrClosed
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return token, err
	}
	now := s.Now()
	l := credential.Link{
		Kind: credential.Invitation, Token: secret.NewToken(), Subject: id.New(now) + subjectSeparator + string(by),
		Stamp: credential.Stamp{Born: clock.Epoch},
	}
	act := audit.New(now, audit.InvitationMade, string(by), "")
	if strings.TrimSpace(address) == "" {
		return l.Token, s.Store.Record(ctx, act.Linking(l))
	}
	if l.Detail, err = s.invitable(ctx, address); err != nil {
		return token, err
	}
	from, err := s.inviter(ctx, by)
	if err != nil {
		return token, err
	}
	act = act.With(audit.Reason, "for "+notice.Masked(l.Detail)).Telling(notice.Invitation(l.Detail, from, "/invitation/"+l.Token.Reveal()))
	return l.Token, s.Store.Record(ctx, act.Linking(l))
}

// invitable checks an address. An operator may know that it has an account.
func (s *Service) invitable(ctx context.Context, typed string) (string, error) {
	address, handle, err := account.EmailHandle(typed)
	if err != nil {
		return "", err
	}
	_, err = s.Store.FindAccount(ctx, handle)
	switch {
	case err == nil:
		return "", account.ErrAddressTaken
	case !errors.Is(err, account.ErrNotFound):
		return "", err
	}
	return address, nil
}

// inviter returns the display name the mail gives for who invites.
func (s *Service) inviter(ctx context.Context, by Actor) (string, error) {
	if by == audit.CLI {
		return "", nil
	}
	a, err := s.Store.LoadAccount(ctx, string(by))
	return a.Name, err
}

// Invitations lists those nobody has used, newest first; before is the ID of the one to go on after.
func (s *Service) Invitations(ctx context.Context, before string) (open []Invitation, next string, err error) {
	found, err := s.Store.OpenInvitations(ctx, before, PageSize+1, s.Now())
	if err != nil {
		return nil, "", err
	}
	found, next = cut(found, func(c credential.Credential) string { return c.Subject })
	open = make([]Invitation, len(found))
	var makers []string
	for i, c := range found {
		_, maker, _ := strings.Cut(c.Subject, subjectSeparator)
		open[i] = Invitation{ID: c.Subject, Email: c.Detail, By: maker, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt}
		makers = append(makers, maker)
	}
	names, err := s.Store.NameAccounts(ctx, makers)
	if err != nil {
		return nil, "", err
	}
	for i := range open {
		if open[i].By != audit.CLI {
			open[i].By = names[open[i].By]
		}
	}
	return open, next, nil
}

// Revoke ends an invitation; credential.ErrSpent when it was used, revoked or expired meanwhile.
func (s *Service) Revoke(ctx context.Context, by Actor, invitationID string) error {
	return s.Store.RevokeInvitation(ctx, invitationID, audit.New(s.Now(), audit.InvitationEnded, string(by), ""))
}
