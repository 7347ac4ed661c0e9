package mail

import (
	"time"

	"golang.org/x/time/rate"
)

// pace holds back: for the rate limit, and while nothing gets through.
type pace struct {
	limit *rate.Limiter
	pause time.Duration // 0 while all is well
	until time.Time
}

func newPace(perMinute int) *pace {
	if perMinute <= 0 {
		return &pace{limit: rate.NewLimiter(rate.Inf, 0)}
	}
	return &pace{limit: rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/60))}
}

// room says how many messages may start now, and if none, when to ask again. After an outage one goes first.
func (p *pace) room(now time.Time, free, busy int) (int, time.Duration) {
	if wait := p.until.Sub(now); p.pause > 0 && wait > 0 {
		return 0, wait
	}
	if p.pause > 0 {
		if busy > 0 {
			return 0, askEvery
		}
		free = 1
	}
	if p.limit.Limit() == rate.Inf {
		return free, 0
	}
	tokens := p.limit.TokensAt(now)
	if tokens < 1 {
		wait := time.Duration((1 - tokens) / float64(p.limit.Limit()) * float64(time.Second))
		return 0, wait + time.Millisecond
	}
	return min(free, int(tokens)), 0
}

func (p *pace) spend(now time.Time, sent int) { p.limit.AllowN(now, sent) }

// verdict is what one try tells about the mail server.
type verdict int

const (
	untold verdict = iota // it was not asked
	served
	unserved
)

func (p *pace) note(now time.Time, v verdict) {
	switch {
	case v == untold:
	case v == served:
		p.pause = 0
	case p.pause == 0 || !now.Before(p.until): // the first to fail decides for those that left with it
		p.pause = min(max(firstPause, 2*p.pause), lastPause)
		p.until = now.Add(p.pause)
	}
}
