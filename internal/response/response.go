// Package response owns what every door answers in the same way, whatever it speaks: which methods an address has, when to come back, what
// becomes of an answer that nobody waits for, and the log line of a failure.
//
// It refuses to know what any door serves and how it spells a refusal.
package response

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/ratelimit"
	"usher/internal/request"
)

// StatusLeft is what stands in the log for a request whose sender went away before the answer: nobody reads it, and it is no outage.
const StatusLeft = 499

// BusyPause is when a request that was refused for want of room may come back.
const BusyPause = 5 * time.Second

// methods are those that routes are made for, in the order in which they are named.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Methods lists what somebody here may be asked with, as the header Allow does. TRACE echoes what it is sent, CONNECT asks for a tunnel; nobody here
// offers either.
var Methods = strings.Join(append(slices.Clone(methods), http.MethodOptions), ", ")

// KnownMethod reports whether a method is one of Methods.
func KnownMethod(method string) bool {
	return slices.Contains(methods, method) || method == http.MethodOptions
}

// Allowed returns the methods that mux has a route for at the request's address, as the header Allow lists them (RFC 9110 §10.2.1); empty when
// there is nothing at all. The pattern "/" is no route: it is where a door asks this.
func Allowed(mux *http.ServeMux, r *http.Request) string {
	var allowed []string
	for _, method := range methods {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	return strings.Join(allowed, ", ")
}

// Left reports whether the sender went away, and then ends the answer.
func Left(w http.ResponseWriter, r *http.Request) bool {
	left := errors.Is(r.Context().Err(), context.Canceled)
	if left {
		w.WriteHeader(StatusLeft)
	}
	return left
}

// RetryAfter says when to come back.
func RetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(ratelimit.Seconds(wait)))
}

// LogFailure writes down what is nobody's fault but ours, under the number that the answer carries.
func LogFailure(log *slog.Logger, r *http.Request, err error) {
	log.ErrorContext(r.Context(), "request failed", "request_id", request.From(r.Context()).ID, "route", r.Pattern, "error", err)
}
