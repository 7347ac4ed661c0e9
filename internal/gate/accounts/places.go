package accounts

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// askPause is how long after one question about the addresses the next may follow; anybody can cause one.
const askPause = time.Second

// Places knows at which addresses the owner of the server lets people come back after signing in.
type Places struct {
	Client *Client

	learned atomic.Pointer[learned]
	asking  sync.Mutex
}

// learned is how a question about the addresses ended.
type learned struct {
	confirmed []string
	err       error
	at        time.Time
}

// Known returns what was learned last, as origins.
func (p *Places) Known() []string {
	if l := p.learned.Load(); l != nil {
		return l.confirmed
	}
	return nil
}

// Learn asks the service, once for all who want to know at a time, and again only after a pause: what it returns was so after it was called.
// ErrUnclaimed; outage.Err; *Refused.
func (p *Places) Learn(ctx context.Context) ([]string, error) {
	came := time.Now()
	p.asking.Lock()
	defer p.asking.Unlock()
	if l := p.learned.Load(); l != nil {
		if l.at.After(came) {
			return l.confirmed, l.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(l.at.Add(askPause))):
		}
	}
	now := time.Now()
	var told struct {
		Addresses []struct {
			URL       string `json:"url"`
			Confirmed bool   `json:"confirmed"`
		} `json:"addresses"`
	}
	err := p.Client.withToken(context.WithoutCancel(ctx), call{method: http.MethodGet, url: p.Client.at("/api/v1/server")}, &told)
	l := &learned{confirmed: p.Known(), err: err, at: now}
	if err == nil {
		l.confirmed = nil
	}
	for _, a := range told.Addresses {
		if a.Confirmed {
			l.confirmed = append(l.confirmed, a.URL)
		}
	}
	p.learned.Store(l)
	return l.confirmed, err
}
