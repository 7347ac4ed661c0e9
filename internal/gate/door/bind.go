package door

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"usher/internal/secret"
)

// Bound is somebody who has shown a password of this server on a connection of its own.
type Bound struct {
	// Decision says who it is. UserName is the name that the media server knows them by: the account's number where there is none that can be told.
	Decision
	// Over is done when that counts no longer.
	Over context.Context
}

// Bind lets in who shows a password of this server beside their name, or, where the owner wants that, the account's own. An empty name is nobody's. Other than Decide
// it is answered ErrAway in every outage, whatever is shown, and an account's own password is asked about each time: a code in it counts once. What is kept of it goes when ctx ends, which is the connection's.
// ErrRefused, ErrAway, ErrSuspended, ErrBusy.
func (d *Decider) Bind(ctx context.Context, login string, password secret.Token, from netip.Addr) (Bound, error) {
	p := passwordProof(login, password)
	switch known := p.kind != byToken && d.worthAsking(p); {
	case d.Suspended():
		return Bound{}, ErrSuspended
	case d.outage(): // also of what could be seen to be wrong: what a media server hears of it may not depend on that
		return Bound{}, ErrAway
	case !known:
		return Bound{}, ErrRefused
	}
	a, err := d.bind(ctx, &p, func() netip.Addr { return from })
	if err != nil {
		return Bound{}, err
	}
	d.mu.Lock()
	known := d.names.claim(p.login, a.Account) && d.names.claim(strings.ToLower(a.told.user), a.Account)
	counts, exact := d.known[a.key] == a, d.exact(a, d.now())
	d.mu.Unlock()
	switch {
	case !known: // the media server knows somebody else by that name
		d.letGo(p, a)
		return Bound{}, ErrRefused
	case !counts || !exact || d.outage():
		d.letGo(p, a)
		return Bound{}, ErrAway
	}
	said := a.Decision
	said.UserName = a.told.user
	over, end := context.WithCancel(ctx)
	go func() {
		defer end()
		if p.once != "" {
			d.outlive(ctx.Done(), a)
			d.letGo(p, a)
			return
		}
		d.follow(ctx.Done(), a, func() (*admitted, error) {
			return d.recognize(context.Background(), p, func() netip.Addr { return from })
		})
	}()
	return Bound{said, over}, nil
}

// bind decides. An account's own password is one that nobody else finds afterwards.
func (d *Decider) bind(ctx context.Context, p *proof, from func() netip.Addr) (*admitted, error) {
	if p.kind != byAccount {
		return d.decide(ctx, *p, from)
	}
	if on, err := d.takesPasswords(ctx); !on {
		return nil, cmp.Or(err, ErrOff)
	}
	typed := d.keyOf(*p)
	d.mu.RLock()
	wrong := d.refused[typed]
	d.mu.RUnlock()
	if d.now().Before(wrong.until) {
		return nil, ErrRefused
	}
	p.once = secret.NewToken().Reveal()
	a, err := d.decide(context.WithoutCancel(ctx), *p, from) // whoever hangs up meanwhile is let go of afterwards
	d.mu.Lock()
	defer d.mu.Unlock()
	switch on := d.known[typed]; {
	case errors.Is(err, ErrRefused) && !errors.Is(err, ErrOff) && on == nil: // also when it comes by another door
		d.refuse(typed, wrong.again(byAccount, d.now()))
	case err == nil && a.Once:
		d.refuse(typed, refusal{until: d.now().Add(usedCode), used: true})
	}
	return a, err
}

// outlive is follow for what nobody else finds: it is never asked about again, and so counts for as long as it is known that nothing has ended.
func (d *Decider) outlive(done <-chan struct{}, a *admitted) {
	tick := time.NewTicker(lookAtSwitch)
	defer tick.Stop()
	for on := true; on; {
		select {
		case <-done:
			on = false
		case <-a.over.Done():
			on = false
		case <-tick.C:
			on, _ = d.takesPasswords(context.Background())
			d.mu.RLock()
			on = on && d.exact(a, d.now())
			d.mu.RUnlock()
		}
	}
}

// letGo forgets what nobody else finds.
func (d *Decider) letGo(p proof, a *admitted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.once != "" && d.known[a.key] == a {
		a.Once = false // its key comes never again
		d.remove(a)
	}
}

// claim notes that the media server knows an account by a name; false when it knows another by it.
func (n names) claim(name, account string) bool {
	whose, known := n[name]
	if !known && n.hasRoom(account) {
		n[name], whose, known = account, account, true
	}
	return known && whose == account || name == account
}

// NameOf is the name that the media server knows an account by, as it is told in requests.
func (d *Decider) NameOf(account, userName string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return identityOf(d.names.telling(Decision{Account: account, UserName: userName})).user
}

// Heeded counts what has ended or was put in doubt: what was learned of people before it changed is to be asked again.
func (d *Decider) Heeded() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.generation
}

// Away reports whether the service does not answer at present.
func (d *Decider) Away() bool { return d.outage() }
