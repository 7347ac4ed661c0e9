package middleware

import (
	"net/http"
	"net/netip"
	"sync"

	"usher/internal/forwarded"
	"usher/internal/request"
)

// origin tells where the request came from and whether it left the browser as https.
func (c *chain) origin(r *http.Request) (client netip.Addr, secure bool) {
	peer := forwarded.Peer(r.RemoteAddr)
	if !c.proxies.Include(peer) {
		return peer, r.TLS != nil
	}
	secure = r.TLS != nil
	if protos := r.Header.Values("X-Forwarded-Proto"); len(protos) > 0 {
		secure = forwarded.HTTPS(protos)
	}
	return c.proxies.Client(peer, r.Header.Values("X-Forwarded-For")), secure
}

// knownProxy takes every forwarding header off the request, so that no door can be
// fooled by one, and turns proxied requests away while trusted_proxies is empty:
// then everybody would seem to come from the proxy's address, share one failure
// budget and lock each other out. The fault is the operator's, not the client's,
// hence 500: programs sign people out on 4xx, and proxies replace the body of a
// 502 or 503 by a page of their own. Once a proxy is trusted, strangers who send
// such headers are simply not believed.
func (c *chain) knownProxy(next http.Handler) http.Handler {
	var warned sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied := stripForwarding(r.Header)
		if proxied && len(c.proxies) == 0 {
			warned.Do(func() {
				c.log.Warn("requests come through a proxy, but trusted_proxies is not set", "proxy", forwarded.Network(forwarded.Peer(r.RemoteAddr)))
			})
			c.page(w, r, http.StatusInternalServerError, request.RefusedProxy)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func stripForwarding(h http.Header) (found bool) {
	for name := range h {
		if forwarded.Speaks(name) {
			delete(h, name)
			found = true
		}
	}
	return found
}
