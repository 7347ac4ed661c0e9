package factor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
)

// RememberedStore keeps the browsers where the second step is not asked for.
type RememberedStore interface {
	ListRemembered(ctx context.Context, accountID string, now time.Time) ([]credential.Credential, error)
	ForgetRemembered(ctx context.Context, accountID string, hashes []string, act audit.Act) error
}

// Browser is a browser where the second step is not asked for.
type Browser struct {
	ID    string // names it on a page, and opens nothing
	Name  string
	Since time.Time
	Until time.Time
}

func (s *Service) remembered(ctx context.Context, accountID string) ([]Browser, error) {
	all, err := s.Store.ListRemembered(ctx, accountID, s.Now())
	if err != nil {
		return nil, err
	}
	shown := make([]Browser, len(all))
	for i, c := range all {
		shown[i] = Browser{ID: publicID(c.Hash), Name: c.Detail, Since: c.CreatedAt, Until: c.ExpiresAt}
	}
	return shown, nil
}

// publicID names a credential where people may see it, without what stands in its row.
func publicID(hash string) string {
	sum := sha256.Sum256([]byte("remembered browser\x00" + hash))
	return hex.EncodeToString(sum[:8])
}

// Forget has one browser asked for the second step again; credential.ErrSpent when it is not remembered any more.
func (s *Service) Forget(ctx context.Context, f credential.Found, browserID string, client device.Client) error {
	return s.forget(ctx, f, client, func(c credential.Credential) bool { return publicID(c.Hash) == browserID })
}

// ForgetAll has every browser asked for the second step again; credential.ErrSpent when none is remembered.
func (s *Service) ForgetAll(ctx context.Context, f credential.Found, client device.Client) error {
	return s.forget(ctx, f, client, func(credential.Credential) bool { return true })
}

func (s *Service) forget(ctx context.Context, f credential.Found, client device.Client, which func(credential.Credential) bool) error {
	all, err := s.Store.ListRemembered(ctx, f.AccountID, s.Now())
	if err != nil {
		return err
	}
	var hashes []string
	act := audit.New(s.Now(), audit.BrowserForgotten, f.AccountID, f.AccountID).From(client)
	for _, c := range all {
		if which(c) {
			hashes = append(hashes, c.Hash)
			act = act.With(audit.Device, c.Detail)
		}
	}
	if len(hashes) > 1 {
		act = act.With(audit.Device, "all browsers")
	}
	return s.Store.ForgetRemembered(ctx, f.AccountID, hashes, act)
}
