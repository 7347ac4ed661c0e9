package accounts

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A service that signs with a new key is believed at once, whenever the keys were fetched last. Signals of keys that it does not have make nobody ask it without end.
func TestKeysOfSignalsAreFetchedAnew(t *testing.T) {
	var (
		keys    jose.JSONWebKeySet
		fetched int
		sets    map[string]string
	)
	mux := http.NewServeMux()
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	say := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) })
	}
	say("/.well-known/openid-configuration", fmt.Sprintf(`{"issuer":%q,"token_endpoint":"%[2]s/t","device_authorization_endpoint":"%[2]s/d","introspection_endpoint":"%[2]s/i"}`, service.URL, service.URL))
	say("/.well-known/ssf-configuration", fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%[2]s/k","configuration_endpoint":"%[2]s/s"}`, service.URL, service.URL))
	say("/t", `{"access_token":"a","expires_in":600}`)
	say("/s", fmt.Sprintf(`[{"stream_id":"s","delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"%s/p"}}]`, service.URL))
	mux.HandleFunc("/k", func(w http.ResponseWriter, _ *http.Request) { fetched++; _ = json.NewEncoder(w).Encode(keys) })
	mux.HandleFunc("/p", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"sets": sets})
	})
	c, _ := claimedAt(t, service.URL)
	now := time.Now()
	c.now = func() time.Time { return now }
	if _, err := c.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	signs := map[string]*rsa.PrivateKey{}
	for _, id := range []string{"k1", "k2", "k3", "made up"} {
		signs[id] = newRSA(t)
	}
	publish := func(id string) {
		keys.Keys = append(keys.Keys, jose.JSONWebKey{Key: signs[id].Public(), KeyID: id, Algorithm: "RS256", Use: "sig"})
	}
	polled := func(what, key string, believed bool, asked int) {
		t.Helper()
		before := fetched
		sets = map[string]string{"01A": signSET(t, signs[key], jose.RS256, key, "secevent+jwt", claimsOf(map[string]any{
			"iss": service.URL, "sub_id": map[string]any{"format": "iss_sub", "iss": service.URL, "sub": "acc-ann"},
		}))}
		got, err := c.Poll(t.Context(), Poll{Immediately: true})
		if err != nil || (len(got.All) == 1) != believed || (len(got.Wrong) == 1) == believed || fetched-before != asked {
			t.Errorf("%s: %+v, %v, the keys were fetched %d times", what, got, err, fetched-before)
		}
	}
	publish("k1")
	polled("the first", "k1", true, 1)
	polled("again", "k1", true, 0)
	publish("k2")
	polled("a new key, just after", "k2", true, 1)
	polled("the old one", "k1", true, 0)
	polled("a key that there is not", "made up", false, 0)
	publish("k3")
	polled("a newer one, within the pause", "k3", false, 0)
	now = now.Add(keysPause)
	polled("and after it", "k3", true, 1)
	now = now.Add(keysPause)
	polled("a key that there is not", "made up", false, 1)
	polled("and again", "made up", false, 0)
	now = now.Add(keysAge)
	polled("old keys", "k1", true, 1)
}
