package signals

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/outage"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/stream"
	"usher/internal/transmitter"
)

// problem is an error as OAuth 2 spells it (RFC 6749 §5.2): readers know that from the token endpoint.
type problem struct {
	Code string `json:"error,omitempty"`
	Text string `json:"error_description,omitempty"`
}

var (
	errNoToken = errors.New("signals: no access token")
	errBody    = errors.New("signals: the body is no JSON object that can be read")
	errNoID    = errors.New("signals: stream_id is missing")
)

// known is how errors are told that the sender can do something about.
var known = []struct {
	err    error
	status int
	problem
}{
	{errBody, http.StatusBadRequest, problem{"invalid_request", "send one JSON object, with members of the right kind"}},
	{errNoID, http.StatusBadRequest, problem{"invalid_request", "stream_id is missing"}},
	{stream.ErrNotFound, http.StatusNotFound, problem{"not_found", "the client has no such stream"}},
	{stream.ErrExists, http.StatusConflict, problem{"stream_exists", "the client has a stream already"}},
	{transmitter.ErrEndpoint, http.StatusBadRequest, problem{"invalid_request", "endpoint_url is missing, or not an address that is called: it begins with https:// and is not in a private network"}},
	{transmitter.ErrText, http.StatusBadRequest, problem{"invalid_request", "a text is too long, or has characters that cannot be kept"}},
	{transmitter.ErrStatus, http.StatusBadRequest, problem{"invalid_request", "status is enabled, paused or disabled"}},
	{transmitter.ErrMethod, http.StatusBadRequest, problem{"invalid_request", "method is " + string(stream.Poll) + " or " + string(stream.Push)}},
}

// answer adapts a handler for the mux.
func (d *Door) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			d.fail(w, r, err)
		}
	})
}

// fail answers with the error that belongs to what went wrong. An outage is never the reader's fault.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	if response.Left(w, r) {
		return
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			d.refuse(w, r, k.status, k.problem)
			return
		}
	}
	switch {
	case errors.Is(err, errNoToken):
		d.challenge(w, r, http.StatusUnauthorized, "")
	case errors.Is(err, grant.ErrScope):
		d.challenge(w, r, http.StatusForbidden, "insufficient_scope")
	case credential.IsDead(err):
		d.challenge(w, r, http.StatusUnauthorized, "invalid_token")
	case errors.Is(err, transmitter.ErrCrowded):
		response.RetryAfter(w, response.BusyPause)
		d.refuse(w, r, http.StatusServiceUnavailable, problem{"temporarily_unavailable", "as many polls wait as may"})
	case errors.Is(err, outage.Err), errors.Is(err, context.DeadlineExceeded):
		response.RetryAfter(w, response.BusyPause)
		response.LogFailure(d.Log, r, err)
		d.refuse(w, r, http.StatusServiceUnavailable, problem{"temporarily_unavailable", "try again later"})
	default:
		response.LogFailure(d.Log, r, err)
		d.refuse(w, r, http.StatusInternalServerError, problem{"server_error", "it is in the log, under the number in X-Request-Id"})
	}
}

// challenge asks for an access token (RFC 6750 §3). Where none was shown, nothing is said about what is wrong with it.
func (d *Door) challenge(w http.ResponseWriter, r *http.Request, status int, code string) {
	text, why := "Bearer realm="+strconv.Quote(d.Origin), "no_token"
	if code != "" {
		text, why = text+`, error="`+code+`"`, code
	}
	w.Header().Set("WWW-Authenticate", text)
	request.Refuse(r.Context(), why)
	send(w, status, problem{Code: code})
}

// refuse answers with a problem, and leaves its code to the line in the log.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, status int, p problem) {
	request.Refuse(r.Context(), p.Code)
	send(w, status, p)
}

// Refused answers what was turned away before it reached a handler.
func (d *Door) Refused(w http.ResponseWriter, r *http.Request, status int, _ string) {
	p := problem{Code: "invalid_request"}
	if status >= http.StatusInternalServerError {
		p.Code = "server_error"
	}
	d.refuse(w, r, status, p)
}

func send(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("signals: an answer is no JSON: " + err.Error())
	}
	raw = append(raw, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the reader may be gone; nothing is left to tell it
}
