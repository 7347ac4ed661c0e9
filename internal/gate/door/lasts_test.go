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

// sliding is a service that says of everybody that they are let in for a day from now, as it does of app passwords, which have no end of their own.
type sliding struct{ *registry }

func (s sliding) Ask(ctx context.Context, t secret.Token) (Decision, error) {
	d, err := s.registry.Ask(ctx, t)
	d.Until = s.now().Add(24 * time.Hour)
	return d, err
}

// What a password opened goes on when it is asked about again, though the answer counts until later than the one before; and the later one is remembered.
func TestWhatCountsForLongerIsNotCut(t *testing.T) {
	r := newRegistry()
	d := NewDecider(sliding{r}, "https://accounts.example", serverID, outageLimit, r.now)
	d.Passwords, r.takes = r, true
	password, from := r.make(ann()), netip.MustParseAddr("192.0.2.1")
	r.choose("bob", "own", bob())
	app, own := passwordProof("ann", password), passwordProof("bob", secret.TokenOf("own"))
	d.Heard(r.now())
	b := bindAs(t, d, "ann", password, nil)
	first := map[kind]*admitted{}
	for range 3 {
		for _, p := range []proof{app, own} {
			a, err := d.decide(t.Context(), p, func() netip.Addr { return from })
			if err != nil {
				t.Fatal(err)
			}
			if old := first[p.kind]; old != nil && (old != a || old.over.Err() != nil) {
				t.Errorf("%d: what it opened is cut", p.kind)
			}
			first[p.kind] = a
		}
		r.pass(ownPassword)
		d.Heard(r.now())
		d.Doubt()
		r.choose("bob", "own", bob())
	}
	if b.Over.Err() != nil {
		t.Error("what is bound is cut")
	}
	if _, err := d.decide(t.Context(), app, nil); err != nil {
		t.Fatal(err)
	}
	asked := r.asked.Load()
	r.pass(24*time.Hour - time.Second)
	d.Heard(r.now())
	if _, err := d.decide(t.Context(), app, nil); err != nil || r.asked.Load() != asked {
		t.Errorf("%v after %d questions", err, r.asked.Load()-asked)
	}
	if kept, _ := d.Admitted(); len(kept) != 1 || !kept[0].Decision.Until.Equal(r.now().Add(time.Second)) {
		t.Errorf("kept is %+v", kept)
	}
}

// One network, whatever it makes up, leaves places for the questions of others, of each kind.
func TestOneNetworkTakesNotAllQuestions(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	r.choose("bob", "own", bob())
	hold := make(chan struct{})
	r.hold = hold
	stranger, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	var all sync.WaitGroup
	ask := func(p proof, from netip.Addr, want error) {
		all.Go(func() {
			if _, err := d.decide(t.Context(), p, func() netip.Addr { return from }); want != nil && !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%d: %v, want %v", p.kind, err, want)
			}
		})
	}
	for range 12 {
		ask(passwordProof(secret.NewToken().Reveal(), secret.NewServerPassword()), stranger, ErrRefused)
	}
	for range 10 {
		ask(passwordProof(secret.NewToken().Reveal(), secret.TokenOf("guess")), stranger, ErrRefused)
		ask(tokenProof(tokenFor(serverID)), stranger, ErrRefused)
	}
	for r.asked.Load() < 32 {
		time.Sleep(time.Millisecond)
	}
	ask(tokenProof(r.let(ann())), other, nil)
	ask(passwordProof("ann", r.make(ann())), other, nil)
	ask(passwordProof("bob", secret.TokenOf("own")), other, nil)
	for range 1000 {
		if r.asked.Load() == 35 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	close(hold)
	all.Wait()
}

// A wrong password is asked about again soon, since what was wrong may have been something else; the longer it stays wrong, the more seldom, or an app that goes on
// with it would use up its account's budget.
func TestAWrongPasswordIsAskedAboutEverMoreSeldom(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	r.takes = true
	var asked []time.Duration
	began, from := r.now(), netip.MustParseAddr("192.0.2.1")
	for n := int64(0); r.now().Sub(began) < 24*time.Hour; r.pass(time.Minute) {
		d.Heard(r.now())
		if _, err := d.decide(t.Context(), passwordProof("bob", secret.TokenOf("old")), func() netip.Addr { return from }); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		bindAs(t, d, "bob", secret.TokenOf("old"), ErrRefused)
		if now := r.asked.Load(); now > n {
			asked, n = append(asked, r.now().Sub(began)), now
		}
	}
	const m = time.Minute
	if len(asked) != 13 || asked[1] != 5*m || asked[2] != 15*m || asked[12]-asked[11] != wrongForLong {
		t.Errorf("%d questions in a day: %v", len(asked), asked)
	}
	r.pass(wrongForLong)
	r.choose("bob", "old", bob())
	d.Heard(r.now())
	bindAs(t, d, "bob", secret.TokenOf("old"), nil)
}
