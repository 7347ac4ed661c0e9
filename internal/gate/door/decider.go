package door

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

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
	asks    map[kind]chan struct{} // those that are being asked; tokens and app passwords share one
	forged  *budget
	guessed map[kind]guesses // at passwords
	salt    []byte           // of the keys of accounts' own passwords
	// Passwords, if set, are asked about accounts' own.
	Passwords Passwords
	takes     atomic.Bool // what they answered last: whether accounts' own are taken
	// Changed, if set, is told when somebody is let in, or not any more. It must not wait, or ask the Decider anything.
	Changed func()

	mu         sync.RWMutex
	known      map[key]*admitted
	refused    map[key]refusal
	left       map[key]time.Time // who had these has signed out here; until when the service may know nothing of that
	names      names
	visits     visits
	flights    map[key]*flight
	suspended  *Suspension // nil: people are let in
	generation uint64      // of what the service said
	told       time.Time   // until when all sign-outs are known
	contact    time.Time   // when the service last answered
	silent     time.Time   // when the service last did not answer
	mute       time.Time   // when it last did not answer about an account's own password
	away       bool        // nor does it answer the watch
}

// NewDecider returns a Decider for the server of this id at the service of this issuer. Now nil is time.Now.
func NewDecider(service Asker, issuer, server string, limit time.Duration, now func() time.Time) *Decider {
	if now == nil {
		now = time.Now
	}
	d := &Decider{service: service, server: server, limit: limit, now: now, asks: newAsks(), forged: newBudget(mostForged, forgedAgain),
		guessed: newGuesses(), salt: make([]byte, sha256.Size), known: map[key]*admitted{}, refused: map[key]refusal{}, left: map[key]time.Time{}, names: names{}, visits: visits{}, flights: map[key]*flight{}}
	_, _ = rand.Read(d.salt)
	for _, part := range []string{issuer, server} {
		d.bound = binary.BigEndian.AppendUint32(d.bound, uint32(len(part)))
		d.bound = append(d.bound, part...)
	}
	return d
}

// knows reports whether somebody was let in by that, also if it counts no longer because a code in it is used up.
func (d *Decider) knows(p proof) bool {
	if p.empty() {
		return false
	}
	k := d.keyOf(p)
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[k] != nil || d.refused[k].used
}

// recall returns whom the token was let in for, while that counts; nobody is asked.
func (d *Decider) recall(token secret.Token) (Decision, bool) {
	k := d.keyOf(tokenProof(token))
	d.mu.RLock()
	defer d.mu.RUnlock()
	a := d.known[k]
	if a == nil || !d.now().Before(a.Until) {
		return Decision{}, false
	}
	return a.Decision, true
}

// Decide says whom the token lets in, which somebody at an address presents. ErrRefused, ErrAway, ErrSuspended, ErrBusy.
func (d *Decider) Decide(ctx context.Context, token secret.Token, from netip.Addr) (Decision, error) {
	a, err := d.decide(ctx, tokenProof(token), func() netip.Addr { return from })
	if err != nil {
		return Decision{}, err
	}
	return a.Decision, nil
}

// decide is Decide, of whatever proves who somebody is. From nil is for what is known to be none of a stranger's making: it costs nothing to ask about.
func (d *Decider) decide(ctx context.Context, p proof, from func() netip.Addr) (*admitted, error) {
	a, err := d.recognize(ctx, p, from)
	if err == nil {
		a.here(d.now())
	}
	return a, err
}

// recognize is decide where nobody need be here: a connection stays open while its person sleeps.
func (d *Decider) recognize(ctx context.Context, p proof, from func() netip.Addr) (*admitted, error) {
	a, err := d.judge(ctx, p, from)
	if err == nil && !a.answersTo(p) {
		return nil, ErrRefused
	}
	return a, err
}

func (d *Decider) judge(ctx context.Context, p proof, from func() netip.Addr) (*admitted, error) {
	if p.kind == byAccount {
		if on, err := d.takesPasswords(ctx); !on {
			return nil, cmp.Or(err, ErrOff)
		}
	}
	k, now := d.keyOf(p), d.now()
	d.mu.RLock()
	a, suspended, wrong := d.known[k], d.suspended, d.refused[k]
	_, left := d.left[k]
	exact := d.exact(a, now)
	counts := a != nil && now.Before(a.Until)
	pause, failing := now.Before(d.silent.Add(afterFailure)), !d.silent.IsZero()
	d.mu.RUnlock()
	switch {
	case suspended != nil:
		return nil, ErrSuspended
	case left:
		return nil, ErrRefused
	case exact:
		return a, nil
	case a == nil && (now.Before(wrong.until) || !d.worthAsking(p)):
		return nil, ErrRefused
	case pause:
		return d.meanwhile(a)
	case a.spent():
		return nil, d.endSpent(a)
	}
	if a != nil {
		from = nil // who was let in costs nothing
	}
	if a != nil && failing {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, briefly)
		defer stop()
	}
	fresh, err := d.ask(ctx, k, p, from)
	if errors.Is(err, ErrAway) || errors.Is(err, ErrBusy) && a != nil && (failing || counts) { // strangers' questions are no outage, in which alone a token outlasts its end
		return d.meanwhile(a)
	}
	return fresh, err
}

// exact reports whether what was said of somebody stands at a time. It is called with the lock held.
func (d *Decider) exact(a *admitted, now time.Time) bool {
	return a != nil && now.Before(a.Until) && !a.asked.IsZero() && (now.Before(d.told) || now.Before(a.asked.Add(lastAnswer)))
}

// meanwhile is the answer during an outage: whoever was let in stays in until the limit, also when the token ends before: nobody could get another. An account's
// own password, which may be another since, lets nobody in then; and what the owner set an end to ends.
func (d *Decider) meanwhile(a *admitted) (*admitted, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	now := d.now()
	switch {
	case a == nil || a.kind == byAccount || d.known[a.key] != a || !now.Before(d.contact.Add(d.limit)):
		return nil, ErrAway
	case !a.Ends.IsZero() && !now.Before(a.Ends): // whether they are let in otherwise from then on only the service knows
		return nil, ErrAway
	}
	return a, nil
}

func (d *Decider) remove(a *admitted) {
	if a != nil {
		delete(d.known, a.key)
		d.visits.note(a)
		if a.spent() {
			d.refuse(a.key, refusal{until: d.now().Add(usedCode), used: true})
		}
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
	k := d.keyOf(tokenProof(token))
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
