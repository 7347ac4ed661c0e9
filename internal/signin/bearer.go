package signin

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Bearer resolves the token of software that is signed in, as its own account or switched to another member of a Home, or an app password, which is its own
// token, spelled as people copy it. The errors of the resolver.
func (s *Service) Bearer(ctx context.Context, token secret.Token) (Admitted, error) {
	if copied, is := secret.ReadAppPassword(token); is {
		return s.holder(ctx, credential.AppPassword, copied)
	}
	in, err := s.holder(ctx, credential.App, token)
	if errors.Is(err, credential.ErrUnknown) {
		return s.holder(ctx, credential.Switched, token)
	}
	return in, err
}

// Program is Bearer, and takes the token of a claimed media server as well. What may be done with it, Admitted.Found says.
func (s *Service) Program(ctx context.Context, token secret.Token) (Admitted, error) {
	in, err := s.Bearer(ctx, token)
	if errors.Is(err, credential.ErrUnknown) {
		return s.holder(ctx, credential.Server, token)
	}
	return in, err
}

// holder resolves a token together with the account it belongs to, in one question.
func (s *Service) holder(ctx context.Context, kind credential.Kind, token secret.Token) (Admitted, error) {
	f, a, err := s.Resolver.ResolvePerson(ctx, kind, token)
	return Admitted{Found: f, Account: a, Token: token}, err
}

// appPassword lets in what sends an app password beside a name of its account. No hash is computed and the account's own budget of failures is
// not touched: an old app with a dead one shuts nobody out. Failures count against the network alone, by a counter that sign-ins do not share;
// there are 140 bits to guess. Every failure is ErrWrong, whatever it was.
func (s *Service) appPassword(ctx context.Context, r SoftwareRequest, token secret.Token) (Admitted, error) {
	in, err := s.holder(ctx, credential.AppPassword, token)
	switch {
	case err == nil && in.Account.AnswersTo(account.LoginHandle(r.Login)):
		return in, nil
	case err != nil && !credential.IsDead(err):
		return Admitted{}, err
	}
	return Admitted{}, s.wrongAppPassword(ctx, r)
}

func (s *Service) wrongAppPassword(ctx context.Context, r SoftwareRequest) error {
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.AppPasswords.From(r.Client.Address), now); err != nil {
		return err
	}
	act := audit.New(now, audit.SignInFailed, "", "").From(r.Client).With(audit.Reason, "app password")
	return errors.Join(ErrWrong, s.Store.Record(context.WithoutCancel(ctx), act))
}

// readMade reads what we have made, by its shape: an app password, or one of a media server, which counts at no door of ours. Neither is anybody's own password.
func readMade(typed secret.Token) (secret.Token, bool) {
	if token, is := secret.ReadAppPassword(typed); is {
		return token, true
	}
	return secret.ReadServerPassword(typed)
}
