package main

import (
	"go/ast"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/plexapi"
	"usher/internal/secret"
)

// Every pathway on which somebody gets a sign-in, a token or power over an account stands here with its decision about the second step (ASVS
// 6.1.3, 6.3.4). The pathways are read out of the source, so that a new one without a decision fails.

// decision says what a pathway does about the second step.
type decision string

const (
	asksCode   decision = "asks for the second step of an account that has one"
	vouched    decision = "asks for the second step, but for who proves it with a passkey, and for who comes by another service where neither owner nor operator want it asked"
	fromSignIn decision = "starts from a sign-in, which was asked when it began, and asks again where the proof is not fresh"
	newAccount decision = "makes an account, which has no second step yet"
	noPower    decision = "gives no power: it takes power away, tells something, or opens one narrow step that asks in its turn"
	byOperator decision = "begins with an operator: on the machine itself, or in administration, which asks"
	byFlow     decision = "writes what a flow has decided"
)

// ofKinds are the decisions for every kind of credential: what it took to be given one.
var ofKinds = map[credential.Kind]decision{
	credential.Browser: asksCode, credential.Known: asksCode, credential.Remembered: asksCode, credential.App: asksCode, credential.Restricted: asksCode,
	credential.AuthorizationRequest: noPower, credential.AuthorizationCode: fromSignIn, credential.Refresh: fromSignIn, credential.Access: fromSignIn, credential.ClientAccess: byOperator, credential.Logout: noPower,
	credential.AppPassword: fromSignIn, credential.Handed: fromSignIn, credential.DeviceKey: fromSignIn, credential.DeviceToken: fromSignIn, credential.DeviceNonce: noPower, credential.ServerClaim: fromSignIn, credential.Server: fromSignIn, credential.ServerStanding: fromSignIn, credential.ServerAccess: fromSignIn, credential.ServerPassword: fromSignIn, credential.Change: fromSignIn, credential.Enrolment: fromSignIn, credential.Console: fromSignIn,
	credential.LinkTicket: fromSignIn, credential.DeviceCode: noPower, credential.RemoveDevice: noPower,
	credential.Switched: fromSignIn, credential.Away: fromSignIn,
	credential.SignUp: newAccount, credential.SignUpLink: newAccount,
	credential.Outside: noPower, credential.Parked: noPower, credential.Arrival: vouched, credential.Ceremony: noPower, credential.SecondStep: noPower, credential.Reset: noPower, credential.Undo: noPower, credential.NotMe: noPower, credential.KeepFactor: noPower,
	credential.Invitation: byOperator, credential.SetUp: byOperator, credential.ClientSecret: byOperator,
}

// ofMints are the decisions for every function that makes a credential or writes one, or has the store change who can get into an account.
var ofMints = map[string]decision{
	"signin.Service.next": asksCode, "signin.Service.Enter": vouched, "signin.Service.restrict": vouched, "signin.Service.Code": asksCode, "signin.Service.Software": asksCode, "password.Service.Prove": asksCode,
	"signin.Service.Again": asksCode, "factor.Service.NewCodes": asksCode, "factor.Service.TurnOff": asksCode, "password.Service.Reset": asksCode,

	"signin.Service.CodeByPasskey": vouched, "signin.Service.AgainByPasskey": vouched, "password.Service.ProveByPasskey": vouched, "password.Service.ConfirmByPasskey": vouched, "passkey.Checker.Ask": noPower,
	"factor.Passkeys.Add": fromSignIn, "factor.Passkeys.Remove": fromSignIn,

	"signin.Devices.SignOutEverything": fromSignIn, "signin.AppPasswords.Make": fromSignIn, "password.Service.Change": fromSignIn,
	"profile.Service.redeem": fromSignIn, "factor.Service.keep": fromSignIn, "factor.Service.Finish": fromSignIn,
	"store.DB.EnterLinkCode": fromSignIn, "store.DB.ApproveLink": fromSignIn, "tvlink.Service.collect": fromSignIn,

	"store.DB.SetDeviceKey": fromSignIn, "store.DB.RenewByKey": fromSignIn, "devicekey.Service.Nonce": noPower,
	"mediaserver.Service.OfferOnce": byFlow, "mediaserver.Service.Collect": fromSignIn, "mediaserver.newClaim": byFlow, "mediaserver.Service.Exchange": fromSignIn, "mediaserver.Service.MakePassword": fromSignIn, "store.DB.AddServerPassword": byFlow,

	"social.Service.Begin": noPower, "social.Service.Park": noPower, "social.Service.arrive": vouched, "social.arrivalLink": vouched, "social.Service.TypeCode": vouched, "social.Service.prove": vouched, "social.Service.confirm": vouched,
	"social.Service.linkTo": fromSignIn, "social.Service.Unlink": fromSignIn, "social.Service.RequireCode": fromSignIn, "social.Service.WaiveCode": fromSignIn, "web.Door.postSecondStepAlways": byFlow, "social.Service.Enter": newAccount,
	"store.DB.Park": byFlow, "store.DB.Welcome": byFlow, "store.DB.TakeOver": byFlow,
	"home.Service.become": fromSignIn, "store.DB.Switch": byFlow, "store.DB.park": byFlow, "store.DB.ComeBack": byFlow,

	"signup.Service.create": newAccount, "signup.Founding.SetUp": newAccount,

	"signup.Founding.Add": byOperator, "signup.Founding.SetUpLink": byOperator, "admin.Service.Invite": byOperator, "admin.Service.MakeAdmin": byOperator,
	"password.Service.HandOver": byOperator, "factor.Service.goOn": byOperator, "incident.Service.Withdraw": byOperator,

	"signin.Service.askCode": noPower, "signin.Service.askCodeOf": noPower, "signin.Service.refuseEntry": byFlow, "password.newReset": noPower, "password.sendReset": noPower, "factor.Service.warn": noPower,
	"audit.Act.NotMe": noPower, "profile.Service.Undo": noPower,
	"store.DB.BeginLink": noPower, "audit.Act.TellLinked": noPower,

	"store.DB.AddDevice": byFlow, "store.DB.CollectLink": byFlow, "store.DB.ChangePassword": byFlow, "store.DB.LoadSignIns": byFlow, "store.DB.OpenSignIn": byFlow,
	"grant.Service.keep": noPower,

	"store.DB.GrantCode": byFlow, "store.DB.insertGrant": byFlow,
	"store.DB.RenewSignIn": byFlow, "store.DB.decoyLink": byFlow, "store.DB.endEverything": byFlow, "store.DB.insertCredential": byFlow,
	"store.DB.insertProofs": byFlow, "store.DB.insertSignIn": byFlow, "store.DB.leave": byFlow, "store.DB.mintLink": byFlow,
	"store.DB.openAccount": byFlow, "store.DB.renew": byFlow, "store.DB.strike": byFlow, "store.DB.insertClientSecret": byFlow,
}

// ofOpenRoutes are the decisions for every route that needs no sign-in.
var ofOpenRoutes = map[string]decision{
	"GET /home": noPower, "GET /home/pin": noPower, "POST /home/switch": fromSignIn, "POST /home/back": fromSignIn, "POST /authorize/consent": fromSignIn,

	"POST /sign-in": asksCode, "POST /sign-in/code": asksCode, "POST /sign-in/recovery": asksCode,
	"POST /api/v1/sign-in": asksCode, "GET /api/v1/me": asksCode,
	"POST /api/v2/users/signin": asksCode, "POST /users/sign_in": asksCode,
	"POST /reset/code": asksCode, "POST /reset/new": asksCode,
	"POST /sign-in/passkey": vouched, "POST /sign-in/code/passkey": vouched, "POST /reset/code/passkey": vouched, "POST /sign-in/confirm/passkey": vouched, "POST /sign-in/confirm/passkey/begin": noPower,
	"POST /sign-in/passkey/begin": noPower, "POST /sign-in/code/passkey/begin": noPower, "POST /reset/code/passkey/begin": noPower, "GET /.well-known/passkey-endpoints": noPower,

	"POST /sign-in/with/{provider}": noPower, "GET /sign-in/with/{provider}/logo": noPower, "GET /sign-in/with/{provider}/return": vouched, "POST /sign-in/with/{provider}/return": noPower,
	"GET /sign-in/arrival": noPower, "POST /sign-in/arrival": newAccount, "POST /sign-in/arrival/address": noPower, "POST /sign-in/arrival/code": noPower,
	"GET /sign-in/join": noPower, "POST /sign-in/join": asksCode, "GET /sign-in/confirm": noPower, "POST /sign-in/confirm/with/{provider}": noPower,

	"POST /api/v2/auth/jwk": fromSignIn, "POST /api/v2/auth/token": fromSignIn, "GET /api/v2/auth/nonce": noPower, "GET /api/v2/auth/keys": noPower,
	"PUT /api/v2/pins/link": fromSignIn, "GET /api/v2/pins/{id}": fromSignIn, "GET /pins/{id}": fromSignIn, "POST /api/v2/pins": noPower, "POST /pins": noPower,
	"GET /api/v2/pins/qr/{code}": noPower,
	"GET /api/claim/token":       fromSignIn, "POST /api/claim/exchange": fromSignIn,
	"POST /api/v1/link/token": fromSignIn, "GET /tv": fromSignIn, "GET /api/v1/devices": asksCode, "POST /api/v1/devices/{id}/sign-out": noPower,

	"POST /sign-up/code": newAccount, "POST /sign-up/confirm": newAccount, "POST /setup": newAccount,

	"GET /authorize/consent": fromSignIn, "POST /oauth/token": fromSignIn, "GET /oauth/userinfo": fromSignIn, "POST /oauth/userinfo": fromSignIn,

	"GET /oauth/authorize": noPower, "POST /oauth/authorize": noPower, "GET /authorize/refused": noPower, "GET /authorize/sign-out": noPower, "GET /oauth/end-session": noPower, "POST /oauth/end-session": noPower, "POST /oauth/introspect": noPower, "POST /oauth/device": noPower, "POST /oauth/revoke": noPower,
	"GET /.well-known/openid-configuration": noPower, "GET /.well-known/oauth-authorization-server": noPower, "GET /oauth/keys": noPower,
	"GET /.well-known/ssf-configuration": noPower, "GET /ssf/stream": noPower, "POST /ssf/stream": noPower, "PATCH /ssf/stream": noPower, "PUT /ssf/stream": noPower, "DELETE /ssf/stream": noPower,
	"GET /ssf/status": noPower, "POST /ssf/status": noPower, "POST /ssf/verify": noPower, "POST /ssf/poll": noPower,
	"POST /sign-up": noPower, "POST /sign-up/strength": noPower, "POST /sign-up/code/again": noPower, "POST /invitation": noPower,
	"POST /sign-out": noPower, "POST /api/v1/sign-out": noPower, "POST /reset": noPower, "POST /reset/required": noPower, "POST /notice": noPower,
	"POST /tv": noPower, "POST /tv/sign-out": noPower, "POST /api/v1/link": noPower, "POST /api/v1/servers": fromSignIn, "POST /api/v1/claim-tokens": asksCode, "GET /api/v1/servers": fromSignIn,
	"GET /api/v1/server/standing": noPower, "GET /api/v1/server": noPower, "GET /api/v1/server/people": noPower, "PUT /api/v1/server": noPower, "POST /api/v1/server/sign-ins": asksCode, "DELETE /api/v1/server": noPower,
	"POST /api/v1/home/switch": fromSignIn, "POST /tv/switch": fromSignIn, "POST /api/v2/home/users/{id}/{act}": fromSignIn, "POST /api/home/users/{id}/switch": fromSignIn,
	"GET /api/v1/home": noPower, "GET /tv/pin": noPower, "POST /tv/who": noPower, "GET /api/v2/home/users/{$}": noPower, "POST /api/v2/home/users/restricted": fromSignIn, "PUT /api/v2/home/users/restricted/{id}": fromSignIn,
	"DELETE /api/v2/home/users/restricted/{id}": noPower, "DELETE /api/v2/home/users/{id}": noPower, "POST /api/home/users": fromSignIn, "PUT /api/home/users/{id}": fromSignIn, "DELETE /api/home/users/{id}": noPower,
	"GET /docs/api": noPower, "GET /invitations/{id}": noPower, "GET /remove-device": noPower, "GET /remove-device/{token}": noPower, "POST /remove-device": noPower,
	"POST /not-me": noPower, "POST /keep-second-step": noPower, "POST /undo": noPower,

	"GET /state": byOperator, "POST /take": byOperator, "GET /ready": byOperator, // of a demonstration, for who sits at its machine

	"GET /{$}": noPower, "GET /sign-in": noPower, "GET /sign-in/code": noPower, "GET /sign-in/recovery": noPower, "GET /auth": noPower, "GET /auth/{$}": noPower,
	"GET /sign-up": noPower, "GET /sign-up/code": noPower, "GET /sign-up/confirm": noPower, "GET /sign-up/confirm/{token}": noPower,
	"GET /setup": noPower, "GET /setup/{token}": noPower, "GET /invitation": noPower, "GET /invitation/{token}": noPower,
	"GET /account/email/confirm/{token}": noPower, "GET /not-me": noPower, "GET /not-me/{token}": noPower, "GET /undo": noPower, "GET /undo/{token}": noPower,
	"GET /keep-second-step": noPower, "GET /keep-second-step/{token}": noPower,
	"GET /reset": noPower, "GET /reset/new": noPower, "GET /reset/{token}": noPower, "GET /notice": noPower, "GET /.well-known/change-password": noPower,
	"GET /api/v1/openapi.yaml": noPower, "GET /api/v1/problems/{name}": noPower,
	"DELETE /api/v2/users/signout": noPower, "DELETE /devices/{id}": noPower, "GET /api/v2/user": noPower, "GET /users/account": noPower, "GET /api/v2/ping": noPower,
	"GET /api/v2/resources": noPower, "GET /api/resources": noPower, "GET /pms/resources": noPower, "GET /pms/servers": noPower, "GET /api/servers": noPower, "GET /devices": noPower,
	"GET /api/v2/home": noPower, "GET /api/v2/home/users": noPower, "GET /api/home/users": noPower, "GET /api/v2/friends": noPower, "GET /api/users": noPower, "GET /api/users/{$}": noPower,
	"GET /static/": noPower, "GET /favicon.ico": noPower, "GET /robots.txt": noPower, "GET /help": noPower, "GET /help/": noPower, "/": noPower,
}

// lettingWait are the routes for players that answer everybody: with a code for somebody else to type, or with what opens nothing.
var lettingWait = []string{"POST /api/v2/pins", "POST /pins", "GET /api/v2/auth/nonce", "GET /api/v2/auth/keys"}

// guards are the wrappers that let in only who is signed in, or holds the console's ticket.
var guards = []string{"person", "proved", "proveable", "fresh", "leaver", "administrator", "adminSearch", "draftHandler", "console"}

func TestEveryPathwayHasItsDecision(t *testing.T) {
	for kind := range credential.Rules {
		if _, decided := ofKinds[kind]; !decided {
			t.Errorf("%s: what does it take to be given one?", kind)
		}
	}
	for kind, d := range ofKinds {
		if rule, is := credential.Rules[kind]; !is || rule.Bearer && d != asksCode && d != fromSignIn {
			t.Errorf("%s: %s", kind, d)
		}
	}
	compare(t, "makes credentials", ofMints, mints(t))
	open := map[string]bool{}
	for _, rt := range routes(t) {
		if !slices.Contains(guards, rt.handler) {
			open[rt.pattern()] = true
		}
	}
	compare(t, "is open to strangers", ofOpenRoutes, open)
}

func compare(t *testing.T, what string, listed map[string]decision, found map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if listed[name] == "" {
			t.Errorf("%s %s, and has no decision about the second step", name, what)
		}
	}
	for name := range listed {
		if !found[name] {
			t.Errorf("%s stands in the list, and no longer %s", name, what)
		}
	}
}

// mints are the functions that make a credential (a sign-in, its renewal, a link), turn a second step on, or write a credential's row.
func mints(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for name, files := range sources(t) {
		if name == "credential" { // it says what they are
			continue
		}
		for _, file := range files {
			for _, decl := range file.Decls {
				f, is := decl.(*ast.FuncDecl)
				if is && makesCredential(f) {
					all[name+"."+titleOf(f)] = true
				}
			}
		}
	}
	return all
}

func makesCredential(f *ast.FuncDecl) (makes bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			made := nameOf(n.Type)
			_, ours := n.Type.(*ast.SelectorExpr)
			makes = makes || ours && slices.Contains([]string{"SignIn", "Renewal", "Link", "Console"}, made) && len(n.Elts) > 0
		case *ast.CallExpr:
			makes = makes || slices.Contains(makers, nameOf(n.Fun))
		case *ast.BasicLit:
			makes = makes || writesCredential.MatchString(literal(n))
		}
		return true
	})
	return makes
}

// makers are the calls that make a credential, and the verbs of the store that change who can get into an account.
var makers = []string{
	"NewSignIn", "NewAppPassword", "Linking", "newReset", "insertCredential", "insertSignIn", "mintLink", "renew", "credentialRow",
	"CreateAccount", "GrantAdmin", "ChangePassword", "ChangePasswordEverywhere", "RedeemReset", "RedeemResetEverywhere", "RedeemEmail", "RedeemNoticeEmail",
	"RestoreEmail", "TurnOnFactor", "TurnOffFactor", "RemoveFactor", "ReplaceRecovery", "WithdrawIncident", "ConfirmSecured",
	"AddPasskey", "RemovePasskey", "LinkIdentity", "UnlinkIdentity", "RequireCode", "WaiveCode",
}

var writesCredential = regexp.MustCompile(`(INSERT INTO credential|UPDATE credential SET (hash|kind|account_id|born|account_epoch|fresh_at))\b`)

// titleOf is a function's name with its receiver's.
func titleOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if pointer, is := of.(*ast.StarExpr); is {
		of = pointer.X
	}
	return nameOf(of) + "." + f.Name.Name
}

// thief knows the password of an account with a second step, and nothing else; or has a copy of a sign-in besides, whose proof is not fresh.
type thief struct {
	*doors
	victim  account.Account // an administrator
	other   account.Account // whom the victim could lock
	cookies map[string]string
}

const victimPassword, thiefPassword = "seven copper kettles sing", "marble otters in april"

// formFields are the names of every field that any form has, read out of the source.
func formFields(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range sources(t)["web"] {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is && nameOf(call) == "PostFormValue" && literal(call.Args[0]) != "" {
				names = append(names, literal(call.Args[0]))
			}
			return true
		})
	}
	if len(names) < 30 {
		t.Fatalf("only %d fields were found", len(names))
	}
	return names
}

// form fills every field there is with what the thief knows, or hopes.
func (h *thief) form(names []string, password, code string) url.Values {
	form := url.Values{}
	for _, name := range names {
		form.Set(name, map[string]string{
			"login": h.victim.Email, "account": h.victim.ID, "email": "thief@example.org", "password": password, "current": victimPassword, "next": "/account",
			"code": code, "off_code": code, "remember": "yes", "sign_out": "yes", "stored": "yes", "user_name": "thief", "name": "my app",
		}[name])
		if form.Get(name) == "" {
			form.Del(name)
		}
	}
	return form
}

// power is what the thief must not change: who can get into an account, and what has been let in.
func (h *thief) power() string {
	h.Helper()
	accounts := h.rows(`SELECT id || state || admin || email || notice_email || password || password_version || epoch || totp || totp_since FROM account ORDER BY id`)
	return strings.Join(append(accounts, h.rows(`SELECT id || account_id || counter FROM passkey ORDER BY id`)...), "\n")
}

// letIn are the live credentials of kinds that stand for a proved second step.
func (h *thief) letIn() (all []string) {
	h.Helper()
	for _, row := range h.rows(`SELECT kind || ' ' || hash || ' ' || fresh_at FROM credential ORDER BY hash`) {
		for kind, d := range ofKinds {
			if rest, is := strings.CutPrefix(row, string(kind)+" "); is && strings.Count(rest, " ") == 1 && (d == asksCode || d == fromSignIn) {
				all = append(all, row)
			}
		}
	}
	return all
}

// steal gives the thief a copy of a sign-in of yesterday.
func (h *thief) steal() {
	h.Helper()
	in := credential.NewSignIn(h.victim.ID, "password and code", device.Client{}, h.at)
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	a, err := h.db.LoadAccount(h.Context(), h.victim.ID)
	h.must(err)
	in.Stamp, in.FreshAt = credential.StampNow(clock, a.Standing), h.at.Add(-24*time.Hour)
	h.must(h.db.AddDevice(h.Context(), in, audit.Act{At: h.at}))
	h.cookies = map[string]string{"usher": in.Token.Reveal()}
	if w := h.send(http.MethodGet, "/account", request{cookies: h.cookies}); w.Code != http.StatusOK {
		h.Fatalf("the stolen sign-in opens nothing: %d", w.Code)
	}
}

// try tries one route in every way: with the password in every field that asks for one, with a password of the thief's own, and with a guessed code.
func (h *thief) try(rt route, names []string) {
	h.Helper()
	path := strings.NewReplacer("{$}", "", "{id}", h.other.ID, "{act}", "lock", "{token}", secret.NewToken().Reveal(), "{name}", "wrong").Replace(rt.path)
	method := rt.method
	if method == "" {
		method = http.MethodGet
	}
	for _, password := range []string{victimPassword, thiefPassword} {
		for _, code := range []string{"", "000000"} {
			q := request{cookies: h.cookies, form: h.form(names, password, code)}
			players := plexapi.Owns(path)
			if players || strings.HasPrefix(path, "/api/") {
				q = asBasic(h.victim.Email, password+code)
				q.header.Set("X-Plex-Client-Identifier", "thief")
				if method == http.MethodPost {
					q.object = map[string]string{"login": h.victim.Email, "password": password, "code": code}
				}
				if players && method == http.MethodPost {
					q.object["verificationCode"] = code
				}
			}
			h.unlimited()
			before := h.letIn()
			power := h.power()
			w := h.send(method, path, q)
			for _, now := range h.letIn() {
				if !slices.Contains(before, now) {
					h.Errorf("%s lets in by the password alone: %s", rt.pattern(), strings.Fields(now)[0])
				}
			}
			if h.power() != power {
				h.Fatalf("%s changes who can get in by the password alone", rt.pattern())
			}
			if (players && !slices.Contains(lettingWait, rt.pattern()) || path == "/api/v1/me") && w.Code < http.StatusMultipleChoices || len(h.cookies) == 0 && slices.Contains(guards, rt.handler) && w.Code == http.StatusOK {
				h.Errorf("%s answers %d", rt.pattern(), w.Code)
			}
		}
	}
}

// For an account with a second step, the password alone opens nothing, at any route of any door: no sign-in, no token, no fresh proof, nothing
// changed about who can get in. Nor does it together with a stolen sign-in whose proof is not fresh.
func TestThePasswordAloneMintsNothing(t *testing.T) {
	names, every := formFields(t), routes(t)
	eachDoors(t, func(d *doors) {
		h := &thief{doors: d, victim: d.person("anna", victimPassword, true), other: d.person("root", "eleven quiet harbours dream", true)}
		d.turnOnFactor(h.victim)
		for _, rt := range every {
			h.try(rt, names)
		}
		for _, rt := range every {
			h.steal()
			h.try(rt, names)
		}
		h.letsInByBoth()
	})
}

// letsInByBoth shows that the doors of asksCode do open to who has the code: what is closed above is not closed to everybody.
func (h *thief) letsInByBoth() {
	h.Helper()
	h.unlimited()
	form := url.Values{"login": {h.victim.Email}, "password": {victimPassword}}
	half := cookie(h.send(http.MethodPost, "/sign-in", request{form: form}), "usher-code")
	w := h.send(http.MethodPost, "/sign-in/code", request{form: url.Values{"code": {h.code(h.victim)}}, cookies: map[string]string{"usher-code": half}})
	if cookie(w, "usher") == "" {
		h.Errorf("the code does not sign in: %d", w.Code)
	}
	object := map[string]string{"login": h.victim.Email, "password": victimPassword, "code": h.code(h.victim)}
	if w := h.send(http.MethodPost, "/api/v1/sign-in", request{object: object}); w.Code != http.StatusOK {
		h.Errorf("the code does not sign an app in: %d", w.Code)
	}
	plex := asPlex("")
	plex.form = url.Values{"login": {h.victim.Email}, "password": {victimPassword + h.code(h.victim)}}
	if w := h.send(http.MethodPost, "/api/v2/users/signin", plex); w.Code != http.StatusCreated {
		h.Errorf("the appended code does not sign a player in: %d", w.Code)
	}
	if w := h.send(http.MethodGet, "/api/v1/me", asBasic(h.victim.Email, victimPassword+h.code(h.victim))); w.Code != http.StatusOK {
		h.Errorf("the appended code is not taken: %d", w.Code)
	}
}
