package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"usher/internal/credential"
	"usher/internal/passkey/passkeytest"
)

// question is asked of whoever comes to sign in.
func (h *holder) question() {
	h.Helper()
	asked := h.is(h.post("/sign-in/passkey/begin", nil, "usher-passkey", h.tokens[credential.Known]), http.StatusOK)
	var options struct {
		Challenge string `json:"challenge"`
	}
	h.must(json.Unmarshal(asked.Body.Bytes(), &options))
	text, err := base64.RawURLEncoding.DecodeString(options.Challenge)
	h.must(err)
	h.tokens[credential.Ceremony] = string(text)
}

// stranger answers a question with a passkey that nobody has here: a question that counts is told from one that does not.
func (h *holder) stranger(question string) string {
	h.Helper()
	options, err := json.Marshal(map[string]any{"challenge": base64.RawURLEncoding.EncodeToString([]byte(question)), "rpId": "localhost", "rp": map[string]string{"id": "localhost"}, "user": map[string]string{"id": "YQ"}})
	h.must(err)
	a := passkeytest.New(h, "https://usher.example.org")
	a.Create(options)
	return a.Get(options)
}
