// Package operations owns the second, loopback listener: metrics, health, and,
// while there is no mail server, the mails that wait.
//
// It refuses to know people and pages, and to speak to anybody but this machine.
package operations

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Settings say what the listener shows.
type Settings struct {
	// Metrics is shown at /metrics.
	Metrics *Metrics
	// Checks decide /readyz: all must pass.
	Checks []Check
	// Outbox, if not nil, is shown at /outbox. Its mails carry secrets: mount it only while the service's own origin is loopback.
	Outbox Outbox
	// Log hears why a check or the outbox failed; the client only hears that it did.
	Log *slog.Logger
}

// Handler serves the operations pages. It answers loopback peers that use a
// loopback name only, so that neither a mistaken listener nor a website that
// rebinds its own name to 127.0.0.1 reaches it.
func Handler(cfg Settings) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /readyz", readiness{checks: cfg.Checks, log: cfg.Log})
	mux.Handle("GET /metrics", cfg.Metrics.handler(cfg.Log))
	if cfg.Outbox != nil {
		box := outboxPages{box: cfg.Outbox, log: cfg.Log}
		mux.Handle("GET /outbox", direct(box.list))
		mux.Handle("GET /outbox/{id}", direct(box.show))
		mux.Handle("GET /outbox/{id}/html", direct(box.html))
		mux.HandleFunc("GET /outbox.css", styleSheet)
	}
	return loopbackOnly(mux)
}

// Server is an http.Server with every limit set, for a listener of Listen. net/http's own messages are dropped: they are about broken connections.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  10 * time.Second,
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  2 * time.Minute,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

const pagePolicy = "default-src 'none'; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !loopbackPeer(r.RemoteAddr):
			http.Error(w, "These pages are for this machine only.", http.StatusForbidden)
		case !loopbackName(r.Host):
			http.Error(w, "Use localhost, 127.0.0.1 or [::1] to read these pages.", http.StatusMisdirectedRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func loopbackPeer(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// loopbackName accepts any port, for tunnels that end on another one.
func loopbackName(host string) bool {
	name := host
	if bare, port, err := net.SplitHostPort(host); err == nil {
		if !digits(port) {
			return false
		}
		name = bare
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

func digits(text string) bool {
	return text != "" && len(text) <= 5 && strings.Trim(text, "0123456789") == ""
}

// direct refuses requests that came through a proxy: a mail with a code in it is for who sits at this machine.
func direct(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded") {
				http.Error(w, "The outbox is not shown through a proxy.", http.StatusForbidden)
				return
			}
		}
		next(w, r)
	})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text)) // a client that has gone is no fault of ours
}

// ErrNotLoopback is returned for a listen address that other machines could reach.
var ErrNotLoopback = errors.New("the operations listener must stay on this machine: use localhost, 127.0.0.1 or [::1]")
