package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"usher/internal/request"
)

// survive turns a panic into a 500 page; the stack goes to the log and never to
// the client. What was panicked with is logged by its type only, unless the
// runtime said it: the text of any other value may quote what a person typed.
func (c *chain) survive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := asAnswer(w)
		defer func() {
			if cause := recover(); cause != nil {
				c.recovered(a, r, cause)
			}
		}()
		next.ServeHTTP(a, r)
	})
}

func (c *chain) recovered(a *answer, r *http.Request, cause any) {
	if err, is := cause.(error); is && errors.Is(err, http.ErrAbortHandler) {
		a.status = http.StatusInternalServerError
		panic(cause) // the handler asks net/http to cut the connection, quietly
	}
	facts := request.From(r.Context())
	c.log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.String("request_id", facts.ID),
		slog.String("route", routeOf(r)),
		slog.String("cause", describe(cause)),
		slog.String("stack", string(debug.Stack())),
	)
	if a.status != 0 {
		a.status = http.StatusInternalServerError // for the log; the client has another already
		panic(http.ErrAbortHandler)               // half a page must not look whole
	}
	// Whatever the handler had prepared, a cookie above all, is not to be believed any more.
	c.fresh(a, r, facts)
	defer func() {
		if again := recover(); again == nil {
			return
		}
		if a.status != 0 {
			panic(http.ErrAbortHandler)
		}
		c.fresh(a, r, facts)
		plainPage(a, r, http.StatusInternalServerError, request.RefusedInternal)
	}()
	c.page(a, r, http.StatusInternalServerError, request.RefusedInternal)
}

func (c *chain) fresh(a *answer, r *http.Request, facts request.Facts) {
	h := a.Header()
	clear(h)
	c.headers.dress(h, r.Host, facts)
}

func describe(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}
