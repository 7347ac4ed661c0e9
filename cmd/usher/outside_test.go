package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/issuer"
	"usher/internal/secret"
	"usher/internal/social"
)

// sentAway sends a browser to another service, and returns the state of the question.
func (h *holder) sentAway() string {
	h.Helper()
	w := h.is(h.post("/sign-in/with/facebook", nil, "usher-outside", h.away), http.StatusSeeOther)
	to, err := url.Parse(w.Header().Get("Location"))
	h.must(err)
	h.away = cookie(w, "usher-outside")
	return to.Query().Get("state")
}

// arrives leaves a question to another service, an answer that its page has posted, and somebody of whom it tells.
func (h *holder) arrives() {
	h.Helper()
	h.tokens[credential.Outside], h.tokens[credential.Parked] = h.sentAway(), h.sentAway()
	h.is(h.post(social.ReturnPath("facebook"), url.Values{"state": {h.tokens[credential.Parked]}, "error": {"access_denied"}}), http.StatusSeeOther)
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	detail, err := json.Marshal(map[string]any{"told": map[string]string{"provider": "facebook", "issuer": issuer.FacebookIssuer, "subject": h.name}})
	h.must(err)
	link := credential.Link{Kind: credential.Arrival, Token: secret.NewToken(), Detail: string(detail), Stamp: credential.Stamp{Born: clock.Epoch}}
	h.must(h.db.Record(h.Context(), audit.Act{At: h.at}.Linking(link)))
	h.tokens[credential.Arrival] = link.Token.Reveal()
}

// comesBack brings an answer to a question, of somebody who has changed their mind; nothing besides where the answer was posted before.
func (h *holder) comesBack(state string) *httptest.ResponseRecorder {
	h.Helper()
	h.do(`UPDATE credential SET created_at = $1, expires_at = $2 WHERE kind = $3`, h.at.UnixMilli(), h.at.Add(time.Minute).UnixMilli(), string(credential.Parked)) // its minute is shorter than this test
	q := url.Values{"state": {state}}
	if state != h.tokens[credential.Parked] {
		q.Set("error", "access_denied")
	}
	return h.send(http.MethodGet, social.ReturnPath("facebook")+"?"+q.Encode(), request{cookies: map[string]string{"usher-outside": h.away}})
}
