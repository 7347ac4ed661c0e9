package door

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"usher/internal/forwarded"
)

// bufferSize is what is copied at once, in bytes.
const bufferSize = 64 << 10

// buffers keep the memory of copies.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if kept, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return kept[:]
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }

// newProxy returns what carries admitted requests to the media server and its answers back.
func newProxy(upstream *url.URL, failed func(http.ResponseWriter, *http.Request, error)) *httputil.ReverseProxy {
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute, // media servers look through a library before they answer
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   256,
		DisableCompression:    true, // what the media server sends goes through as it is
		WriteBufferSize:       16 << 10,
		ReadBufferSize:        bufferSize,
		ForceAttemptHTTP2:     true, // where the media server speaks TLS; a dialer of our own would rule it out
	}
	return &httputil.ReverseProxy{
		Rewrite:        rewriteFor(upstream),
		Transport:      transport,
		BufferPool:     &buffers{},
		ModifyResponse: onTheWayBack,
		ErrorHandler:   failed,
		ErrorLog:       log.New(io.Discard, "", 0), // its lines hold addresses
	}
}

// rewriteFor makes of a request that was let in the one that the media server gets. The proxy has already taken off what belongs to the connection, and what
// the client listed as such: what is set here stays.
func rewriteFor(upstream *url.URL) func(*httputil.ProxyRequest) {
	base := strings.TrimSuffix(upstream.Path, "/")
	rawBase := strings.TrimSuffix(upstream.EscapedPath(), "/")
	return func(pr *httputil.ProxyRequest) {
		p, out := passageOf(pr.In.Context()), pr.Out
		out.URL.Scheme, out.URL.Host, out.URL.User, out.URL.Opaque = upstream.Scheme, upstream.Host, nil, ""
		out.URL.Path, out.URL.RawPath = base+p.path.Plain, rawBase+p.path.Encoded
		out.URL.RawQuery = withoutPlexToken(out.URL.RawQuery)
		out.URL.Fragment, out.URL.ForceQuery = "", false
		out.Host = pr.In.Host // servers make links of it, and compare Origin with it
		out.Trailer = nil
		if !p.ws {
			out.Header.Del("Upgrade")
			out.Header.Del("Connection")
		}
		stripForeign(out.Header)
		p.introduce(pr.In, out.Header)
	}
}

// onTheWayBack looks at an answer of the media server before the client gets it.
func onTheWayBack(res *http.Response) error {
	if lines := res.Header["Set-Cookie"]; len(lines) > 0 {
		res.Header["Set-Cookie"] = slices.DeleteFunc(lines, ours) // who is let in is the gate's to say
	}
	watchLasting(res)
	return nil
}

// introduce tells the media server who asks, from where, and nothing that is the gate's alone.
func (p *passage) introduce(in *http.Request, h http.Header) {
	client, proto, host := p.d.origin(in)
	h["X-Forwarded-For"] = []string{client}
	h["X-Forwarded-Proto"] = []string{proto}
	h["X-Forwarded-Host"] = []string{host}
	if lines := h["Cookie"]; len(lines) > 0 {
		if kept := foreignCookies(lines); kept != "" {
			h["Cookie"] = []string{kept}
		} else {
			delete(h, "Cookie")
		}
	}
	if p.asked.header {
		delete(h, "Authorization")
	}
	delete(h, plexToken)
	if p.asked.plex {
		h[plexToken] = []string{p.asked.text.Reveal()} // out of the query, where it would stand in logs
	}
	p.who.told.set(h)
	signed, err := p.d.signer.assert(p.who, p.d.Now())
	if err != nil {
		p.d.Log.Error("signing whom the gate lets in", "error", err)
	}
	h[AssertionHeader] = []string{signed}
}

// origin is the client's address, and how the browser spells scheme and host, as far as they are known.
func (d *Door) origin(r *http.Request) (client, proto, host string) {
	peer := forwarded.Peer(r.RemoteAddr)
	proto, host = "http", r.Host
	if r.TLS != nil {
		proto = "https"
	}
	if !d.proxies.Include(peer) {
		return addressText(peer), proto, host
	}
	if lines := r.Header["X-Forwarded-Proto"]; len(lines) > 0 {
		proto = "http"
		if forwarded.HTTPS(lines) {
			proto = "https"
		}
	}
	if lines := r.Header["X-Forwarded-Host"]; len(lines) == 1 && !strings.ContainsAny(lines[0], ", \t") && lines[0] != "" {
		host = lines[0]
	}
	address := d.proxies.Client(peer, r.Header["X-Forwarded-For"])
	return addressText(address), proto, host
}

// client is the address of whoever asks; invalid where a proxy does not say it.
func (d *Door) client(r *http.Request) netip.Addr {
	text, _, _ := d.origin(r)
	a, _ := netip.ParseAddr(text)
	return a
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	return a.String()
}

// upstreamFailed answers when the media server did not.
func (d *Door) upstreamFailed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		w.WriteHeader(http.StatusBadGateway) // nobody waits for it: the client left, or was cut
		return
	}
	d.Log.Warn("the media server does not answer", "error", dialError(err))
	d.refuse(w, r, UpstreamAway)
}

// dialError leaves out what a request said about itself.
func dialError(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Op + ": " + operation.Err.Error()
	}
	return "no proper answer"
}
