package accounts

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"usher/internal/outage"
)

// The pauses and the patience of questions about the addresses. Anybody can cause one, and a browser waits meanwhile.
const (
	askPause       = time.Second     // between the beginnings of two
	awayPause      = 5 * time.Second // after one that nobody answered
	placesPatience = 5 * time.Second
)

// Places knows what the owner of the server has said of it at the service: at which addresses people come back after signing in, and whether they may type their
// accounts' own passwords there.
type Places struct {
	Client *Client

	patience time.Duration // zero: placesPatience

	mu    sync.Mutex
	known []string
	takes bool      // accounts' own passwords
	last  *question // nil: nothing was asked
}

// question is one about all that. What it led to is there when done is closed.
type question struct {
	done         chan struct{}
	began, ended time.Time
	confirmed    []string
	err          error
}

// takesFor is for how long it stands whether accounts' own passwords are taken.
const takesFor = 2 * time.Second

// fresh reports whether the question was answered, and lately.
func (q *question) fresh() bool {
	select {
	case <-q.done:
		return time.Since(q.began) < takesFor
	default:
		return false
	}
}

// serves reports whether the question, which is answered, says enough to whoever came at a time.
func (q *question) serves(came time.Time) bool {
	return !q.began.Before(came) || errors.Is(q.err, outage.Err) && time.Since(q.ended) < awayPause
}

// Known returns what was learned last, as origins.
func (p *Places) Known() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// Learn asks the service, once for all who want to know at a time, and again only after a pause: what it returns was so after it was called. Where nobody answers,
// all who wait are told so at once, and those who come shortly after. ErrUnclaimed; outage.Err; *Refused.
func (p *Places) Learn(ctx context.Context) ([]string, error) {
	for came := time.Now(); ; {
		q := p.question(ctx, came)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.done:
		}
		if q.serves(came) {
			return q.confirmed, q.err
		}
	}
}

// TakesPasswords reports whether the owner lets people type accounts' own passwords at this server, as it was takesFor ago at most; with an error, as far as it is
// known. The errors of Learn.
func (p *Places) TakesPasswords(ctx context.Context) (bool, error) {
	p.mu.Lock()
	last, takes := p.last, p.takes
	p.mu.Unlock()
	if last != nil && last.fresh() {
		return takes, last.err
	}
	_, err := p.Learn(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takes, err
}

// question is the one that is being asked, or one whose answer serves whoever came at a time, or else a new one.
func (p *Places) question(ctx context.Context, came time.Time) *question {
	p.mu.Lock()
	defer p.mu.Unlock()
	var after time.Time
	if q := p.last; q != nil {
		select {
		case <-q.done:
			if q.serves(came) {
				return q
			}
			after = q.began.Add(askPause)
		default:
			return q
		}
	}
	p.last = &question{done: make(chan struct{})}
	go p.ask(context.WithoutCancel(ctx), p.last, after) // the others must not fail because the first one left
	return p.last
}

func (p *Places) ask(ctx context.Context, q *question, after time.Time) {
	time.Sleep(time.Until(after))
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.patience, placesPatience))
	defer cancel()
	var told struct {
		Addresses []struct {
			URL       string `json:"url"`
			Confirmed bool   `json:"confirmed"`
		} `json:"addresses"`
		Passwords bool `json:"account_passwords"`
	}
	q.began = time.Now()
	q.err = p.Client.withToken(ctx, call{method: http.MethodGet, url: p.Client.at("/api/v1/server")}, &told)
	if q.err != nil && ctx.Err() != nil {
		q.err = away(p.Client.Issuer(), ctx.Err())
	}
	for _, a := range told.Addresses {
		if a.Confirmed {
			q.confirmed = append(q.confirmed, a.URL)
		}
	}
	q.ended = time.Now()
	p.mu.Lock()
	if q.err == nil {
		p.known, p.takes = q.confirmed, told.Passwords
	} else {
		q.confirmed = p.known
	}
	p.mu.Unlock()
	close(q.done)
}
