package plexapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/secret"
)

// scalars are the facts of an account that the strictest clients want, each with a value or null.
const scalars = `id uuid username title email friendlyName locale confirmed joinedAt emailOnlyAuth hasPassword protected thumb authToken mailingListStatus
	mailingListActive scrobbleTypes country subscriptionDescription restricted anonymous home guest homeSize homeAdmin maxHomeSize rememberExpiresAt adsConsent
	adsConsentSetAt adsConsentReminderAt experimentalFeatures twoFactorEnabled backupCodesCreated attributionPartner certificateVersion`

func TestUser(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		got := h.get("/api/v2/user", token, "Accept", "application/json, text/plain, */*").is(200).jsonBody()
		for _, name := range append(strings.Fields(scalars), "subscription", "profile", "entitlements", "roles", "subscriptions", "services", "pastSubscriptions", "trials") {
			if _, has := got[name]; !has {
				t.Errorf("there is no %s", name)
			}
		}
		if got["username"] != "ann" || got["authToken"] != token || got["email"] != "ann@example.org" || got["uuid"] != ann.ID || got["pin"] != nil {
			t.Errorf("says %v", got)
		}
		h.get("/api/v2/user", token).is(200, "<user ", ` confirmed="1"`, ` locale=""`)
		h.get("/api/v2/user", token, "Accept", "*/*").is(200, "<user ")
		h.get("/api/v2/user.json", token).is(200, `{"id":`)
		h.get("/api/v2/user.xml", token, "Accept", "application/json").is(200, "<user ")
		h.get("/users/account", token, "Accept", "application/json").is(200, "<user ")
		h.get("/users/account.json", token).is(200, `{"user":{"id":`)
		h.get("/users/account.xml", token).is(200, "<user ")
		h.ask(http.MethodGet, "/api/v2/user?X-Plex-Token="+token, "").is(200)
		h.ask(http.MethodGet, "/api/v2/user?X-Plex-Token="+token, "", "X-Plex-Token", token).is(200)
		h.ask(http.MethodGet, "/api/v2/user?X-Plex-Token="+token, "", "X-Plex-Token", secret.NewToken().Reveal()).is(400, `code="1004"`)
		h.get("/api/v2/ping", token).is(200, "<pong>true</pong>")
		h.get("/api/v2/ping", token, "Accept", "application/json").is(200, `{"pong":true}`)
	})
}

// Attack S3 and SE-5: what is no token of the one spelling, and a cookie whatever it holds, is nobody's. Older addresses say so in two words.
func TestDeadTokens(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		for _, dead := range []string{
			"x", strings.ToUpper(token), token[:51], token + "a", " " + token + "a", "%" + token, secret.NewToken().Reveal(), secret.NewAppPassword().Reveal(), secret.NewClaim().Reveal(), "' OR 1=1 --",
		} {
			h.get("/api/v2/user", dead).is(401, `code="1001"`)
			h.get("/users/account", dead).is(422, "<errors><error>Invalid token</error></errors>")
			h.get("/users/account.json", dead).is(422, `{"error":"Invalid token"}`)
		}
		for _, cookie := range []string{"__Host-usher=" + token, "X-Plex-Token=" + token} {
			h.ask(http.MethodGet, "/api/v2/user", "", "Cookie", cookie).is(401, `code="1001"`)
			h.ask(http.MethodGet, "/users/account", "", "Cookie", cookie).is(401)
		}
		h.ask(http.MethodGet, "/api/v2/user", "", "Authorization", "Bearer "+token).is(401)
	})
}

// Attack S5: signing out ends the token at once, and the device with it.
func TestSignOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		one, other := h.signIn("ann", annPassword, "one"), h.signIn("ann", annPassword, "other")
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", one).is(204)
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", one).is(401)
		h.get("/api/v2/user", other).is(200)
		if got := h.apps(ann.ID); len(got) != 1 || got[0].Claim.Identifier != "other" {
			t.Errorf("left are %+v", got)
		}
	})
}

// The last use of a token is noted.
func TestUseIsNoted(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		h.now = h.now.Add(time.Hour)
		h.get("/api/v2/ping", token, "X-Plex-Client-Identifier", "another").is(200)
		h.must(h.door.Touches.Flush(t.Context(), h.db))
		if got := h.apps(ann.ID); !got[0].UsedAt.Equal(h.now) || got[0].Claim.Identifier != "attic" {
			t.Errorf("used %v", got[0].UsedAt)
		}
	})
}
