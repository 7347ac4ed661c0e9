package door

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// shortAnswer is how large an answer may be that is never cut, in bytes: it is over before anybody could.
	shortAnswer = 1 << 20
	// shortBody is the same of what is sent to the media server, which answers only when it has it.
	shortBody = 1 << 20
	// lookAgain is how often it is looked at whether what lasts may go on.
	lookAgain = 5 * time.Second
	// lookAtSwitch is the same of what an account's own password has let in: that its owner takes such no more is known a moment late, and the two together are to
	// stay within five seconds.
	lookAtSwitch = 2 * time.Second
)

// watchLasting sees to it that what lasts ends with what let it in: websockets, streams, large files. A player that was cut asks for the next range, and is
// refused there.
func watchLasting(res *http.Response) {
	p := passageOf(res.Request.Context())
	if p.watched || res.StatusCode != http.StatusSwitchingProtocols && 0 <= res.ContentLength && res.ContentLength <= shortAnswer {
		return
	}
	go p.watch(res.Request.Context().Done())
}

// writing is an answer that is being written, and may be stopped from outside.
type writing struct {
	mu sync.Mutex
	w  http.ResponseWriter // nil when it is over: the connection may carry something else
}

func (a *writing) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.w != nil {
		_ = http.NewResponseController(a.w).SetWriteDeadline(time.Now()) // where that cannot be, the next range is refused
	}
}

func (a *writing) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.w = nil
}

// watch cuts a request when its token stops letting in whom it let in.
func (p *passage) watch(done <-chan struct{}) {
	d := p.d.Decider
	if d.follow(done, p.who, func() (*admitted, error) { return d.decide(context.Background(), p.asked.proof, p.from) }) {
		p.cut()
	}
}

// follow waits until what let somebody in lets the same in no more, which again finds out, or until done is closed; it reports which.
func (d *Decider) follow(done <-chan struct{}, who *admitted, again func() (*admitted, error)) (ended bool) {
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		look.Reset(d.nextLook(who))
		select {
		case <-done:
			return false
		case <-who.over.Done():
		case <-look.C:
		}
		now, err := again()
		if err != nil || !now.same(who.Decision) {
			return true
		}
		who = now
	}
}

// nextLook is after how long it is looked at whether what somebody has open may go on: at the end of what let them in at the latest.
func (d *Decider) nextLook(who *admitted) time.Duration {
	d.mu.RLock()
	defer d.mu.RUnlock()
	every := lookAgain
	if who.kind == byAccount {
		every = lookAtSwitch
	}
	if left := who.Until.Sub(d.now()); left > 0 {
		return min(left, every)
	}
	return every
}

// isWebsocket reports whether the request asks for a websocket (RFC 6455 §4.1). Any other upgrade is not passed on.
func isWebsocket(h http.Header) bool {
	return h["Upgrade"] != nil && slices.ContainsFunc(h["Upgrade"], func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "websocket") })
}

// mayOpenWebsocket compares the page's origin with ours, since no browser does it for us (RFC 6455 §10.2). A player that is no browser names none, and brings
// a token that no page can make a browser send.
func (d *Door) mayOpenWebsocket(r *http.Request, asked presented) bool {
	if r.Method != http.MethodGet || len(r.Header["Upgrade"]) != 1 {
		return false
	}
	if len(r.Header["Origin"]) == 0 {
		return !asked.cookie
	}
	return d.ownPage(r)
}

// ownPage reports whether the page that asks is one of ours, as the browser names it.
func (d *Door) ownPage(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return false
	}
	if d.Addresses != nil && strings.HasPrefix(origins[0], "https://") && slices.Contains(d.Addresses.Known(), origins[0]) {
		return true // a proxy that rewrites Host; a number of a private network is somebody's in every house
	}
	page, err := url.Parse(origins[0])
	if err != nil || page.Host == "" {
		return false
	}
	_, proto, host := d.origin(r)
	return page.Scheme == proto && strings.EqualFold(withPort(page.Host, proto), withPort(host, proto))
}

func withPort(host, proto string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	if proto == "https" {
		return host + ":443"
	}
	return host + ":80"
}
