package argon2id

import (
	"context"
	"fmt"
	"time"
)

// acquire returns a free slot's arena, at once or when its turn comes. Whoever gets one owes a pass.
func (p *Pool) acquire(ctx context.Context) (*arena, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		// Slots are free only while nobody waits, because pass hands them on: nobody is overtaken here.
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		p.start()
		p.mu.Unlock()
		return slot, nil
	}
	if p.waiting.Len() >= p.queue {
		p.stats.Busy++
		p.mu.Unlock()
		return nil, ErrBusy
	}
	turn := make(chan *arena, 1)
	place := p.waiting.PushBack(turn)
	p.mu.Unlock()

	patience := time.NewTimer(p.MaxWait)
	defer patience.Stop()
	var reason error
	select {
	case slot := <-turn:
		return slot, nil
	case <-ctx.Done():
		reason = context.Cause(ctx)
	case <-patience.C:
		reason = fmt.Errorf("%w: no slot within %v", ErrBusy, p.MaxWait)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.GaveUp++
	select {
	case slot := <-turn: // it came in the same moment, and the next in line is glad of it
		p.hand(slot)
	default:
		p.waiting.Remove(place)
	}
	return nil, reason
}

// pass ends a turn.
func (p *Pool) pass(slot *arena) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hand(slot)
}

// hand gives a slot to whoever waits longest, or lays it down. The caller holds mu.
func (p *Pool) hand(slot *arena) {
	if first := p.waiting.Front(); first != nil {
		p.waiting.Remove(first).(chan *arena) <- slot
		return
	}
	p.free = append(p.free, slot)
	p.stats.Running--
	if p.stats.Running == 0 {
		p.rest()
	}
}

// start counts a slot as taken. The caller holds mu.
func (p *Pool) start() {
	p.stats.Running++
	if p.idle != nil {
		p.idle.Stop()
	}
}

// rest begins the wait after which the memory is given back. The caller holds mu.
func (p *Pool) rest() {
	if p.idle == nil {
		p.idle = time.AfterFunc(p.IdleAfter, p.Release)
		return
	}
	p.idle.Reset(p.IdleAfter)
}
