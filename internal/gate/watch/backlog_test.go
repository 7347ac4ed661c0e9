package watch

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
)

// piled is a service on whose stream so many pages of signals wait.
type piled struct {
	crowded
	pages, page int
	owners      int // the page on which its owner signs everything out; 0: none
	sent        []string
	wrong       string // what was acknowledged in the place of what was sent
	held        map[int]uint64
}

func (p *piled) Standing(context.Context) (accounts.Standing, error) {
	if p.owners > 0 && p.page >= p.owners {
		return accounts.Standing{State: accounts.Suspended, Reason: "signed-out"}, nil
	}
	return accounts.Standing{State: accounts.Good}, nil
}

func (p *piled) Poll(ctx context.Context, asked accounts.Poll) (accounts.Signals, error) {
	if !slices.Equal(asked.Read, p.sent) {
		p.wrong = fmt.Sprintf("after page %d: %q", p.page, asked.Read)
	}
	if p.page == p.pages {
		<-ctx.Done()
		return accounts.Signals{}, ctx.Err()
	}
	p.page++
	got := accounts.Signals{More: p.page < p.pages}
	p.sent = nil
	for i := range 50 {
		signal := accounts.Signal{ID: fmt.Sprintf("%06d.%02d", p.page, i), Revokes: true, Whose: accounts.Whose{Account: "acc-bob", Session: fmt.Sprintf("sid-%d-%d", p.page, i)}}
		if p.page == p.owners && i == 25 {
			signal.Whose = accounts.Whose{Account: "acc-ann"}
		}
		got.All, p.sent = append(got.All, signal), append(p.sent, signal.ID)
	}
	if p.held != nil && p.page%50 == 10 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.held[p.page] = m.HeapAlloc
	}
	return got, nil
}

// reads has a Watch read all pages there are.
func (p *piled) reads(t *testing.T) *door.Decider {
	t.Helper()
	decider := door.NewDecider(p, crowdedIssuer, ours.ID, time.Hour, time.Now)
	w := watching(t, p, decider)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	w.Run(ctx)
	return decider
}

// Ten thousand signals are read page by page, each acknowledged with the next question, and nothing of them stays in memory.
func TestABacklogStaysNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &piled{pages: 200, held: map[int]uint64{}}
		service.reads(t)
		if service.page != service.pages || service.wrong != "" {
			t.Errorf("%d of %d pages were read; acknowledged %s", service.page, service.pages, service.wrong)
		}
		if first, last := service.held[10], service.held[160]; last > first+256<<10 {
			t.Errorf("it holds %d KiB after 10 pages and %d KiB after 160", first>>10, last>>10)
		}
	})
}

// The gate closes at the first page that tells of its owner's sign-out, not when it has read the others.
func TestABacklogDoesNotHoldTheDoorOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &piled{pages: 200, owners: 3}
		decider := service.reads(t)
		if service.page != service.owners || !decider.Suspended() {
			t.Errorf("it has read %d pages, and is suspended: %t", service.page, decider.Suspended())
		}
	})
}
