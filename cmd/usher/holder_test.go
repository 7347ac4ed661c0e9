package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// holder is somebody who holds one live credential of every kind, got as people get them.
type holder struct {
	*doors
	name     string
	anna     account.Account // has a second step
	bert     account.Account // has none yet; the enrolment is his
	password string          // of both, now
	tokens   map[credential.Kind]string
	app      *app   // that anna has let in
	server   *app   // that speaks for itself
	gate     *app   // that is claimed for anna, with a key of its own
	verifier string // of the code among the tokens
	pin      string // number of the PIN that handed its token out
	people   int    // that were made besides
	away     string // what the browser is known by that was sent to another service

	switchedOn string // token of the app on which somebody switched
	ownOnly    bool   // each kind is shown at its own entrances alone
	inBrowser  string // what the browser is switched to whose own sign-in is Away
}

func (h *holder) is(w *httptest.ResponseRecorder, status int) *httptest.ResponseRecorder {
	h.Helper()
	if w.Code != status {
		h.Fatalf("%s: %d %s, want %d: %s", h.name, w.Code, w.Header().Get("Location"), status, w.Body)
	}
	return w
}

// post sends a form, without limits, from a browser with some cookies: name, value and so on.
func (h *holder) post(path string, form url.Values, cookies ...string) *httptest.ResponseRecorder {
	h.Helper()
	h.unlimited()
	q := request{form: form, cookies: map[string]string{}}
	for i := 0; i < len(cookies); i += 2 {
		q.cookies[cookies[i]] = cookies[i+1]
	}
	return h.send(http.MethodPost, path, q)
}

// signedIn is a new sign-in of an account, fresh, in a browser that nothing else was made in.
func (h *holder) signedIn(a account.Account) string {
	h.Helper()
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	now, err := h.db.LoadAccount(h.Context(), a.ID)
	h.must(err)
	in := credential.NewSignIn(a.ID, "password and code", device.Client{}, h.at)
	in.Stamp = credential.StampNow(clock, now.Standing)
	h.must(h.db.AddDevice(h.Context(), in, audit.Act{At: h.at}))
	return in.Token.Reveal()
}

// mailed is what the newest waiting mail to an address says under a key, that begins as told.
func (h *holder) mailed(to, key, prefix string) string {
	h.Helper()
	waiting, err := h.db.WaitingMail(h.Context(), 1000)
	h.must(err)
	for _, n := range waiting {
		if rest, is := strings.CutPrefix(n.Data[key], prefix); is && n.To == to && n.Data[key] != "" {
			return rest
		}
	}
	h.Fatalf("no mail to %s has a %s with %q", to, key, prefix)
	return ""
}

// newHolder makes two people and one of every kind. Nobody administers the service, so that a set-up link can be made.
func (d *doors) newHolder(name string) *holder {
	d.Helper()
	h := &holder{doors: d, name: name, password: "seven copper kettles sing", tokens: map[credential.Kind]string{}}
	h.anna, h.bert = d.person("anna."+name, h.password, false), d.person("bert."+name, h.password, false)
	d.turnOnFactor(h.anna)
	h.home()
	h.signIns()
	h.addresses()
	h.resets()
	h.byOperator()
	h.links()
	h.apps()
	h.arrives()
	h.tokens[credential.ServerClaim] = h.claim() // its minutes are fewer than the codes above take
	for kind := range credential.Rules {
		if h.tokens[kind] == "" {
			h.Fatalf("no %s is made here", kind)
		}
	}
	return h
}

// home switches one app and one browser to a managed member.
func (h *holder) home() {
	h.Helper()
	flow := h.stack.homes()
	owner := h.find(credential.Browser, h.signedIn(h.anna))
	owner.FreshAt = h.at
	mia, err := flow.AddManaged(h.Context(), owner, "Mia", 3, device.Client{})
	h.must(err)
	app := h.signInApp()
	h.switchedOn = app
	in, err := flow.Switch(h.Context(), h.find(credential.App, app), home.Asked{Member: mia.ID})
	h.must(err)
	h.tokens[credential.Switched] = in.Token.Reveal()
	in, err = flow.Switch(h.Context(), owner, home.Asked{Member: mia.ID})
	h.must(err)
	h.tokens[credential.Away], h.inBrowser = in.Away.Reveal(), in.Token.Reveal()
}

func (h *holder) find(kind credential.Kind, token string) credential.Found {
	h.Helper()
	f, err := h.stack.db.FindCredential(h.Context(), kind, secret.TokenOf(token))
	h.must(err)
	return f
}

// signInApp signs an app in to anna's account, and returns its token.
func (h *holder) signInApp() string {
	h.Helper()
	object := map[string]string{"login": h.anna.Email, "password": h.password, "code": h.code(h.anna)}
	return aToken.FindString(h.is(h.send(http.MethodPost, "/api/v1/sign-in", request{object: object}), http.StatusOK).Body.String())
}

func (h *holder) signIns() {
	h.Helper()
	login := url.Values{"login": {h.anna.Email}, "password": {h.password}}
	half := func() string { return cookie(h.is(h.post("/sign-in", login), http.StatusSeeOther), "usher-code") }
	form := url.Values{"code": {h.code(h.anna)}, "remember": {"yes"}}
	in := h.is(h.post("/sign-in/code", form, "usher-code", half()), http.StatusSeeOther)
	h.tokens[credential.Browser], h.tokens[credential.Known], h.tokens[credential.Remembered] = cookie(in, "usher"), cookie(in, "usher-known"), cookie(in, "usher-remembered")
	h.tokens[credential.NotMe] = h.mailed(h.anna.Email, notice.DataLink, "/not-me/")
	h.tokens[credential.SecondStep] = half()
	h.question()

	h.tokens[credential.App] = h.signInApp()
	made := h.post("/account/app-passwords/new", url.Values{"name": {"TV"}}, "usher", h.tokens[credential.Browser])
	shown, _ := secret.ReadAppPassword(secret.TokenOf(anAppPassword.FindString(made.Body.String())))
	h.tokens[credential.AppPassword] = shown.Reveal()

	server := h.is(h.send(http.MethodPost, "/api/claim/exchange?token="+h.claim(), asPlex("")), http.StatusOK)
	h.tokens[credential.Server] = aToken.FindString(server.Body.String())

	h.gate = h.newGate(h.claim())
	h.tokens[credential.ServerStanding] = h.gate.asking()
	h.tokens[credential.ServerAccess] = h.playsAt(h.gate, h.tokens[credential.App])
	h.tokens[credential.ServerPassword] = h.passwordAt(h.gate, h.anna)

	begun := h.is(h.post("/account/second-step/begin", nil, "usher", h.signedIn(h.bert)), http.StatusOK)
	h.tokens[credential.Enrolment] = aToken.FindString(begun.Body.String())

	signUp := url.Values{"email": {"new." + h.name + "@example.org"}, "password": {"velvet orchard comet ladder"}}
	h.tokens[credential.SignUp] = cookie(h.is(h.post("/sign-up", signUp), http.StatusSeeOther), "usher-sign-up")
	h.tokens[credential.SignUpLink] = h.mailed(signUp.Get("email"), notice.DataLink, "/sign-up/confirm/")
}

// claim gets a claim token by the word of the app.
func (h *holder) claim() string {
	h.Helper()
	h.unlimited()
	return aClaim.FindString(h.is(h.send(http.MethodGet, "/api/claim/token", asPlex(h.tokens[credential.App])), http.StatusOK).Body.String())
}

// addresses changes the address once, which can be undone, and asks for another change.
func (h *holder) addresses() {
	h.Helper()
	browser, former := h.tokens[credential.Browser], h.anna.Email
	second, third := "second."+former, "third."+former
	h.is(h.post("/account/email", url.Values{"email": {second}}, "usher", browser), http.StatusSeeOther)
	code := h.mailed(second, notice.DataCode, "")
	h.is(h.post("/account/email/code", url.Values{"code": {code}}, "usher", browser), http.StatusSeeOther)
	h.tokens[credential.Undo] = h.mailed(former, notice.DataLink, "/undo/")
	h.anna.Email = second
	h.is(h.post("/account/email", url.Values{"email": {third}}, "usher", browser), http.StatusSeeOther)
	h.tokens[credential.Change] = h.mailed(third, notice.DataLink, "/account/email/confirm/")
}

func (h *holder) resets() {
	h.Helper()
	ask := func() string {
		h.is(h.post("/reset", url.Values{"login": {h.anna.Email}}), http.StatusSeeOther)
		return h.mailed(h.anna.Email, notice.DataLink, "/reset/")
	}
	proved := h.is(h.post("/reset/code", url.Values{"ticket": {ask()}, "code": {h.code(h.anna)}}), http.StatusSeeOther)
	h.tokens[credential.Restricted] = cookie(proved, "usher-reset")
	h.tokens[credential.Reset] = ask()
}

// links lets one TV in, which can be taken away again, types the code of another, and leaves a third waiting.
func (h *holder) links() {
	h.Helper()
	asks := func(client string) (deviceCode, userCode string) { // in the place of the holder's before
		h.unlimited()
		w := h.is(h.send(http.MethodPost, "/api/v1/link", request{object: map[string]string{"device": "TV", "client": client}}), http.StatusOK)
		var told struct {
			DeviceCode string `json:"device_code"`
			UserCode   string `json:"user_code"`
		}
		h.must(json.Unmarshal(w.Body.Bytes(), &told))
		return told.DeviceCode, told.UserCode
	}
	browser := h.signedIn(h.anna)
	types := func(code string) string {
		return cookie(h.is(h.post("/link", url.Values{"user_code": {code}}, "usher", browser), http.StatusSeeOther), "usher-link")
	}
	device, code := asks("in")
	h.lets(code, browser, "confirm")
	h.is(h.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": device}}), http.StatusOK)
	h.tokens[credential.RemoveDevice] = h.mailed(h.anna.Email, notice.DataLink, "/remove-device/")
	_, code = asks("typed")
	h.tokens[credential.LinkTicket] = types(code)
	h.tokens[credential.DeviceCode], _ = asks("waits")

	q := asPlex("")
	q.header.Set("X-Plex-Client-Identifier", h.name)
	var told struct {
		ID   int64
		Code string
	}
	h.must(json.Unmarshal(h.is(h.send(http.MethodPost, "/api/v2/pins.json", q), http.StatusCreated).Body.Bytes(), &told))
	h.lets(told.Code, browser, "confirm")
	h.pin = strconv.FormatInt(told.ID, 10)
	h.is(h.send(http.MethodGet, "/api/v2/pins/"+h.pin, q), http.StatusOK)
	h.deviceKeys()
	h.tokens[credential.Handed] = h.stack.keys.Ring().PollCode(told.ID, h.name).Reveal()
}

func (h *holder) byOperator() {
	h.Helper()
	_, err := h.factors(nil).AskRemoval(h.Context(), audit.CLI, h.anna.ID)
	h.must(err)
	h.tokens[credential.KeepFactor] = h.mailed(h.anna.Email, notice.DataLink, "/keep-second-step/")
	invitation, err := h.admin().Invite(h.Context(), admin.Actor(audit.CLI), "")
	h.must(err)
	h.tokens[credential.Invitation] = invitation.Reveal()
	path, err := h.founding().SetUpLink(h.Context())
	h.must(err)
	h.tokens[credential.SetUp] = strings.TrimPrefix(path, "/setup/")

	client := relyingparty.Client{ID: "app." + h.name, Name: "App", Auth: relyingparty.Basic}
	appSecret := secret.NewToken()
	h.must(h.db.RegisterClient(h.Context(), client, []secret.Token{appSecret}, audit.Act{At: h.at}))
	h.tokens[credential.ClientSecret] = appSecret.Reveal()

	// Who declares by the browser gets the ticket in the act that covers everybody; here it is of an incident that covers nobody.
	advice, err := h.incidents().Declare(h.Context(), audit.CLI, incident.Draft{Action: incident.Advise, Scope: incident.All, Notice: h.words()})
	h.must(err)
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	link := credential.Link{Kind: credential.Console, Token: secret.NewToken(), AccountID: h.anna.ID, Subject: advice.ID, Stamp: credential.StampNow(clock, h.standing())}
	h.must(h.db.Record(h.Context(), audit.Act{At: h.at}.Linking(link)))
	h.tokens[credential.Console] = link.Token.Reveal()
}

// apps lets an app in, for good and as long as the browser stays. It comes last: a code does not live for long.
func (h *holder) apps() {
	h.Helper()
	browser := h.tokens[credential.Browser]
	h.app = h.newApp("app-"+h.name, nil)
	h.server = h.newApp("server-"+h.name, aServer)
	h.tokens[credential.ClientAccess] = said(h.server.asks(grant.TokenPath, url.Values{"grant_type": {"client_credentials"}})).Access
	out := h.send(http.MethodGet, "/oauth/end-session?client_id="+h.app.ID, request{})
	h.tokens[credential.Logout] = strings.TrimPrefix(out.Header().Get("Location"), "/authorize/sign-out?request=")
	h.tokens[credential.Refresh] = h.tokensFor(h.app, browser, "openid", "offline_access").RefreshToken
	h.tokens[credential.Access] = h.tokensFor(h.app, browser, "openid").AccessToken
	h.tokens[credential.AuthorizationRequest] = h.ask(h.app.config.AuthCodeURL("", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))).Query().Get("request")
	h.tokens[credential.AuthorizationCode], h.verifier = h.codeFor(h.app, browser)
}

func (h *holder) words() notice.Parts {
	return notice.DefaultParts("usher.example.org", "help@usher.example.org")
}

// standing is how the account with the second step stands now.
func (h *holder) standing() account.Standing {
	h.Helper()
	a, err := h.db.LoadAccount(h.Context(), h.anna.ID)
	h.must(err)
	return a.Standing
}
