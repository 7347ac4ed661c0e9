package door

import (
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"usher/internal/secret"
)

func (r *registry) decider() *Decider {
	d := NewDecider(r, "https://accounts.example", serverID, outageLimit, r.now)
	d.Passwords = r
	return d
}

func expect(t *testing.T, d *Decider, token secret.Token, want error) {
	t.Helper()
	if _, err := d.Decide(t.Context(), token, netip.Addr{}); !errors.Is(err, want) {
		t.Errorf("decided %v, want %v", err, want)
	}
}

func TestDecisionsAreKeptWhileSignalsAreHeard(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	for range 3 {
		d.Heard(r.now())
		expect(t, d, token, nil)
		r.pass(patience - time.Second)
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	r.pass(lastAnswer)
	expect(t, d, token, nil)
	if n := r.asked.Load(); n != 2 {
		t.Errorf("with the signals silent it asked %d times", n)
	}
	r.revoke(token)
	r.pass(lastAnswer)
	expect(t, d, token, ErrRefused)
	expect(t, d, token, ErrRefused)
	if n := r.asked.Load(); n != 3 {
		t.Errorf("a refusal is not remembered: asked %d times", n)
	}
}

func TestEndings(t *testing.T) {
	other := ann()
	other.Session = "sid-3"
	for name, c := range map[string]struct {
		who  Ended
		gone [3]bool // ann, ann's other device, bob
	}{
		"session": {Ended{Session: "sid-1"}, [3]bool{true, false, false}}, "session of an account": {Ended{Account: "acc-ann", Session: "sid-3"}, [3]bool{false, true, false}},
		"session of another account": {Ended{Account: "acc-bob", Session: "sid-3"}, [3]bool{}},
		"account":                    {Ended{Account: "acc-ann"}, [3]bool{true, true, false}}, "all": {Ended{}, [3]bool{true, true, true}}, "nobody": {Ended{Account: "acc-eve"}, [3]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			d := r.decider()
			d.Heard(r.now())
			tokens := []secret.Token{r.let(ann()), r.let(other), r.let(bob())}
			for _, token := range tokens {
				expect(t, d, token, nil)
				r.revoke(token)
			}
			d.End(c.who)
			for i, token := range tokens {
				want := map[bool]error{true: ErrRefused}[c.gone[i]]
				expect(t, d, token, want)
			}
		})
	}
}

func TestATokenEndsByItself(t *testing.T) {
	r := newRegistry()
	who := ann()
	who.Until = r.now().Add(time.Minute)
	d, token := r.decider(), r.let(who)
	expect(t, d, token, nil)
	r.pass(time.Minute)
	d.Heard(r.now())
	expect(t, d, token, ErrRefused)
}

func TestSuspendedLetsNobodyIn(t *testing.T) {
	r := newRegistry()
	d, token, fresh := r.decider(), r.let(ann()), r.let(bob())
	d.Heard(r.now())
	expect(t, d, token, nil)
	d.Suspend(Suspension{})
	expect(t, d, token, ErrSuspended)
	expect(t, d, fresh, ErrSuspended)
	if n := r.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	d.Resume()
	expect(t, d, token, nil)
}

// An answer that was on its way when something ended is worthless.
func TestASignOutOvertakesAnAnswer(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	d.Heard(r.now())
	hold := make(chan struct{})
	r.set(func(r *registry) { r.hold = hold })
	result := make(chan error)
	go func() { _, err := d.Decide(t.Context(), token, netip.Addr{}); result <- err }()
	r.awaitQuestion(t)
	r.revoke(token) // the first answer was made before
	d.End(Ended{Account: "acc-ann"})
	close(hold)
	if err := <-result; !errors.Is(err, ErrRefused) || r.asked.Load() != 2 {
		t.Errorf("decided %v after %d questions", err, r.asked.Load())
	}
}

// What is told of somebody else, again and again, as of a guest who signs in and out without end, holds nobody up; what may concern them has them asked about anew.
func TestWhatEndsForOthersHoldsNobodyUp(t *testing.T) {
	for name, c := range map[string]struct {
		ends func(*Decider)
		want error
	}{
		"another's device": {func(d *Decider) { d.End(Ended{Account: "acc-eve", Session: secret.NewToken().Reveal()}) }, nil}, "another's word": {func(d *Decider) { d.EndPasswords("acc-eve") }, nil},
		"another": {func(d *Decider) { d.End(Ended{Account: "acc-eve"}) }, nil}, "one's own device": {func(d *Decider) { d.End(Ended{Account: "acc-bob", Session: "sid-2"}) }, ErrAway},
		"oneself": {func(d *Decider) { d.End(Ended{Account: "acc-bob"}) }, ErrAway}, "a word": {func(d *Decider) { d.EndPasswords("acc-bob") }, ErrAway}, "a device": {func(d *Decider) { d.End(Ended{Session: "sid-2"}) }, ErrAway},
		"everybody": {func(d *Decider) { d.End(Ended{}) }, ErrAway}, "doubt": {(*Decider).Doubt, ErrAway}, "two": {func(d *Decider) { d.End(Ended{Account: "acc-bob"}); d.End(Ended{Account: "acc-eve"}) }, ErrAway},
	} {
		r := newRegistry()
		d := r.decider()
		d.Heard(r.now())
		d.service = visited{r, func() { c.ends(d) }}
		token, dead := r.let(bob()), tokenFor(serverID)
		if _, err := d.Decide(t.Context(), token, netip.Addr{}); !errors.Is(err, c.want) {
			t.Errorf("%s: decided %v, want %v", name, err, c.want)
		}
		if _, err := d.Decide(t.Context(), dead, netip.Addr{}); !errors.Is(err, ErrAway) { // it may be the one who may come in now
			t.Errorf("%s: of a token that does not count it is decided %v", name, err)
		}
	}
}

func TestOutage(t *testing.T) {
	r := newRegistry()
	d, token, fresh := r.decider(), r.let(ann()), r.let(bob())
	d.Heard(r.now())
	expect(t, d, token, nil)
	r.breaks(ErrAway)
	r.pass(patience + lastAnswer)
	expect(t, d, token, nil)
	expect(t, d, fresh, ErrAway)
	n := r.asked.Load()
	for range 20 {
		expect(t, d, token, nil)
	}
	if r.asked.Load() != n {
		t.Error("every request asks a service that is away")
	}

	kept, silent := d.Admitted()
	again := r.decider()
	again.Restore(kept, silent)
	expect(t, again, token, nil)
	expect(t, again, fresh, ErrAway)
	r.pass(outageLimit)
	expect(t, d, token, ErrAway)
	expect(t, again, token, ErrAway)

	r.breaks(nil)
	r.pass(afterFailure)
	expect(t, again, token, nil)
	expect(t, again, fresh, nil)
}

// An outage signs nobody out: a token that ends in it lets in whom it let in, also after a restart, until the limit; when the service is back, it has ended.
func TestATokenEndsInAnOutage(t *testing.T) {
	r := newRegistry()
	who := ann()
	who.Until = r.now().Add(time.Hour)
	d, token := r.decider(), r.let(who)
	d.Heard(r.now())
	expect(t, d, token, nil)
	r.breaks(ErrAway)
	r.pass(time.Hour)
	expect(t, d, token, nil)
	kept, silent := d.Admitted()
	again := r.decider()
	again.Restore(kept, silent)
	expect(t, again, token, nil)
	r.pass(outageLimit - time.Hour)
	expect(t, d, token, ErrAway)
	expect(t, again, token, ErrAway)
	r.breaks(nil)
	d.Heard(r.now())
	expect(t, d, token, ErrRefused)
	r.pass(afterFailure)
	expect(t, again, token, ErrRefused)

	short := ann()
	short.Until = r.now().Add(lastAnswer / 2) // over while the last answer still stands
	brief := r.let(short)
	expect(t, again, brief, nil)
	r.pass(lastAnswer / 2)
	expect(t, again, brief, ErrRefused)
}

// What the owner set an end to ends, also in an outage in which the token would not, and after a restart.
func TestAnEndHoldsInAnOutage(t *testing.T) {
	r := newRegistry()
	who := bob()
	who.Ends = r.now().Add(time.Hour).Truncate(time.Second)
	who.Until = who.Ends
	d, token := r.decider(), r.let(who)
	d.Heard(r.now())
	expect(t, d, token, nil)
	r.breaks(ErrAway)
	r.pass(time.Hour - time.Second)
	expect(t, d, token, nil)
	kept, silent := d.Admitted()
	again := r.decider()
	again.Restore(kept, silent)
	expect(t, again, token, nil)
	r.pass(time.Second)
	expect(t, d, token, ErrAway) // they may be let in otherwise: nobody is signed out
	expect(t, again, token, ErrAway)
	who.Ends, who.Until = time.Time{}, r.now().Add(time.Hour)
	r.set(func(r *registry) { r.known[token.Reveal()] = who })
	r.breaks(nil)
	r.pass(afterFailure)
	expect(t, d, token, nil)
}

// Strangers who have the service asked about made-up tokens make no outage: nothing outlasts its end by that.
func TestStrangersKeepNoEndedTokenAlive(t *testing.T) {
	r := newRegistry()
	who := ann()
	who.Until = r.now().Add(time.Hour)
	d, token := r.decider(), r.let(who)
	expect(t, d, token, nil)
	r.pass(time.Hour)
	hold, asked := make(chan struct{}), r.asked.Load()
	r.set(func(r *registry) { r.hold = hold })
	var all sync.WaitGroup
	for i := range mostAsked {
		from := netip.AddrFrom4([4]byte{203, 0, byte(i), 1})
		all.Go(func() { _, _ = d.Decide(t.Context(), tokenFor(serverID), from) })
	}
	for r.asked.Load() < asked+mostAsked {
		time.Sleep(time.Millisecond)
	}
	expect(t, d, token, ErrBusy)
	close(hold)
	all.Wait()
	expect(t, d, token, ErrRefused)
}

// An owner may want nobody to stay in an outage.
func TestAnOutageLimitOfNothing(t *testing.T) {
	r := newRegistry()
	d, token := NewDecider(r, "https://accounts.example", serverID, 0, r.now), r.let(ann())
	expect(t, d, token, nil)
	r.breaks(ErrAway)
	r.pass(lastAnswer)
	expect(t, d, token, ErrAway)
	expect(t, d, token, ErrAway)
}

// Who has signed out here stays out, also while the service cannot be told of it, and when an answer is on its way.
func TestWhoHasLeftStaysOut(t *testing.T) {
	r := newRegistry()
	d, token, other := r.decider(), r.let(ann()), r.let(ann())
	expect(t, d, token, nil)
	expect(t, d, other, nil)
	if !d.leave(token) || d.leave(token) {
		t.Error("one leaves once")
	}
	expect(t, d, token, ErrRefused)
	expect(t, d, other, nil)
	r.pass(wrongAnswer)
	expect(t, d, token, ErrRefused)
	slow := r.let(bob())
	hold := make(chan struct{})
	r.set(func(r *registry) { r.hold = hold })
	r.asked.Store(0)
	result := make(chan error, 1)
	go func() { _, err := d.Decide(t.Context(), slow, netip.Addr{}); result <- err }()
	r.awaitQuestion(t)
	d.leave(slow)
	close(hold)
	if err := <-result; !errors.Is(err, ErrRefused) {
		t.Errorf("an answer on its way lets it in: %v", err)
	}
}

// What was kept over a restart is asked about, though signals are heard: something may have ended in between.
func TestWhatWasRestoredIsAskedAbout(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	expect(t, d, token, nil)
	kept, silent := d.Admitted()
	r.revoke(token)
	again := r.decider()
	again.Restore(kept, silent)
	again.Heard(r.now())
	expect(t, again, token, ErrRefused)
}

// Attack G7: a decision made for one token, server or service is found for no other.
func TestDecisionsAreKeyedByAllTheyDependOn(t *testing.T) {
	r := newRegistry()
	token := r.let(ann())
	keys := map[key]string{}
	for name, d := range map[string]*Decider{"this": r.decider(), "server": NewDecider(r, "https://accounts.example", "srv-2", outageLimit, nil),
		"issuer": NewDecider(r, "https://accounts.example2", serverID, outageLimit, nil), "shifted": NewDecider(r, "https://accounts.examples", "rv-4711", outageLimit, nil)} {
		k := d.keyOf(tokenProof(token))
		if other, taken := keys[k]; taken {
			t.Errorf("%s and %s share a key", name, other)
		}
		keys[k] = name
	}
	d := r.decider()
	d.Heard(r.now())
	expect(t, d, token, nil)
	for _, wrong := range []secret.Token{secret.TokenOf(token.Reveal() + "x"), secret.TokenOf(token.Reveal()[:len(token.Reveal())-1]), tokenFor(serverID)} {
		expect(t, d, wrong, ErrRefused)
	}
	n := r.asked.Load()
	for _, foreign := range []secret.Token{tokenFor("srv-2"), secret.NewToken(), secret.TokenOf("a.b.c"), secret.TokenOf("")} {
		expect(t, d, foreign, ErrRefused)
	}
	if r.asked.Load() != n {
		t.Error("a token for somewhere else was passed on to the service")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	for range mostAdmitted + 50 {
		if _, err := d.learn(d.keyOf(tokenProof(secret.NewToken())), proof{}, Decision{Account: "a", Until: r.now().Add(time.Hour)}, nil, &flight{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.learn(d.keyOf(tokenProof(secret.NewToken())), proof{}, Decision{}, ErrRefused, &flight{}); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	if len(d.known) > mostAdmitted || len(d.refused) > mostRefused {
		t.Errorf("%d and %d are remembered", len(d.known), len(d.refused))
	}
}

// Somebody who has tokens made without end pushes out decisions of their own.
func TestNobodyPushesOthersOut(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	for i := range mostAdmitted + 200 {
		account := "a"
		if i < mostAdmitted/2 {
			account = "b"
		}
		if _, err := d.learn(d.keyOf(tokenProof(secret.NewToken())), proof{}, Decision{Account: account, Until: r.now().Add(time.Hour)}, nil, &flight{}); err != nil {
			t.Fatal(err)
		}
	}
	others := 0
	for _, a := range d.known {
		if a.Account == "b" {
			others++
		}
	}
	if others != mostAdmitted/2 || len(d.known) != mostAdmitted {
		t.Errorf("%d of %d others are left", others, mostAdmitted/2)
	}
}

func TestManyAskOnce(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	d.Heard(r.now())
	r.hold = make(chan struct{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { expect(t, d, token, nil) })
	}
	r.awaitQuestion(t)
	close(r.hold)
	all.Wait()
	if n := r.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A stranger who makes up tokens has the service asked a few times, then nothing; people of another network come in meanwhile, and so does a whole household
// of players that are new to the gate.
func TestForgedTokensHaveABudget(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	stranger, home := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.9")
	busy := 0
	for range 100 {
		if _, err := d.Decide(t.Context(), tokenFor(serverID), stranger); errors.Is(err, ErrBusy) {
			busy++
		}
	}
	if n := r.asked.Load(); n != mostForged || busy != 100-mostForged {
		t.Errorf("asked %d times, and %d were told to wait", n, busy)
	}
	known := r.let(bob())
	for range 5 * mostForged {
		if _, err := d.Decide(t.Context(), r.let(ann()), home); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Decide(t.Context(), known, stranger); !errors.Is(err, ErrBusy) {
		t.Errorf("beside the stranger: %v", err)
	}
	r.pass(forgedAgain)
	if _, err := d.Decide(t.Context(), known, stranger); err != nil {
		t.Errorf("a moment later: %v", err)
	}
	if _, err := d.Decide(t.Context(), known, stranger); err != nil {
		t.Errorf("who is known costs nothing: %v", err)
	}
}

// Answers that do not come hold as many questions as the network may have, and leave room for others.
func TestForgedTokensLeaveRoom(t *testing.T) {
	r := newRegistry()
	hold := make(chan struct{})
	r.hold = hold
	d := r.decider()
	stranger, home := netip.MustParseAddr("2001:db8:1::7"), netip.MustParseAddr("2001:db8:2::9")
	var all sync.WaitGroup
	for range 2 * mostAsked {
		all.Go(func() { _, _ = d.Decide(t.Context(), tokenFor(serverID), stranger) })
	}
	for r.asked.Load() < mostForged {
		time.Sleep(time.Millisecond)
	}
	token := r.let(ann())
	result := make(chan error, 1)
	go func() { _, err := d.Decide(t.Context(), token, home); result <- err }()
	for r.asked.Load() < mostForged+1 {
		select {
		case err := <-result:
			t.Fatalf("it was not asked about: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	close(hold)
	if err := <-result; err != nil {
		t.Error(err)
	}
	all.Wait()
}

// Where nobody listens for sign-outs, silence says nothing: every answer stands for a moment. That holds at once, and not only when silence has become long.
func TestUnheardSignOutsAreFoundOut(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	d.Heard(r.now())
	expect(t, d, token, nil)
	r.pass(lastAnswer)
	d.Unheard()
	expect(t, d, token, nil)
	r.revoke(token)
	r.pass(lastAnswer)
	expect(t, d, token, ErrRefused)
}

// The service is back from an outage: who signs out then is out within seconds, though nobody listens for signals yet.
func TestAfterAnOutageTheDoorAsks(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	d.Heard(r.now())
	expect(t, d, token, nil)
	d.Unheard()
	r.breaks(ErrAway)
	r.pass(time.Hour)
	expect(t, d, token, nil) // it has just asked in vain
	r.breaks(nil)
	r.revoke(token)
	r.pass(afterFailure)
	expect(t, d, token, ErrRefused)
	if afterFailure+briefly >= 5*time.Second {
		t.Error("it is not within seconds")
	}
}

// While the service hangs nobody who was let in waits for it long; and what it says in the end counts.
func TestAHangingServiceHoldsNobodyUp(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	expect(t, d, token, nil)
	r.breaks(ErrAway)
	r.pass(lastAnswer)
	expect(t, d, token, nil)
	r.pass(afterFailure)
	hold := make(chan struct{})
	r.set(func(r *registry) { r.fails, r.hold = nil, hold })
	r.revoke(token)
	began := time.Now()
	expect(t, d, token, nil)
	if waited := time.Since(began); waited > longestAsk/2 {
		t.Errorf("it waited %v", waited)
	}
	close(hold)
	for range 5000 {
		if !d.knows(tokenProof(token)) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	expect(t, d, token, ErrRefused)
}

// Who has left stays out over a restart, until the token has ended by itself. Whoever keeps what is known is told of each change.
func TestWhoHasLeftIsKept(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	changes := 0
	d.Changed = func() { changes++ }
	expect(t, d, token, nil)
	if !d.leave(token) || changes != 2 {
		t.Errorf("%d changes", changes)
	}
	again := r.decider()
	again.RestoreLeft(append(d.Left(), Left{Key: []byte("short")}))
	expect(t, again, token, ErrRefused)
	if n := len(again.Left()); n != 1 {
		t.Errorf("%d have left", n)
	}
	r.pass(24 * time.Hour)
	if n := len(again.Left()); n != 0 {
		t.Errorf("%d are kept though their tokens have ended", n)
	}
}

// Who signs out is told so when it is written down, not before.
func TestWhoLeavesIsWrittenDownFirst(t *testing.T) {
	written := -1
	g := open(t, echo(t).URL, func(s *Settings) { s.Remember = func() { written = len(s.Decider.Left()) } })
	token := g.let(ann())
	answer, _ := g.ask(t, http.MethodPost, SignOutPath, http.Header{"Cookie": {g.cookieOf(t, token, "http")}})
	if answer.StatusCode != http.StatusOK || written != 1 {
		t.Errorf("%s, written down: %d", answer.Status, written)
	}
	expect(t, g.decider, token, ErrRefused)
}
