package mediaserver

import (
	"context"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/server"
)

// Waiting counts the servers that are suspended until their owner brings them back.
func Waiting(all []Kept) (n int) {
	for _, k := range all {
		if k.Standing.State == server.Suspended {
			n++
		}
	}
	return n
}

// settles is how long a claimed server is brought back by itself only: whoever was in the account before its owner signed everything out may have added it.
const settles = 7 * 24 * time.Hour

// settled reports whether a server may be brought back together with others.
func (k Kept) settled(now time.Time) bool { return now.Sub(k.ClaimedAt) >= settles }

// Settled counts those of Waiting that BringAllBack brings back.
func Settled(all []Kept, now time.Time) (n int) {
	for _, k := range all {
		if k.Standing.State == server.Suspended && k.settled(now) {
			n++
		}
	}
	return n
}

// BringBack lets a suspended server in again, by the word of its owner, who has signed in since; one that is not suspended is left alone. Nothing else about it
// changes. server.ErrNotFound.
func (s *Service) BringBack(ctx context.Context, f credential.Found, who account.Account, id string, client device.Client) error {
	kept, err := s.Show(ctx, f, id)
	if err != nil {
		return err
	}
	return s.bringBack(ctx, f, who, []Kept{kept}, client)
}

// BringAllBack is BringBack for every suspended server of who is signed in that was claimed at least a week ago, all of them or none; it returns how many others
// wait still.
func (s *Service) BringAllBack(ctx context.Context, f credential.Found, who account.Account, client device.Client) (left int, err error) {
	all, err := s.List(ctx, f)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	left = Waiting(all) - Settled(all, now)
	all = slices.DeleteFunc(all, func(k Kept) bool { return !k.settled(now) })
	return left, s.bringBack(ctx, f, who, all, client)
}

func (s *Service) bringBack(ctx context.Context, f credential.Found, who account.Account, some []Kept, client device.Client) error {
	var ids, names []string
	for _, k := range some {
		if k.Standing.State == server.Suspended {
			ids, names = append(ids, k.ID), append(names, k.Name)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	called := strings.Join(names, ", ")
	act := s.act(audit.ServerBack, f, called, client).Warn(who, client, func(to, name string, e notice.Event) notice.Notice {
		return notice.ServersBack(to, name, e, called)
	})
	return s.Store.BringServersBack(ctx, f.AccountID, ids, credential.StampNow(f.Clock, f.Account), act)
}
