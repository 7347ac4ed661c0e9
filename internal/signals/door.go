// Package signals is the door of the shared-signals transmitter (SSF 1.0): its metadata, the management of streams, and polls (RFC 8936). It owns how
// requests and answers are spelled, and refuses to know what makes something happen. Callers are clients with a token of their own; nothing here reads a cookie.
package signals

import (
	"log/slog"
	"net/http"
	"strings"

	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/response"
	"usher/internal/secret"
	"usher/internal/stream"
	"usher/internal/transmitter"
)

// The addresses of the endpoints.
const (
	prefix       = "/ssf/"
	pathMetadata = "/.well-known/ssf-configuration" // SSF 1.0 §7.2
	pathStream   = "/ssf/stream"
	pathStatus   = "/ssf/status"
	pathVerify   = "/ssf/verify"
	pathPoll     = "/ssf/poll"
)

// Door is every endpoint of the transmitter.
type Door struct {
	Grants      *grant.Service
	Transmitter *transmitter.Service
	Origin      string // the issuer
	Keys        string // where its public keys are
	Log         *slog.Logger
}

// handler answers a request or says what went wrong; answer turns that into an error object and a log line.
type handler func(w http.ResponseWriter, r *http.Request) error

// clientHandler is a handler for the client that has shown its token.
type clientHandler func(w http.ResponseWriter, r *http.Request, c relyingparty.Client) error

// route is one line of the table.
type route struct {
	pattern string
	handler handler
}

// routes lists every endpoint.
func (d *Door) routes() []route {
	reads := []relyingparty.Scope{relyingparty.Signals, relyingparty.ManageSignals}
	manages := []relyingparty.Scope{relyingparty.ManageSignals}
	return []route{
		{"GET /.well-known/ssf-configuration", d.metadata},
		{"GET /ssf/stream", d.by(reads, d.readStream)},
		{"POST /ssf/stream", d.by(manages, d.createStream)},
		{"PATCH /ssf/stream", d.by(manages, d.updateStream)},
		{"PUT /ssf/stream", d.by(manages, d.replaceStream)},
		{"DELETE /ssf/stream", d.by(manages, d.deleteStream)},
		{"GET /ssf/status", d.by(reads, d.readStatus)},
		{"POST /ssf/status", d.by(manages, d.updateStatus)},
		{"POST /ssf/verify", d.by(reads, d.verify)},
		{"POST /ssf/poll", d.by(reads, d.poll)},
	}
}

// Owns reports whether a path is this door's.
func Owns(path string) bool { return strings.HasPrefix(path, prefix) || path == pathMetadata }

// Handler mounts every endpoint. What is not there is 404, and 405 when there is something for another method.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range d.routes() {
		mux.Handle(rt.pattern, d.answer(rt.handler))
	}
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.elsewhere(mux, w, r) }))
	return mux
}

// elsewhere tells a wrong method from a wrong address.
func (d *Door) elsewhere(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	allowed := response.Allowed(mux, r)
	if allowed == "" {
		d.refuse(w, r, http.StatusNotFound, problem{"not_found", "there is nothing here"})
		return
	}
	w.Header().Set("Allow", allowed)
	d.refuse(w, r, http.StatusMethodNotAllowed, problem{"invalid_request", "that is not done here"})
}

// by lets clients in that show a token of their own with one of the scopes. It is taken from the header alone (RFC 6750 §2.1).
func (d *Door) by(scopes []relyingparty.Scope, h clientHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		token := secret.Bearer(r.Header["Authorization"])
		if token.Empty() {
			return errNoToken
		}
		in, err := d.Grants.ClientBearer(r.Context(), token)
		if err != nil {
			return err
		}
		for _, s := range scopes {
			if in.Has(s) {
				return h(w, r, in.Client)
			}
		}
		return grant.ErrScope
	}
}

// configuration describes the transmitter (SSF 1.0 §7.1).
type configuration struct {
	Version  string          `json:"spec_version"`
	Issuer   string          `json:"issuer"`
	Keys     string          `json:"jwks_uri"`
	Delivery []stream.Method `json:"delivery_methods_supported"`
	Streams  string          `json:"configuration_endpoint"`
	Status   string          `json:"status_endpoint"`
	Verify   string          `json:"verification_endpoint"`
	Critical []string        `json:"critical_subject_members"`
	Schemes  []scheme        `json:"authorization_schemes"`
	Subjects string          `json:"default_subjects"`
}

type scheme struct {
	URN string `json:"spec_urn"`
}

func (d *Door) metadata(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=900")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	send(w, http.StatusOK, configuration{
		Version: "1_0", Issuer: d.Origin, Keys: d.Keys, Delivery: stream.Methods(), Streams: d.Origin + pathStream, Status: d.Origin + pathStatus,
		Verify: d.Origin + pathVerify, Critical: []string{"user", "session", "device"}, Schemes: []scheme{{"urn:ietf:rfc:6749"}}, Subjects: "ALL",
	})
	return nil
}
