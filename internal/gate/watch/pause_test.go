package watch

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/secret"
)

// crowded is a service where another gate with a copy of our key polls too: every poll is sent away at once.
type crowded struct {
	Service
	polls int
}

const crowdedIssuer = "https://accounts.example"

func (*crowded) Issuer() string { return crowdedIssuer }

func (*crowded) Standing(context.Context) (accounts.Standing, error) {
	return accounts.Standing{State: accounts.Good}, nil
}
func (*crowded) Listen(context.Context) (bool, error) { return false, nil }

func (c *crowded) Poll(ctx context.Context, _ accounts.Poll) (accounts.Signals, error) {
	c.polls++
	if c.polls > 10_000 { // else time would stand still
		<-ctx.Done()
	}
	return accounts.Signals{}, ctx.Err()
}

func (*crowded) Ask(context.Context, secret.Token) (door.Decision, error) {
	return door.Decision{}, door.ErrRefused
}

// lonely is a house with one decider and nothing to remember.
type lonely struct{ decider *door.Decider }

func (l lonely) Decider(keep.Server) (*door.Decider, error) { return l.decider, nil }
func (lonely) Remember() error                              { return nil }
func (lonely) Close()                                       {}

// ourFolder is the folder of a server that somebody has claimed.
func ourFolder(t *testing.T) *keep.Folder {
	t.Helper()
	folder, err := keep.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	if err := folder.SaveServer(ours); err != nil {
		t.Fatal(err)
	}
	return folder
}

// watching is a Watch of that server.
func watching(t *testing.T, service Service, decider *door.Decider) *Watch {
	t.Helper()
	w, err := New(service, lonely{decider}, ourFolder(t), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPollsThatAreSentAwayPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, err := keep.Open(t.TempDir(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = folder.Close() }()
		if err := folder.SaveServer(keep.Server{Service: crowdedIssuer, ID: "srv-1", Owner: keep.Owner{Subject: "acc-ann"}}); err != nil {
			t.Fatal(err)
		}
		service := &crowded{}
		w, err := New(service, lonely{door.NewDecider(service, crowdedIssuer, "srv-1", time.Hour, time.Now)}, folder, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		w.Run(ctx)
		if service.polls > 25 || service.polls < 10 {
			t.Errorf("in 20 seconds it asked %d times", service.polls)
		}
	})
}
