package issuertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Endpoint is one thing that an issuer can be asked.
type Endpoint string

// The endpoints.
const (
	Authorization Endpoint = "authorization"
	Discovery     Endpoint = "discovery"
	Keys          Endpoint = "keys"
	Tokens        Endpoint = "token"
	UserInfo      Endpoint = "userinfo" // and Facebook's /me
)

// Obstacle is what an endpoint does in place of answering.
type Obstacle string

// The obstacles.
const (
	Redirects Obstacle = "redirects" // to another host, which would answer rightly: see Lured
	Silent    Obstacle = "silent"    // takes the question and never answers
	Endless   Obstacle = "endless"   // begins an answer that does not end
	Huge      Obstacle = "huge"      // an answer of 64 MB
	Broken    Obstacle = "broken"    // 500
	Babbles   Obstacle = "babbles"   // 200, and a page where JSON is due
)

// Obstruct has an endpoint do this until it is called with an empty Obstacle.
func (i *Issuer) Obstruct(endpoint Endpoint, obstacle Obstacle) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.obstacle[endpoint] = obstacle
}

func (i *Issuer) endpoint(path string) Endpoint {
	if path == "/.well-known/openid-configuration" {
		return Discovery
	}
	for name, endpoint := range map[string]Endpoint{"authorization": Authorization, "token": Tokens, "jwks": Keys, "userinfo": UserInfo} {
		if path == i.kind.routes[name] {
			return endpoint
		}
	}
	return ""
}

func (o Obstacle) serve(w http.ResponseWriter, r *http.Request, elsewhere string) {
	_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that whoever asks has gone
	w.Header().Set("Content-Type", "application/json")
	switch o {
	case Redirects:
		http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	case Silent:
		<-r.Context().Done()
	case Endless:
		write(w, `{"issuer":"`)
		for r.Context().Err() == nil && write(w, "abcdefgh") {
		}
	case Huge:
		write(w, `{"huge":"`)
		part := strings.Repeat("a", 1<<20)
		for range 64 {
			if !write(w, part) {
				return
			}
		}
		write(w, `"}`)
	case Broken:
		http.Error(w, "broken", http.StatusInternalServerError)
	case Babbles:
		w.Header().Set("Content-Type", "text/html")
		write(w, "<!DOCTYPE html><title>Under construction</title>")
	}
}

// write sends a part of an answer at once, and tells whether somebody is still there.
func write(w http.ResponseWriter, part string) bool {
	if _, err := w.Write([]byte(part)); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}
