package door

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"usher/internal/forwarded"
)

// flight is a question that is being asked; done is closed when it is answered.
type flight struct {
	done  chan struct{}
	who   *admitted
	err   error
	back  func()          // gives back what it took of a budget
	ended map[string]bool // of which accounts something was told meanwhile; empty: of all. Guarded by the Decider
}

// overtaken reports whether something was told meanwhile that the answer may not know of. Whose refusal it is nobody knows.
func (f *flight) overtaken(decision Decision, err error) bool {
	return f.ended[""] || f.ended[decision.Account] || (err != nil || decision.Account == "") && len(f.ended) > 0
}

// ask asks once, however many want to know. With an address, it is about a token that nobody knows: whoever makes them up soon has nothing left to ask with,
// and keeps nobody of another network waiting.
func (d *Decider) ask(ctx context.Context, k key, p proof, from func() netip.Addr) (*admitted, error) {
	d.mu.Lock()
	if a, now := d.known[k], d.now(); a != nil && now.Before(a.asked.Add(lastAnswer)) && now.Before(a.Until) { // answered a moment ago, for somebody else
		d.mu.Unlock()
		return a, nil
	}
	f, err := d.join(ctx, k, p, from)
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
		return f.who, f.err
	case <-ctx.Done():
		return nil, ErrAway
	}
}

// join returns the question about a proof that is being asked, or asks it. It is called with the lock held. ErrBusy; ErrAway, where passwords went unanswered a
// moment ago: such a question costs nobody's budget, and so has to be rare.
func (d *Decider) join(ctx context.Context, k key, p proof, from func() netip.Addr) (*flight, error) {
	if f := d.flights[k]; f != nil {
		return f, nil
	}
	if p.kind == byAccount && d.now().Before(d.mute.Add(afterFailure)) {
		return nil, ErrAway
	}
	f := &flight{done: make(chan struct{}), back: func() {}}
	if from != nil {
		back, may := d.spend(p, from())
		if !may {
			return nil, ErrBusy
		}
		f.back = back
	}
	select {
	case d.asks[p.kind] <- struct{}{}:
	default:
		f.back()
		return nil, ErrBusy
	}
	d.flights[k] = f
	go d.fly(context.WithoutCancel(ctx), k, p, f) // the others must not fail because the first one left
	return f, nil
}

// spend takes one of what the network of an address may have asked in vain, if there is one; back undoes that.
func (d *Decider) spend(p proof, from netip.Addr) (back func(), may bool) {
	network := forwarded.Network(from)
	if p.kind != byToken {
		return d.guessed[p.kind].take(network, p.login, d.now)
	}
	return func() { d.forged.giveBack(network, d.now()) }, d.forged.take(network, d.now())
}

// longestAsk bounds one question to the service.
const longestAsk = 10 * time.Second

func (d *Decider) fly(ctx context.Context, k key, p proof, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, longestAsk)
	defer cancel()
	tries := 3 // a sign-out that comes in while the question is under way makes the answer worthless
	if p.kind == byAccount {
		tries = 1 // a code counts once
	}
	for range tries {
		d.mu.Lock()
		f.ended = nil
		d.mu.Unlock()
		decision, err := d.question(ctx, p)
		if f.who, f.err = d.learn(k, p, decision, err, f); !errors.Is(f.err, errOvertaken) {
			break
		}
		f.err = ErrAway
	}
	if !errors.Is(f.err, ErrRefused) && !errors.Is(f.err, ErrBusy) {
		f.back()
	}
	d.mu.Lock()
	delete(d.flights, k)
	d.mu.Unlock()
	<-d.asks[p.kind]
	close(f.done)
}

// question asks the service. What it says is worth nothing where it is about something else than what was asked.
func (d *Decider) question(ctx context.Context, p proof) (Decision, error) {
	if p.kind == byAccount {
		return d.Passwords.SignIn(ctx, p.login, p.text)
	}
	said, err := d.service.Ask(ctx, p.text)
	if err == nil && said.AppPassword != (p.kind == byAppPassword) {
		return Decision{}, ErrRefused
	}
	return said, err
}

var errOvertaken = errors.New("door: something ended meanwhile")

// learn takes over what the service said to a question.
func (d *Decider) learn(k key, p proof, decision Decision, err error, f *flight) (*admitted, error) {
	now := d.now()
	if longest := now.Add(ownPassword); p.kind == byAccount && longest.Before(decision.Until) {
		decision.Until = longest
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.known[k]
	_, left := d.left[k]
	switch {
	case d.suspended != nil:
		return nil, ErrSuspended
	case left:
		return nil, ErrRefused
	case f.overtaken(decision, err):
		return nil, errOvertaken
	case errors.Is(err, ErrSuspended):
		return nil, err
	case errors.Is(err, ErrOff), errors.Is(err, ErrBusy):
		d.meet(now)
		return nil, err
	case err == nil && now.Before(decision.Until) && decision.Account != "":
		d.meet(now)
		if old != nil && old.same(decision) {
			old.asked, old.Until = now, decision.Until // written down from time to time
			return old, nil
		}
		d.remove(old)
		d.makeRoomFor(decision.Account)
		a := d.admit(k, decision, now)
		a.kind = p.kind
		d.known[k] = a
		d.changed()
		return a, nil
	case err == nil, errors.Is(err, ErrRefused):
		d.meet(now)
		d.remove(old)
		d.refuse(k, d.refused[k].again(p.kind, now))
		return nil, ErrRefused
	}
	if p.kind == byAccount { // a service that has no time for passwords is there for everything else
		d.mute = now
	} else {
		d.silent = now
	}
	return nil, ErrAway
}

// refuse has something refused without a question. It is called with the lock held.
func (d *Decider) refuse(k key, r refusal) {
	makeRoom(d.refused, mostRefused, func(refusal) {})
	d.refused[k] = r
}

// makeRoomFor lets go of another decision about the account, or else of any one: who has tokens without end pushes nobody else out.
func (d *Decider) makeRoomFor(account string) {
	if len(d.known) < mostAdmitted {
		return
	}
	for _, a := range d.known {
		if a.Account == account {
			d.remove(a)
			return
		}
	}
	makeRoom(d.known, mostAdmitted, func(a *admitted) { d.visits.note(a); a.end() })
}

// makeRoom lets go of any one; whoever it was is asked about again.
func makeRoom[V any](all map[key]V, most int, leave func(V)) {
	if len(all) < most {
		return
	}
	for k, v := range all {
		leave(v)
		delete(all, k)
		return
	}
}
