package plexapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/signin"
)

func TestRefusals(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.get("/api/v2/nothing", "").is(404, `code="1002"`)
		h.get("/users/nothing", "").is(404, "<errors><error>")
		h.ask(http.MethodPut, "/api/v2/user", "").is(405, `code="1005"`)
		h.ask("BREW", "/api/v2/user", "").is(405, `code="1005"`)
		h.get("/api/v2/user?a=%00", "").is(400, `code="1004"`)
		h.ask(http.MethodPost, signInPath, "login=a&login=b").is(400, `code="1004"`)
		h.ask(http.MethodPost, signInPath, strings.Repeat("a", 65<<10)).is(413, `code="1004"`)
		h.ask(http.MethodPost, signInPath, form("login", "ann", "password", annPassword), "Content-Type", "text/plain").is(401)
		h.ask(http.MethodPost, signInPath, form("login", "ann", "password", annPassword), "Origin", "https://evil.example").is(403, `code="1043"`)
		h.ask(http.MethodGet, "/api/v2/user", "", "Origin", "https://evil.example").is(401)
		if got := h.ask(http.MethodGet, signInPath, "").is(405).Header().Get("Allow"); got != "POST" {
			t.Errorf("allows %q", got)
		}
		a := h.ask(http.MethodOptions, "/api/v2/user", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET").is(204)
		if got := a.Header().Get("Access-Control-Allow-Methods"); got != "GET, HEAD" || a.Header().Get("Access-Control-Allow-Headers") != "*" {
			t.Errorf("lets %q in", got)
		}
		h.ask(http.MethodOptions, "/api/v2/nothing", "").is(404)
	})
}

// An outage is never an answer about a token or a password: clients sign their people out on any 4xx.
func TestRefusalOf(t *testing.T) {
	c := &call{}
	for _, x := range []struct {
		err          error
		code, status int64
	}{
		{errors.New("sql: no such table: account"), 1007, 500}, {errors.Join(signin.ErrWrong, fmt.Errorf("recording: %w", outage.Err)), 1013, 503},
		{fmt.Errorf("x: %w", &ratelimit.LimitedError{}), 1003, 429},
	} {
		got := c.refusalOf(x.err)
		if got.code != x.code || int64(got.status) != x.status || strings.Contains(got.words, "sql") {
			t.Errorf("%v is %+v", x.err, got)
		}
	}
	for _, m := range meanings {
		if m.code < 1000 || m.status < 400 || strings.ContainsAny(m.words, "!") || !strings.HasSuffix(m.words, ".") || strings.Contains(m.words, "HTTP") {
			t.Errorf("%v: %+v", m.err, m.refusal)
		}
	}
}

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/v2/user": true, "/api/v2": true, "/devices.xml": true, "/devices/1.xml": true, "/users/sign_in.xml": true, "/pms/servers.xml": true, "/api/users/": true, "/api/users": true,
		"/api/v1/me": false, "/api/v20": false, "/devicesx": false, "/": false, "/account/devices": false, "/api/": false,
	} {
		if Owns(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
	for _, rt := range (&Door{}).routes() {
		_, path, _ := strings.Cut(rt.pattern, " ")
		if !Owns(path) {
			t.Errorf("%s is on no path of the door's", rt.pattern)
		}
	}
}
