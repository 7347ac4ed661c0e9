package home

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/even"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

// Invite invites whoever has an address or a user name to the owner's Home, and sends them a mail, once a day at most. Whether there is such an account is not told:
// answer, work and time are the same. account.ErrBadAddress, account.ErrBadUserName, household.ErrSelf, household.ErrTooMany, household.ErrInOne; credential.ErrStale; limits.
func (s *Service) Invite(ctx context.Context, f credential.Found, owner account.Account, typed string, client device.Client) error {
	if err := s.fresh(f); err != nil {
		return err
	}
	label, h, err := account.ReadHandle(typed)
	if err == nil && owner.AnswersTo(h) {
		err = household.ErrSelf
	}
	if err != nil {
		return err
	}
	defer even.Wait(ctx, time.Now())
	now := s.Now()
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.HomeInvitations.For(f.AccountID)}, now); err != nil {
		return err
	}
	to, err := account.AddresseeOf(label, h, func(h account.Handle) (account.Account, error) { return s.Store.FindAccount(ctx, h) })
	if err != nil {
		return err
	}
	mail := notice.HomeInvitation(to.Email, owner.UserName, Path).For(to.AccountID)
	mail.Decoy = to.Nobody
	act := s.act(audit.HomeInvited, f, client).With(audit.Guest, label)
	guest := household.Guest{ID: id.New(now), Label: label, Handle: h, At: now}
	err = s.Store.InviteMember(ctx, f.AccountID, guest, act.Inviting(mail, "home\x00"+f.AccountID))
	if errors.As(err, new(*ratelimit.LimitedError)) { // is not told: others may have used the address's mails up
		err = s.Store.InviteMember(ctx, f.AccountID, guest, act)
	}
	return err
}

// joiner is an account as invitations find it.
func joiner(who account.Account) (household.Joiner, error) {
	address, err := who.ProvedAddress()
	return household.Joiner{AccountID: who.ID, Address: address}, err
}

// Invitations lists the Homes that an account may join.
func (s *Service) Invitations(ctx context.Context, who account.Account) ([]household.Invitation, error) {
	j, err := joiner(who)
	if err != nil {
		return nil, err
	}
	return s.Store.ListHomeInvitations(ctx, j, s.Now())
}

// Invitation returns a Home that an account may join. household.ErrNotFound.
func (s *Service) Invitation(ctx context.Context, who account.Account, invitationID string) (household.Invitation, error) {
	j, err := joiner(who)
	if err != nil {
		return household.Invitation{}, err
	}
	return s.Store.FindHomeInvitation(ctx, invitationID, j, s.Now())
}

// Join makes an account a member of the Home that invited it, because it has just shown to be there. household.ErrNotFound, household.ErrInOne; credential.ErrStale.
func (s *Service) Join(ctx context.Context, f credential.Found, who account.Account, invitationID string, client device.Client) error {
	if err := s.fresh(f); err != nil {
		return err
	}
	i, err := s.Invitation(ctx, who, invitationID)
	if err != nil {
		return err
	}
	owner, err := s.Store.LoadAccount(ctx, i.HomeID)
	if errors.Is(err, account.ErrNotFound) {
		err = household.ErrNotFound
	}
	if err != nil {
		return err
	}
	j, err := joiner(who)
	if err != nil {
		return err
	}
	name := nameOf(who)
	act := s.act(audit.HomeJoined, f, client).With(audit.Guest, nameOf(owner)).TellOwner(who, func(to string) notice.Notice {
		return notice.HomeEntered(to, who.Name, owner.UserName, Path, s.Now())
	})
	owners := audit.New(act.At, audit.HomeMemberJoined, who.ID, owner.ID).With(audit.Guest, name).TellOwner(owner, func(to string) notice.Notice {
		return notice.HomeJoined(to, owner.Name, name, Path, act.At)
	})
	return s.Store.JoinHome(ctx, invitationID, j, act, owners)
}

// nameOf is what others of a Home may call an account: never by its address.
func nameOf(a account.Account) string {
	if a.Name != "" {
		return a.Name
	}
	return a.UserName
}

// Decline says no to an invitation. household.ErrNotFound.
func (s *Service) Decline(ctx context.Context, f credential.Found, who account.Account, invitationID string, client device.Client) error {
	j, err := joiner(who)
	if err != nil {
		return err
	}
	return s.Store.DeclineHome(ctx, invitationID, j, s.act(audit.HomeDeclined, f, client))
}
