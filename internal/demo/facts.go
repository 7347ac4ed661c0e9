package demo

import (
	"context"
	"slices"
	"time"
)

// facts are what has happened so far: what the record says, and what came by at the doors.
type facts struct {
	acts []Act
	seen
	you string // your account; empty before you signed up
}

// facts reads the record.
func (s *Story) facts(ctx context.Context) (facts, error) {
	acts, err := s.House.Acts(ctx)
	if err != nil {
		return facts{}, err
	}
	f := facts{acts: acts, seen: s.known()}
	if i := slices.IndexFunc(acts, func(a Act) bool { return a.Action == "account.created" && a.At.After(s.Seeded) }); i >= 0 {
		f.you = acts[i].Account
	}
	return f, nil
}

// did returns when something was done to your account, or to the whole house, after a time; zero: never.
func (f facts) did(action string, after time.Time) time.Time {
	for _, a := range f.acts {
		if a.Action == action && (a.Account == f.you || a.Account == "") && f.you != "" && a.At.After(after) {
			return a.At
		}
	}
	return time.Time{}
}

// times counts how often something was done to your account.
func (f facts) times(action string) (n int) {
	for _, a := range f.acts {
		if a.Action == action && a.Account == f.you {
			n++
		}
	}
	return n
}

// came reports whether somebody accepted an invitation.
func (f facts) came() bool {
	return slices.ContainsFunc(f.acts, func(a Act) bool { return a.Action == "server.joined" })
}

// incident is when it was declared; zero: not yet.
func (f facts) incident() time.Time {
	for _, action := range []string{"incident.declared", "incident.declared-alone"} {
		if at := f.did(action, time.Time{}); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// since reports whether something came after an act, which there was.
func since(what, act time.Time) bool { return !act.IsZero() && what.After(act) }
