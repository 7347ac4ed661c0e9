package mediaserver

import (
	"context"
	"errors"
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
	label, handle, err := account.ReadHandle(who.Typed)
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
	to, err := account.AddresseeOf(label, handle, func(h account.Handle) (account.Account, error) { return s.Store.FindAccount(ctx, h) })
	if err != nil {
		return err
	}
	mail := notice.ServerInvitation(to.Email, notice.Sharing{Owner: owner.UserName, Server: h.Name, Path: InvitationPath(h.ID), EndsAt: who.EndsAt}).For(to.AccountID)
	mail.Decoy = to.Nobody
	act := s.act(audit.GuestAdmitted, f, h.Name, who.Client).With(audit.Guest, label)
	guest := server.Guest{ID: id.New(now), Label: label, Handle: handle, Terms: who.Terms, AddedAt: now, InvitedAt: now}
	err = s.Store.AdmitGuest(ctx, f.AccountID, serverID, guest, act.Inviting(mail, h.ID))
	if errors.As(err, new(*ratelimit.LimitedError)) { // is not told: others may have used the address's mails up
		err = s.Store.AdmitGuest(ctx, f.AccountID, serverID, guest, act)
	}
	return err
}

// InvitationPath is the page about the invitation to a server. It is no secret: what it shows and does is for whom the owner means.
func InvitationPath(serverID string) string { return "/invitations/" + serverID }

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
