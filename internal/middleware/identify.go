package middleware

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"usher/internal/request"
)

// idAlphabet leaves out i, l, o and u: people read these numbers to each other.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	idLength    = 12 // symbols of 5 bits
	nonceLength = 16 // bytes
)

// identify establishes the request's facts, puts them into its context and
// dresses the answer. The client's own X-Request-Id is never adopted: it would
// let a stranger forge a trail through the log.
func (c *chain) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		facts := newFacts()
		facts.Client, facts.Secure = c.origin(r)
		facts.Page = c.pageOf(r)
		c.headers.dress(w.Header(), r.Host, facts)
		next.ServeHTTP(&answer{ResponseWriter: w}, r.WithContext(request.With(r.Context(), facts)))
	})
}

func newFacts() request.Facts {
	var random [idLength + nonceLength]byte
	rand.Read(random[:]) // never fails: the runtime ends the program instead
	var id [idLength]byte
	for i := range id {
		id[i] = idAlphabet[random[i]&31]
	}
	return request.Facts{
		ID:    string(id[:]),
		Nonce: base64.RawURLEncoding.EncodeToString(random[idLength:]),
	}
}
