// Package registration owns how clients of OpenID Connect come, change and go: by an administrator, by the command, or by the configuration.
// It refuses to know how a client signs anybody in.
package registration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// Store keeps clients.
type Store interface {
	// RegisterClient fails with relyingparty.ErrTaken or relyingparty.ErrSecretUsed.
	RegisterClient(ctx context.Context, c relyingparty.Client, secrets []secret.Token, act audit.Act) error
	FindClient(ctx context.Context, id string) (relyingparty.Client, error)
	// ListClients goes by ids; after is the id of the one to go on after.
	ListClients(ctx context.Context, after string, limit int) ([]relyingparty.Client, error)
	// ChangeClient takes the secrets along when the client proves itself without one from now on.
	ChangeClient(ctx context.Context, c relyingparty.Client, act audit.Act) error
	// RemoveClient ends the client and its secrets at once, and begins to end what was made for it.
	RemoveClient(ctx context.Context, id string, act audit.Act) error
	// CountLogouts counts the sign-ins whose end a client is still to be told of, no further than most.
	CountLogouts(ctx context.Context, clientID string, most int) (int, error)
	SecretStore
	ConfiguredStore
}

// SecretStore keeps clients' secrets.
type SecretStore interface {
	AddClientSecret(ctx context.Context, clientID string, s secret.Token, act audit.Act) error
	// RetireClientSecrets ends all but the newest; credential.ErrSpent when there is no older one.
	RetireClientSecrets(ctx context.Context, clientID string, act audit.Act) error
	ListClientSecrets(ctx context.Context, clientID string) ([]credential.Credential, error)
}

// ConfiguredStore applies the configuration.
type ConfiguredStore interface {
	// ApplyClient makes a client what it is told, whatever it was, and leaves it those secrets and no other.
	ApplyClient(ctx context.Context, c relyingparty.Client, secrets []secret.Token, act audit.Act) error
	// EndRemovedClient ends a portion of what was made for a removed client.
	EndRemovedClient(ctx context.Context) (more bool, err error)
}

// Service registers clients.
type Service struct {
	Store Store
	Now   func() time.Time
}

// Refused says what is wrong with a client.
type Refused struct{ Problems []relyingparty.Problem }

// Error is one line for each problem.
func (r *Refused) Error() string {
	lines := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func check(c relyingparty.Client) error {
	if problems := c.Check(); problems != nil {
		return &Refused{problems}
	}
	return nil
}

// act is one about a client.
func (s *Service) act(action audit.Action, by string, c relyingparty.Client) audit.Act {
	return audit.New(s.Now(), action, by, "").With(audit.Client, c.Called())
}

// Register registers a client, under a fresh id when it has none, and returns it with its secret if it proves itself with one: nobody can read that
// again. *Refused, relyingparty.ErrTaken.
func (s *Service) Register(ctx context.Context, by string, c relyingparty.Client) (relyingparty.Client, secret.Token, error) {
	c.CreatedAt, c.Configured = s.Now(), false
	if c.ID == "" {
		c.ID = relyingparty.NewID(c.CreatedAt)
	}
	if err := check(c); err != nil {
		return c, secret.Token{}, err
	}
	var made []secret.Token
	var shown secret.Token
	if c.HasSecret() {
		shown = secret.NewToken()
		made = append(made, shown)
	}
	err := s.Store.RegisterClient(ctx, c, made, s.act(audit.ClientRegistered, by, c))
	return c, shown, err
}

// PageSize is how many clients a page lists.
const PageSize = 50

// List returns clients by their ids; after is what the page before returned as next, which is empty on the last one.
func (s *Service) List(ctx context.Context, after string) (list []relyingparty.Client, next string, err error) {
	list, err = s.Store.ListClients(ctx, after, PageSize+1)
	if err != nil || len(list) <= PageSize {
		return list, "", err
	}
	list = list[:PageSize]
	return list, list[PageSize-1].ID, nil
}

// Sheet is a client with when its secrets were made, newest first, and how many sign-outs it is still to be told of.
type Sheet struct {
	relyingparty.Client
	Secrets []time.Time
	Untold  int // MostUntold stands for more as well
}

// MostUntold is how far the sign-outs are counted that a client is still to be told of.
const MostUntold = 1000

// Show returns one client; relyingparty.ErrNotFound.
func (s *Service) Show(ctx context.Context, id string) (Sheet, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return Sheet{}, err
	}
	sh := Sheet{Client: c}
	made, err := s.Store.ListClientSecrets(ctx, id)
	for _, m := range made {
		sh.Secrets = append(sh.Secrets, m.CreatedAt)
	}
	if err != nil {
		return sh, err
	}
	sh.Untold, err = s.Store.CountLogouts(ctx, id, MostUntold)
	return sh, err
}

// find returns a client that is no person's media server; relyingparty.ErrNotFound.
func (s *Service) find(ctx context.Context, id string) (relyingparty.Client, error) {
	c, err := s.Store.FindClient(ctx, id)
	if err == nil && c.AccountID != "" {
		return relyingparty.Client{}, relyingparty.ErrNotFound
	}
	return c, err
}

// own returns a client that is not the configuration's; relyingparty.ErrNotFound, relyingparty.ErrConfigured.
func (s *Service) own(ctx context.Context, id string) (relyingparty.Client, error) {
	c, err := s.find(ctx, id)
	if err == nil && c.Configured {
		err = relyingparty.ErrConfigured
	}
	return c, err
}

// Change makes a client what it is told; nothing is written when that is what it was. *Refused, relyingparty.ErrNotFound,
// relyingparty.ErrConfigured.
func (s *Service) Change(ctx context.Context, by string, c relyingparty.Client) error {
	before, err := s.own(ctx, c.ID)
	if err != nil {
		return err
	}
	c.CreatedAt, c.Configured = before.CreatedAt, false
	if err := check(c); err != nil {
		return err
	}
	changed := c.Differs(before)
	if len(changed) == 0 {
		return nil
	}
	return s.Store.ChangeClient(ctx, c, s.act(audit.ClientChanged, by, c).With(audit.Reason, strings.Join(changed, ", ")))
}

// NewSecret gives a client one more secret, which nobody can read again; those it has count on. relyingparty.ErrNotFound,
// relyingparty.ErrConfigured, relyingparty.ErrNoSecret, relyingparty.ErrManySecrets.
func (s *Service) NewSecret(ctx context.Context, by, id string) (relyingparty.Client, secret.Token, error) {
	c, err := s.own(ctx, id)
	if err != nil {
		return c, secret.Token{}, err
	}
	made := secret.NewToken()
	return c, made, s.Store.AddClientSecret(ctx, id, made, s.act(audit.ClientSecretMade, by, c))
}

// RetireSecrets ends all secrets of a client but the newest. relyingparty.ErrNotFound, relyingparty.ErrConfigured, and credential.ErrSpent
// when there is no older one.
func (s *Service) RetireSecrets(ctx context.Context, by, id string) error {
	c, err := s.own(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.RetireClientSecrets(ctx, id, s.act(audit.ClientSecretEnded, by, c))
}

// Remove ends a client with everything made for it. relyingparty.ErrNotFound, relyingparty.ErrConfigured.
func (s *Service) Remove(ctx context.Context, by, id string) error {
	c, err := s.own(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.RemoveClient(ctx, id, s.act(audit.ClientRemoved, by, c))
}

// Configured is a client as the configuration has it.
type Configured struct {
	relyingparty.Client
	Secrets []secret.Token
}

// Apply makes the clients of the configuration what it says, and removes those that it had before and has no more. *Refused, relyingparty.ErrSecretUsed.
func (s *Service) Apply(ctx context.Context, all []Configured) error {
	if err := s.dropForgotten(ctx, all); err != nil {
		return err
	}
	for _, c := range all {
		c.Client.Configured, c.CreatedAt = true, s.Now()
		if err := check(c.Client); err != nil {
			return err
		}
		if err := s.apply(ctx, c); err != nil {
			return fmt.Errorf("client %s of the configuration: %w", c.ID, err)
		}
	}
	return nil
}

func (s *Service) dropForgotten(ctx context.Context, all []Configured) error {
	for after := ""; ; {
		page, next, err := s.List(ctx, after)
		if err != nil {
			return err
		}
		for _, c := range page {
			if !c.Configured || slices.ContainsFunc(all, func(o Configured) bool { return o.ID == c.ID }) {
				continue
			}
			err := s.Store.RemoveClient(ctx, c.ID, s.act(audit.ClientRemoved, audit.System, c))
			if err != nil && !errors.Is(err, relyingparty.ErrNotFound) { // another node was faster
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// apply waits until what was made for a removed client of that id has ended, and goes on when another node applies the same at this moment.
func (s *Service) apply(ctx context.Context, c Configured) error {
	for ctx.Err() == nil {
		err := s.Store.ApplyClient(ctx, c.Client, c.Secrets, s.act(audit.ClientChanged, audit.System, c.Client).With(audit.Reason, "by the configuration"))
		if !errors.Is(err, relyingparty.ErrTaken) {
			return err
		}
		if _, err := s.Store.EndRemovedClient(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}
