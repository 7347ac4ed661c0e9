package gate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/secret"
)

// A service that does not hear who was there is told again, and one that has heard it is not; when the gate stops, it says what is left to say, and nothing where
// there is nothing.
func TestWhoWasThereIsToldOnce(t *testing.T) {
	var told [][]accounts.Visit
	status := http.StatusBadGateway
	mux := http.NewServeMux()
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[2]s/t","device_authorization_endpoint":"%[2]s/d","introspection_endpoint":"%[2]s/i"}`, service.URL, service.URL)
	})
	mux.HandleFunc("/t", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":600}`)
	})
	mux.HandleFunc("/i", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"active":true,"sub":"acc-bob","exp":%d}`, time.Now().Add(time.Hour).Unix())
	})
	mux.HandleFunc("PUT /api/v1/server", func(w http.ResponseWriter, r *http.Request) {
		var says struct {
			Version string
			Visits  []accounts.Visit
		}
		if err := json.NewDecoder(r.Body).Decode(&says); err != nil || says.Version != "1.0" {
			t.Errorf("%+v %v", says, err)
		}
		told = append(told, says.Visits)
		w.WriteHeader(status)
	})
	folder := claimedFolder(t, t.TempDir(), service.URL)
	cfg := config.Gate{Service: service.URL}
	client := accounts.New(cfg.ServiceURL(), folder, "1.0", time.Now)
	g := &gate{Settings: Settings{Config: cfg, Version: "1.0", Now: time.Now, Log: slog.New(slog.DiscardHandler)}, folder: folder, client: client}
	g.tellLast(t.Context()) // nobody could have been there
	decider := door.NewDecider(asker{client: client, suspended: func() {}, answers: func() {}}, service.URL, "srv-1", time.Hour, nil)
	g.door.Store(&door.Door{Settings: door.Settings{Decider: decider, Server: "srv-1"}})
	g.tellLast(t.Context())
	if len(told) > 0 {
		t.Fatalf("it tells of nobody: %v", told)
	}
	at := time.Now().Truncate(time.Second)
	token := secret.TokenOf("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + ".x")
	if _, err := decider.Decide(t.Context(), token, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	g.tell(t.Context())
	status = http.StatusNoContent
	g.tell(t.Context())
	g.tell(t.Context())
	g.tellLast(t.Context())
	if len(told) != 3 || len(told[0]) != 1 || len(told[1]) != 1 || len(told[2]) != 0 || told[1][0].Subject != "acc-bob" || told[1][0].At.Before(at) || told[1][0].At.After(time.Now()) {
		t.Errorf("it tells %v", told)
	}
}
