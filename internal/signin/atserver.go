package signin

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/server"
)

// AtServer is somebody who typed the account's own password at a media server.
type AtServer struct {
	Account account.Account
	server.Terms
	// Methods are what was typed (RFC 8176): "pwd", and "otp" where a code was used up with it.
	Methods []string
}

// AdmitAt lets one request in of whoever types name and password at a media server, where its owner has said that they may: the account's own password, with the
// code behind it where there is a second step, of the owner and of those in the household. It counts against the account as at every other door. Everybody else is
// nobody, with the work for that: a server tries out nobody's password but theirs, uses up no stranger's tries, and leaves nothing in a stranger's record. ErrWrong,
// whatever it was; limits.
func (s *Service) AdmitAt(ctx context.Context, on server.Server, r SoftwareRequest) (AtServer, error) {
	if _, is := readMade(r.Password); is { // also one of the account's, which would open more to whoever reads it there
		return AtServer{}, s.wrongAppPassword(ctx, r)
	}
	typed := account.LoginHandle(r.Login)
	p, err := s.proveAs(ctx, r, credential.Attempt{Server: on.ID, Network: []ratelimit.Take{
		ratelimit.ServerSignIns.For(on.ID + "\x00" + string(typed.Kind) + "\x00" + typed.Value),
		ratelimit.ServerSignInsAll.For(on.AccountID), // of all servers of that owner: whoever claims many has no more hashes computed
	}})
	var terms server.Terms
	if err == nil {
		terms, err = s.Store.FindTerms(ctx, on.ID, p.found.Account.ID, p.at.At)
	}
	if err == nil && !terms.Role.MayType() { // taken off the list meanwhile
		err = ErrWrong
	}
	if err == nil {
		act := audit.New(p.at.At, audit.SignedIn, p.found.Account.ID, p.found.Account.ID).From(r.Client).With(audit.Reason, "at a media server, by "+p.method())
		err = s.accept(ctx, p, act, r.Client)
	}
	if err != nil {
		return AtServer{}, unlessClosed(err)
	}
	return AtServer{p.found.Account, terms, p.methods()}, nil
}

// unlessClosed says of a code that does not count, and of an account that lets nobody in whatever is typed, what is said of a wrong password: a media server need
// not know.
func unlessClosed(err error) error {
	for _, closed := range []error{ErrCodeRequired, ErrWrongCode, credential.ErrLocked, credential.ErrResetRequired, credential.ErrDeleting, credential.Exhausted{}} {
		if errors.Is(err, closed) && !errors.Is(err, outage.Err) {
			return ErrWrong
		}
	}
	return err
}
