package watch

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/outage"
)

// scripted is a service whose polls are answered one after the other; after the last one they wait.
type scripted struct {
	crowded
	standing func() (accounts.Standing, error) // nil: good
	answers  []func() (accounts.Signals, error)
	polls    []accounts.Poll
	at       []time.Time
}

func (s *scripted) Standing(context.Context) (accounts.Standing, error) {
	if s.standing == nil {
		return accounts.Standing{State: accounts.Good}, nil
	}
	return s.standing()
}

func (s *scripted) Poll(ctx context.Context, p accounts.Poll) (accounts.Signals, error) {
	s.polls, s.at = append(s.polls, p), append(s.at, time.Now())
	if len(s.polls) > len(s.answers) {
		<-ctx.Done()
		return accounts.Signals{}, ctx.Err()
	}
	return s.answers[len(s.polls)-1]()
}

// forgetful is a house that cannot write so many times.
type forgetful struct {
	lonely
	fails int
}

func (f *forgetful) Remember() error {
	if f.fails > 0 {
		f.fails--
		return errors.New("the disk is full")
	}
	return nil
}

func says(all ...accounts.Signal) func() (accounts.Signals, error) {
	return func() (accounts.Signals, error) { return accounts.Signals{All: all}, nil }
}

func away() (accounts.Signals, error) { return accounts.Signals{}, outage.Err }

var (
	ours       = keep.Server{Service: crowdedIssuer, ID: "srv-1", Owner: keep.Owner{Subject: "acc-ann"}}
	ofAGuest   = accounts.Signal{ID: "1", Revokes: true, Whose: accounts.Whose{Account: "acc-bob", Session: "sid-1"}}
	everybodys = accounts.Signal{ID: "everybody.1", Revokes: true, Everybody: true}
)

// watches runs a Watch for so long, in a time of its own.
func watches(t *testing.T, service *scripted, fails int, long time.Duration) (*Watch, *door.Decider) {
	t.Helper()
	folder, err := keep.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	if err := folder.SaveServer(ours); err != nil {
		t.Fatal(err)
	}
	decider := door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)
	w, err := New(service, &forgetful{lonely{decider}, fails}, folder, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	w.Run(ctx)
	return w, decider
}

// What is done is acknowledged, once; what cannot be believed is refused, with the reason.
func TestWhatWasReadIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("its signature is wrong")
		service := &scripted{answers: []func() (accounts.Signals, error){
			func() (accounts.Signals, error) {
				return accounts.Signals{All: []accounts.Signal{everybodys, ofAGuest}, Wrong: map[string]error{"2": why}}, nil
			},
			says(),
		}}
		watches(t, service, 0, 10*time.Second)
		if len(service.polls) != 3 {
			t.Fatalf("polled %d times", len(service.polls))
		}
		if got := service.polls[1]; !slices.Equal(got.Read, []string{everybodys.ID, ofAGuest.ID}) || !maps.Equal(got.Wrong, map[string]error{"2": why}) {
			t.Errorf("%+v", got)
		}
		if got := service.polls[2]; len(got.Read)+len(got.Wrong) > 0 {
			t.Errorf("acknowledged again: %+v", got)
		}
	})
}

// What could not be written down is not acknowledged: it comes again.
func TestNothingIsAcknowledgedBeforeItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &scripted{answers: []func() (accounts.Signals, error){says(ofAGuest), says(ofAGuest)}}
		watches(t, service, 1, 10*time.Second)
		if len(service.polls) != 3 || len(service.polls[1].Read) > 0 || !slices.Equal(service.polls[2].Read, []string{ofAGuest.ID}) {
			t.Errorf("%+v", service.polls)
		}
	})
}

// An acknowledgement that is lost brings the same again, which is acknowledged again.
func TestALostAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &scripted{answers: []func() (accounts.Signals, error){says(ofAGuest), away, says(ofAGuest), says()}}
		w, _ := watches(t, service, 0, 10*time.Second)
		if len(service.polls) != 5 || !service.polls[2].Immediately || len(service.polls[2].Read) > 0 || !slices.Equal(service.polls[3].Read, []string{ofAGuest.ID}) {
			t.Errorf("%+v", service.polls)
		}
		if w.Known().Heard.IsZero() {
			t.Error("nothing was heard")
		}
	})
}

// The pauses of an outage grow to their limit, and begin anew after an answer.
func TestPausesOfAnOutage(t *testing.T) {
	for fails, most := range map[int]time.Duration{1: shortestPause, 2: 2 * shortestPause, 3: 4 * shortestPause, 4: 8 * shortestPause, 5: longestPause, 1000: longestPause} {
		for range 1000 {
			if d := backOff(fails); d < most/2 || d > most {
				t.Fatalf("after %d failures it waits %v", fails, d)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		service := &scripted{answers: []func() (accounts.Signals, error){away, says(), away, says()}}
		w, _ := watches(t, service, 0, 20*time.Second)
		if w.fails != 0 || len(service.polls) != 5 {
			t.Fatalf("%d failures, %d polls", w.fails, len(service.polls))
		}
		if pause := service.at[3].Sub(service.at[2]); pause > shortestPause {
			t.Errorf("after an answer it waits %v", pause)
		}
	})
}

// A wake that comes while a suspension is being learned is not lost: the server may have been brought back by a claim just then.
func TestAWakeIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *Watch
		looks := 0
		service := &scripted{answers: []func() (accounts.Signals, error){says(accounts.Signal{ID: "1", Revokes: true, Whose: accounts.Whose{Account: "acc-ann"}})}}
		service.standing = func() (accounts.Standing, error) {
			if looks++; looks == 2 {
				w.Wake()
				time.Sleep(time.Millisecond) // whoever waits for it takes it
				return accounts.Standing{State: accounts.Suspended, Reason: "signed-out"}, nil
			}
			return accounts.Standing{State: accounts.Good}, nil
		}
		folder, err := keep.Open(t.TempDir(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = folder.Close() }()
		if err := folder.SaveServer(ours); err != nil {
			t.Fatal(err)
		}
		decider := door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)
		if w, err = New(service, lonely{decider}, folder, slog.New(slog.DiscardHandler), time.Now); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second) // shorter than any pause of a suspended server
		defer stop()
		w.Run(ctx)
		if looks < 3 || decider.Suspended() {
			t.Errorf("asked %d times how the server stands; suspended: %t", looks, decider.Suspended())
		}
	})
}
