package middleware

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"usher/internal/forwarded"
	"usher/internal/request"
	"usher/internal/response"
)

// noRoute stands for requests that were refused or matched nothing; the raw path never stands in the log, for links carry secrets.
const noRoute = "-"

// record writes one line per request and tells the Observer. Every value in it
// comes from a closed set or is made here, so a client cannot put a line break or
// a terminal's escape sequence into the log.
func (c *chain) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := c.now()
		a := asAnswer(w)
		defer func() { c.line(a, r, c.now().Sub(start)) }()
		next.ServeHTTP(a, r)
		if a.status == 0 {
			a.begin(http.StatusOK) // net/http sends the header only after we are gone
		}
	})
}

func (c *chain) line(a *answer, r *http.Request, took time.Duration) {
	route, method, status := routeOf(r), methodOf(r), a.statusSent()
	if c.watch != nil {
		c.watch.Observe(route, method, status, took.Seconds())
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	facts := request.From(r.Context())
	c.log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", facts.ID),
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Int64("bytes", a.bytes),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("client", forwarded.Network(facts.Client)),
		refused(r),
	)
}

// refused is why a door refused the request; nothing where it did not say.
func refused(r *http.Request) slog.Attr {
	why := request.Refused(r.Context())
	if why == "" {
		return slog.Attr{} // handlers leave the empty one out
	}
	return slog.String("refused", why)
}

func asAnswer(w http.ResponseWriter) *answer {
	if a, ok := w.(*answer); ok {
		return a
	}
	return &answer{ResponseWriter: w}
}

// routeOf is the pattern the mux chose, without its method. The mux writes it into the very request that record passed on.
func routeOf(r *http.Request) string {
	if r.Pattern == "" {
		return noRoute
	}
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return strings.TrimLeft(path, " \t")
	}
	return r.Pattern
}

func methodOf(r *http.Request) string {
	if response.KnownMethod(r.Method) {
		return r.Method
	}
	return "other"
}
