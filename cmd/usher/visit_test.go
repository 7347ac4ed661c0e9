package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

// guest is somebody whom an owner invites, without an end.
func guest(typed string) mediaserver.Invited {
	return mediaserver.Invited{Typed: typed, Terms: server.Terms{Role: server.Friend}}
}

// listed are the media servers that a program finds with its token.
func (h *holder) listed(token string) (all []struct {
	ID, Name, Token string
	Addresses       []string
	Owned           bool
	Owner           string // user name of who shares it
	ExpiresIn       int    `json:"expires_in"`
}) {
	h.Helper()
	w := h.is(h.send(http.MethodGet, "/api/v1/servers", asBearer(token)), http.StatusOK)
	told := map[string]json.RawMessage{}
	h.must(json.Unmarshal(w.Body.Bytes(), &told))
	h.must(json.Unmarshal(told["servers"], &all))
	return all
}

// playsAt is the token for a server that a program finds with its own.
func (h *holder) playsAt(gate *app, token string) string {
	h.Helper()
	for _, s := range h.listed(token) {
		if s.ID == gate.ID {
			return s.Token
		}
	}
	h.Fatalf("the server is not listed")
	return ""
}

// program signs software of an account in.
func (h *holder) program(a account.Account) string {
	h.Helper()
	h.unlimited()
	w := h.is(h.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": a.UserName, "password": h.password}}), http.StatusOK)
	return aToken.FindString(w.Body.String())
}

// opened is a claimed server where people may come back after signing in, as a client that a library which is not ours works with.
func (h *holder) opened(a account.Account) *app {
	h.Helper()
	gate := h.newGate(h.offer(a))
	h.must(h.servers().ConfirmAddress(h.Context(), h.here(a), gate.ID, "http://192.168.1.5:32400", device.Client{}))
	var err error
	gate.provider, err = oidc.NewProvider(h.outside(), origin)
	h.must(err)
	gate.config = oauth2.Config{
		ClientID: gate.ID, Endpoint: gate.provider.Endpoint(), RedirectURL: "http://192.168.1.5:32400/.usher/callback", Scopes: []string{"openid", "profile", "email"},
	}
	return gate
}

// told is what a server is told about a token.
type visitor struct {
	Active                                         bool
	Sub, Sid, Aud, Jti, Username, Name, Email, Iss string
	Client                                         string `json:"client_id"`
	Exp, Iat                                       int64
	AMR                                            []string
	Verified                                       *bool `json:"email_verified"`
	Groups                                         []server.Group
}

func (a *app) sees(token string) (v visitor) {
	a.Helper()
	a.must(json.Unmarshal(a.asks("/oauth/introspect", url.Values{"token": {token}}).Body.Bytes(), &v))
	return v
}

// redeems exchanges a code at the token endpoint.
func (a *app) redeems(code, verifier string) *httptest.ResponseRecorder {
	return a.asks("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {a.config.RedirectURL}})
}

// A player's token is made for one server: it counts there, and ends with what it was made from (attack S5), with the server's standing and its list.
func TestPlayersHaveATokenForEachServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.newGate(h.offer(h.anna))
		player := h.program(h.anna)
		all := h.listed(player)
		if len(all) != 2 || !all[0].Owned || all[0].ExpiresIn != 86400 || len(all[0].Addresses) != 2 {
			t.Fatalf("%+v", all)
		}
		token := h.playsAt(gate, player)
		v := gate.sees(token)
		if !v.Active || v.Sub != h.anna.ID || v.Aud != gate.ID || v.Iss != origin || v.Sid == "" || v.Jti == "" || v.Exp-v.Iat != 86400 || v.Email != h.anna.Email || v.Username != h.anna.UserName || !slices.Equal(v.Groups, []server.Group{server.Owner}) {
			t.Errorf("%+v", v)
		}
		for what, at := range map[string]*app{"another server": other, "a registered one": d.newApp("cellar", aServer)} {
			if at.sees(token).Active {
				t.Errorf("%s is told", what)
			}
		}
		for _, path := range []string{"/oauth/userinfo", "/api/v1/me", "/api/v1/servers"} {
			if w := d.send(http.MethodGet, path, asBearer(token)); w.Code != http.StatusUnauthorized {
				t.Errorf("%s takes it: %d", path, w.Code)
			}
		}
		if w := d.send(http.MethodGet, "/api/v2/user", asPlex(token)); w.Code != http.StatusUnauthorized {
			t.Errorf("plex.tv takes it: %d", w.Code)
		}
		account := h.tokensFor(d.newApp("jellyfin", nil), h.signedIn(h.anna), "openid", "player").AccessToken
		for what, wide := range map[string]string{"a program's own": player, "an app's": account} { // a server belongs to its owner, not to us
			if gate.sees(wide).Active {
				t.Errorf("%s token counts at a server", what)
			}
		}
		if gate.asks("/oauth/revoke", url.Values{"token": {token}}); !gate.sees(token).Active {
			t.Error("the server signed the player out")
		}
		if !gate.sees(h.playsAt(gate, account)).Active {
			t.Error("an app that may play has no token")
		}
		narrow := h.tokensFor(d.newApp("immich", nil), h.signedIn(h.anna), "openid").AccessToken
		if w := d.send(http.MethodGet, "/api/v1/servers", asBearer(narrow)); w.Code != http.StatusForbidden {
			t.Errorf("without the scope player: %d", w.Code)
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), other.ID, device.Client{}))
		if got := h.listed(player); len(got) != 1 || got[0].ID != gate.ID {
			t.Errorf("a suspended server is listed: %+v", got)
		}
		h.is(h.send(http.MethodPost, "/api/v1/sign-out", asBearer(player)), http.StatusNoContent)
		if gate.sees(token).Active {
			t.Error("it outlives the player")
		}
	})
}

// A server ends the tokens that it has for itself, and nothing that is another's.
func TestServersRevokeTheirOwn(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.newGate(h.offer(h.anna))
		own, foreign := gate.own(), other.own()
		for _, token := range []string{foreign, own} {
			if w := gate.asks("/oauth/revoke", url.Values{"token": {token}}); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if gate.sees(own).Active || !other.sees(foreign).Active || !gate.sees(gate.own()).Active {
			t.Error("not its own tokens have ended, or others, too")
		}
	})
}

// A server asks by an access token of its own as well (RFC 7662 §2.1).
func TestServersIntrospectByTheirToken(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		token, own := h.playsAt(gate, h.program(h.anna)), gate.own()
		by := func(bearer string) *httptest.ResponseRecorder {
			q := asBearer(bearer)
			q.form = url.Values{"token": {token}}
			return d.send(http.MethodPost, "/oauth/introspect", q)
		}
		if w := by(own); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"groups":["owner"]`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		narrow := said(gate.shows(gate.signed(gate.claims()), "scope", "ssf.read")).Access
		for what, c := range map[string]struct {
			bearer string
			want   int
		}{
			"for signals": {narrow, http.StatusForbidden}, "a player's": {token, http.StatusUnauthorized}, "nobody's": {"x", http.StatusUnauthorized},
			"a person's": {h.tokensFor(d.newApp("jellyfin", nil), h.signedIn(h.anna), "openid", "player").AccessToken, http.StatusUnauthorized},
		} {
			if w := by(c.bearer); w.Code != c.want || strings.Contains(w.Body.String(), "active") {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		if w := by(d.newApp("cellar", aServer).own()); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"active":false}` {
			t.Errorf("another server: %d %s", w.Code, w.Body)
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		if w := by(own); w.Code != http.StatusUnauthorized {
			t.Errorf("suspended: %d %s", w.Code, w.Body)
		}
		h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		if w := by(own); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"active":true`) {
			t.Errorf("brought back: %d %s", w.Code, w.Body)
		}
	})
}

// A browser signs in at a server by OpenID Connect: its owner unasked, a guest after being asked, and nobody else.
func TestPeopleSignInAtAServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		browser := h.signedIn(h.anna)
		page := h.ask(gate.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
		if w := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}}); w.Code != http.StatusSeeOther {
			t.Errorf("the owner is asked: %d", w.Code)
		}
		code, verifier := h.codeFor(gate, browser)
		w := gate.redeems(code, verifier)
		token := said(w).Access
		id, err := gate.provider.VerifierContext(d.outside(), &oidc.Config{ClientID: gate.ID, Now: d.now}).Verify(d.outside(), said(w).Identity)
		d.must(err)
		d.must(id.VerifyAccessToken(token))
		var claims struct{ Groups []string }
		if err := id.Claims(&claims); err != nil || !slices.Equal(claims.Groups, []string{"owner"}) || said(w).Refresh != "" {
			t.Errorf("%+v %v", claims, err)
		}
		if v := gate.sees(token); !v.Active || v.Client != gate.ID || v.Exp-v.Iat != 86400 || !slices.Equal(v.Groups, []server.Group{server.Owner}) || v.Email != h.anna.Email {
			t.Errorf("%+v", v)
		}

		theirs := h.signedIn(h.bert)
		page = h.ask(gate.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		outside := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": theirs}})
		if outside.Code != http.StatusOK || !strings.Contains(outside.Body.String(), "you are not on the list") || strings.Contains(outside.Body.String(), `value="allow"`) {
			t.Errorf("%d %s", outside.Code, outside.Body)
		}
		if w := h.post("/authorize/consent", consentForm(outside, "allow"), "usher", theirs); strings.Contains(w.Header().Get("Location"), "code=") {
			t.Errorf("who presses what is not there gets a code: %s", w.Header().Get("Location"))
		}
		if back := h.post("/authorize/consent", consentForm(outside, "deny"), "usher", theirs).Header().Get("Location"); !strings.Contains(back, "error=access_denied") {
			t.Errorf("back at %q", back)
		}

		player := h.program(h.bert)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("BERT@example.org")))
		if got := h.listed(player); len(got) != 0 {
			t.Errorf("a server that nobody agreed to is listed: %+v", got)
		}
		code, verifier = h.codeFor(gate, theirs)
		token = said(gate.redeems(code, verifier)).Access
		if v := gate.sees(token); !v.Active || !slices.Equal(v.Groups, []server.Group{server.Friend}) || v.Sub != h.bert.ID {
			t.Errorf("%+v", v)
		}
		plays := h.playsAt(gate, player)
		if v := gate.sees(plays); !v.Active || v.Email != h.bert.Email || v.Name != h.bert.Name || h.listed(player)[0].Owned {
			t.Errorf("%+v", v)
		}
		guests, err := h.servers().Guests(d.Context(), h.here(h.anna), gate.ID)
		if err != nil || len(guests) != 1 || guests[0].Label != "BERT@example.org" {
			t.Fatalf("%+v %v", guests, err)
		}
		if gate.asks("/oauth/revoke", url.Values{"token": {token}}); gate.sees(token).Active || !gate.sees(plays).Active {
			t.Error("signing out at the server ends not that sign-in alone")
		}
		code, verifier = h.codeFor(gate, theirs)
		token = said(gate.redeems(code, verifier)).Access
		h.must(h.servers().Dismiss(d.Context(), h.here(h.anna), gate.ID, guests[0].ID, device.Client{}))
		if gate.sees(token).Active || gate.sees(plays).Active || len(h.listed(player)) != 0 {
			t.Error("who was taken off the list is still let in")
		}
	})
}

// While a server is suspended, nothing that was made for it counts, and nobody is asked to sign in to it; brought back, it goes on.
func TestNobodyVisitsASuspendedServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		theirs := h.signedIn(h.bert)
		code, verifier := h.codeFor(gate, theirs)
		token := said(gate.redeems(code, verifier)).Access
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		if got := h.listed(h.program(h.bert)); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		page := h.ask(gate.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		if back := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": theirs}}).Header().Get("Location"); !strings.Contains(back, "error=temporarily_unavailable") {
			t.Errorf("back at %q", back)
		}
		h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		if !gate.sees(token).Active {
			t.Error("the guest is not back with the server")
		}
	})
}

// resource is a thing that players of the plex.tv wire API find, and where it is.
type resource struct {
	Client      string `json:"clientIdentifier"`
	Token       string `json:"accessToken"`
	Provides    string
	Owned       bool
	From        *string `json:"sourceTitle"` // who shares it
	Connections []struct {
		Protocol, Address, URI string
		Port                   int64
		Local                  bool
	}
}

// resourceOf is a server as a player of the plex.tv wire API finds it; nil where it does not.
func (h *holder) resourceOf(gate *app, token string) *resource {
	h.Helper()
	var all []resource
	w := h.is(h.send(http.MethodGet, "/api/v2/resources.json", asPlex(token)), http.StatusOK)
	h.must(json.Unmarshal(w.Body.Bytes(), &all))
	for i := range all {
		if all[i].Client == gate.ID {
			return &all[i]
		}
	}
	return nil
}

// olderOf is what the older lists of that API say about a server, as far as they have it: the element, with its facts.
func (h *holder) olderOf(gate *app, token string) (all []string) {
	h.Helper()
	for _, path := range []string{"/pms/servers", "/pms/resources"} {
		for line := range strings.SplitSeq(h.is(h.send(http.MethodGet, path, asPlex(token)), http.StatusOK).Body.String(), "<") {
			if strings.Contains(line, `dentifier="`+gate.ID+`"`) {
				all = append(all, line)
			}
		}
	}
	return all
}

// Players that speak the plex.tv wire API find the servers among the resources, with where they are and the token made for each.
func TestResourcesHaveServers(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		player := h.program(h.anna)
		found := h.resourceOf(gate, player)
		if found == nil || !found.Owned || found.From != nil || found.Provides != "server" || len(found.Connections) != 2 || !gate.sees(found.Token).Active {
			t.Fatalf("%+v", found)
		}
		if c := found.Connections[0]; c.Protocol != "http" || c.Address != "192.168.1.5" || c.Port != 32400 || !c.Local || c.URI != "http://192.168.1.5:32400" {
			t.Errorf("%+v", c)
		}
		older := h.olderOf(gate, player)
		if len(older) != 2 || !strings.Contains(older[0], `address="192.168.1.5" port="32400"`) || !strings.Contains(older[0], `owned="1"`) || !strings.Contains(older[1], `owned="1"`) {
			t.Errorf("%q", older)
		}
		if old := h.is(h.send(http.MethodGet, "/pms/resources", asPlex(player)), http.StatusOK).Body.String(); !strings.Contains(old, `<Connection `) {
			t.Errorf("%s", old)
		}
	})
}

// Players of somebody with whom a server is shared find it by both APIs once that person has come in, as somebody else's, with who shares it, and no longer than
// they are let in.
func TestGuestsFindWhatIsShared(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		player, browser := h.program(h.bert), h.signedIn(h.bert)
		finds := func(what string, shared bool) {
			t.Helper()
			all, found, older := h.listed(player), h.resourceOf(gate, player), h.olderOf(gate, player)
			if !shared {
				if len(all) != 0 || found != nil || len(older) != 0 {
					t.Errorf("%s: it is found: %+v, %+v, %q", what, all, found, older)
				}
				return
			}
			if len(all) != 1 || found == nil || len(older) != 2 {
				t.Fatalf("%s: it is not found: %+v, %+v, %q", what, all, found, older)
			}
			if all[0].ID != gate.ID || all[0].Owned || all[0].Owner != h.anna.UserName || len(all[0].Addresses) != 2 {
				t.Errorf("%s: %+v", what, all[0])
			}
			if found.Owned || found.From == nil || *found.From != h.anna.UserName || len(found.Connections) != 2 {
				t.Errorf("%s: %+v", what, found)
			}
			for _, one := range older {
				if !strings.Contains(one, `owned="0"`) || !strings.Contains(one, `sourceTitle="`+h.anna.UserName+`"`) {
					t.Errorf("%s: %s", what, one)
				}
			}
			for _, token := range []string{all[0].Token, found.Token} {
				if v := gate.sees(token); !v.Active || v.Sub != h.bert.ID || !slices.Equal(v.Groups, []server.Group{server.Friend}) {
					t.Errorf("%s: its token is %+v", what, v)
				}
			}
		}
		invited := guest("bert@example.org")
		invited.EndsAt = d.at.Add(48 * time.Hour)
		finds("shared with nobody", false)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, invited))
		finds("invited", false)
		h.codeFor(gate, browser)
		finds("come in", true)
		if own := h.listed(h.program(h.anna)); len(own) != 1 || !own[0].Owned || own[0].Owner != "" {
			t.Errorf("its owner finds %+v", own)
		}
		d.at = invited.EndsAt
		finds("after the end", false)
		list, err := h.servers().Guests(d.Context(), h.here(h.anna), gate.ID)
		h.must(err)
		h.must(h.servers().Change(d.Context(), h.justNow(h.anna), gate.ID, list[0].ID, guest("").Terms, device.Client{}))
		finds("let in again", true)
		h.must(h.servers().Dismiss(d.Context(), h.here(h.anna), gate.ID, list[0].ID, device.Client{}))
		finds("taken off the list", false)
	})
}
