package door

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"usher/internal/secret"
)

// were are the accounts that were there, the last at the end.
func were(d *Decider) (all []string) {
	for _, v := range d.Visits() {
		all = append(all, v.Account)
	}
	return all
}

func TestVisitsAreToldOnce(t *testing.T) {
	r := newRegistry()
	d, ann, bob := r.decider(), r.let(ann()), r.let(bob())
	d.Heard(r.now())
	expect(t, d, ann, nil)
	r.pass(time.Second)
	expect(t, d, bob, nil)
	expect(t, d, tokenFor(serverID), ErrRefused)
	first := d.Visits()
	if at := r.now().Truncate(time.Second); len(first) != 2 || first[0].Account != "acc-ann" || first[1] != (Visit{"acc-bob", at.UTC()}) {
		t.Fatalf("%+v, it is %v", first, at)
	}
	if got := were(d); !slices.Equal(got, []string{"acc-ann", "acc-bob"}) {
		t.Errorf("before the service has heard of them: %v", got)
	}
	r.pass(time.Second)
	expect(t, d, ann, nil)
	if again := d.Visits(); again[1].Account != "acc-ann" || !again[1].At.After(first[0].At) {
		t.Errorf("who comes again meanwhile: %+v", again)
	}
	d.Told(first)
	if got := were(d); !slices.Equal(got, []string{"acc-ann"}) {
		t.Errorf("after the service has heard of the first visits: %v", got)
	}
	d.Told(d.Visits())
	if got := were(d); len(got) > 0 {
		t.Errorf("told already: %v", got)
	}
	expect(t, d, bob, nil)
	if got := were(d); !slices.Equal(got, []string{"acc-bob"}) {
		t.Errorf("%v", got)
	}
}

// Who has left, was signed out, or was let in again under another token was there all the same; the last time counts.
func TestVisitsOutlastTheirTokens(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	first, second, bob := r.let(ann()), r.let(ann()), r.let(bob())
	expect(t, d, first, nil)
	expect(t, d, bob, nil)
	r.pass(time.Hour)
	expect(t, d, second, nil)
	d.leave(second)
	d.End(Ended{})
	all := d.Visits()
	if len(all) != 2 || all[0].Account != "acc-bob" || all[1] != (Visit{"acc-ann", r.now().Truncate(time.Second).UTC()}) {
		t.Errorf("%+v", all)
	}
}

// A film is one request, and who watches it is there until it ends.
func TestWhoWatchesAFilmIsThere(t *testing.T) {
	g := open(t, websocketEcho(t).URL, nil)
	g.decider.Heard(g.now())
	status, conn, _ := g.upgrade(t, bearer(g.let(ann())))
	if status != http.StatusSwitchingProtocols {
		t.Fatal(status)
	}
	defer conn.Close()
	g.decider.Told(g.decider.Visits())
	g.pass(seenEvery)
	g.decider.Heard(g.now())
	for range 2 * int(lookAgain/time.Millisecond) {
		if len(were(g.decider)) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("nobody is there")
}

// Whoever is bound was there then; that a media server leaves the connection open says nothing of them.
func TestAnOpenConnectionIsNoVisit(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	r.choose("bob", "own", bob())
	b := bindAs(t, d, "ann", r.make(ann()), nil)
	bindAs(t, d, "bob", secret.TokenOf("own"), nil)
	if n := len(were(d)); n != 2 {
		t.Errorf("%d were there", n)
	}
	d.Told(d.Visits())
	r.pass(seenEvery)
	d.Heard(r.now())
	asked := r.asked.Load()
	d.Doubt() // has the next look ask
	for r.asked.Load() == asked {
		time.Sleep(time.Millisecond)
	}
	d.Heard(r.now())
	if all := d.Visits(); len(all) != 0 || b.Over.Err() != nil {
		t.Errorf("%+v; %v", all, b.Over.Err())
	}
}

func TestVisitsAreBounded(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	for i := range mostVisits + 10 {
		who := ann()
		who.Account = fmt.Sprint("acc-", i)
		if _, err := d.Decide(t.Context(), r.let(who), netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.Visits()); n != mostVisits {
		t.Errorf("%d are kept", n)
	}
}

// The clock of a machine may be set back; whoever comes after that was there last by the clock that it has now.
func TestVisitsAfterTheClockWasSetBack(t *testing.T) {
	r := newRegistry()
	d, token := r.decider(), r.let(ann())
	expect(t, d, token, nil)
	r.pass(-time.Hour)
	expect(t, d, token, nil)
	if all := d.Visits(); len(all) != 1 || !all[0].At.Equal(r.now().Truncate(time.Second)) {
		t.Errorf("%+v, it is %v", all, r.now())
	}
}

// Noting that somebody is here must cost a request nothing: it goes through what is decided from memory.
func BenchmarkDecide(b *testing.B) {
	r := newRegistry()
	d, token := NewDecider(r, "https://accounts.example", serverID, outageLimit, nil), r.let(ann())
	d.Heard(time.Now().Add(time.Hour))
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := d.Decide(b.Context(), token, netip.Addr{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
