package gate

import (
	"context"
	"errors"
	"time"

	"usher/internal/gate/accounts"
)

// tellEvery is how often the server says that it is there, and who was; lastWords bounds how long it waits to be heard when it stops.
const (
	tellEvery = 10 * time.Minute
	lastWords = 2 * time.Second
)

// keepTelling tells the service about the server from time to time until ctx ends, and then who was here since.
func (g *gate) keepTelling(ctx context.Context) {
	for {
		g.tell(ctx)
		select {
		case <-ctx.Done():
			g.tellLast(context.WithoutCancel(ctx))
			return
		case <-g.announce:
		case <-time.After(tellEvery):
		}
	}
}

// tell says where the server is, and who was here. What the service has not heard is said again the next time.
func (g *gate) tell(ctx context.Context) {
	visits, told := g.visits()
	err := g.client.Tell(ctx, g.about(), visits)
	switch {
	case err == nil:
		told()
	case ctx.Err() == nil && !errors.Is(err, accounts.ErrUnclaimed):
		g.Log.Warn("the service was not told where this server is", "error", err)
	}
}

func (g *gate) tellLast(ctx context.Context) {
	if visits, _ := g.visits(); len(visits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	g.tell(ctx)
}

// visits are who was at the server's door since the service was told last; told says that it was told this.
func (g *gate) visits() (all []accounts.Visit, told func()) {
	s, claimed := g.server()
	d := g.door.Load()
	if !claimed || d == nil || d.Server != s.ID {
		return nil, func() {}
	}
	seen := d.Decider.Visits()
	for _, v := range seen {
		all = append(all, accounts.Visit{Subject: v.Account, At: v.At})
	}
	return all, func() { d.Decider.Told(seen) }
}
