package incident

import (
	"context"
	"crypto/subtle"
	"net/netip"
	"time"

	"usher/internal/account"
	"usher/internal/even"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Numbers of the telling.
const (
	mostWaiting = 1000 // notices in the queue at once: what is not in it yet can be paused
	tellChunk   = 200  // accounts told in one transaction
	newestSent  = 20   // notices of one account that its check codes are compared with
)

// Tell puts the next notices into the queue, as many as fit. Whatever stops it, nobody is told twice.
func (s *Service) Tell(ctx context.Context) error {
	open, err := s.Store.IncidentsToTell(ctx)
	if err != nil {
		return err
	}
	for _, i := range open {
		for ctx.Err() == nil {
			waiting, err := s.Store.NoticesWaiting(ctx, mostWaiting)
			if err != nil || waiting >= mostWaiting {
				return err
			}
			limit := min(tellChunk, mostWaiting-waiting)
			told, err := s.Store.TellIncident(ctx, i, limit, s.Now(), letters)
			if err != nil {
				return err
			}
			if told < limit {
				break
			}
		}
	}
	return nil
}

func letters(i Incident, a account.Account, check secret.Token) []notice.Notice {
	mail := notice.Incident
	if i.Action == Advise {
		mail = notice.IncidentAdvice
	}
	var all []notice.Notice
	for _, to := range a.NoticeAddresses() {
		all = append(all, mail(to, a.Name, i.Notice, check.Reveal()).For(a.ID))
	}
	return all
}

// For returns the notice of the incident that has an account wait for a new password; false when there is none, because a password can be
// required of one account alone.
func (s *Service) For(ctx context.Context, a account.Standing) (notice.Parts, bool, error) {
	i, found, err := s.newest(ctx, a, Require)
	return i.Notice, found, err
}

// Advice returns the notice of the incident after which the owner of an account was advised to choose a new password, and has not.
func (s *Service) Advice(ctx context.Context, a account.Standing) (notice.Parts, bool, error) {
	i, found, err := s.newest(ctx, a, Advise)
	return i.Notice, found, err
}

func (s *Service) newest(ctx context.Context, a account.Standing, action Action) (Incident, bool, error) {
	all, err := s.Store.IncidentsCovering(ctx, a.ID, newestSent)
	if err != nil {
		return Incident{}, false, err
	}
	for _, i := range all {
		if i.Action == action && i.Holds() && a.Secured < i.Epoch {
			return i, true, nil
		}
	}
	return Incident{}, false, nil
}

// Check tells whether a mail is ours, by the address of an account and the code in the mail. Which of the two is wrong is not told. ErrWrong,
// *ratelimit.LimitedError.
func (s *Service) Check(ctx context.Context, address, code string, from netip.Addr) (Incident, error) {
	defer even.Wait(ctx, time.Now()) // an account on a list has one row more to read
	if err := s.Store.Take(ctx, ratelimit.Notices.From(from), s.Now()); err != nil {
		return Incident{}, err
	}
	sent, known, err := s.Store.FindNotices(ctx, account.LoginHandle(address), newestSent)
	if err != nil {
		return Incident{}, err
	}
	typed := []byte(spelled(code))
	var right Incident
	found := 0
	for _, one := range sent {
		same := subtle.ConstantTimeCompare([]byte(spelled(one.Check.Reveal())), typed)
		if found |= same; same == 1 {
			right = one.Incident
		}
	}
	if found == 0 || !known {
		return Incident{}, ErrWrong
	}
	return right, nil
}

// spelled brings a code into its one spelling: people type it in small letters, with or without the dash.
func spelled(code string) string {
	var b []byte
	for i := range len(code) {
		c := code[i]
		switch {
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c == '-' || c == ' ' || c == '\t':
			continue
		}
		b = append(b, c)
	}
	return string(b)
}
