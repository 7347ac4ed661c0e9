package watch

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/outage"
	"usher/internal/secret"
)

// scripted is a service whose polls are answered one after the other; after the last one they wait.
type scripted struct {
	crowded
	standing func() (accounts.Standing, error) // nil: good
	abandon  func() error
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

func (s *scripted) Abandon(keep.Server) error { return s.abandon() }

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
	folder := ourFolder(t)
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
		decider := door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)
		w = watching(t, service, decider)
		ctx, stop := context.WithTimeout(t.Context(), time.Second) // shorter than any pause of a suspended server
		defer stop()
		w.Run(ctx)
		if looks < 3 || decider.Suspended() {
			t.Errorf("asked %d times how the server stands; suspended: %t", looks, decider.Suspended())
		}
	})
}

// generous lets in whoever comes, until it falls silent.
type generous struct{ silent bool }

func (g *generous) Ask(context.Context, secret.Token) (door.Decision, error) {
	if g.silent {
		return door.Decision{}, door.ErrAway
	}
	return door.Decision{Account: "acc-bob", Session: "sid-2", Until: time.Now().Add(time.Hour)}, nil
}

// A signal that comes again, because the service did not hear that it was done, is acknowledged and not done again: who has signed in since stays in, also when
// the gate was started again in between and the service falls silent; a server that is back stays open.
func TestWhatComesAgainIsNotDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allOfBob := accounts.Signal{ID: "1", Revokes: true, Whose: accounts.Whose{Account: "acc-bob"}}
		ourServer := accounts.Signal{ID: "2", Revokes: true, Whose: accounts.Whose{Account: "acc-ann", Server: ours.ID}}
		token := secret.TokenOf("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + ".sig")
		folder := ourFolder(t)
		asked := &generous{}
		decider := door.NewDecider(asked, crowdedIssuer, ours.ID, time.Hour, time.Now)
		run := func(service *scripted) {
			w, err := New(service, lonely{decider}, folder, slog.New(slog.DiscardHandler), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			w.Run(ctx)
		}
		run(&scripted{answers: []func() (accounts.Signals, error){says(allOfBob, ourServer)}}) // the acknowledgement gets nowhere
		if _, err := decider.Decide(t.Context(), token, netip.Addr{}); err != nil {
			t.Fatal(err)
		}
		asked.silent = true
		again := &scripted{}
		looks := 0
		again.standing = func() (accounts.Standing, error) {
			if looks++; looks > 1 {
				return accounts.Standing{}, outage.Err
			}
			return accounts.Standing{State: accounts.Good}, nil
		}
		again.answers = []func() (accounts.Signals, error){says(allOfBob, ourServer), says()}
		run(again)
		if len(again.polls) != 3 || !slices.Equal(again.polls[1].Read, []string{"1", "2"}) {
			t.Errorf("%+v", again.polls)
		}
		if _, err := decider.Decide(t.Context(), token, netip.Addr{}); err != nil {
			t.Errorf("who has signed in since is out: %v", err)
		}
	})
}

// What was done last is remembered, and not all that ever was.
func TestWhatWasDoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &scripted{}
		for i := range 5 {
			var all []accounts.Signal
			for j := range 50 {
				all = append(all, accounts.Signal{ID: strconv.Itoa(i*50 + j)})
			}
			service.answers = append(service.answers, says(all...))
		}
		w, _ := watches(t, service, 0, 10*time.Second)
		if len(w.done) != mostDone || w.wasDone("149") || !w.wasDone("150") || !w.wasDone("249") {
			t.Errorf("%d are remembered: %v", len(w.done), w.done)
		}
	})
}

// While nobody listens for sign-outs the door asks about everybody; an answer that it gets has the watch listen again, and not only after a long pause.
func TestAnAnswerEndsThePauseOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &scripted{}
		var back atomic.Bool
		var looks atomic.Int64
		service.standing = func() (accounts.Standing, error) {
			if looks.Add(1); !back.Load() {
				return accounts.Standing{}, outage.Err
			}
			return accounts.Standing{State: accounts.Good}, nil
		}
		w := watching(t, service, door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		asked := func(what string, want int64) {
			t.Helper()
			if synctest.Wait(); looks.Load() != want {
				t.Fatalf("%s: it asked %d times, want %d", what, looks.Load(), want)
			}
		}
		for looks.Load() < 6 { // it waits for seven seconds and more by now
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		w.Answers()
		time.Sleep(2 * shortestPause)
		asked("an answer just after the failure, perhaps of another node", 6)
		back.Store(true)
		w.Answers()
		time.Sleep(time.Millisecond)
		asked("an answer later", 7)
		if len(service.polls) != 1 {
			t.Errorf("it polled %d times", len(service.polls))
		}
		w.Answers()
		time.Sleep(time.Millisecond)
		asked("an answer, and it listens", 7)
		stop()
		<-ended
	})
}

// counting counts what it is asked.
type counting struct {
	generous
	asked int
}

func (c *counting) Ask(ctx context.Context, t secret.Token) (door.Decision, error) {
	c.asked++
	return c.generous.Ask(ctx, t)
}

// Once a poll has failed, nothing is known of sign-outs: the door asks about everybody again, though signals were heard just before.
func TestAFailedPollIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := secret.TokenOf("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + ".sig")
		asked := &counting{}
		decider := door.NewDecider(asked, crowdedIssuer, ours.ID, time.Hour, time.Now)
		decides := func() {
			if _, err := decider.Decide(t.Context(), token, netip.Addr{}); err != nil {
				t.Error(err)
			}
		}
		folder := ourFolder(t)
		service := &scripted{answers: []func() (accounts.Signals, error){says(), func() (accounts.Signals, error) {
			decides()
			time.Sleep(10 * time.Second)
			decides() // from memory: the poll waits, and nothing was said
			return away()
		}}}
		w, err := New(service, lonely{decider}, folder, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		w.Run(ctx)
		if asked.asked != 1 {
			t.Errorf("while signals were heard it asked %d times", asked.asked)
		}
		decides()
		if asked.asked != 2 {
			t.Errorf("when they were not any more it asked %d times", asked.asked)
		}
	})
}

// A server that was taken off its owner's account is known to be so until it is claimed again; of one that was given up here meanwhile nobody says that.
func TestATakenServerIsKnownToBe(t *testing.T) {
	for name, givenUp := range map[string]bool{"taken": false, "given up here": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				folder := ourFolder(t)
				service := &scripted{abandon: folder.Forget}
				service.standing = func() (accounts.Standing, error) {
					if givenUp {
						return accounts.Standing{State: accounts.Unclaimed}, folder.Forget()
					}
					return accounts.Standing{State: accounts.Unclaimed}, nil
				}
				open := func() *Watch {
					w, err := New(service, lonely{door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)}, folder, slog.New(slog.DiscardHandler), time.Now)
					if err != nil {
						t.Fatal(err)
					}
					return w
				}
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
				defer stop()
				w := open()
				w.Run(ctx)
				if got := open().Known().Taken(); got.IsZero() != givenUp {
					t.Errorf("it says that it was taken at %v", got)
				}
				if err := w.GivenUp(); err != nil || !open().Known().Taken().IsZero() {
					t.Errorf("given up later, it says that it was taken at %v: %v", w.Known().Taken(), err)
				}
			})
		})
	}
}

// typed is a service that takes one account's own password.
type typed struct{}

func (typed) TakesPasswords(context.Context) (bool, error) { return true, nil }
func (typed) SignIn(context.Context, string, secret.Token) (door.Decision, error) {
	return door.Decision{Account: "acc-ann", UserName: "ann", Until: time.Now().Add(time.Hour)}, nil
}

// Whatever is told about an account, such as that its password is another, ends what its own password has opened.
func TestWordsAboutAnAccountEndItsPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for account, ends := range map[string]bool{"acc-ann": true, "acc-bob": false} {
			changed := accounts.Signal{ID: "9", Whose: accounts.Whose{Account: account}}
			service := &scripted{answers: []func() (accounts.Signals, error){says(), func() (accounts.Signals, error) { time.Sleep(5 * time.Second); return says(changed)() }}}
			decider := door.NewDecider(service, crowdedIssuer, ours.ID, time.Hour, time.Now)
			decider.Passwords = typed{}
			w, err := New(service, &forgetful{lonely{decider}, 0}, ourFolder(t), slog.New(slog.DiscardHandler), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			go w.Run(ctx)
			time.Sleep(2 * time.Second)
			b, err := decider.Bind(ctx, "ann", secret.TokenOf("own"), netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(4 * time.Second)
			if (b.Over.Err() != nil) != ends {
				t.Errorf("a word about %s ends it: %t", account, b.Over.Err() != nil)
			}
			stop()
			synctest.Wait()
		}
	})
}
