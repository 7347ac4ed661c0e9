package signup

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/passwordpolicy"
	"usher/internal/secret"
)

// FoundingStore makes accounts by an operator's word.
type FoundingStore interface {
	HasAdmin(ctx context.Context) (bool, error)
	ReadClock(ctx context.Context) (credential.Clock, error)
	Record(ctx context.Context, act audit.Act) error
	RedeemSetUp(ctx context.Context, hash string, a account.Account, handles []account.Handle, s credential.SignIn, act audit.Act) error
	CreateAccount(ctx context.Context, a account.Account, handles []account.Handle, act audit.Act) error
}

// Founding makes accounts whose address needs no proof: the first administrator's, and those an operator adds.
type Founding struct {
	Store    FoundingStore
	Hasher   Hasher
	Resolver Resolver
	Policy   passwordpolicy.Policy
	Now      func() time.Time
}

// SetUpLink returns the path of a fresh set-up link while nobody administers this service, and an empty text once somebody does.
func (s *Founding) SetUpLink(ctx context.Context) (path string, err error) {
	have, err := s.Store.HasAdmin(ctx)
	if err != nil || have {
		return "", err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return "", err
	}
	token := secret.NewToken()
	act := audit.New(s.Now(), audit.SetUpLinkMade, audit.System, "").
		Linking(credential.Link{Kind: credential.SetUp, Token: token, Stamp: credential.Stamp{Born: clock.Epoch}})
	return "/setup/" + token.Reveal(), s.Store.Record(ctx, act)
}

// NewAccount is an account an operator makes.
type NewAccount struct {
	Email    string
	UserName string // may be empty
	Name     string // may be empty
	Password secret.Token
	Admin    bool
}

// SetUp makes the first administrator by the set-up link and signs its browser in. ErrGone when the link was used or is too old.
func (s *Founding) SetUp(ctx context.Context, link secret.Token, n NewAccount, client device.Client) (Confirmed, error) {
	f, err := s.OpenSetUp(ctx, link)
	if err != nil {
		return Confirmed{}, err
	}
	n.Admin = true
	a, handles, err := s.prepare(ctx, n)
	if err != nil {
		return Confirmed{}, err
	}
	in := credential.NewSignIn(a.ID, "set-up link", client, s.Now())
	in.Stamp, in.Known = credential.StampNow(f.Clock, a.Standing), secret.NewToken()
	act := audit.New(s.Now(), audit.AccountCreated, a.ID, a.ID).From(client).With(audit.Reason, "set-up link")
	return Confirmed{in.Token, in.Known}, s.Store.RedeemSetUp(ctx, f.Hash, a, handles, in, act)
}

// OpenSetUp looks a set-up link up and changes nothing; ErrGone.
func (s *Founding) OpenSetUp(ctx context.Context, link secret.Token) (credential.Found, error) {
	f, err := s.Resolver.Resolve(ctx, credential.SetUp, link)
	return f, gone(err)
}

// Add makes an account by the word of somebody with a shell on the machine.
func (s *Founding) Add(ctx context.Context, n NewAccount) (account.Account, error) {
	a, handles, err := s.prepare(ctx, n)
	if err != nil {
		return a, err
	}
	act := audit.New(s.Now(), audit.AccountCreated, audit.CLI, a.ID)
	if n.Admin {
		act = act.With(audit.Reason, "administrator")
	}
	return a, s.Store.CreateAccount(ctx, a, handles, act)
}

// prepare checks what was typed and hashes the password.
func (s *Founding) prepare(ctx context.Context, n NewAccount) (a account.Account, handles []account.Handle, err error) {
	email, handle, err := account.EmailHandle(n.Email)
	if err != nil {
		return a, nil, err
	}
	handles = append(handles, handle)
	name, err := account.DisplayName(n.Name)
	if err != nil {
		return a, nil, err
	}
	userName := ""
	if n.UserName != "" {
		if userName, handle, err = account.UserNameHandle(n.UserName); err != nil {
			return a, nil, err
		}
		handles = append(handles, handle)
	}
	password, err := s.Policy.Choose(n.Password.Reveal(), []string{email, userName, name})
	if err != nil {
		return a, nil, err
	}
	phc, err := s.Hasher.Hash(ctx, []byte(password))
	if err != nil {
		return a, nil, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return a, nil, err
	}
	now := s.Now()
	return account.Account{
		Standing: account.Standing{ID: id.New(now), State: account.Active, Admin: n.Admin, Epoch: 1, Secured: clock.Epoch, PasswordVersion: 1},
		Email:    email, UserName: userName, Name: name, Password: phc, CreatedAt: now,
	}, handles, nil
}
