// Package door owns the gate's door: who gets through to the media server, and how a request reaches it. It refuses to know how the gate came to belong to
// somebody, and what its own pages say.
package door

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"usher/internal/forwarded"
	"usher/internal/gate/page"
	"usher/internal/secret"
)

// Addresses are the origins where the owner of the server lets people come back after signing in, as browsers spell them.
type Addresses interface {
	// Known returns what was learned last.
	Known() []string
	// Learn asks the service. ErrSuspended, ErrAway.
	Learn(ctx context.Context) ([]string, error)
}

// Settings are what a door is built from. A door never changes: who claims anew, or sets something else, builds another and puts it in the place of the first.
type Settings struct {
	Decider *Decider
	// Server is the id the service gave the server, Issuer the service's origin.
	Server, Issuer string
	// Key is the gate's own, CookieKey 32 random bytes that stay in its folder.
	Key       ed25519.PrivateKey
	CookieKey []byte
	// Upstream is the media server; nil: Inside is what people come for.
	Upstream *url.URL
	Inside   http.Handler
	// Own serves the gate's own paths, but for those that the door serves itself; nil: there are none.
	Own http.Handler
	// Proxies are the peers that are believed about the client.
	Proxies []netip.Prefix
	// Addresses are those at which browsers may sign in, and whose pages may open websockets; nil: the one that a request is for.
	Addresses Addresses
	// Provider signs browsers in; nil: there is nothing for browsers.
	Provider Provider
	// Log gets what fails; never a path, for paths say what people watch.
	Log *slog.Logger
	// Remember writes down who has left, before they are told so; nil: nobody needs to know after a restart.
	Remember func()
	Now      func() time.Time
}

// Door lets in whom the service lets in. Everything that is not one of the gate's own paths needs that; nothing that a request says about itself exempts it.
type Door struct {
	Settings
	proxies forwarded.Proxies
	seal    secret.AccountKey
	signer  *Signer
	inside  http.Handler
	own     *http.ServeMux
	cross   *http.CrossOriginProtection
	page    *template.Template
	sockets sockets
}

// New returns a door.
func New(s Settings) (*Door, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	audience := "media"
	if s.Upstream != nil {
		audience = s.Upstream.Scheme + "://" + s.Upstream.Host
	}
	signer, err := NewSigner(s.Key, s.Server, audience)
	if err != nil {
		return nil, err
	}
	seal, err := secret.KeyOf(s.CookieKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key of cookies: %w", err)
	}
	shown, err := page.Parse(files, "refusal.html")
	if err != nil {
		return nil, err
	}
	d := &Door{Settings: s, page: shown, proxies: forwarded.Trust(s.Proxies), seal: seal, signer: signer, inside: s.Inside, cross: http.NewCrossOriginProtection()}
	if s.Upstream != nil {
		d.inside = newProxy(s.Upstream, d.upstreamFailed)
	}
	if d.inside == nil {
		d.inside = http.NotFoundHandler()
	}
	d.own = http.NewServeMux()
	d.own.Handle("GET /.usher/keys", signer)
	d.own.HandleFunc("/.usher/auth", d.forwardAuth)
	if s.Provider != nil {
		d.own.HandleFunc("GET "+SignInPath, d.signIn)
		d.own.HandleFunc("GET "+CallbackPath, d.callback)
	}
	d.own.HandleFunc("GET "+SignOutPath, d.askSignOut)
	d.own.HandleFunc("POST "+SignOutPath, d.signOut)
	if s.Own != nil {
		d.own.Handle("/", s.Own)
	}
	return d, nil
}

// passage is what is known of one request on its way.
type passage struct {
	path  Path
	who   *admitted
	asked presented
	d     *Door
	// cut ends the request from outside.
	cut context.CancelFunc
	ws  bool
	// watched says that it ends when its token does.
	watched bool
	// from is the address of whoever asks.
	from func() netip.Addr
}

type passageKey struct{}

func withPassage(ctx context.Context, p *passage) context.Context {
	return context.WithValue(ctx, passageKey{}, p)
}

func passageOf(ctx context.Context) *passage {
	p, _ := ctx.Value(passageKey{}).(*passage)
	return p
}

// pathOf is the request's path as it stood in the request, in its one spelling. ErrPath.
func pathOf(r *http.Request) (Path, error) {
	if r.URL.Opaque != "" {
		return Path{}, ErrPath // a scheme without an authority
	}
	if r.URL.RawPath != "" {
		return CanonicalPath(r.URL.RawPath)
	}
	return CanonicalPath(r.URL.EscapedPath())
}

// oddHost reports whether a request of HTTP/2 names a host that is none, or another one in its fields than in its :authority (RFC 9113 §8.3.1). In HTTP/1 the
// server itself sees to that.
func oddHost(r *http.Request) bool {
	lines := r.Header["Host"]
	return len(lines) > 1 || len(lines) == 1 && lines[0] != r.Host || !httpguts.ValidHostHeader(r.Host)
}

// bodyWait is how long the body of a request may take that does not reach the media server. Nobody reads it, but our server waits for it.
const bodyWait = time.Minute

// hurry bounds that for one answer; the server itself lifts it before the next request. In HTTP/2 it bounds also for how long nobody takes the answer: on one
// connection there may be a hundred that wait for leave to be sent. In HTTP/1, where that would last for the next request too, an answer of ours is gone at once.
func (d *Door) hurry(w http.ResponseWriter, r *http.Request) {
	control, until := http.NewResponseController(w), time.Now().Add(bodyWait)
	_ = control.SetReadDeadline(until) // where that cannot be, nothing is lost
	if r.ProtoMajor == 2 {
		_ = control.SetWriteDeadline(until)
	}
}

// ServeHTTP lets the request through, or says why not.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := &passage{d: d}
	var err error
	if p.path, err = pathOf(r); err != nil {
		d.refuse(w, r, OddPath)
		return
	}
	if oddHost(r) {
		d.refuse(w, r, OddRequest)
		return
	}
	if p.path.Own() {
		d.serveOwn(w, r, p.path)
		return
	}
	if why := d.admit(r, p); why != "" {
		d.refuse(w, r, why)
		return
	}
	if p.ws {
		if !d.sockets.enter(p.who.Account) {
			d.refuse(w, r, Busy)
			return
		}
		defer d.sockets.leave(p.who.Account)
	}
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	p.cut = cut
	r = r.WithContext(withPassage(ctx, p))
	if d.Upstream == nil { // what is written from here hears of no context
		out := &writing{w: w}
		defer out.done()
		p.cut = out.stop
	}
	if d.Upstream == nil || r.ContentLength < 0 || r.ContentLength > shortBody {
		p.watched = true
		go p.watch(ctx.Done())
	}
	if d.Upstream == nil {
		r.URL = &url.URL{Path: p.path.Plain, RawQuery: withoutPlexToken(r.URL.RawQuery)}
	}
	d.inside.ServeHTTP(w, r)
}

// serveOwn serves a path of the gate's own in its one spelling only.
func (d *Door) serveOwn(w http.ResponseWriter, r *http.Request, p Path) {
	d.hurry(w, r)
	if p.Plain != r.URL.Path || r.URL.RawPath != "" { // a proxy may have told apart what is not spelled alike
		d.refuse(w, r, NothingHere)
		return
	}
	if _, pattern := d.own.Handler(r); pattern == "" {
		d.refuse(w, r, NothingHere)
		return
	}
	d.own.ServeHTTP(w, r)
}

// Owner reports whether a request brings a token by which the owner of the server is let in. What browsers add by themselves is none: other websites have it sent
// as well.
// ErrSuspended, ErrAway, ErrBusy.
func (d *Door) Owner(r *http.Request) (bool, error) {
	asked, err := d.present(r)
	if err != nil || asked.empty() || asked.ambient() {
		return false, nil
	}
	who, err := d.Decider.decide(r.Context(), asked.proof, func() netip.Addr { return d.client(r) })
	if errors.Is(err, ErrRefused) {
		return false, nil
	}
	return err == nil && slices.Contains(who.Groups, OwnerGroup), err
}

// SignedIn returns whose browser is let in here. Where that is not known, it waits a moment at most for the service.
func (d *Door) SignedIn(r *http.Request) (who Decision, in bool) {
	asked, err := d.present(r)
	if err != nil || !asked.cookie {
		return Decision{}, false
	}
	if who, in = d.Decider.recall(asked.text); in {
		return who, true
	}
	ctx, cancel := context.WithTimeout(r.Context(), briefly)
	defer cancel()
	a, err := d.Decider.decide(ctx, asked.proof, func() netip.Addr { return d.client(r) })
	if err != nil {
		return Decision{}, false
	}
	return a.Decision, true
}

// WorksAt returns where people can sign in, the likeliest first, and whether the address of a request is one of these. It waits a moment at most for the service.
func (d *Door) WorksAt(r *http.Request) (all []string, here bool) {
	_, proto, host := d.origin(r)
	origin := plainOrigin(proto, host)
	if d.Addresses == nil {
		return nil, true
	}
	if all = d.Addresses.Known(); !slices.Contains(all, origin) {
		ctx, cancel := context.WithTimeout(r.Context(), briefly)
		defer cancel()
		if fresh, err := d.Addresses.Learn(ctx); err == nil {
			all = fresh
		}
	}
	return likeliest(origin, all), slices.Contains(all, origin)
}

// OwnerGroup is what the service calls the group of a server's owner.
const OwnerGroup = "owner"

// admit fills in whom the request's token lets in, or says why it does not.
func (d *Door) admit(r *http.Request, p *passage) (why Refusal) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return UnknownMethod
	}
	p.from = func() netip.Addr { return d.client(r) }
	var err error
	if p.asked, err = d.present(r); err != nil {
		return OddRequest
	}
	if d.Decider.Suspended() {
		return Suspended
	}
	if p.asked.empty() && !p.asked.typed.empty() {
		switch on, err := d.Decider.takesPasswords(r.Context()); {
		case on:
			p.asked.proof, p.asked.header = p.asked.typed, true
		case err != nil:
			return refusalOf(err)
		}
	}
	if p.asked.empty() {
		return NotSignedIn
	}
	from := p.from
	if p.asked.cookie {
		from = nil // nobody but the gate makes these
	}
	if p.who, err = d.Decider.decide(r.Context(), p.asked.proof, from); err != nil {
		if errors.Is(err, ErrRefused) && p.asked.cookie {
			return NotSignedIn // it did count once; signing in again tells whether it may
		}
		return refusalOf(err)
	}
	if p.who.Directory { // the media server's own, which looks people up and plays nothing
		return NotLetIn
	}
	p.ws = isWebsocket(r.Header)
	switch {
	case p.ws && !d.mayOpenWebsocket(r, p.asked):
		return OtherWebsite
	case p.asked.ambient() && d.cross.Check(r) != nil:
		return OtherWebsite
	}
	return ""
}
