package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/linkcode"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/request"
	"usher/internal/response"
)

// problem is an error as RFC 6749 §5.2 writes it.
type problem struct {
	Code string `json:"error"`
	Text string `json:"error_description,omitempty"`
	// Standing tells a claimed media server, for its program, that it is suspended.
	Standing string `json:"standing,omitempty"`
}

// errNoToken says that a request shows no access token.
var errNoToken = errors.New("oidc: no access token")

// answer adapts a handler for the mux.
func (d *Door) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			d.fail(w, r, err)
		}
	})
}

// fail answers with the error that belongs to what went wrong. An outage is never the client's fault: apps sign people out when told so.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	if response.Left(w, r) {
		return
	}
	refusal, limited := new(grant.Refusal), new(ratelimit.LimitedError)
	switch {
	case errors.As(err, &refusal) && refusal.Code == "invalid_client":
		w.Header().Set("WWW-Authenticate", "Basic realm="+strconv.Quote(d.Origin)) // RFC 6749 §5.2
		d.refuse(w, r, http.StatusUnauthorized, problem{Code: refusal.Code, Text: refusal.Text})
	case errors.As(err, &refusal):
		d.refuse(w, r, http.StatusBadRequest, problem{refusal.Code, refusal.Text, refusal.Standing})
	case errors.Is(err, errNoToken):
		d.challenge(w, r, http.StatusUnauthorized, "")
	case errors.Is(err, grant.ErrScope):
		d.challenge(w, r, http.StatusForbidden, "insufficient_scope")
	case credential.IsDead(err):
		d.challenge(w, r, http.StatusUnauthorized, "invalid_token")
	case errors.Is(err, linkcode.ErrMost):
		response.RetryAfter(w, time.Minute)
		d.refuse(w, r, http.StatusTooManyRequests, problem{Code: "temporarily_unavailable", Text: "too many codes wait on this network"})
	case errors.As(err, &limited):
		response.RetryAfter(w, limited.Until.Sub(d.Now()))
		d.refuse(w, r, http.StatusTooManyRequests, problem{Code: "temporarily_unavailable", Text: "too many requests from this network"})
	case errors.Is(err, outage.Err), errors.Is(err, context.DeadlineExceeded):
		response.RetryAfter(w, response.BusyPause)
		response.LogFailure(d.Log, r, err)
		d.refuse(w, r, http.StatusServiceUnavailable, problem{Code: "temporarily_unavailable", Text: "try again later"})
	default:
		response.LogFailure(d.Log, r, err)
		d.refuse(w, r, http.StatusInternalServerError, problem{Code: "server_error", Text: "it is in the log, under the number in X-Request-Id"})
	}
}

// challenge asks for an access token (RFC 6750 §3). Where none was shown, nothing is said about what is wrong with it.
func (d *Door) challenge(w http.ResponseWriter, r *http.Request, status int, code string) {
	text := "Bearer realm=" + strconv.Quote(d.Origin)
	if code != "" {
		text += `, error="` + code + `"`
	}
	w.Header().Set("WWW-Authenticate", text)
	if code == "" {
		request.Refuse(r.Context(), "no_token")
		d.write(w, status, problem{})
		return
	}
	d.refuse(w, r, status, problem{Code: code})
}

// refuse answers with a problem, and leaves its code to the line in the log.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, status int, p problem) {
	request.Refuse(r.Context(), p.Code)
	d.write(w, status, p)
}

// refusals are the problems that the pieces before every door find.
var refusals = map[string]string{
	request.RefusedSize: "the body is too large", request.RefusedContentType: "send a form (application/x-www-form-urlencoded)",
	request.RefusedForm: "the form is broken, or has a field twice", request.RefusedHost: "this service does not answer to this name",
}

// Refused answers what was turned away before it reached a handler.
func (d *Door) Refused(w http.ResponseWriter, r *http.Request, status int, kind string) {
	p := problem{Code: "invalid_request", Text: refusals[kind]}
	if status >= http.StatusInternalServerError {
		p.Code = "server_error"
	}
	d.refuse(w, r, status, p)
}

func (d *Door) write(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("oidc: an answer is no JSON: " + err.Error())
	}
	raw = append(raw, '\n')
	open(w)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the reader may be gone; nothing is left to tell them
}
