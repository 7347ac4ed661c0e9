package argon2id

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"
)

// cheap costs next to nothing; the pool treats it as any other.
var cheap = Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

func newPool(t testing.TB, slots, queue int, params Params) *Pool {
	t.Helper()
	p, err := NewPool(slots, queue, params)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p
}

func TestHashAndVerify(t *testing.T) {
	p := newPool(t, 2, 0, DefaultParams())
	phc, err := p.Hash(t.Context(), []byte("pässword"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || NeedsRehash(phc, p.Params()) {
		t.Errorf("hash is %s", phc)
	}
	e, err := parse(phc)
	if err != nil {
		t.Fatal(err)
	}
	if want := argon2.IDKey([]byte("pässword"), e.salt, 2, 19456, 1, 32); string(want) != string(e.tag) {
		t.Error("x/crypto makes another tag")
	}
	for password, want := range map[string]bool{"pässword": true, "password": false, "pässword\x00": false, "": false} {
		if ok, err := p.Verify(t.Context(), phc, []byte(password)); err != nil || ok != want {
			t.Errorf("%q: ok %v, error %v", password, ok, err)
		}
	}
	again, err := p.Hash(t.Context(), []byte("pässword"))
	if err != nil || again == phc {
		t.Errorf("the same salt twice, or error %v", err)
	}
}

func TestVerifyRefusesBeforeHashing(t *testing.T) {
	p := newPool(t, 1, 0, cheap)
	for phc, want := range map[string]error{
		"$argon2id$v=19$m=64,t=1,p=1$AAAA":                                       ErrMalformed,
		"$argon2id$v=19$m=1073741824,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA": ErrParams,
	} {
		if ok, err := p.Verify(t.Context(), phc, nil); ok || !errors.Is(err, want) {
			t.Errorf("%s: ok %v, error %v", phc, ok, err)
		}
	}
	if n := p.Evaluations(); n != 0 {
		t.Errorf("%d hashes computed", n)
	}
}

func TestNewPoolRefuses(t *testing.T) {
	for _, c := range []struct {
		slots, queue int
		params       Params
	}{
		{0, 200, DefaultParams()},
		{1, -1, DefaultParams()},
		{1, 200, Params{}},
		{1, 200, Params{MemoryKiB: 7, Passes: 1, Lanes: 1}},
		{1, 200, Params{MemoryKiB: MaxMemoryKiB + 1, Passes: 1, Lanes: 1}},
		{1, 200, Params{MemoryKiB: MaxMemoryKiB, Passes: 5, Lanes: 1}},
		{1, 200, Params{MemoryKiB: 1024, Passes: MaxPasses + 1, Lanes: 1}},
		{1, 200, Params{MemoryKiB: 1024, Passes: 1, Lanes: MaxLanes + 1}},
	} {
		if _, err := NewPool(c.slots, c.queue, c.params); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
}

// A decoy is the same work as Verify at the current costs: one evaluation over the same blocks, nothing less and nothing more.
func TestDecoyCostsOneVerify(t *testing.T) {
	p := newPool(t, 1, 0, Params{MemoryKiB: 256, Passes: 3, Lanes: 1})
	counted := 0
	count := func(m mixer) mixer {
		return mixer{begin: func(dst, prev, ref, scratch *block) { counted++; m.begin(dst, prev, ref, scratch) }, end: m.end}
	}
	p.kernel = kernel{name: "counted", over: count(p.kernel.over), into: count(p.kernel.into)}
	phc, err := p.Hash(t.Context(), []byte("a password"))
	if err != nil {
		t.Fatal(err)
	}
	counted = 0
	if _, err := p.Verify(t.Context(), phc, []byte("a password")); err != nil {
		t.Fatal(err)
	}
	verify := counted
	counted = 0
	if err := p.Decoy(t.Context(), []byte("a password")); err != nil {
		t.Fatal(err)
	}
	if counted != verify || verify < 3*256-2 {
		t.Errorf("a decoy mixes %d blocks, Verify %d", counted, verify)
	}
	if n := p.Evaluations(); n != 3 {
		t.Errorf("%d evaluations, want 3", n)
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2, 50, cheap)
		a, b := mustAcquire(t, p), mustAcquire(t, p)
		var order []int // each waiter appends while it alone has been handed the slot
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				slot, err := p.acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				p.pass(slot)
			})
			synctest.Wait()
		}
		if s := p.Stats(); s.Waiting != 50 || s.Running != 2 {
			t.Errorf("stats %+v", s)
		}
		p.pass(a)
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in the order %v", order)
			}
		}
		p.pass(b)
		if s := p.Stats(); len(order) != 50 || s.Waiting != 0 || s.Running != 0 {
			t.Errorf("%d served, stats %+v", len(order), s)
		}
	})
}

func TestFullQueueIsBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, 2, cheap)
		slot := mustAcquire(t, p)
		if err := p.Room(); err != nil {
			t.Errorf("an empty queue has no room: %v", err)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := p.Hash(t.Context(), []byte("waits")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if err := p.Decoy(t.Context(), []byte("refused")); !errors.Is(err, ErrBusy) {
			t.Errorf("error %v", err)
		}
		if time.Since(began) != 0 { // the bubble's clock moves only when everybody sleeps
			t.Error("the refusal waited")
		}
		if err := p.Room(); !errors.Is(err, ErrBusy) {
			t.Errorf("a full queue has room: %v", err)
		}
		p.pass(slot)
		wg.Wait()
		if err := p.Room(); err != nil {
			t.Errorf("an idle pool has no room: %v", err)
		}
		if s := p.Stats(); s.Busy != 2 || s.Hashes != 2 || s.Running != 0 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestWaitersGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, 9, cheap)
		p.MaxWait = 5 * time.Second
		slot := mustAcquire(t, p)
		cause := errors.New("the caller left")
		gone, leave := context.WithCancelCause(t.Context())
		hurried, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()

		var wg sync.WaitGroup
		expect := func(ctx context.Context, want error, after time.Duration) {
			began := time.Now()
			wg.Go(func() {
				if _, err := p.Hash(ctx, []byte("in vain")); !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
				if waited := time.Since(began); waited != after {
					t.Errorf("%v: waited %v, want %v", want, waited, after)
				}
			})
			synctest.Wait()
		}
		expect(t.Context(), ErrBusy, 5*time.Second)
		expect(hurried, context.DeadlineExceeded, 2*time.Second)
		expect(gone, cause, 0)
		leave(cause)
		wg.Wait()

		if s := p.Stats(); s.GaveUp != 3 || s.Waiting != 0 || s.Hashes != 0 || s.Running != 1 {
			t.Errorf("stats %+v", s)
		}
		p.pass(slot)
		if _, err := p.Hash(t.Context(), []byte("after them")); err != nil {
			t.Errorf("the slot is lost: %v", err)
		}
		if _, err := p.Hash(gone, []byte("too late")); !errors.Is(err, cause) {
			t.Errorf("error %v, want the context's cause", err)
		}
	})
}

// A caller may leave in the very moment its slot comes: the slot must not go with it, but to the next in line.
func TestSlotAndCancellationMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, 2, cheap)
		slot := mustAcquire(t, p)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.Hash(ctx, []byte("leaves")); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := p.Hash(t.Context(), []byte("stays")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()

		p.mu.Lock() // the first wakes because of its context, and finds the slot when it gets here
		leave()
		p.hand(slot)
		p.mu.Unlock()
		wg.Wait()
		if s := p.Stats(); s.GaveUp != 1 || s.Hashes != 1 || s.Running != 0 || s.Waiting != 0 || len(p.free) != 1 {
			t.Errorf("stats %+v, %d free slots", s, len(p.free))
		}
	})
}

// Slots handed to callers who leave in the same moment must go on to the next.
func TestNoSlotIsLost(t *testing.T) {
	p := newPool(t, 2, 1000, cheap)
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%20)*100*time.Microsecond)
			defer cancel()
			if _, err := p.Hash(ctx, []byte("flood")); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := p.Stats()
	if s.Running != 0 || s.Waiting != 0 || len(p.free) != 2 {
		t.Errorf("stats %+v, %d free slots", s, len(p.free))
	}
	if s.HeldBytes > 2*int64(cheap.MemoryKiB)<<10 {
		t.Errorf("%d bytes held", s.HeldBytes)
	}
}

func TestMemoryIsTakenKeptAndGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2, 0, cheap)
		p.IdleAfter = time.Minute
		one := int64(cheap.MemoryKiB) << 10
		held := func(when string, want int64) {
			t.Helper()
			if got := p.Stats().HeldBytes; got != want {
				t.Errorf("%s: %d bytes held, want %d", when, got, want)
			}
		}
		held("new", 0)
		phc, err := p.Hash(t.Context(), []byte("a password"))
		if err != nil {
			t.Fatal(err)
		}
		held("after one hash", one)
		time.Sleep(59 * time.Second)
		if _, err := p.Verify(t.Context(), phc, []byte("a password")); err != nil {
			t.Fatal(err)
		}
		held("after two, one after the other", one)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		held("not idle long enough since the second", one)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		held("idle", 0)
		if ok, err := p.Verify(t.Context(), phc, []byte("a password")); err != nil || !ok {
			t.Errorf("after the memory was given back: ok %v, error %v", ok, err)
		}
		held("in use again", one)
	})
}

func TestMemoryStaysWhileAnythingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2, 0, cheap)
		p.IdleAfter = time.Minute
		a, b := mustAcquire(t, p), mustAcquire(t, p)
		for _, slot := range []*arena{a, b} {
			if _, err := p.memory(slot, cheap); err != nil {
				t.Fatal(err)
			}
		}
		p.pass(a)
		p.pass(b)
		time.Sleep(59 * time.Second)
		again := mustAcquire(t, p)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got, want := p.Stats().HeldBytes, 2*int64(cheap.MemoryKiB)<<10; got != want {
			t.Errorf("%d bytes held while a hash runs, want %d", got, want)
		}
		p.pass(again)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := p.Stats().HeldBytes; got != 0 {
			t.Errorf("%d bytes held when idle", got)
		}
	})
}

func TestNothingLeadsToTheTag(t *testing.T) {
	p := newPool(t, 1, 0, Params{MemoryKiB: 96, Passes: 1, Lanes: 3})
	if _, err := p.Hash(t.Context(), []byte("a password")); err != nil {
		t.Fatal(err)
	}
	a := p.free[0]
	lane := len(a.blocks) / 3
	for i := range a.blocks {
		blank := i%lane < 2 || i%lane == lane-1
		if (a.blocks[i] == block{}) != blank {
			t.Errorf("block %d of %d: blank is %v", i, len(a.blocks), !blank)
		}
	}
	if a.scratch != (block{}) {
		t.Error("the state of the last mix is left")
	}
}

func mustAcquire(t *testing.T, p *Pool) *arena {
	t.Helper()
	slot, err := p.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slot
}
