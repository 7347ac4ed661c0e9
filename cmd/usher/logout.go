package main

import (
	"context"

	"usher/internal/backchannel"
	"usher/internal/signing"
)

// newLogouts makes what tells clients of ended sign-ins.
func (s *service) newLogouts() *backchannel.Deliverer {
	return &backchannel.Deliverer{
		Queue: s.db, Sign: func(claims any) (string, error) { return s.signing.Sign(signing.Logout, claims) }, Issuer: s.cfg.Origin, Now: s.now, Log: s.log,
	}
}

// findLogouts goes through the credentials after an incident for everybody.
func (s *service) findLogouts(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := s.db.DeriveLogouts(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}
