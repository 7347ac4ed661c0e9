package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/gate/local"
	"usher/internal/gate/openid"
	"usher/internal/outage"
	"usher/internal/secret"
)

// ServeHTTP brings a request to the door of the server's owner, and while it has none to the pages on which it can be claimed.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, claimed := g.server()
	if !claimed || local.Owns(r.URL.Path) {
		g.own.ServeHTTP(w, r)
		return
	}
	d, err := g.doorOf(s)
	if err != nil {
		g.Log.Error("the door cannot be built", "error", err)
		http.Error(w, "Something went wrong here. What it was stands in the gate's log.", http.StatusInternalServerError)
		return
	}
	d.ServeHTTP(w, r)
}

// server is whose server it is at the service that the gate was started for. What it is at another opens nothing here: who is let in by that one is nobody to us.
func (g *gate) server() (keep.Server, bool) {
	s, claimed := g.folder.Server()
	return s, claimed && s.Service == g.client.Issuer()
}

// doorOf is the door of a claimed server. Who claims anew gets another.
func (g *gate) doorOf(s keep.Server) (*door.Door, error) {
	if d := g.door.Load(); d != nil && d.Server == s.ID {
		return d, nil
	}
	g.building.Lock()
	defer g.building.Unlock()
	if d := g.door.Load(); d != nil && d.Server == s.ID {
		return d, nil
	}
	issuer := g.client.Issuer()
	decider := door.NewDecider(g.asks(), issuer, s.ID, g.Config.OutageLimit, g.Now)
	decider.Passwords, decider.Changed = g.asks(), g.changed
	if err := g.restore(decider); err != nil {
		return nil, err
	}
	if why, suspended := g.watch.Known().Suspends(s.ID); suspended {
		decider.Suspend(why)
	}
	settings := door.Settings{
		Decider: decider, Server: s.ID, Issuer: issuer,
		Key: g.folder.Key(), CookieKey: g.folder.Derive("cookies"), Inside: g.own, Own: g.own, Proxies: g.Config.TrustedProxy,
		Addresses: addresses{g.places},
		Provider:  &openid.Client{Issuer: issuer, Server: s.ID, Key: g.folder.Key(), HTTP: g.client.HTTP(), Now: g.Now}, Log: g.Log, Now: g.Now,
		Remember: g.remember,
	}
	if g.media != nil {
		settings.Inside = g.media
	}
	if g.Config.Upstream != "" {
		upstream, err := url.Parse(g.Config.Upstream)
		if err != nil {
			return nil, err
		}
		settings.Upstream = upstream
	}
	d, err := door.New(settings)
	if err != nil {
		return nil, err
	}
	g.door.Store(d)
	return d, nil
}

// owner reports whether a request brings a token of the owner's.
func (g *gate) owner(r *http.Request) (bool, error) {
	s, claimed := g.server()
	if !claimed {
		return false, nil
	}
	d, err := g.doorOf(s)
	if err != nil {
		return false, err
	}
	owner, err := d.Owner(r)
	switch {
	case errors.Is(err, door.ErrSuspended):
		return false, nil
	case errors.Is(err, door.ErrAway), errors.Is(err, door.ErrBusy):
		return false, fmt.Errorf("%w: %w", outage.Err, err)
	}
	return owner, err
}

// visitor is what the door knows of a browser, and of where it would let people in.
func (g *gate) visitor(r *http.Request) (v local.Visitor) {
	s, claimed := g.server()
	if !claimed {
		return v
	}
	d, err := g.doorOf(s)
	if err != nil {
		return v // the door itself says so
	}
	who, in := d.SignedIn(r)
	v.In, v.Called, v.Owner = in, cmp.Or(who.Name, who.UserName, who.Email), slices.Contains(who.Groups, door.OwnerGroup)
	v.Works, v.Here = d.WorksAt(r)
	return v
}

// Decider is that of the door of a server.
func (g *gate) Decider(s keep.Server) (*door.Decider, error) {
	d, err := g.doorOf(s)
	if err != nil {
		return nil, err
	}
	return d.Decider, nil
}

// Close has the door of a server that is nobody's any more let in nobody, and cuts what is open.
func (g *gate) Close() {
	d := g.door.Load()
	if d == nil {
		return
	}
	d.Decider.Suspend(door.Suspension{})
	g.remember()
	g.door.CompareAndSwap(d, nil)
}

// asker asks the service whom a token lets in.
type asker struct {
	client *accounts.Client
	places *accounts.Places
	// suspended is told when the service says that the server is signed out.
	suspended func()
	// answers is told when the service has answered.
	answers func()
}

// addresses are what the server's owner confirmed.
type addresses struct{ *accounts.Places }

// Learn tells a server that is signed out from an outage.
func (a addresses) Learn(ctx context.Context) ([]string, error) {
	all, err := a.Places.Learn(ctx)
	return all, judged(err)
}

// Ask tells a no from an outage, and from a server that is signed out or was given up.
func (a asker) Ask(ctx context.Context, token secret.Token) (door.Decision, error) {
	said, err := a.client.Introspect(ctx, token)
	if err := a.heard(err); err != nil {
		return door.Decision{}, err
	}
	if !*said.Active {
		return door.Decision{}, door.ErrRefused
	}
	return decided(said), nil
}

// SignIn tells a no from an outage, from a server that is signed out, and from one whose owner wants no such thing.
func (a asker) SignIn(ctx context.Context, login string, password secret.Token) (door.Decision, error) {
	said, err := a.client.SignIn(ctx, login, password)
	refused := new(accounts.Refused)
	switch {
	case accounts.Is(err, accounts.WrongPassword, accounts.Unreadable, accounts.WrongFields, accounts.TooLarge):
		return door.Decision{}, door.ErrRefused // also what is no name or password at all: a stranger who has that asked about has asked in vain
	case errors.Is(err, accounts.ErrLimited):
		return door.Decision{}, door.ErrBusy
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden && refused.Standing == "" && refused.Code != accounts.Unknown:
		return door.Decision{}, door.ErrOff
	}
	if err := a.heard(err); err != nil {
		return door.Decision{}, err
	}
	d := decided(said)
	d.Session, d.AppPassword, d.Directory = "", false, false
	d.Once = slices.Contains(said.Methods, accounts.OneTimeCode) // a password may end in digits of its own
	return d, nil
}

// TakesPasswords tells a server that is signed out from an outage.
func (a asker) TakesPasswords(ctx context.Context) (bool, error) {
	on, err := a.places.TakesPasswords(ctx)
	return on, judged(err)
}

// heard passes on what an answer says of the service and of this server.
func (a asker) heard(err error) error {
	if !errors.Is(err, outage.Err) {
		a.answers()
	}
	if err = judged(err); errors.Is(err, door.ErrSuspended) {
		a.suspended()
	}
	return err
}

// decided is what the service says of somebody who may come in.
func decided(said accounts.Introspection) door.Decision {
	app := said.Kind == accounts.AppPassword
	d := door.Decision{
		Account: said.Subject, Session: said.Session, UserName: said.UserName, Name: said.Name, Email: said.ProvedEmail(), Groups: said.Groups, Until: time.Unix(said.Expires, 0),
		AppPassword: app, Directory: app && slices.Contains(strings.Fields(said.Scope), accounts.Directory),
	}
	if said.Ends != 0 {
		d.Ends = time.Unix(said.Ends, 0)
	}
	return d
}

// judged tells an outage from a server that is signed out or was given up.
func judged(err error) error {
	refused := new(accounts.Refused)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, accounts.ErrUnclaimed), errors.As(err, &refused) && (refused.Standing != "" || accounts.Is(err, "invalid_client", "unauthorized_client")):
		return fmt.Errorf("%w: %w", door.ErrSuspended, err)
	}
	return fmt.Errorf("%w: %w", door.ErrAway, err)
}
