package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/mail/mailtest"
	"usher/internal/notice"
)

func TestMailIsFoundWithinASecond(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.queue.post("1", reset("ann"))
		time.Sleep(askEvery)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 1})
		if got := p.tally.counts(); got[Sent] != 1 {
			t.Errorf("counted %v", got)
		}
	})
}

func TestResetsOvertakeNotices(t *testing.T) {
	inPost(t, func(d *Deliverer) { d.Parallel = 1 }, func(t *testing.T, p *post) {
		p.queue.post("1", newDevice("old"))
		p.queue.post("2", newDevice("new"))
		p.queue.post("3", reset("waiting"))
		time.Sleep(askEvery)
		synctest.Wait()
		var order []string
		for _, one := range p.wire.tries() {
			order = append(order, strings.TrimSuffix(one.to, "@example.net"))
		}
		if want := []string{"waiting", "old", "new"}; !slices.Equal(order, want) {
			t.Errorf("sent in the order %v, want %v", order, want)
		}
	})
}

func TestDeferredMailIsRetriedLessAndLess(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(Message) error { return &Failure{Step: StepRcpt, Code: 451, kind: ErrDeferred} })
		begun := time.Now()
		p.queue.post("1", newDevice("ann"))
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()

		tries := p.wire.tries()
		want := []time.Duration{0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute}
		for i, after := range want {
			late := askEvery << i // a wait is as long as the mail is old, so what the first try is late doubles
			if got := tries[i].at.Sub(begun); got < after || got > after+late {
				t.Errorf("try %d came after %v, want about %v", i+1, got, after)
			}
		}
		for i := 1; i < len(tries); i++ {
			if gap := tries[i].at.Sub(tries[i-1].at); gap > lastRetry+2*askEvery {
				t.Errorf("try %d came %v after the one before", i+1, gap)
			}
		}
		expires := begun.Add(notice.KindNewDevice.Life())
		last := tries[len(tries)-1].at
		if last.Before(expires.Add(-lastRetry)) || !last.Before(expires) {
			t.Errorf("the last try came at %v, the end was %v", last, expires)
		}
		p.wants(t, map[string]int{"refused": 1})
		if got := p.tally.counts(); got[Expired] != 1 || got[Retried] != len(tries)-1 || got[Sent] != 0 {
			t.Errorf("counted %v after %d tries", got, len(tries))
		}
	})
}

func TestRefusedMailIsGivenUpAtOnce(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(Message) error { return &Failure{Step: StepRcpt, Code: 550, kind: ErrRefused} })
		p.queue.post("1", reset("ann"))
		time.Sleep(time.Hour)
		synctest.Wait()
		p.wants(t, map[string]int{"refused": 1})
		if got := len(p.wire.tries()); got != 1 {
			t.Errorf("tried %d times", got)
		}
		if got := p.queue.reasons; !slices.Equal(got, []string{"RCPT TO answered 550"}) {
			t.Errorf("the reasons are %q", got)
		}
	})
}

func TestForeignErrorsAreNotQuoted(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(m Message) error { return fmt.Errorf("no mailbox %s, code %s", m.To, code) })
		p.queue.post("1", reset("ann"))
		time.Sleep(time.Minute)
		synctest.Wait()
		p.wants(t, map[string]int{"waiting": 1})
		if len(p.wire.tries()) < 2 {
			t.Error("it was not tried again")
		}
	})
}

func TestExpiredAndUnreadableMailIsNotSent(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.queue.fail(errors.New("database is gone"))
		p.queue.post("1", reset("late"))
		p.queue.post("2", notice.Reset("ann@example.net", "https://evil.example/", 30))
		p.queue.post("3", notice.Test("no address"))
		time.Sleep(notice.ResetLife)
		p.queue.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		p.wants(t, map[string]int{"refused": 3})
		if got := len(p.wire.tries()); got != 0 {
			t.Errorf("tried %d times", got)
		}
		if got := p.tally.counts(); got[Expired] != 2 || got[Refused] != 1 {
			t.Errorf("counted %v", got)
		}
	})
}

func TestPoisonedAddressStallsNobody(t *testing.T) {
	inPost(t, func(d *Deliverer) { d.Parallel = 2 }, func(t *testing.T, p *post) {
		p.wire.does(func(m Message) error {
			if strings.HasPrefix(m.To, "poison") {
				time.Sleep(messageTimeout)
				return &Failure{Step: StepRcpt, kind: ErrDeferred, cause: context.DeadlineExceeded}
			}
			return nil
		})
		p.queue.post("0", reset("poison"))
		for i := range 50 {
			p.queue.post(fmt.Sprint("a", i), newDevice("ann"))
		}
		time.Sleep(askEvery)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 50, "waiting": 1})
	})
}

func TestNoMoreAtOnceThanAllowed(t *testing.T) {
	inPost(t, func(d *Deliverer) { d.Parallel = 3 }, func(t *testing.T, p *post) {
		p.wire.does(func(Message) error { time.Sleep(time.Second); return nil })
		for i := range 20 {
			p.queue.post(fmt.Sprint(i), reset("ann"))
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 20})
		if p.wire.most != 3 {
			t.Errorf("%d were under way at once, want 3", p.wire.most)
		}
	})
}

func TestRateLimit(t *testing.T) {
	inPost(t, func(d *Deliverer) { d.PerMinute = 60 }, func(t *testing.T, p *post) {
		begun := time.Now()
		for i := range 200 {
			p.queue.post(fmt.Sprintf("%03d", i), reset("ann"))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		sent := 0
		for _, one := range p.wire.tries() {
			if one.at.Sub(begun) < time.Minute {
				sent++
			}
		}
		if sent < 55 || sent > 61 {
			t.Errorf("%d left in the first minute, want about 60", sent)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 200})
	})
}

func TestServerGoneKeepsTheQueueAndComesBack(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(Message) error { return serverFailure(StepConnect, errors.New("connection refused")) })
		for i := range 100 {
			p.queue.post(fmt.Sprintf("%03d", i), newDevice("ann"))
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		p.wants(t, map[string]int{"waiting": 100})
		if tries := len(p.wire.tries()); tries > 24*60*3+100 {
			t.Errorf("tried %d times in a day without a server", tries)
		}
		p.wire.does(nil)
		time.Sleep(lastPause + 5*time.Second)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 100})
	})
}

func TestOutageDoesNotMakeFreshMailWait(t *testing.T) {
	fresh := notice.Notice{Attempts: 40, CreatedAt: at}
	if got := backOff(fresh, at.Add(10*time.Second)); got != firstRetry {
		t.Errorf("a fresh mail with many tries waits %v", got)
	}
	if got := backOff(notice.Notice{Attempts: 40, CreatedAt: at}, at.Add(24*time.Hour)); got != lastRetry {
		t.Errorf("an old mail with many tries waits %v", got)
	}
	if got := backOff(notice.Notice{CreatedAt: at}, at.Add(24*time.Hour)); got != firstRetry {
		t.Errorf("an old mail tried once waits %v", got)
	}
}

func TestQueueGoneAndBack(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.queue.fail(errors.New("database is gone"))
		p.queue.post("1", newDevice("ann"))
		before := p.queue.asked()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if asked := p.queue.asked() - before; asked > 40 {
			t.Errorf("a queue that is gone was asked %d times in ten minutes", asked)
		}
		p.queue.fail(nil)
		time.Sleep(lastPause + time.Second)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 1})
	})
}

func TestSentMailIsWrittenDownThoughTheQueueStumbles(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.queue.deaf = 4
		p.queue.post("1", newDevice("ann"))
		time.Sleep(time.Hour)
		synctest.Wait()
		p.wants(t, map[string]int{"sent": 1})
		if got := len(p.wire.tries()); got != 1 {
			t.Errorf("sent %d times", got)
		}
	})
}

func TestStopLetsMailUnderWayArrive(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(Message) error { time.Sleep(drainFor / 2); return nil })
		p.queue.post("1", reset("ann"))
		time.Sleep(askEvery)
		synctest.Wait()
		p.stop()
		p.wants(t, map[string]int{"sent": 1})
	})
}

func TestStopBreaksOffWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newMemory()
		d := &Deliverer{Queue: queue, Composer: newComposer(t), Transport: stuck{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		queue.post("1", reset("ann"))
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { d.Run(ctx) })
		synctest.Wait()
		begun := time.Now()
		cancel()
		done.Wait()
		if took := time.Since(begun); took != drainFor {
			t.Errorf("stopping took %v", took)
		}
		if r := queue.rows["1"]; r.state != "waiting" || r.due.After(time.Now()) {
			t.Errorf("the mail is %s and due at %v; another node should have it now", r.state, r.due)
		}
	})
}

type stuck struct{}

func (stuck) Send(ctx context.Context, _ Message) error {
	<-ctx.Done()
	return messageFailure(StepData, ctx.Err())
}

func TestTwoDeliverersSendEachMailOnce(t *testing.T) {
	inPost(t, nil, func(t *testing.T, p *post) {
		p.wire.does(func(m Message) error { time.Sleep(100 * time.Millisecond); return nil })
		second := &Deliverer{
			Queue: p.queue, Composer: p.Composer, Transport: p.wire, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { second.Run(ctx) })
		for i := range 300 {
			p.queue.post(fmt.Sprintf("%03d", i), reset(fmt.Sprintf("p%03d", i)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		done.Wait()
		p.wants(t, map[string]int{"sent": 300})
		times := map[string]int{}
		for _, one := range p.wire.tries() {
			times[one.to]++
		}
		for to, n := range times {
			if n != 1 {
				t.Errorf("%s got %d mails", to, n)
			}
		}
		if len(times) != 300 {
			t.Errorf("%d people got mail, want 300", len(times))
		}
	})
}

// TestEndToEnd is the whole way in real time: two nodes, one queue, a real server that goes and comes back.
func TestEndToEnd(t *testing.T) {
	sink := startSink(t, mailtest.Options{Protection: mailtest.STARTTLS})
	sink.Follow(func(step mailtest.Step, address string) mailtest.Answer {
		if step == mailtest.Rcpt && strings.HasPrefix(address, "nobody") {
			return 550
		}
		return mailtest.Accept
	})
	queue := newMemory()
	sink.Stop()
	ctx, cancel := context.WithCancel(patient(t))
	var done sync.WaitGroup
	for range 2 {
		d := &Deliverer{
			Queue: queue, Composer: newComposer(t), Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Transport: newSender(t, Server{Address: sink.Address(), Encryption: STARTTLS, Roots: sink.Roots()}),
		}
		done.Go(func() { d.Run(ctx) })
	}
	queue.post("nobody", reset("nobody"))
	for i := range 40 {
		queue.post(fmt.Sprint("m", i), reset(fmt.Sprint("p", i)))
	}
	if err := sink.Restart(); err != nil {
		t.Fatal(err)
	}
	err := sink.Until(patient(t), func(s *mailtest.Sink) bool { return len(s.Messages()) >= 40 })
	cancel()
	done.Wait()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, m := range sink.Messages() {
		l, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		ids[l.Header.Get("Message-Id")]++
	}
	if len(ids) != 40 || len(sink.Messages()) != 40 {
		t.Errorf("%d messages arrived, %d different ones; want 40", len(sink.Messages()), len(ids))
	}
}
