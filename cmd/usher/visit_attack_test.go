package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"usher/internal/api"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// sent is where a server's authorization request, with parameters besides, leads the browser of somebody, or one where nobody is signed in.
func (h *holder) sent(gate *app, browser string, parameters ...string) *httptest.ResponseRecorder {
	h.Helper()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(oauth2.GenerateVerifier())}
	for i := 0; i < len(parameters); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(parameters[i], parameters[i+1]))
	}
	var cookies map[string]string
	if browser != "" {
		cookies = map[string]string{"usher": browser}
	}
	return h.send(http.MethodGet, h.ask(gate.config.AuthCodeURL("s", options...)).RequestURI(), request{cookies: cookies})
}

// The owner of a server who sends a visitor here learns nothing that the visitor does not press a button for: not whether they are signed in, since when, whether
// they are on the list, nor whether an address has an account.
func TestServersLearnNothingUnasked(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		empty, listed, closed := h.opened(h.anna), h.opened(h.anna), h.opened(h.anna)
		for _, gate := range []*app{listed, closed} {
			h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), closed.ID, device.Client{}))
		theirs := h.signedIn(h.bert)
		d.at = d.at.Add(20 * time.Minute)
		for where, gate := range map[string]*app{"on no list": empty, "on the list": listed, "suspended": closed} {
			for who, browser := range map[string]string{"signed in": theirs, "signed out": ""} {
				for _, with := range [][]string{nil, {"prompt", "none"}, {"prompt", "none", "max_age", "60"}, {"prompt", "none", "max_age", "3600"}, {"prompt", "login"}, {"prompt", "none", "acr_values", "urn:usher:second-step"}} {
					w := h.sent(gate, browser, with...)
					if strings.Contains(w.Header().Get("Location"), "192.168.1.5") || w.Code >= http.StatusBadRequest {
						t.Errorf("%s, %s, %v: %d %s", where, who, with, w.Code, w.Header().Get("Location"))
					}
				}
			}
		}
		page := h.sent(closed, theirs)
		if !strings.Contains(page.Body.String(), "is closed for now") || strings.Contains(page.Body.String(), `value="allow"`) {
			t.Errorf("suspended: %d %s", page.Code, page.Body)
		}
		if back := h.post("/authorize/consent", consentForm(page, "allow"), "usher", theirs).Header().Get("Location"); !strings.Contains(back, "error=temporarily_unavailable") {
			t.Errorf("who presses what is not there is back at %q", back)
		}
		h.codeFor(listed, theirs)
		if back := h.sent(listed, theirs, "prompt", "none").Header().Get("Location"); !strings.Contains(back, "code=") {
			t.Errorf("who has agreed is back at %q", back)
		}
		if back := h.sent(empty, h.signedIn(h.anna), "prompt", "none").Header().Get("Location"); !strings.Contains(back, "code=") {
			t.Errorf("the owner is back at %q", back)
		}
	})
}

// A member's server is no way from our address to anywhere: what is wrong with its requests is said here.
func TestServersAreNoOpenRedirect(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		query := "/oauth/authorize?client_id=" + gate.ID + "&redirect_uri=" + url.QueryEscape(gate.config.RedirectURL)
		for _, rest := range []string{"", "&response_type=x", "&response_type=code&scope=openid", "&response_type=code&response_mode=form_post", "&request=x", "&prompt=none", "&state=" + strings.Repeat("s", 3000)} {
			for _, cookies := range []map[string]string{nil, {"usher": h.signedIn(h.bert)}} {
				w := h.send(http.MethodGet, query+rest, request{cookies: cookies})
				if w.Header().Get("Location") != "/authorize/refused?reason=unreadable" {
					t.Errorf("%.40s: %d %s", rest, w.Code, w.Header().Get("Location"))
				}
			}
		}
	})
}

// A player's visit tells a server no more of its person than the person has agreed to on our page.
func TestPlayersTellWhatWasAgreedTo(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		theirs, player := h.signedIn(h.bert), h.program(h.bert)
		for _, scopes := range [][]string{{"openid"}, {"openid", "profile"}, {"openid", "email"}} {
			gate.config.Scopes = scopes
			h.codeFor(gate, theirs)
			v := gate.sees(h.playsAt(gate, player))
			agreed := strings.Join(scopes, " ")
			if !v.Active || (v.Name+v.Username != "") != strings.Contains(agreed, "profile") || (v.Email != "") != strings.Contains(agreed, "email") {
				t.Errorf("%s: %+v", agreed, v)
			}
			h.must(d.db.RevokeConsent(d.Context(), h.bert.ID, gate.ID, audit.Act{At: d.at}))
		}
	})
}

// What has no say in the owner's account is no owner at the owner's server: a TV that somebody let in by a code, an app that may play, an app password.
func TestPlayersOfTheOwnerAreNoOwners(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, browser := h.opened(h.anna), h.signedIn(h.anna)
		var waits struct {
			Device string `json:"device_code"`
			Code   string `json:"user_code"`
		}
		w := h.is(h.send(http.MethodPost, "/api/v1/link", request{object: map[string]string{"device": "TV"}}), http.StatusOK)
		h.must(json.Unmarshal(w.Body.Bytes(), &waits))
		h.lets(waits.Code, browser, "confirm")
		w = h.is(h.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": waits.Device}}), http.StatusOK)
		shows := map[string]string{
			"a TV": aToken.FindString(w.Body.String()), "an app": h.tokensFor(d.newApp("jellyfin", nil), browser, "openid", "player").AccessToken,
		}
		for what, token := range shows {
			if v := gate.sees(h.playsAt(gate, token)); !v.Active || !slices.Equal(v.Groups, []server.Group{server.Player}) || v.Sub != h.anna.ID {
				t.Errorf("%s is %+v", what, v)
			}
		}
		if v := gate.sees(h.playsAt(gate, h.program(h.anna))); !slices.Equal(v.Groups, []server.Group{server.Owner}) {
			t.Errorf("a program that may act for the owner is %+v", v)
		}
	})
}

// An address that only an operator has named lets nobody in at a server, and no server takes it for its person's.
func TestUnprovedAddressesCountNowhere(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, theirs := h.opened(h.anna), h.signedIn(h.bert)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
		d.do("UPDATE account SET email_proved = $1 WHERE id = $2", false, h.bert.ID)
		page := h.sent(gate, theirs)
		if !strings.Contains(page.Body.String(), "you are not on the list") {
			t.Errorf("%d %s", page.Code, page.Body)
		}
		if w := h.post("/authorize/consent", consentForm(page, "allow"), "usher", theirs); strings.Contains(w.Header().Get("Location"), "code=") {
			t.Error("who presses what is not there comes in")
		}
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		code, verifier := h.codeFor(gate, theirs)
		token := said(gate.redeems(code, verifier)).Access
		for _, proved := range []bool{false, true} {
			d.do("UPDATE account SET email_proved = $1 WHERE id = $2", proved, h.bert.ID)
			if v := gate.sees(token); !v.Active || (v.Email == h.bert.Email) != proved || !proved && v.Email != "" || (v.Verified != nil && *v.Verified) != proved {
				t.Errorf("proved: %v, told: %+v", proved, v)
			}
		}
	})
}

// A token made for a server ends with its app's right to play.
func TestAppsThatMayPlayNoMore(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, a := h.opened(h.anna), d.newApp("jellyfin", nil)
		token := h.playsAt(gate, h.tokensFor(a, h.signedIn(h.anna), "openid", "player", "offline_access").AccessToken)
		if !gate.sees(token).Active {
			t.Fatal("it does not count")
		}
		c, err := d.db.FindClient(d.Context(), a.ID)
		h.must(err)
		c.Scopes = []relyingparty.Scope{relyingparty.OpenID, relyingparty.OfflineAccess}
		h.must(d.db.ChangeClient(d.Context(), c, audit.Act{At: d.at}))
		if gate.sees(token).Active {
			t.Error("it outlives the right to play")
		}
	})
}

// Who was taken off a list and comes again begins anew: what was made for the server before stays ended.
func TestTokensFromBeforeADismissal(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		theirs, player := h.signedIn(h.bert), h.program(h.bert)
		admit := func() {
			h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
			d.at = d.at.Add(time.Minute)
			h.codeFor(gate, theirs)
		}
		admit()
		before := h.playsAt(gate, player)
		if !gate.sees(before).Active {
			t.Fatal("a guest's player is not let in")
		}
		guests, err := h.servers().Guests(d.Context(), h.here(h.anna), gate.ID)
		h.must(err)
		h.must(h.servers().Dismiss(d.Context(), h.here(h.anna), gate.ID, guests[0].ID, device.Client{}))
		admit()
		if after := h.playsAt(gate, player); gate.sees(before).Active || !gate.sees(after).Active {
			t.Error("a token from before the dismissal counts, or one from after does not")
		}
		h.must(d.db.RevokeConsent(d.Context(), h.bert.ID, gate.ID, audit.Act{At: d.at}))
		before = h.program(h.bert)
		admit()
		if !gate.sees(h.playsAt(gate, before)).Active {
			t.Error("who came back after taking the consent back is not let in")
		}
	})
}

// A server signs nobody out of the service unasked, whatever it shows of them; while it is suspended it does not even ask.
func TestServersSignNobodyOutUnasked(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		theirs := h.signedIn(h.bert)
		cookies := map[string]string{"usher": theirs}
		code, verifier := h.codeFor(gate, theirs)
		hint := said(gate.redeems(code, verifier)).Identity
		asks := func() string {
			return h.send(http.MethodGet, "/oauth/end-session?id_token_hint="+hint, request{}).Header().Get("Location")
		}
		if w := h.send(http.MethodGet, asks(), request{cookies: cookies}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `value="leave"`) {
			t.Errorf("nobody is asked: %d %s", w.Code, w.Header().Get("Location"))
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		if to := asks(); to != "/authorize/refused?reason=logout" {
			t.Errorf("suspended, it leads to %q", to)
		}
		if w := h.send(http.MethodGet, "/account", request{cookies: cookies}); w.Code != http.StatusOK {
			t.Errorf("signed out: %d", w.Code)
		}
	})
}

// A server may say the same as often as it likes, at no cost, and something new a few times.
func TestServersSayLittleThatIsNew(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		says := asBearer(gate.own())
		say := func(version string) int {
			says.json = `{"version":"` + version + `","addresses":["https://attic.example"]}`
			return d.send(http.MethodPut, "/api/v1/server", says).Code
		}
		for range int(2 * ratelimit.ServerWords.Limit) {
			if got := say("2.0"); got != http.StatusNoContent {
				t.Fatalf("the same again: %d", got)
			}
		}
		taken := 0
		for i := range int(2 * ratelimit.ServerWords.Limit) {
			if say(fmt.Sprint("3.", i)) == http.StatusNoContent {
				taken++
			}
		}
		if taken == 0 || taken > int(ratelimit.ServerWords.Limit) {
			t.Errorf("%d changes were taken", taken)
		}
	})
}

// The page that asks says that a server's name is its own word, and where it is.
func TestServersNamesAreTheirOwnWord(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		says := asBearer(gate.own())
		says.json = `{"version":"2.0","name":"Account security","addresses":[]}`
		h.is(d.send(http.MethodPut, "/api/v1/server", says), http.StatusNoContent)
		theirs := h.signedIn(h.bert)
		page := h.sent(gate, theirs).Body.String()
		for _, want := range []string{"Account security", "somebody’s media server at <b>192.168.1.5:32400</b>", "It chose its name itself"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q: %s", want, page)
			}
		}
	})
}

// Nobody asks about made-up servers without end; servers that there are may always ask.
func TestMadeUpServersAskLittle(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, made := h.opened(h.anna), d.unclaimed()
		made.ID = "made-up"
		last := 0
		for range int(ratelimit.ServersGone.Limit) + 1 {
			last = d.send(http.MethodGet, api.StandingPath, asBearer(made.asking())).Code
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the last one is answered %d", last)
		}
		gate.stands(server.Good, "")
	})
}
