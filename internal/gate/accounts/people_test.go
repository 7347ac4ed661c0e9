package accounts

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"usher/internal/outage"
)

func TestPeople(t *testing.T) {
	status, answer := 0, ""
	mux := http.NewServeMux()
	service := httptest.NewServer(mux)
	t.Cleanup(service.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[2]s/t","device_authorization_endpoint":"%[2]s/d","introspection_endpoint":"%[2]s/i"}`, service.URL, service.URL)
	})
	mux.HandleFunc("/t", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":600}`)
	})
	mux.HandleFunc("GET /api/v1/server/people", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer a" {
			t.Errorf("asked with %q", r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	})
	c, _ := claimedAt(t, service.URL)
	const people = `{"people":[{"sub":"acc-ann","username":"ann","group":"owner"},{"sub":"acc-bob","name":"Bob","email":"bob@example.org","email_verified":true,"group":"guest","ends":"2026-12-24T18:00:00Z"},` +
		`{"sub":"acc-eve","email":"ann@example.org","group":"guest"}]}`
	for name, s := range map[string]struct {
		status int
		answer string
		want   error
	}{
		"people": {200, people, nil}, "nobody": {200, `{"people":[]}`, outage.Err}, "something else": {200, `{}`, outage.Err}, "down": {503, `{}`, outage.Err},
	} {
		status, answer = s.status, s.answer
		all, err := c.People(t.Context())
		switch {
		case s.want == nil:
			if err != nil || len(all) != 3 || all[0] != (Resident{Subject: "acc-ann", UserName: "ann", Group: "owner"}) || all[1].Email != "bob@example.org" || all[1].Name != "Bob" ||
				!all[1].Ends.Equal(time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)) || all[2].Email != "" {
				t.Errorf("%s: %+v %v", name, all, err)
			}
		case !errors.Is(err, s.want):
			t.Errorf("%s: %v", name, err)
		}
	}
	status, answer = http.StatusForbidden, `{"type":"/problems/may-not"}`
	if _, err := c.People(t.Context()); !Is(err, "may-not") {
		t.Errorf("a no: %v", err)
	}
}
