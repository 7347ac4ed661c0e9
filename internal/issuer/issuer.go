// Package issuer owns the conversations with services that sign people in: Google, Apple, Facebook and other issuers of OpenID Connect. What they are asked, what is
// sent to them, what of their answers is believed. It refuses to know what follows from that.
package issuer

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"usher/internal/identity"
	"usher/internal/social"
)

// Set is the services that are configured.
type Set struct {
	all []service
	log *slog.Logger
}

// service is one of them.
type service interface {
	about() social.Provider
	ask(ctx context.Context, q social.Question) (string, error)
	read(ctx context.Context, q social.Question, a social.Answer) (identity.Told, error)
}

// discoverer is a service whose endpoints have to be asked for.
type discoverer interface {
	discover(ctx context.Context) error
}

// Setup is what all services have in common.
type Setup struct {
	Origin string // of this service, without a slash at the end
	Now    func() time.Time
	Log    *slog.Logger
}

func (s Setup) redirect(id string) string { return s.Origin + social.ReturnPath(id) }

// Offered lists the services in the order of their buttons.
func (s *Set) Offered() []social.Provider {
	all := make([]social.Provider, 0, len(s.all))
	for _, one := range s.all {
		all = append(all, one.about())
	}
	return all
}

func (s *Set) find(id string) (service, error) {
	for _, one := range s.all {
		if one.about().ID == id {
			return one, nil
		}
	}
	return nil, social.ErrNotOffered
}

// Ask returns the address at which a browser puts a question to a service.
func (s *Set) Ask(ctx context.Context, id string, q social.Question) (string, error) {
	one, err := s.find(id)
	if err != nil {
		return "", err
	}
	return one.ask(ctx, q)
}

// Read exchanges what a browser has brought back, and checks all of it.
func (s *Set) Read(ctx context.Context, id string, q social.Question, a social.Answer) (identity.Told, error) {
	one, err := s.find(id)
	if err != nil {
		return identity.Told{}, err
	}
	told, err := one.read(ctx, q, a)
	told.Provider = id
	return told, err
}

// Discover asks every service that has something to say about its endpoints, so that nobody who presses a button waits for it, and pages know where buttons lead. A
// service that does not answer is asked again later.
func (s *Set) Discover(ctx context.Context) error {
	for _, one := range s.all {
		if d, has := one.(discoverer); has {
			if err := d.discover(ctx); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "service for signing in not discovered", "service", one.about().ID, "error", err)
			}
		}
	}
	return ctx.Err()
}

// originOf returns the origin of an address; empty when it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
