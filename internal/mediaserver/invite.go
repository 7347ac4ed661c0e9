package mediaserver

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/even"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/server"
)

// ErrEnd says that an end is over already, or further away than LongestAhead.
var ErrEnd = errors.New("mediaserver: the end is not ahead, or too far ahead")

// LongestAhead is how far ahead an owner may set an end.
const LongestAhead = 10 * 366 * 24 * time.Hour

func (s *Service) checkEnd(on server.Terms) error {
	if on.Ended(s.Now()) || on.EndsAt.After(s.Now().Add(LongestAhead)) {
		return ErrEnd
	}
	return nil
}

// Invited is whom an owner invites to a server.
type Invited struct {
	Typed string // e-mail address or user name
	server.Terms
	Client device.Client // of the owner
}

// Invite puts somebody on the list of a server, or invites who stands there again, and sends them a mail, once a day at most. Whether there is such an account
// is not told: answer, work and time are the same, and who has none under that user name gets a mail that nobody gets. account.ErrBadAddress,
// account.ErrBadUserName, ErrEnd, server.ErrNotFound, server.ErrTooMany, limits.
func (s *Service) Invite(ctx context.Context, f credential.Found, owner account.Account, serverID string, who Invited) error {
	label, handle, err := readGuest(who.Typed)
	if err == nil {
		err = s.checkEnd(who.Terms)
	}
	if err != nil {
		return err
	}
	defer even.Wait(ctx, time.Now())
	h, err := s.own(ctx, f.AccountID, serverID)
	if err != nil {
		return err
	}
	now := s.Now()
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.ServerInvitations.For(f.AccountID)}, now); err != nil {
		return err
	}
	mail, err := s.invitation(ctx, label, handle, notice.Sharing{Owner: owner.UserName, Server: h.Name, Path: InvitationPath(h.ID), EndsAt: who.EndsAt})
	if err != nil {
		return err
	}
	act := s.act(audit.GuestAdmitted, f, h.Name, who.Client).With(audit.Guest, label)
	guest := server.Guest{ID: id.New(now), Label: label, Handle: handle, Terms: who.Terms, AddedAt: now, InvitedAt: now}
	err = s.Store.AdmitGuest(ctx, f.AccountID, serverID, guest, act.Telling(mail).Counting(mailCounts(h.ID, mail)...))
	if errors.As(err, new(*ratelimit.LimitedError)) { // is not told: others may have used the address's mails up
		err = s.Store.AdmitGuest(ctx, f.AccountID, serverID, guest, act)
	}
	return err
}

// readGuest reads whom an owner means. account.ErrBadAddress, account.ErrBadUserName.
func readGuest(typed string) (label string, h account.Handle, err error) {
	if strings.Contains(typed, "@") {
		return account.EmailHandle(typed)
	}
	return account.UserNameHandle(typed)
}

// InvitationPath is the page about the invitation to a server. It is no secret: what it shows and does is for whom the owner means.
func InvitationPath(serverID string) string { return "/invitations/" + serverID }

// invitation is the mail to whom an owner means: to the address that was typed, whoever has it, or to the address of the account that has the user name; where
// none has, or it is locked, nobody gets it.
func (s *Service) invitation(ctx context.Context, label string, h account.Handle, about notice.Sharing) (notice.Notice, error) {
	if h.Kind == account.ByEmail {
		return notice.ServerInvitation(label, about), nil
	}
	a, err := s.Store.FindAccount(ctx, h)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return notice.Notice{}, err
	}
	if err != nil || a.State == account.Locked {
		mail := notice.ServerInvitation(label+"@invalid", about)
		mail.Decoy = true
		return mail, nil
	}
	return notice.ServerInvitation(a.Email, about).For(a.ID), nil
}

// mailCounts are what a mail about an invitation counts against: its address, and this invitation.
func mailCounts(serverID string, mail notice.Notice) []ratelimit.Take {
	to := account.LoginHandle(mail.To).Value
	return []ratelimit.Take{ratelimit.InvitationMails.For(to), ratelimit.InvitationsAgain.For(serverID + "\x00" + to)}
}

// InviteAgain is Invite for somebody who stands on the list, on the same terms. The same errors; server.ErrNotFound also when they came in.
func (s *Service) InviteAgain(ctx context.Context, f credential.Found, owner account.Account, serverID, guestID string, client device.Client) error {
	all, err := s.Guests(ctx, f, serverID)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.ID == guestID && g.Came.AccountID == "" {
			return s.Invite(ctx, f, owner, serverID, Invited{g.Label, g.Terms, client})
		}
	}
	return server.ErrNotFound
}
