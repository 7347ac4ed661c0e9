package accounts

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// askPause is how long after one question about the addresses the next may follow; anybody can cause one.
const askPause = 2 * time.Second

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

// Learn asks the service, unless it was asked a moment ago. ErrUnclaimed; outage.Err; *Refused.
func (p *Places) Learn(ctx context.Context) ([]string, error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	now := p.Client.now()
	if l := p.learned.Load(); l != nil && now.Before(l.at.Add(askPause)) {
		return l.confirmed, l.err
	}
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
