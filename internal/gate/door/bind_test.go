package door

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"usher/internal/secret"
)

// bindAs binds, and complains when it ends otherwise than it should.
func bindAs(t *testing.T, d *Decider, login string, password secret.Token, want error) Bound {
	t.Helper()
	b, err := d.Bind(t.Context(), login, password, netip.MustParseAddr("127.0.0.1"))
	if !errors.Is(err, want) {
		t.Errorf("%s is bound: %v, want %v", login, err, want)
	}
	return b
}

// heardOf reports whether the service has answered just now.
func heardOf(d *Decider) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.now().Equal(d.contact)
}

func over(t *testing.T, b Bound) {
	t.Helper()
	select {
	case <-b.Over.Done():
	case <-time.After(time.Second):
		t.Error("it counts still after a second")
	}
}

// forgets fails the test unless nobody is known soon.
func forgets(t *testing.T, d *Decider) {
	t.Helper()
	for range 1000 {
		d.mu.Lock()
		left := len(d.known)
		d.mu.Unlock()
		if left == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("it is kept when its connection has gone")
}

func TestBinding(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	directory := ann()
	directory.Directory = true
	mine, app := r.make(directory), r.make(bob())
	b := bindAs(t, d, "Ann", mine, nil)
	if b.UserName != "ann" || b.Account != "acc-ann" || !b.Directory || b.Over.Err() != nil {
		t.Errorf("bound is %+v", b)
	}
	if b := bindAs(t, d, "bob@example.org", app, nil); b.Directory || b.UserName != "bob" {
		t.Errorf("bound is %+v", b)
	}
	for login, password := range map[string]secret.Token{"ann": app, "bob": mine, "": mine, "carl": mine, "ann@example.com": mine} {
		bindAs(t, d, login, password, ErrRefused)
	}
	bindAs(t, d, "ann", secret.TokenOf(""), ErrRefused)
	bindAs(t, d, "ann", secret.NewServerPassword(), ErrRefused)
	bindAs(t, d, "ann", secret.NewAppPassword(), ErrRefused)
	bindAs(t, d, "ann", r.let(ann()), ErrRefused)
	bindAs(t, d, "ann", secret.TokenOf("own"), ErrRefused)
	asked := r.asked.Load()
	for range 100 {
		bindAs(t, d, "ann", mine, nil)
	}
	if r.asked.Load() != asked {
		t.Error("who is known is asked about")
	}
}

// Attack L5: what is bound ends with what was shown.
func TestBindingEnds(t *testing.T) {
	for name, end := range map[string]func(*Decider){
		"its device": func(d *Decider) { d.End(Ended{Account: "acc-ann", Session: "sid-1"}) }, "account": func(d *Decider) { d.End(Ended{Account: "acc-ann"}) }, "all": func(d *Decider) { d.End(Ended{}) },
		"suspended": func(d *Decider) { d.Suspend(Suspension{}) },
	} {
		r := newRegistry()
		d := r.decider()
		d.Heard(r.now())
		r.takes = true
		r.choose("ann", "own", ann())
		password, other := r.make(ann()), r.make(bob())
		app, own, stays := bindAs(t, d, "ann", password, nil), bindAs(t, d, "ann", secret.TokenOf("own"), nil), bindAs(t, d, "bob", other, nil)
		r.revoke(password)
		end(d)
		over(t, app)
		over(t, own)
		d.Resume()
		bindAs(t, d, "ann", password, ErrRefused)
		if name == "account" && stays.Over.Err() != nil {
			t.Error("somebody else's ends as well")
		}
	}
	r := newRegistry()
	d := r.decider()
	ctx, hangUp := context.WithCancel(t.Context())
	r.takes = true
	who := ann()
	who.Once = true
	r.choose("ann", "own", who)
	b, err := d.Bind(ctx, "ann", secret.TokenOf("own"), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	hangUp()
	over(t, b)
	forgets(t, d)
}

// In an outage nobody is bound, whoever is known; and an app that is known is bound as soon as it is over.
func TestNobodyIsBoundInAnOutage(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	password, fresh := r.make(ann()), r.make(bob())
	b := bindAs(t, d, "ann", password, nil)
	r.breaks(ErrAway)
	d.Unanswered() // though no sign-out can have been missed yet
	r.asked.Store(0)
	bindAs(t, d, "ann", password, ErrAway)
	bindAs(t, d, "ann", secret.NewServerPassword(), ErrAway)
	bindAs(t, d, "ann", secret.TokenOf("own"), ErrAway)
	bindAs(t, d, "", password, ErrAway) // also where nobody need be asked
	bindAs(t, d, "ann", secret.NewAppPassword(), ErrAway)
	if n := r.asked.Load(); n > 0 {
		t.Errorf("%d questions are asked in vain", n)
	}
	d.Answered()
	d.Unheard()
	r.pass(lastAnswer)
	bindAs(t, d, "ann", password, ErrAway)
	bindAs(t, d, "bob", fresh, ErrAway)
	r.pass(afterFailure)
	bindAs(t, d, "ann", password, ErrAway)
	if b.Over.Err() != nil {
		t.Error("an outage ends what is bound")
	}
	hold := make(chan struct{}) // it hangs
	r.set(func(r *registry) { r.fails, r.hold = nil, hold })
	r.pass(afterFailure)
	bindAs(t, d, "ann", password, ErrAway)
	close(hold)
	r.set(func(r *registry) { r.hold = nil })
	for d.Away() || !heardOf(d) { // until the answer is in
		time.Sleep(time.Millisecond)
	}
	bindAs(t, d, "ann", password, nil)
	bindAs(t, d, "bob", fresh, nil)
	d.Suspend(Suspension{})
	bindAs(t, d, "ann", password, ErrSuspended)
	bindAs(t, d, "", password, ErrSuspended)
}

// Attack MF-3: a code counts once, at whichever door, however many come at the same time.
func TestACodeBindsOnce(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	who := ann()
	who.Once = true
	r.choose("ann", "own123456", who)
	var in, out sync.Map
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			if _, err := d.Bind(t.Context(), "ann", secret.TokenOf("own123456"), netip.Addr{}); err == nil {
				in.Store(i, true)
			} else {
				out.Store(i, err)
			}
		})
	}
	all.Wait()
	count := 0
	in.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("%d are bound", count)
	}
	asked := r.asked.Load()
	bindAs(t, d, "Ann", secret.TokenOf("own123456"), ErrRefused)
	if _, err := d.decide(t.Context(), passwordProof("ann", secret.TokenOf("own123456")), nil); !errors.Is(err, ErrRefused) {
		t.Errorf("by Basic: %v", err)
	}
	if r.asked.Load() != asked {
		t.Error("it is asked about again, and counts as a failure of the account's")
	}
}

// The media server knows people by the name they type: one that was somebody's there is nobody else's, whether it is an address or a user name.
func TestNamesOfOthersAreNotBound(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	bindAs(t, d, "ann@example.org", r.make(ann()), nil)
	eve := Decision{Account: "acc-eve", Session: "sid-9", UserName: "ann", Email: "ann@example.org"}
	r.choose("ann", "own", eve)
	password := r.make(eve)
	bindAs(t, d, "ann", password, ErrRefused)
	bindAs(t, d, "ann@example.org", password, ErrRefused)
	bindAs(t, d, "ann", secret.TokenOf("own"), ErrRefused)
	if b := bindAs(t, d, "acc-eve", password, nil); b.UserName != "acc-eve" {
		t.Errorf("bound as %s", b.UserName)
	}
	if name := d.NameOf("acc-eve", "Ann"); name != "acc-eve" {
		t.Errorf("listed as %s", name)
	}
	if name := d.NameOf("acc-ann", "Ann"); name != "Ann" {
		t.Errorf("listed as %s", name)
	}
}

// An account's own password is asked about once, also when something of its ends meanwhile: its code would be taken for a wrong one.
func TestASignOutOvertakesAPassword(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	hold := make(chan struct{})
	r.takes, r.hold = true, hold
	r.choose("ann", "own", ann())
	result := make(chan error)
	go func() {
		_, err := d.Bind(t.Context(), "ann", secret.TokenOf("own"), netip.Addr{})
		result <- err
	}()
	r.awaitQuestion(t)
	d.End(Ended{Account: "acc-ann"})
	close(hold)
	if err := <-result; !errors.Is(err, ErrAway) || r.asked.Load() != 1 {
		t.Errorf("bound %v after %d questions", err, r.asked.Load())
	}
}

// What nobody else finds stays nowhere when it opens nothing after all.
func TestABindThatOpensNothingIsForgotten(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	d.RestoreNames(map[string]string{"bob": "acc-other"})
	r.choose("bob", "own", bob())
	bindAs(t, d, "bob", secret.TokenOf("own"), ErrRefused)
	if n := len(d.known); n != 0 {
		t.Errorf("%d are kept of a name that is another's", n)
	}
	r.choose("ann", "own", ann())
	hold := make(chan struct{})
	r.set(func(r *registry) { r.hold = hold })
	r.asked.Store(0)
	ctx, hangUp := context.WithCancel(t.Context())
	bound := make(chan error)
	go func() {
		_, err := d.Bind(ctx, "ann", secret.TokenOf("own"), netip.MustParseAddr("192.0.2.1"))
		bound <- err
	}()
	r.awaitQuestion(t)
	hangUp()
	close(hold)
	<-bound
	forgets(t, d)
}
