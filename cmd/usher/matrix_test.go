package main

import (
	"fmt"
	"go/ast"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/api"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/incident"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

type kinds []credential.Kind

// entrance is one place where a credential is shown, at one of the doors.
type entrance struct {
	cookie       string // without its prefix; empty where it is shown in another way
	open, closed int    // the status of what is behind it, and of the way out
	inside       bool   // it is found only by who is signed in, too
	opens        kinds
	shown        func(h *holder, token string) *httptest.ResponseRecorder
}

// byCookie is an entrance that shows a page to who holds a cookie.
func byCookie(name, page string, closed int, opens ...credential.Kind) entrance {
	return entrance{name, http.StatusOK, closed, false, opens, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, page, request{cookies: map[string]string{name: token}})
	}}
}

// byAPI is an entrance for programs.
func byAPI(shown func(h *holder, token string) *httptest.ResponseRecorder, opens ...credential.Kind) entrance {
	return entrance{"", http.StatusOK, http.StatusUnauthorized, false, opens, shown}
}

// entrances are all there are: every cookie that holds a token, every way of the API, and the one token that only a form has.
var entrances = map[string]entrance{
	"pages":       byCookie("usher", "/account", http.StatusSeeOther, credential.Browser),
	"console":     byCookie("usher-console", "/incident", http.StatusSeeOther, credential.Console),
	"second step": byCookie("usher-code", "/sign-in/code", http.StatusSeeOther, credential.SecondStep),
	"passkey": {"usher-passkey", http.StatusUnprocessableEntity, http.StatusGone, false, kinds{credential.Ceremony}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		q := request{form: url.Values{"passkey": {h.stranger(token)}}, cookies: map[string]string{"usher-passkey": h.tokens[credential.Known]}} // what it is asked with can be any text
		return h.send(http.MethodPost, "/sign-in/passkey", q)
	}},
	"back from another service": {"usher-outside", http.StatusOK, http.StatusGone, false, kinds{credential.Outside, credential.Parked}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.comesBack(token)
	}},
	"arrival":          byCookie("usher-arrival", "/sign-in/arrival", http.StatusGone, credential.Arrival),
	"sign-up":          byCookie("usher-sign-up", "/sign-up/code", http.StatusSeeOther, credential.SignUp),
	"sign-up link":     byCookie("usher-confirm", "/sign-up/confirm", http.StatusGone, credential.SignUpLink),
	"reset":            byCookie("usher-reset", "/reset/new", http.StatusGone, credential.Reset, credential.Restricted), // the ticket takes the link's place
	"not me":           byCookie("usher-not-me", "/not-me", http.StatusGone, credential.NotMe),
	"undo":             byCookie("usher-undo", "/undo", http.StatusGone, credential.Undo),
	"keep second step": byCookie("usher-keep", "/keep-second-step", http.StatusGone, credential.KeepFactor),
	"invitation":       byCookie("usher-invitation", "/invitation", http.StatusGone, credential.Invitation),
	"set-up":           byCookie("usher-set-up", "/setup", http.StatusGone, credential.SetUp),

	"remove device":            byCookie("usher-remove", "/remove-device", http.StatusGone, credential.RemoveDevice),
	"TV":                       byCookie("usher-tv", "/tv", http.StatusSeeOther, credential.App),
	"browser that is switched": byCookie("usher-away", "/home", http.StatusSeeOther, credential.Away),
	"browser, watched by": {"usher-home", http.StatusOK, http.StatusSeeOther, false, kinds{credential.Switched}, func(h *holder, token string) *httptest.ResponseRecorder {
		if token == h.tokens[credential.Switched] {
			token = h.inBrowser
		}
		w := h.send(http.MethodGet, "/home", request{cookies: map[string]string{"usher-away": h.tokens[credential.Away], "usher-home": token}})
		if !strings.Contains(w.Body.String(), "Hello, ") { // nobody is watching
			w.Code = http.StatusSeeOther
		}
		return w
	}},
	"TV, watched by": {"usher-tv-home", http.StatusOK, http.StatusSeeOther, false, kinds{credential.Switched}, func(h *holder, token string) *httptest.ResponseRecorder {
		w := h.send(http.MethodGet, "/tv", request{cookies: map[string]string{"usher-tv": h.switchedOn, "usher-tv-home": token}})
		if !strings.Contains(w.Body.String(), "Hello, ") { // it asks who is watching
			w.Code = http.StatusSeeOther
		}
		return w
	}},
	"TV that waits": {"usher-tv-code", http.StatusOK, http.StatusSeeOther, false, kinds{credential.DeviceCode}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.at = h.at.Add(tvlink.Interval) // the API was asked a moment ago
		return h.send(http.MethodGet, "/tv", request{cookies: map[string]string{"usher-tv-code": strings.ReplaceAll(token, ".", "-") + ".7RQZ.BCDF-GHJK.1"}})
	}},
	"link ticket": {"usher-link", http.StatusOK, http.StatusSeeOther, true, kinds{credential.LinkTicket}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/link/confirm", request{cookies: map[string]string{"usher": h.signedIn(h.anna), "usher-link": token}})
	}},
	"API, device code": {"", http.StatusOK, http.StatusBadRequest, false, kinds{credential.DeviceCode}, func(h *holder, token string) *httptest.ResponseRecorder {
		w := h.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": token}})
		if strings.Contains(w.Body.String(), "/authorization-pending") { // it counts, and waits
			w.Code = http.StatusOK
		}
		return w
	}},

	"API, bearer": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/api/v1/me", asBearer(token))
	}, credential.App, credential.AppPassword, credential.Switched),
	"API, Basic": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		return h.send(http.MethodGet, "/api/v1/me", asBasic(h.anna.UserName, token))
	}, credential.AppPassword),
	"API, sign-in": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		return h.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": h.anna.UserName, "password": token}})
	}, credential.AppPassword),

	"OAuth, secret of an app": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		q := asBasic("app."+h.name, token)
		q.form = url.Values{"token": {"none of ours"}}
		return h.send(http.MethodPost, "/oauth/revoke", q)
	}, credential.ClientSecret),
	"plex, token": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/api/v2/user", asPlex(token))
	}, credential.App, credential.AppPassword, credential.Server, credential.DeviceToken, credential.Switched),
	"plex, sign-in": {"", http.StatusCreated, http.StatusUnauthorized, false, kinds{credential.AppPassword}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		q := asPlex("")
		q.form = url.Values{"login": {h.anna.UserName}, "password": {token}}
		return h.send(http.MethodPost, "/api/v2/users/signin", q)
	}},
	"plex, PIN": {"", http.StatusOK, http.StatusNotFound, false, kinds{credential.Handed}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		h.do(`UPDATE credential SET created_at = $1, expires_at = $2 WHERE kind = $3`, h.at.UnixMilli(), h.at.Add(time.Minute).UnixMilli(), string(credential.Handed)) // its minute is shorter than this test
		q := asPlex("")
		if q.header.Set("X-Plex-Client-Identifier", token[:min(len(token), device.LongestIdentifier)]); token == h.tokens[credential.Handed] {
			q.header.Set("X-Plex-Client-Identifier", h.name)
		}
		return h.send(http.MethodGet, "/api/v2/pins/"+h.pin, q)
	}},
	"plex, key": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		k := keyed{h.doors, "key of " + h.name, secret.TokenOf(token)}
		return k.exchanges(k.nonce())
	}, credential.DeviceKey),
	"plex, nonce": {"", http.StatusOK, 498, false, kinds{credential.DeviceNonce}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.people++
		return h.keyedDevice(h.person(fmt.Sprintf("keyed%d.%s", h.people, h.name), h.password, false), "nonce of "+h.name).exchanges(token)
	}},
	"plex, claim": {"", http.StatusOK, http.StatusUnprocessableEntity, false, kinds{credential.ServerClaim}, func(h *holder, token string) *httptest.ResponseRecorder {
		h.unlimited()
		q := asPlex("")
		q.header.Set("X-Plex-Client-Identifier", "another server") // or it would take the place of the one that is held
		return h.send(http.MethodPost, "/api/claim/exchange?token="+token, q)
	}},

	"API, standing of a server": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		if token == h.tokens[credential.ServerStanding] {
			token = h.gate.asking() // each counts once, and not for long
		}
		w := h.send(http.MethodGet, api.StandingPath, asBearer(token))
		if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), `"standing":"good"`) {
			w.Code = http.StatusUnauthorized
		}
		return w
	}, credential.ServerStanding),

	"OpenID, introspection by the server of a token": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		w := h.gate.introspects(token)
		if strings.Contains(w.Body.String(), `"standing":"suspended"`) { // it is told nothing more
			w.Code = http.StatusUnauthorized
		}
		return w
	}, credential.ServerAccess, credential.ServerPassword),

	"OpenID, request": {"", http.StatusSeeOther, http.StatusGone, false, kinds{credential.AuthorizationRequest}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/authorize/consent?request="+url.QueryEscape(token), request{}) // who is not signed in is sent to sign in
	}},
	"OpenID, code": {"", http.StatusOK, http.StatusBadRequest, false, kinds{credential.AuthorizationCode}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.atApp(grant.TokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {token}, "code_verifier": {h.verifier}, "redirect_uri": h.app.RedirectURIs})
	}},
	"OpenID, refresh": {"", http.StatusOK, http.StatusBadRequest, false, kinds{credential.Refresh}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.atApp(grant.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	}},
	"OpenID, introspection": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.app.introspects(token)
	}, credential.Refresh, credential.Access),
	"OpenID, introspection by a server": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.server.introspects(token)
	}, credential.ClientAccess),
	"signals": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/ssf/stream", asBearer(token))
	}, credential.ClientAccess),
	"OpenID, sign-out": {"", http.StatusSeeOther, http.StatusGone, false, kinds{credential.Logout}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/authorize/sign-out?request="+url.QueryEscape(token), request{}) // nobody is signed in, so nobody is asked
	}},
	"OpenID, userinfo": byAPI(func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/oauth/userinfo", asBearer(token))
	}, credential.Access),

	"change link": {"usher-change", http.StatusOK, http.StatusGone, true, kinds{credential.Change}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.send(http.MethodGet, "/account/email/confirm", request{cookies: map[string]string{"usher": h.signedIn(h.anna), "usher-change": token}})
	}},
	"enrolment": {"", http.StatusUnprocessableEntity, http.StatusGone, true, kinds{credential.Enrolment}, func(h *holder, token string) *httptest.ResponseRecorder {
		return h.post("/account/second-step/confirm", url.Values{"ticket": {token}, "code": {"000000"}}, "usher", h.signedIn(h.bert))
	}},
}

func (h *holder) login(password string) url.Values {
	return url.Values{"login": {h.anna.Email}, "password": {password}}
}

// event ends things.
type event struct {
	name  string
	shuts bool // nobody can sign in to the account afterwards
	does  func(h *holder)
}

// events are what can happen to an account, or to all of them.
var events = []event{
	{"signed out here", false, func(h *holder) {
		h.is(h.post("/sign-out", nil, "usher", h.tokens[credential.Browser]), http.StatusSeeOther)
	}},
	{"password changed", false, func(h *holder) { h.changePassword("") }},
	{"password changed, devices too", false, func(h *holder) { h.changePassword("yes") }},
	{"everything signed out", false, func(h *holder) {
		for _, a := range []account.Account{h.anna, h.bert} {
			h.is(h.post("/account/devices/sign-out-all", nil, "usher", h.signedIn(a)), http.StatusSeeOther)
		}
	}},
	{"password reset", false, func(h *holder) { h.resetPassword("") }},
	{"password reset, devices too", false, func(h *holder) { h.resetPassword("yes") }},
	{"not me", true, func(h *holder) {
		h.is(h.post("/not-me", url.Values{"ticket": {h.tokens[credential.NotMe]}, "email": {h.anna.Email}}), http.StatusSeeOther)
		h.must(h.passwords().Require(h.Context(), h.bert.ID, audit.CLI))
	}},
	{"new password required", true, func(h *holder) {
		h.must(h.passwords().Require(h.Context(), h.anna.ID, audit.CLI))
		h.must(h.passwords().Require(h.Context(), h.bert.ID, audit.CLI))
	}},
	{"incident for a list", true, func(h *holder) { h.declare(incident.List) }},
	{"incident for all", true, func(h *holder) { h.declare(incident.All) }},
	{"locked", true, func(h *holder) {
		h.must(h.admin().Lock(h.Context(), admin.Actor(audit.CLI), h.anna.ID))
		h.must(h.admin().Lock(h.Context(), admin.Actor(audit.CLI), h.bert.ID))
	}},
	{"to be deleted", true, func(h *holder) {
		for _, a := range []account.Account{h.anna, h.bert} {
			_, err := h.admin().Delete(h.Context(), admin.Actor(audit.CLI), a.ID)
			h.must(err)
		}
	}},
	{"backup restored", false, func(h *holder) { h.do("UPDATE instance SET epoch = epoch + 1, floor = epoch + 1") }}, // as docs/operate.md says
}

func (h *holder) changePassword(everywhere string) {
	for _, a := range []account.Account{h.anna, h.bert} {
		form := url.Values{"current": {h.password}, "password": {"eleven quiet harbours dream"}, "sign_out": {everywhere}}
		h.is(h.post("/account/password", form, "usher", h.signedIn(a)), http.StatusSeeOther)
	}
	h.password = "eleven quiet harbours dream"
}

func (h *holder) resetPassword(everywhere string) {
	h.password = "eleven quiet harbours dream"
	form := url.Values{"ticket": {h.tokens[credential.Restricted]}, "password": {h.password}, "sign_out": {everywhere}}
	h.is(h.post("/reset/new", form), http.StatusSeeOther)
	h.post("/reset", url.Values{"login": {h.bert.Email}})
	form.Set("ticket", h.mailed(h.bert.Email, "link", "/reset/"))
	h.is(h.post("/reset/new", form), http.StatusSeeOther)
}

func (h *holder) declare(scope incident.Scope) {
	draft := incident.Draft{Action: incident.Require, Scope: scope, Notice: h.words(), Alone: true}
	if scope == incident.List {
		draft.Accounts = []string{h.anna.ID, h.bert.ID}
	}
	_, err := h.incidents().Declare(h.Context(), audit.CLI, draft)
	h.must(err)
}

// outlives is the table: + where a kind goes on after an event, in the order of events.
var outlives = map[credential.Kind]string{
	credential.Browser:     "-+--+--------",
	credential.App:         "++--+--------",
	credential.AppPassword: "++--+--------",
	credential.Switched:    "++-----------", // a reset of the owner ends it, whatever else stays
	credential.Away:        "++--+--------",
	credential.Refresh:     "++--+--------",

	credential.Access:               "-+--+--------", // of an app that ends with its browser
	credential.AuthorizationCode:    "-+--+--------",
	credential.AuthorizationRequest: "+++++++++-++-", // nobody's until it is answered
	credential.Logout:               "+++++++++-++-",
	credential.ClientAccess:         "+++++++++-++-",

	credential.Server: "++--+--------",

	credential.ServerStanding: "++--+--------",
	credential.ServerAccess:   "++--+--------",
	credential.ServerPassword: "++--+--------",

	credential.Remembered: "++--+--------",
	credential.Console:    "++--+--------",
	credential.Handed:     "++--+--------",

	credential.DeviceKey:   "++--+--------",
	credential.DeviceToken: "++--+--------",
	credential.DeviceNonce: "+++++++++-++-", // nobody's

	credential.RemoveDevice: "+++++++++++++", // takes one device away, and nothing else
	credential.DeviceCode:   "+++++++++-++-", // nobody's account yet

	credential.Known:      "+------------", // the old password was known there
	credential.SecondStep: "+------------",
	credential.Change:     "+------------",
	credential.Enrolment:  "+------------",

	credential.ServerClaim: "+------------",
	credential.Reset:       "+------------",
	credential.Restricted:  "+------------",
	credential.LinkTicket:  "+------------",

	credential.NotMe:      "++++++-+++-++", // used up by itself
	credential.Undo:       "++++++++++-++",
	credential.KeepFactor: "+++++++++++++", // or an operator could lock its owner out of stopping a removal

	credential.Outside: "+++++++++-++-", // nobody's: whose it is shows when it is answered
	credential.Parked:  "+++++++++-++-",
	credential.Arrival: "+++++++++-++-",

	credential.Ceremony:   "+++++++++-++-", // of who comes to sign in; those of an account die by its epoch
	credential.SignUp:     "+++++++++-++-", // nobody's account
	credential.SignUpLink: "+++++++++-++-",
	credential.Invitation: "+++++++++-++-",
	credential.SetUp:      "+++++++++-++-",

	credential.ClientSecret: "+++++++++++++", // of an app, which none of this is about
}

// For every kind of credential, every event that can end it, and every entrance of every door: it opens its own entrances until the event, and after
// it only where the table says so; and it never opens an entrance of another kind. That is shown after every event on one database, and on the other before
// them all: a kind that is not looked for is the program's doing, and not the database's.
func TestEveryKindAtEveryDoorAfterEveryEvent(t *testing.T) {
	eachDoors(t, func(d *doors) {
		d.newHolder("before").everyDoor(event{name: "before anything"}, func(credential.Kind) bool { return true })
		for i, e := range events {
			h := d.newHolder(fmt.Sprintf("event%d", i))
			h.ownOnly = !d.onSQLite()
			e.does(h)
			h.everyDoor(e, func(kind credential.Kind) bool { return outlives[kind][i] == '+' })
		}
	})
}

func (h *holder) everyDoor(after event, lives func(credential.Kind) bool) {
	h.Helper()
	for _, at := range slices.Sorted(maps.Keys(entrances)) {
		e := entrances[at]
		for kind, token := range h.tokens {
			if h.ownOnly && !slices.Contains(e.opens, kind) {
				continue
			}
			want := e.closed
			switch {
			case e.inside && after.shuts:
				want = http.StatusSeeOther // to the sign-in, which lets nobody in
			case slices.Contains(e.opens, kind) && lives(kind):
				want = e.open
			}
			if got := e.shown(h, token).Code; got != want {
				h.Errorf("%s: %s at %q: %d, want %d", after.name, kind, at, got, want)
			}
		}
	}
	h.marks(after.name, lives)
}

// marks shows what a browser keeps that never opens anything by itself: a remembered one is let in by the password without a code, and a known one
// has tries of its own when those of the account are used up.
func (h *holder) marks(when string, lives func(credential.Kind) bool) {
	h.Helper()
	for kind, token := range h.tokens {
		if h.ownOnly && kind != credential.Remembered && kind != credential.Known {
			continue
		}
		w := h.post("/sign-in", h.login(h.password), "usher-remembered", token)
		if got, want := cookie(w, "usher") != "", kind == credential.Remembered && lives(kind); got != want {
			h.Errorf("%s: %s lets in without a code: %t, want %t", when, kind, got, want)
		}
		h.post("/sign-in", h.login("not the password"))
		h.do("UPDATE failure SET count = 100")
		w = h.send(http.MethodPost, "/sign-in", request{form: h.login(h.password), cookies: map[string]string{"usher-known": token}})
		if got, want := w.Code != http.StatusUnprocessableEntity, kind == credential.Known && lives(kind); got != want {
			h.Errorf("%s: %s has tries of its own: %t, want %t", when, kind, got, want)
		}
	}
}

// Every kind has an entrance and its line in the table, and every cookie there is stands among the entrances.
func TestEveryDoorIsInTheMatrix(t *testing.T) {
	opens := map[credential.Kind]bool{credential.Remembered: true, credential.Known: true} // as marks shows
	cookies := map[string]bool{"usher-remembered": true, "usher-known": true}
	for _, e := range entrances {
		for _, kind := range e.opens {
			opens[kind] = true
		}
		cookies[e.cookie] = true
	}
	for kind := range credential.Rules {
		if !opens[kind] || len(outlives[kind]) != len(events) {
			t.Errorf("%s has no entrance, or no line for %d events", kind, len(events))
		}
	}
	for kind := range outlives {
		if _, is := credential.Rules[kind]; !is {
			t.Errorf("%s is no kind any more", kind)
		}
	}
	for _, name := range cookieNames(t) {
		if !cookies[name] && !slices.Contains(noTokens, name) {
			t.Errorf("the cookie %s is no entrance of the matrix", name)
		}
	}
	for _, rt := range routes(t) {
		if rt.door != "web" && !slices.Contains(routesOfPrograms[rt.door], rt.pattern()) {
			t.Errorf("%s of internal/%s is no entrance of the matrix", rt.pattern(), rt.door)
		}
	}
}

// routesOfPrograms are the routes of the doors for programs: those that are entrances of the matrix, those that take the tokens that one of these
// takes, and those that take nothing.
var routesOfPrograms = map[string][]string{
	"api": {
		"POST /api/v1/sign-in", "GET /api/v1/me", "POST /api/v1/sign-out", "GET /api/v1/devices", "POST /api/v1/devices/{id}/sign-out",
		"POST /api/v1/link", "POST /api/v1/link/token", "GET /api/v1/home", "POST /api/v1/home/switch", "GET /api/v1/servers", "POST /api/v1/servers", "POST /api/v1/claim-tokens", "GET /api/v1/server/standing", "GET /api/v1/server", "GET /api/v1/server/people", "POST /api/v1/server/sign-ins", "PUT /api/v1/server", "DELETE /api/v1/server", "GET /api/v1/openapi.yaml", "GET /api/v1/problems/{name}", "/",
	},
	"oidc": {
		"GET /oauth/authorize", "POST /oauth/authorize", "POST /oauth/token", "POST /oauth/device", "POST /oauth/introspect", "POST /oauth/revoke",
		"GET /oauth/end-session", "POST /oauth/end-session", "GET /oauth/userinfo", "POST /oauth/userinfo", "GET /.well-known/openid-configuration", "GET /.well-known/oauth-authorization-server", "GET /oauth/keys", "/",
	},
	"signals": {
		"GET /.well-known/ssf-configuration", "GET /ssf/stream", "POST /ssf/stream", "PATCH /ssf/stream", "PUT /ssf/stream", "DELETE /ssf/stream",
		"GET /ssf/status", "POST /ssf/status", "POST /ssf/verify", "POST /ssf/poll", "/",
	},
	"demo": {"GET /{$}", "GET /state", "POST /take", "GET /ready"},
	"plexapi": {
		"POST /api/v2/users/signin", "POST /users/sign_in", "POST /api/claim/exchange",
		"GET /api/v2/auth/nonce", "POST /api/v2/auth/jwk", "POST /api/v2/auth/token", "GET /api/v2/auth/keys",
		"GET /api/v2/pins/{id}", "GET /pins/{id}", "PUT /api/v2/pins/link", "POST /api/v2/pins", "POST /pins", "GET /api/v2/pins/qr/{code}",
		"GET /api/v2/user", "GET /users/account", "GET /api/v2/ping", "DELETE /api/v2/users/signout",
		"GET /api/v2/resources", "GET /api/v2/home", "GET /api/v2/home/users", "GET /api/v2/friends", "GET /devices", "DELETE /devices/{id}",
		"GET /api/resources", "GET /pms/resources", "GET /pms/servers", "GET /api/servers", "GET /api/home/users", "GET /api/users", "GET /api/users/{$}",
		"GET /api/v2/home/users/{$}", "POST /api/v2/home/users/{id}/{act}", "POST /api/v2/home/users/restricted", "PUT /api/v2/home/users/restricted/{id}", "DELETE /api/v2/home/users/restricted/{id}",
		"DELETE /api/v2/home/users/{id}", "POST /api/home/users", "PUT /api/home/users/{id}", "DELETE /api/home/users/{id}", "POST /api/home/users/{id}/switch",
		"GET /api/claim/token", "/",
	},
}

// noTokens are the cookies that hold no credential.
var noTokens = []string{"usher-link-back", "usher-search", "usher-new-invitation"}

// cookieNames are the names of the cookies of the pages, read out of the source.
func cookieNames(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range sources(t)["web"] {
		ast.Inspect(file, func(n ast.Node) bool {
			if text := literal(n); text == "usher" || strings.HasPrefix(text, "usher-") {
				names = append(names, text)
			}
			return true
		})
	}
	if len(names) < 10 {
		t.Fatalf("only %d cookies were found", len(names))
	}
	return names
}
