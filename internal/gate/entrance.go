package gate

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"usher/internal/gate/directory"
	"usher/internal/gate/door"
	"usher/internal/secret"
)

const (
	// peopleFor is for how long the list of people stands where nothing is heard that changes it, and silenceFor for how long a question in vain.
	peopleFor  = 5 * time.Second
	silenceFor = 2 * time.Second
	// peopleWait is how long one question about them may take.
	peopleWait = 10 * time.Second
)

// entrance lets people in at the directory as the door does, and knows who they are.
type entrance struct {
	gate   *gate
	asking chan struct{} // holds the place of the one who asks, for all who want to know
	list   roll          // is theirs
}

func newEntrance(g *gate) *entrance { return &entrance{gate: g, asking: make(chan struct{}, 1)} }

// roll is who may come in, as the service said it at a time, or that it said nothing.
type roll struct {
	decider *door.Decider
	heeded  uint64
	at      time.Time
	all     []directory.Person
	err     error
}

// stands reports whether it is what the service would say now, as far as that is known.
func (r roll) stands(d *door.Decider, now time.Time) bool {
	age := now.Sub(r.at).Abs()
	return r.decider == d && r.heeded == d.Heeded() && (age < silenceFor || r.err == nil && age < peopleFor)
}

// Bind lets in who shows a password of this server, or, where its owner wants that, the account's own.
func (e *entrance) Bind(ctx context.Context, login string, password secret.Token, from netip.Addr) (directory.Bound, error) {
	d, err := e.decider()
	if err != nil {
		return directory.Bound{}, err
	}
	b, err := d.Bind(ctx, login, password, from)
	if err != nil {
		return directory.Bound{}, err
	}
	who := directory.Person{ID: b.Account, UserName: b.UserName, Name: b.Name, Email: b.Email, Group: groupOf(b.Groups)}
	return directory.Bound{Person: who, Directory: b.Directory, Over: b.Over}, nil
}

// People lists the owner and everybody who has come in. In an outage nobody is listed: a media server that was told of nobody would forget people.
func (e *entrance) People(ctx context.Context) ([]directory.Person, error) {
	d, err := e.decider()
	if err != nil {
		return nil, err
	}
	select {
	case e.asking <- struct{}{}:
		defer func() { <-e.asking }()
	case <-ctx.Done():
		return nil, door.ErrAway
	}
	switch {
	case d.Suspended():
		return nil, door.ErrSuspended
	case d.Away():
		return nil, door.ErrAway
	case !e.list.stands(d, e.gate.Now()):
		e.list = e.ask(context.WithoutCancel(ctx), d) // the others must not fail because the first one left
	}
	return slices.Clone(e.list.all), e.list.err
}

// ask has the service say who they are.
func (e *entrance) ask(ctx context.Context, d *door.Decider) roll {
	ctx, cancel := context.WithTimeout(ctx, peopleWait)
	defer cancel()
	fresh := roll{decider: d, heeded: d.Heeded(), at: e.gate.Now()}
	told, err := e.gate.client.People(ctx)
	fresh.err = e.gate.asks().heard(err)
	for _, p := range told {
		if p.Ends.IsZero() || fresh.at.Before(p.Ends) {
			name := d.NameOf(p.Subject, p.UserName)
			fresh.all = append(fresh.all, directory.Person{ID: p.Subject, UserName: name, Name: p.Name, Email: p.Email, Group: groupOf([]string{p.Group})})
		}
	}
	return fresh
}

func (e *entrance) decider() (*door.Decider, error) {
	s, claimed := e.gate.server()
	if !claimed {
		return nil, door.ErrSuspended
	}
	return e.gate.Decider(s)
}

// groupOf is the group that has an entry in the directory, if one of these does.
func groupOf(groups []string) directory.Group {
	for _, g := range []directory.Group{directory.Owner, directory.Household, directory.Guest} {
		if slices.Contains(groups, string(g)) {
			return g
		}
	}
	return ""
}

// asks is what asks the service for the door.
func (g *gate) asks() asker {
	return asker{g.client, g.places, g.watch.Wake, g.watch.Answers}
}

var _ directory.Accounts = (*entrance)(nil)
