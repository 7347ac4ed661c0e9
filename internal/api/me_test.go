package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/secret"
	"usher/internal/teststore"
)

func (h *house) basic(login, password string) answer {
	h.Helper()
	return h.ask(http.MethodGet, "/api/v1/me", "", "Authorization", basic(login, password))
}

// appPassword makes an app password as its owner does on the page.
func (h *house) appPassword(a account.Account) string {
	h.Helper()
	return teststore.AppPassword(h, h.db, a.ID, h.now).Reveal()
}

func TestMe(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.person("bob", true)
		app := h.appPassword(ann)
		if got := h.basic("ann", annPassword).is(200, "").Body.String(); got != `{"id":"`+ann.ID+`","name":"The ann","user_name":"ann"}`+"\n" {
			t.Errorf("says %s", got)
		}
		h.basic("ann", app).is(200, "")
		h.me(app).is(200, "")
		h.me(secret.TokenOf(app).Grouped().Reveal()).is(200, "") // as its page shows it
		code := h.code("bob")
		h.basic("bob", annPassword+code).is(200, "")
		for _, a := range []answer{
			h.basic("bob", annPassword).is(401, "code-required"), h.basic("bob", annPassword+code).is(401, "wrong-code"), h.basic("bob", "wrong").is(401, "wrong"),
			h.basic("ann", "").is(401, "no-credentials"), h.basic("", annPassword).is(401, "no-credentials"), h.ask(http.MethodGet, "/api/v1/me", "").is(401, "no-credentials"),
			h.ask(http.MethodGet, "/api/v1/me", "", "Authorization", "Basic !").is(401, "no-credentials"),
			h.ask(http.MethodGet, "/api/v1/me", "", "Cookie", "__Host-usher="+h.signIn("ann", annPassword)).is(401, "no-credentials"),
		} {
			if got := a.Header().Get("WWW-Authenticate"); got != `Basic realm="usher.example.org", charset="UTF-8"` {
				t.Errorf("%s: challenge %q", a.path, got)
			}
		}
		if !strings.Contains(h.basic("bob", annPassword).problem().Detail, "Add the six digits of your authenticator app to the end of the password") {
			t.Error("nobody says where the digits go")
		}
		for _, login := range []string{"ann", ""} { // a page of another website has no browser guess, nor ask its person
			a := h.ask(http.MethodGet, "/api/v1/me", "", "Authorization", basic(login, annPassword), "Sec-Fetch-Site", "cross-site").is(403, "other-site")
			if got := a.Header().Get("WWW-Authenticate"); got != "" {
				t.Errorf("a page of another website is asked for a password: %q", got)
			}
		}
		h.basic("ann", "a\x00b").is(400, "bad-request")
		h.basic("ann", "\xff").is(400, "bad-request")
		for _, token := range []string{"x", secret.NewToken().Reveal(), secret.NewAppPassword().Reveal(), "' OR 1=1 --"} {
			h.me(token).is(401, "dead-token")
		}
	})
}

func TestSignOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		one, other, app := h.signIn("ann", annPassword), h.signIn("ann", annPassword), h.appPassword(ann)
		for _, token := range []string{one, app} {
			h.ask(http.MethodPost, "/api/v1/sign-out", "", "Authorization", "Bearer "+token).is(204, "")
			h.ask(http.MethodPost, "/api/v1/sign-out", "", "Authorization", "Bearer "+token).is(401, "dead-token")
			h.me(token).is(401, "dead-token")
		}
		h.me(other).is(200, "")
		h.ask(http.MethodPost, "/api/v1/sign-out", "").is(401, "no-credentials")
		h.ask(http.MethodPost, "/api/v1/sign-out", "", "Authorization", basic("ann", annPassword)).is(401, "no-credentials")
	})
}

// The last use of a token is noted, and of an app password as well.
func TestUseIsNoted(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token, app := h.signIn("ann", annPassword), h.appPassword(ann)
		h.now = h.now.Add(time.Hour)
		h.me(token).is(200, "")
		h.basic("ann", app).is(200, "")
		h.must(h.door.Touches.Flush(t.Context(), h.db))
		devices, err := h.db.ListDevices(t.Context(), ann.ID)
		h.must(err)
		for _, d := range devices {
			if !d.UsedAt.Equal(h.now) || d.Seen.Address != "203.0.113.7" {
				t.Errorf("%s was last used %v at %s", d.Name, d.UsedAt, d.Seen.Address)
			}
		}
	})
}
