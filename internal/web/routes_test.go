package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/passkey/passkeytest"
	"usher/internal/secret"
)

// open are the pages for everybody: every other page is for who is signed in. A new page stands here on purpose or not at all.
var open = []string{
	"POST /sign-in/with/{provider}", "GET /sign-in/with/{provider}/logo", "GET /sign-in/with/{provider}/return", "POST /sign-in/with/{provider}/return",
	"GET /sign-in/arrival", "POST /sign-in/arrival", "POST /sign-in/arrival/address", "POST /sign-in/arrival/code", "GET /sign-in/join", "POST /sign-in/join",
	"GET /sign-in", "POST /sign-in", "POST /sign-in/passkey", "POST /sign-in/passkey/begin", "GET /.well-known/passkey-endpoints", "POST /reset/code/passkey", "POST /reset/code/passkey/begin", "POST /sign-out", "GET /.well-known/change-password",
	"GET /sign-up", "POST /sign-up", "POST /sign-up/strength", "GET /sign-up/code", "POST /sign-up/code", "POST /sign-up/code/again",
	"GET /sign-up/confirm/{token}", "GET /sign-up/confirm", "POST /sign-up/confirm",
	"GET /setup/{token}", "GET /setup", "POST /setup", "GET /invitation/{token}", "GET /invitation", "POST /invitation",
	"GET /account/email/confirm/{token}", "GET /not-me/{token}", "GET /not-me", "POST /not-me", "GET /keep-second-step/{token}", "GET /keep-second-step", "POST /keep-second-step", "GET /undo/{token}", "GET /undo", "POST /undo",
	"GET /reset", "POST /reset", "POST /reset/required", "POST /reset/code", "GET /auth", "GET /auth/{$}", "GET /reset/{token}", "GET /reset/new", "POST /reset/new",
	"GET /notice", "POST /notice", "GET /authorize/consent", "GET /authorize/refused", "GET /authorize/sign-out", "GET /docs/api", "GET /invitations/{id}", "GET /tv", "POST /tv", "GET /tv/pin", "POST /tv/switch", "POST /tv/who", "POST /tv/sign-out", "GET /remove-device/{token}", "GET /remove-device", "POST /remove-device",
}

// parts takes a pattern apart and fills its wildcards in.
func parts(pattern string, fill *strings.Replacer) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.TrimSuffix(fill.Replace(path), "{$}")
}

func nothing() *strings.Replacer {
	return strings.NewReplacer("{token}", strings.Repeat("0", secret.TokenLength), "{id}", strings.Repeat("0", id.Length), "{act}", "lock")
}

func TestPagesAreForWhoIsSignedIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		known := 0
		for _, rt := range h.door.routes() {
			if slices.Contains(open, rt.pattern) {
				known++
				continue
			}
			method, path := parts(rt.pattern, nothing())
			for _, b := range []*browser{h.browser(), h.holding("x"), h.holding(secret.NewToken().Reveal())} {
				a := b.send(method, path, map[string][]string{"password": {annPassword}})
				if where := a.header.Get("Location"); a.status != http.StatusSeeOther || where != "/sign-in" && !strings.HasPrefix(where, "/sign-in?") {
					t.Errorf("%s answers %d %s to whoever is not signed in", rt.pattern, a.status, where)
				}
			}
		}
		if known != len(open) {
			t.Errorf("%d of %d open pages are in the table", known, len(open))
		}
	})
}

// holding returns a browser with something that is no sign-in.
func (h *house) holding(token string) *browser {
	b := h.browser()
	b.cookies["__Host-"+cookieBrowser] = token
	return b
}

// property is everything of somebody's that a request could name.
type property struct {
	account account.Account
	device  string
	mail    string
	invited string
	entry   string
	change  string // token of the link that confirms a new address
	server  string
	line    string // somebody on that server's list
	passkey string
	at      string // the device of an app password of that server
}

func (h *house) property(a account.Account) property {
	h.t.Helper()
	owner := h.signedIn(annMail, annPassword)
	owner.ask(annNewMail)
	p := property{account: h.reload(a.ID), mail: h.mail(notice.KindConfirmAddress, annNewMail).ID}
	p.change = strings.TrimPrefix(h.link(notice.KindConfirmAddress, annNewMail), "/account/email/confirm/")
	devices, err := h.db.ListDevices(h.t.Context(), a.ID)
	h.must(err)
	p.device = devices[0].ID
	p.server = owner.claims()
	owner.post("/servers/"+p.server+"/access", "who", "dee@example.org").is(303)
	owner.post("/servers/"+p.server+"/app-password", "name", "TV").is(200)
	guests, err := h.db.ListGuests(h.t.Context(), a.ID, p.server)
	h.must(err)
	p.line = guests[0].ID
	devices, err = h.db.ListDevices(h.t.Context(), a.ID)
	h.must(err)
	p.at = devices[slices.IndexFunc(devices, func(d device.Device) bool { return d.Method == device.ByServerPassword })].ID
	owner.makesPasskey(passkeytest.New(h.t, testOrigin))
	p.passkey = h.passkeys(a.ID)[0].ID
	entries, err := h.db.ListAudit(h.t.Context(), audit.Filter{AccountID: a.ID, Limit: 1})
	h.must(err)
	p.entry = entries[0].ID
	_, err = h.door.Admin.Invite(h.t.Context(), admin.Actor(a.ID), "cy@example.org")
	h.must(err)
	invitations, err := h.db.OpenInvitations(h.t.Context(), "", 10, h.clock())
	h.must(err)
	p.invited = invitations[0].Hash
	return p
}

// state is everything of the owner's that must be as it was.
func (h *house) state(p property) string {
	h.t.Helper()
	devices, err := h.db.ListDevices(h.t.Context(), p.account.ID)
	h.must(err)
	invitations, err := h.db.OpenInvitations(h.t.Context(), "", 10, h.clock())
	h.must(err)
	waiting, err := h.db.OpenMail(h.t.Context(), p.mail)
	h.must(err)
	pending, err := h.db.PendingConfirmation(h.t.Context(), p.account.ID, account.ForEmail, h.clock())
	h.must(err)
	servers, err := h.db.ListServers(h.t.Context(), p.account.ID)
	h.must(err)
	guests, err := h.db.ListGuests(h.t.Context(), p.account.ID, p.server)
	h.must(err)
	return fmt.Sprint(h.reload(p.account.ID), devices, invitations, waiting.ID, waiting.Attempts, pending, servers, guests, h.passkeys(p.account.ID))
}

// attacks S16: somebody else's ids, in every place of every request there is, change and show nothing. Whoever is signed in may name them.
func TestOtherPeoplesThingsAreOutOfReach(t *testing.T) {
	eachHouse(t, func(h *house) {
		p := h.property(h.administrator(annMail, annPassword))
		before := h.state(p)
		named := 0
		for i, rt := range h.door.routes() {
			mail := fmt.Sprintf("bo%d@example.org", i)
			h.account(mail, "", boPassword)
			bo := h.browser()
			bo.address = fmt.Sprintf("192.0.2.%d:4711", i)
			bo.signIn(mail, boPassword)
			for _, object := range []string{p.account.ID, p.device, p.mail, p.invited, p.entry, p.change, p.server, p.line, p.at, p.passkey} {
				method, path := parts(rt.pattern, strings.NewReplacer("{id}", object, "{act}", "sign-out", "{token}", object))
				fields := map[string][]string{}
				for _, name := range []string{"id", "account", "account_id", "device", "device_id", "ticket", "token", "before", "after", "code", "line"} {
					fields[name] = []string{object}
				}
				if method == http.MethodGet && !strings.Contains(path, object) {
					path += "?id=" + object + "&account=" + object + "&before=" + object + "&line=" + object
				}
				a := bo.send(method, path, fields)
				named++
				if mentions := strings.Contains(a.body, annMail) || strings.Contains(a.body, annNewMail); mentions {
					t.Errorf("%s shows somebody else's address", rt.pattern)
				}
				if strings.Contains(rt.pattern, "{id}") && a.status != http.StatusNotFound {
					t.Errorf("%s answers %d", rt.pattern, a.status)
				}
				if after := h.state(p); after != before {
					t.Fatalf("%s has changed\n%s to\n%s", rt.pattern, before, after)
				}
			}
		}
		if named < 300 {
			t.Errorf("only %d requests", named)
		}
		h.account("bo@example.org", "", boPassword)
		bo := h.signedIn("bo@example.org", boPassword)
		own := "/servers/" + bo.claims()
		bo.get(own + "/change?line=" + p.line).is(404)
		for _, act := range []string{"change", "invite-again", "dismiss"} { // another's line, at a server of one's own
			bo.post(own+"/"+act, "line", p.line, "id", p.line, "household", "yes")
		}
		bo.post("/account/app-passwords/revoke", "id", p.at)
		if after := h.state(p); after != before {
			t.Errorf("changed\n%s to\n%s", before, after)
		}
	})
}

// Who is no administrator is not told that there is an administration.
func TestAdministrationIsNotFoundByOthers(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		pages := 0
		for _, rt := range h.door.routes() {
			method, path := parts(rt.pattern, nothing())
			if strings.HasPrefix(path, "/admin") {
				pages++
				ann.send(method, path, map[string][]string{}).is(404).has(0, "a[href=/admin]")
			}
		}
		if pages < 10 {
			t.Errorf("only %d pages", pages)
		}
	})
}

func TestWrongMethodsAreRefused(t *testing.T) {
	eachHouse(t, func(h *house) {
		allowed := map[string][]string{}
		for _, rt := range h.door.routes() {
			method, path := parts(rt.pattern, nothing())
			allowed[path] = append(allowed[path], method)
		}
		// a token may be any word, so these are links too
		for path := range allowed {
			if dir := path[:strings.LastIndexByte(path, '/')+1]; slices.Contains(allowed[dir+strings.Repeat("0", secret.TokenLength)], http.MethodGet) {
				allowed[path] = append(allowed[path], http.MethodGet)
			}
		}
		b := h.browser()
		for path, methods := range allowed {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				if slices.Contains(methods, method) {
					continue
				}
				a := b.send(method, path, map[string][]string{}).is(405)
				for _, m := range methods {
					if !strings.Contains(a.header.Get("Allow"), m) {
						t.Errorf("%s %s allows %q, want %s", method, path, a.header.Get("Allow"), m)
					}
				}
			}
		}
		for _, path := range []string{"/help", "/help/devices", "/static/usher.css"} {
			if got := b.send(http.MethodPost, path, map[string][]string{}).is(405).header.Get("Allow"); got != "GET, HEAD" {
				t.Errorf("%s allows %q", path, got)
			}
		}
		b.get("/nothing/here").is(404)
		b.send(http.MethodPost, "/nothing/here", map[string][]string{}).is(404)
	})
}

// attacks S17: what another site sends does nothing.
func TestOtherSitesCannotSendForms(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		posts := 0
		for _, rt := range h.door.routes() {
			method, path := parts(rt.pattern, nothing())
			if method != http.MethodPost {
				continue
			}
			posts++
			for _, site := range []string{"cross-site", "same-site"} {
				ann.site = site
				ann.send(method, path, map[string][]string{"password": {annPassword}, "email": {annNewMail}}).is(403).shows("h1", "another website")
			}
		}
		ann.site = ""
		if h.reload(a.ID) != a || posts < 20 {
			t.Errorf("something was changed by one of %d posts", posts)
		}
		ann.get("/account").is(200)
	})
}
