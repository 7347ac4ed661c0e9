package door

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"time"

	"usher/internal/forwarded"
	"usher/internal/secret"
)

// Decider decides about tokens, from memory where that is exact: what the service said counts until the service says otherwise, the token ends, or nothing is
// heard of the service for too long. It is bound to one server at one service: whoever claims anew makes a new one.
type Decider struct {
	service Asker
	server  string
	bound   []byte
	limit   time.Duration
	now     func() time.Time
	asks    chan struct{}
	forged  budget
	// Changed, if set, is told when somebody is let in, or not any more. It must not wait, or ask the Decider anything.
	Changed func()

	mu         sync.RWMutex
	known      map[key]*admitted
	refused    map[key]time.Time
	left       map[key]time.Time // who had these has signed out here; until when the service may know nothing of that
	names      names
	flights    map[key]*flight
	suspended  *Suspension // nil: people are let in
	generation uint64      // of what the service said; an answer to a question from before counts for nothing
	told       time.Time   // until when all sign-outs are known
	contact    time.Time   // when the service last answered
	silent     time.Time   // when the service last did not answer
	away       bool        // nor does it answer the watch
}

// flight is a question that is being asked; done is closed when it is answered.
type flight struct {
	done chan struct{}
	who  *admitted
	err  error
	back func() // gives back what it took of a budget
}

// NewDecider returns a Decider for the server of this id at the service of this issuer. Now nil is time.Now.
func NewDecider(service Asker, issuer, server string, limit time.Duration, now func() time.Time) *Decider {
	if now == nil {
		now = time.Now
	}
	d := &Decider{service: service, server: server, limit: limit, now: now, asks: make(chan struct{}, mostAsked), forged: budget{all: map[string]spent{}},
		known: map[key]*admitted{}, refused: map[key]time.Time{}, left: map[key]time.Time{}, names: names{}, flights: map[key]*flight{}}
	for _, part := range []string{issuer, server} {
		d.bound = binary.BigEndian.AppendUint32(d.bound, uint32(len(part)))
		d.bound = append(d.bound, part...)
	}
	return d
}

func (d *Decider) keyOf(token secret.Token) key {
	return sha256.Sum256(append(d.bound[:len(d.bound):len(d.bound)], token.Reveal()...))
}

// knows reports whether the token was let in.
func (d *Decider) knows(token secret.Token) bool {
	k := d.keyOf(token)
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[k] != nil
}

// Decide says whom the token lets in, which somebody at an address presents. ErrRefused, ErrAway, ErrSuspended, ErrBusy.
func (d *Decider) Decide(ctx context.Context, token secret.Token, from netip.Addr) (Decision, error) {
	a, err := d.decide(ctx, token, func() netip.Addr { return from })
	if err != nil {
		return Decision{}, err
	}
	return a.Decision, nil
}

// decide is Decide. From nil is for a token that is known to be none of a stranger's making: it costs nothing to ask about.
func (d *Decider) decide(ctx context.Context, token secret.Token, from func() netip.Addr) (*admitted, error) {
	k, now := d.keyOf(token), d.now()
	d.mu.RLock()
	a, suspended, wrong := d.known[k], d.suspended, d.refused[k]
	_, left := d.left[k]
	exact := a != nil && now.Before(a.Until) && !a.asked.IsZero() && (now.Before(d.told) || now.Before(a.asked.Add(lastAnswer)))
	pause, failing := now.Before(d.silent.Add(afterFailure)), !d.silent.IsZero()
	d.mu.RUnlock()
	switch {
	case suspended != nil:
		return nil, ErrSuspended
	case left:
		return nil, ErrRefused
	case exact:
		return a, nil
	case a == nil && now.Before(wrong.Add(wrongAnswer)):
		return nil, ErrRefused
	case a == nil && !madeFor(d.server, token.Reveal()):
		return nil, ErrRefused
	case pause:
		return d.meanwhile(a)
	}
	if a != nil {
		from = nil // who was let in costs nothing
	}
	if a != nil && failing {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, briefly)
		defer stop()
	}
	fresh, err := d.ask(ctx, k, token, from)
	if errors.Is(err, ErrAway) || errors.Is(err, ErrBusy) && a != nil {
		return d.meanwhile(a)
	}
	return fresh, err
}

// meanwhile is the answer during an outage: whoever was let in stays in until the limit, also when the token ends before: nobody could get another.
func (d *Decider) meanwhile(a *admitted) (*admitted, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if a == nil || d.known[a.key] != a || !d.now().Before(d.contact.Add(d.limit)) {
		return nil, ErrAway
	}
	return a, nil
}

// ask asks once, however many want to know. With an address, it is about a token that nobody knows: whoever makes them up soon has nothing left to ask with,
// and keeps nobody of another network waiting.
func (d *Decider) ask(ctx context.Context, k key, token secret.Token, from func() netip.Addr) (*admitted, error) {
	d.mu.Lock()
	if a, now := d.known[k], d.now(); a != nil && now.Before(a.asked.Add(lastAnswer)) && now.Before(a.Until) { // answered a moment ago, for somebody else
		d.mu.Unlock()
		return a, nil
	}
	f, err := d.join(ctx, k, token, from)
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

// join returns the question about a token that is being asked, or asks it. It is called with the lock held. ErrBusy.
func (d *Decider) join(ctx context.Context, k key, token secret.Token, from func() netip.Addr) (*flight, error) {
	if f := d.flights[k]; f != nil {
		return f, nil
	}
	f := &flight{done: make(chan struct{}), back: func() {}}
	if from != nil {
		back, may := d.spend(from())
		if !may {
			return nil, ErrBusy
		}
		f.back = back
	}
	select {
	case d.asks <- struct{}{}:
	default:
		f.back()
		return nil, ErrBusy
	}
	d.flights[k] = f
	go d.fly(context.WithoutCancel(ctx), k, token, f) // the others must not fail because the first one left
	return f, nil
}

// spend takes one of what the network of an address may have asked in vain, if there is one; back undoes that.
func (d *Decider) spend(from netip.Addr) (back func(), may bool) {
	network := forwarded.Network(from)
	return func() { d.forged.giveBack(network, d.now()) }, d.forged.take(network, d.now())
}

// longestAsk bounds one question to the service.
const longestAsk = 10 * time.Second

func (d *Decider) fly(ctx context.Context, k key, token secret.Token, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, longestAsk)
	defer cancel()
	for range 3 { // a sign-out that comes in while the question is under way makes the answer worthless
		d.mu.RLock()
		generation := d.generation
		d.mu.RUnlock()
		decision, err := d.service.Ask(ctx, token)
		if f.who, f.err = d.learn(k, decision, err, generation); !errors.Is(f.err, errOvertaken) {
			break
		}
		f.err = ErrAway
	}
	if !errors.Is(f.err, ErrRefused) {
		f.back()
	}
	d.mu.Lock()
	delete(d.flights, k)
	d.mu.Unlock()
	<-d.asks
	close(f.done)
}

var errOvertaken = errors.New("door: something ended meanwhile")

// learn takes over what the service said when it had said so much.
func (d *Decider) learn(k key, decision Decision, err error, generation uint64) (*admitted, error) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.known[k]
	_, left := d.left[k]
	switch {
	case d.suspended != nil:
		return nil, ErrSuspended
	case left:
		return nil, ErrRefused
	case generation != d.generation:
		return nil, errOvertaken
	case errors.Is(err, ErrSuspended):
		return nil, err
	case err == nil && now.Before(decision.Until) && decision.Account != "":
		d.meet(now)
		if old != nil && old.same(decision) {
			old.asked = now
			return old, nil
		}
		d.remove(old)
		d.makeRoomFor(decision.Account)
		a := d.admit(k, decision, now)
		d.known[k] = a
		d.changed()
		return a, nil
	case err == nil, errors.Is(err, ErrRefused):
		d.meet(now)
		d.remove(old)
		makeRoom(d.refused, mostRefused, func(time.Time) {})
		d.refused[k] = now
		return nil, ErrRefused
	}
	d.silent = now
	return nil, ErrAway
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
	makeRoom(d.known, mostAdmitted, func(a *admitted) { a.end() })
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

func (d *Decider) remove(a *admitted) {
	if a != nil {
		delete(d.known, a.key)
		a.end()
		d.changed()
	}
}

func (d *Decider) changed() {
	if d.Changed != nil {
		d.Changed()
	}
}

// leave has a token let in nobody any more, whatever the service says of it, and cuts what is open. It reports whether it was not so before.
func (d *Decider) leave(token secret.Token) bool {
	k := d.keyOf(token)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, left := d.left[k]; left {
		return false
	}
	until := d.now().Add(longestToken)
	if a := d.known[k]; a != nil {
		until = a.Until
		d.remove(a)
	}
	makeRoom(d.left, mostRefused, func(time.Time) {})
	d.left[k] = until
	return true
}

// End drops what was decided; whoever comes again is asked about. What is open is cut.
func (d *Decider) End(who Ended) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endAll(who)
}

func (d *Decider) endAll(who Ended) {
	d.generation++
	clear(d.refused)
	for _, a := range d.known {
		if who.covers(a.Decision) {
			d.remove(a)
		}
	}
}

// Doubt has everybody asked about anew, and cuts nothing that the service still lets in: something may have ended of which nothing was said.
func (d *Decider) Doubt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.generation++
	clear(d.refused)
	for _, a := range d.known {
		a.asked = time.Time{}
	}
}

// Suspend lets nobody in from now on, and cuts what is open.
func (d *Decider) Suspend(why Suspension) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspended = &why
	d.endAll(Ended{})
}

// Resume takes Suspend back. Everybody is asked about anew.
func (d *Decider) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspended = nil
	d.endAll(Ended{})
}

// Suspended reports whether nobody is let in, whoever comes.
func (d *Decider) Suspended() bool { return d.suspension() != nil }

// suspension is why nobody is let in; nil when people are.
func (d *Decider) suspension() *Suspension {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.suspended
}

// Heard says that every sign-out until then was given to End: a poll for signals was answered, and what it brought is done.
func (d *Decider) Heard(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = at.Add(patience)
	d.meet(at)
}

// meet notes that the service answered. It is called with the lock held.
func (d *Decider) meet(at time.Time) { d.contact, d.silent, d.away = at, time.Time{}, false }

// Unanswered says that the service leaves unanswered what is asked in the server's own name: nobody is sent there to sign in until it answers anything.
func (d *Decider) Unanswered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = true
}

// Answered takes Unanswered back.
func (d *Decider) Answered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away, d.silent = false, time.Time{}
}

// outage reports whether the service does not answer at present. It is noticed within seconds that it does again.
func (d *Decider) outage() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.away || d.now().Before(d.silent.Add(afterFailure))
}

// Unheard says that nobody listens for sign-outs just now: from here on every answer of the service stands for lastAnswer and no longer.
func (d *Decider) Unheard() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = time.Time{}
}

// Admitted returns what is to be kept over a restart, and for how long the service has been silent: when that began would say nothing after the clock was set.
func (d *Decider) Admitted() (all []Admitted, silent time.Duration) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all = make([]Admitted, 0, len(d.known))
	for k, a := range d.known {
		all = append(all, Admitted{k[:], a.Decision})
	}
	return all, max(0, d.now().Sub(d.contact))
}

// Left returns who has signed out here, to be kept over a restart: the service may not know of it.
func (d *Decider) Left() []Left {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Left, 0, len(d.left))
	for k, until := range d.left {
		if !d.now().Before(until) {
			delete(d.left, k)
			continue
		}
		all = append(all, Left{k[:], until})
	}
	return all
}

// RestoreLeft takes over what Left returned.
func (d *Decider) RestoreLeft(all []Left) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range all {
		if len(one.Key) == sha256.Size && len(d.left) < mostRefused {
			d.left[key(one.Key)] = one.Until
		}
	}
}

// Restore takes over what Admitted returned: it counts in an outage, and is asked about anew when there is none, for nobody knows what ended in between.
func (d *Decider) Restore(all []Admitted, silent time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.contact = now.Add(-silent)
	for _, one := range all {
		if len(one.Key) != sha256.Size || !now.Before(one.Decision.Until.Add(d.limit)) || one.Decision.Account == "" || len(d.known) >= mostAdmitted {
			continue
		}
		k := key(one.Key)
		d.known[k] = d.admit(k, one.Decision, time.Time{})
	}
}
