package argon2id

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrBusy says that no hash was computed because too many wait already, or because this one waited for MaxWait in vain. Trying again later is right.
var ErrBusy = errors.New("argon2id: too many hashes waiting")

const (
	DefaultQueue     = 200
	DefaultMaxWait   = 10 * time.Second
	DefaultIdleAfter = time.Minute
)

// Pool computes hashes, as many at once as it has slots; the rest wait in the order they came. Its memory is slots × Params.MemoryKiB, taken on first
// use; only a stored hash that asks for more gets more, for as long as it runs. All methods may be called from many goroutines.
type Pool struct {
	// MaxWait bounds the time one call waits for a slot, whatever its context allows. Set it before the first call; NewPool sets DefaultMaxWait.
	MaxWait time.Duration
	// IdleAfter is how long nothing must run before the memory goes back to the operating system. Set it before the first call; NewPool sets DefaultIdleAfter.
	IdleAfter time.Duration

	params Params
	kernel kernel
	queue  int
	decoy  string

	mu      sync.Mutex
	free    []*arena   // a stack, so that the warmest memory is used next
	waiting *list.List // of chan *arena with room for one, first come first
	idle    *time.Timer
	stats   Stats
}

// Stats is what a pool does now and has done since it was made.
type Stats struct {
	Slots     int
	Waiting   int
	Running   int
	HeldBytes int64 // memory kept between hashes

	Hashes uint64 // evaluations finished, decoys among them
	Busy   uint64 // refused because the queue was full
	GaveUp uint64 // left the queue without a slot: MaxWait or the caller's context was over
}

// NewPool returns a pool of slots hash slots, usually one per core, before which at most queue calls wait. Its error wraps ErrParams or names the number
// that is out of range.
func NewPool(slots, queue int, params Params) (*Pool, error) {
	if err := params.Check(); err != nil {
		return nil, err
	}
	if slots < 1 || queue < 0 {
		return nil, fmt.Errorf("argon2id: a pool of %d slots and a queue of %d cannot be", slots, queue)
	}
	p := &Pool{
		MaxWait:   DefaultMaxWait,
		IdleAfter: DefaultIdleAfter,
		params:    params,
		kernel:    fastest(),
		queue:     queue,
		waiting:   list.New(),
		stats:     Stats{Slots: slots},
	}
	// Nobody knows a password for a random tag, so a decoy needs no hash to be made from.
	p.decoy = encoded{params: params, salt: random(saltLength), tag: random(tagLength)}.text()
	for range slots {
		p.free = append(p.free, new(arena))
	}
	return p, nil
}

// Params returns the costs of new hashes, for NeedsRehash.
func (p *Pool) Params() Params { return p.params }

// Hash returns the PHC string of password under a fresh salt. Its error wraps ErrBusy or the context's cause.
func (p *Pool) Hash(ctx context.Context, password []byte) (phc string, err error) {
	e := encoded{params: p.params, salt: random(saltLength), tag: make([]byte, tagLength)}
	if err := p.evaluate(ctx, e, password, e.tag); err != nil {
		return "", err
	}
	return e.text(), nil
}

// Verify reports whether password made phc, at whatever costs and lengths phc names. Its error wraps ErrMalformed, ErrParams, ErrBusy or the context's cause.
func (p *Pool) Verify(ctx context.Context, phc string, password []byte) (ok bool, err error) {
	e, err := parse(phc)
	if err != nil {
		return false, err
	}
	tag := make([]byte, len(e.tag))
	defer clear(tag)
	if err := p.evaluate(ctx, e, password, tag); err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(tag, e.tag) == 1, nil
}

// Decoy does what Verify does for a hash at the current costs, and forgets the answer: for an account that does not exist.
func (p *Pool) Decoy(ctx context.Context, password []byte) error {
	_, err := p.Verify(ctx, p.decoy, password)
	return err
}

// Room returns ErrBusy when a call made now would be refused at once, so that nothing need be done in vain before it; nil promises no slot.
func (p *Pool) Room() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) > 0 || p.waiting.Len() < p.queue {
		return nil
	}
	p.stats.Busy++
	return ErrBusy
}

// Evaluations returns how many hashes were computed since the pool was made.
func (p *Pool) Evaluations() uint64 { return p.Stats().Hashes }

// Stats returns what the pool does now and has done since it was made.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Waiting = p.waiting.Len()
	return s
}

// Release gives the memory of the slots that are free now back to the operating system; the next hash takes it anew.
func (p *Pool) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.free {
		p.stats.HeldBytes -= a.bytes()
		a.release()
	}
}

// evaluate computes e's tag for password in a slot of its own.
func (p *Pool) evaluate(ctx context.Context, e encoded, password, tag []byte) error {
	slot, err := p.acquire(ctx)
	if err != nil {
		return fmt.Errorf("wait for a hash slot: %w", err)
	}
	defer p.pass(slot)

	a, err := p.memory(slot, e.params)
	if err != nil {
		return err
	}
	if a != slot {
		defer a.release()
	}
	derive(p.kernel, a, e.params, input{password: password, salt: e.salt}, tag)
	p.mu.Lock()
	p.stats.Hashes++
	p.mu.Unlock()
	return nil
}

// memory returns the slot's own arena, or one for this hash alone if the slot's would have to grow and stay grown.
func (p *Pool) memory(slot *arena, params Params) (*arena, error) {
	if params.blocks() > p.params.blocks() {
		large := new(arena)
		return large, large.reserve(params.blocks())
	}
	before := slot.bytes()
	if err := slot.reserve(p.params.blocks()); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.stats.HeldBytes += slot.bytes() - before
	p.mu.Unlock()
	return slot, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the program first
	return b
}
