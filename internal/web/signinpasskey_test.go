package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/passkey/passkeytest"
)

func TestSignInByPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.turnOnFactor(a)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		b, told := h.browser(), h.mails(notice.KindNewDevice)
		b.byPasskey("/sign-in/passkey", own, "next", "/account/devices").leadsTo("/account/devices")
		if f := b.found(); f.Way() != credential.ByPasskey || !f.IsFresh(h.clock()) || h.method(a.ID) != "passkey" {
			t.Errorf("proved %q, by %q", f.Way(), h.method(a.ID))
		}
		b.get("/account/devices").is(200)
		b.get("/account/activity").shows("main", "A device signed in with a passkey.")
		b.get("/account/data/download").is(200) // as fresh as password and code
		if n := h.mails(notice.KindNewDevice) - told; n != 1 {
			t.Errorf("%d mails tell of a new device", n)
		}
		for _, foreign := range []string{"https://evil.example.com", "//evil.example.com", "/\\evil.example.com"} {
			h.browser().byPasskey("/sign-in/passkey", own, "next", foreign).leadsTo("/account")
		}
	})
}

// attacks F6: whoever locks an account by wrong passwords does not lock out its owner's passkey.
func TestPasskeyOpensWhileThePasswordIsOff(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		for i := range 8 {
			thief := h.browser()
			thief.address = "198.51.100." + string(rune('1'+i)) + ":1"
			thief.post("/sign-in", "login", annMail, "password", "wrong")
		}
		if h.browser().post("/sign-in", "login", annMail, "password", annPassword).status == http.StatusSeeOther {
			t.Fatal("the password still counts")
		}
		h.browser().byPasskey("/sign-in/passkey", own).leadsTo("/account")
	})
}

// attacks F15: what a thief makes of a passkey's answer opens nothing.
func TestPasskeyAnswersOfThieves(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		good := *own
		for name, change := range map[string]func(*passkeytest.Authenticator){
			"evil-example.com":  func(a *passkeytest.Authenticator) { a.Origin = "https://evil-example.com" },
			"badexample.org":    func(a *passkeytest.Authenticator) { a.Origin = strings.Replace(testOrigin, "://", "://bad", 1) },
			"frame":             func(a *passkeytest.Authenticator) { a.CrossOrigin = true },
			"party's suffix":    func(a *passkeytest.Authenticator) { a.Party = "org" },
			"user not verified": func(a *passkeytest.Authenticator) { a.Unverified = true },
			"making, not using": func(a *passkeytest.Authenticator) { a.Type = "webauthn.create" },
		} {
			*own = good
			change(own)
			b := h.browser()
			b.byPasskey("/sign-in/passkey", own).is(422)
			if b.cookies["__Host-"+cookieBrowser] != "" {
				t.Errorf("%s: signed in", name)
			}
		}
		*own = good
		b := h.browser()
		text := own.Get(b.asked("/sign-in/passkey"))
		elsewhere := h.browser() // in another browser, as a phished answer would be
		elsewhere.post("/sign-in/passkey", "passkey", text).is(410)
		elsewhere.asked("/sign-in/passkey")
		elsewhere.post("/sign-in/passkey", "passkey", text).is(410)
		b.post("/sign-in/passkey", "passkey", text).leadsTo("/account")
		b.post("/sign-in/passkey", "passkey", text).is(410) // replayed
		late := own.Get(b.asked("/sign-in/passkey"))
		h.pass(5 * time.Minute)
		b.post("/sign-in/passkey", "passkey", late).is(410)
		for _, junk := range []string{"", "{}", "null", "[]", strings.Repeat("x", 20000), text[:40]} {
			b.post("/sign-in/passkey", "passkey", junk).is(422)
		}
		if h.recorded(a.ID, audit.PasskeyRefused) != 6 {
			t.Errorf("%d refusals", h.recorded(a.ID, audit.PasskeyRefused))
		}
	})
}

// A copy that counts backwards is refused, and its owner told; the owner's own goes on.
func TestCopiedPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		copied := *own.Keys[0]
		for range 2 {
			h.browser().byPasskey("/sign-in/passkey", own).leadsTo("/account")
		}
		b := h.browser()
		b.post("/sign-in/passkey", "passkey", own.GetWith(&copied, b.asked("/sign-in/passkey"))).is(422).shows("main", "There may be a copy")
		if h.mails(notice.KindPasskeyAlarm) != 1 || h.recorded(a.ID, audit.PasskeyAlarm) != 1 {
			t.Errorf("%d mails", h.mails(notice.KindPasskeyAlarm))
		}
		ann.get("/account/passkeys").shows("main", "there may be a copy of it")
		ann.get("/account/activity").shows("main", "There may be a copy of it.")
		h.browser().byPasskey("/sign-in/passkey", own).leadsTo("/account")
		page := "/account/passkeys/" + h.passkeys(a.ID)[0].ID
		h.pass(6 * time.Minute)
		ann.get(page).submit(page + "/keep").is(303)
		ann.get("/account/passkeys").shows("main", "there may be a copy of it") // not without a fresh proof
		ann.byPasskey("/sign-in/again/passkey", own, "next", page).leadsTo(page).submit(page + "/keep").leadsTo("/account/passkeys?done=passkey-kept").is(200)
		ann.get(page).has(0, "form[action="+page+"/keep]")
		if !h.passkeys(a.ID)[0].AlarmAt.IsZero() || h.recorded(a.ID, audit.PasskeyKept) != 1 {
			t.Error("it is marked still")
		}
	})
}

// In the place of the code, whether or not the authenticator verifies its user.
func TestCodeByPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account("bo@example.org", "", boPassword)
		bo, his := h.signedIn("bo@example.org", boPassword), passkeytest.New(t, testOrigin)
		bo.makesPasskey(his)
		h.turnOnFactor(a)
		b := h.browser()
		b.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code").has(0, "form[data-passkey]")
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		half := func() *browser {
			b := h.browser()
			b.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code").has(1, "form[data-passkey=/sign-in/code/passkey/begin]")
			return b
		}
		b = half()
		b.post("/sign-in/code/passkey", "passkey", his.GetWith(his.Keys[0], b.asked("/sign-in/code/passkey"))).is(422) // somebody else's (S2)
		b.post("/sign-in/code/passkey", "passkey", own.Get(b.asked("/sign-in/passkey"))).is(410)                       // asked for something else
		own.Unverified = true
		b.byPasskey("/sign-in/code/passkey", own).leadsTo("/account")
		if f := b.found(); f.Way() != credential.ByPasswordAndPasskey || !f.IsFresh(h.clock()) || h.method(a.ID) != "password and passkey" {
			t.Errorf("proved %q, by %q", f.Way(), h.method(a.ID))
		}
		b.byPasskeyTooLate(own)
		h.browser().post("/sign-in/code/passkey/begin").leadsTo("/sign-in")
	})
}

// byPasskeyTooLate shows that a ticket counts once.
func (b *browser) byPasskeyTooLate(own *passkeytest.Authenticator) {
	b.t.Helper()
	half := b.house.browser()
	half.post("/sign-in", "login", annMail, "password", annPassword).is(303)
	ticket := half.cookies["__Host-"+cookieCode]
	text := own.Get(half.asked("/sign-in/code/passkey"))
	half.byPasskey("/sign-in/code/passkey", own).leadsTo("/account")
	half.cookies["__Host-"+cookieCode] = ticket
	half.post("/sign-in/code/passkey", "passkey", text).leadsTo("/sign-in?why=late")
}

// A passkey is fresh proof of everything, and of its own account only.
func TestAgainByPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account("bo@example.org", "", boPassword)
		h.turnOnFactor(a)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		bo, his := h.signedIn("bo@example.org", boPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		bo.makesPasskey(his)
		h.pass(6 * time.Minute)
		ann.get("/account/data/download").leadsTo("/sign-in/again?next=%2Faccount%2Fdata%2Fdownload").has(1, "form[data-passkey=/sign-in/again/passkey/begin]")
		ann.post("/sign-in/again/passkey", "passkey", his.GetWith(his.Keys[0], ann.asked("/sign-in/again/passkey"))).is(422)
		own.Unverified = true
		ann.byPasskey("/sign-in/again/passkey", own).is(422).shows("main", "did not make sure that it is you")
		ann.get("/account/data/download").is(303)
		own.Unverified = false
		before := ann.copyOf()
		ann.byPasskey("/sign-in/again/passkey", own, "next", "/account/data/download").leadsTo("/account/data/download")
		if f := ann.found(); f.Way() != credential.ByPasskey || !f.IsFresh(h.clock()) {
			t.Errorf("proved %q", f.Way())
		}
		before.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended") // the token was replaced
		if h.recorded(a.ID, audit.ProvedAgain) == 0 {
			t.Error("nothing is recorded")
		}
		// what was proved for one is not proved for whoever comes next in this browser (S2)
		text := own.Get(ann.asked("/sign-in/again/passkey"))
		ann.post("/sign-out").is(303)
		ann.signIn("bo@example.org", boPassword)
		ann.post("/sign-in/again/passkey", "passkey", text).is(410)
	})
}

// PW-12: nothing that is asked for a sign-in tells whether there is an account, or a passkey.
func TestPasskeyQuestionsTellNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		shape := func() string {
			var fields map[string]any
			h.must(json.Unmarshal(h.browser().asked("/sign-in/passkey"), &fields))
			challenge, err := base64.RawURLEncoding.DecodeString(fields["challenge"].(string))
			h.must(err)
			if len(challenge) < 32 {
				t.Errorf("a question of %d bytes", len(challenge))
			}
			delete(fields, "challenge")
			text, err := json.Marshal(fields)
			h.must(err)
			return string(text)
		}
		page := func() string { return h.browser().get("/sign-in").is(200).body }
		empty, bare := shape(), len(page())
		h.account(annMail, "", annPassword)
		h.signedIn(annMail, annPassword).makesPasskey(passkeytest.New(t, testOrigin))
		if after := shape(); after != empty || strings.Contains(after, annMail) || len(page()) != bare {
			t.Errorf("before %s, after %s", empty, after)
		}
		stranger := passkeytest.New(t, testOrigin)
		stranger.Create([]byte(`{"challenge":"YWJj","rp":{"id":"usher.example.org"},"user":{"id":"YWJj"}}`))
		b := h.browser()
		unknown := b.byPasskey("/sign-in/passkey", stranger).is(422).body
		if strings.Contains(unknown, annMail) {
			t.Error("an address is told")
		}
	})
}

// One answer, sent many times at once, opens one door.
func TestPasskeyAnswerRaced(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		own.Synced = true // without a counter to tell them apart
		ann.makesPasskey(own)
		b := h.browser()
		form := url.Values{"passkey": {own.Get(b.asked("/sign-in/passkey"))}}.Encode()
		statuses := make([]int, 20)
		var racing sync.WaitGroup
		for i := range statuses {
			racing.Go(func() {
				r := httptest.NewRequest(http.MethodPost, testOrigin+"/sign-in/passkey", strings.NewReader(form))
				r.TLS, r.RemoteAddr = nil, b.address
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.AddCookie(&http.Cookie{Name: "__Host-" + cookiePasskey, Value: b.cookies["__Host-"+cookiePasskey]})
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				statuses[i] = w.Code
			})
		}
		racing.Wait()
		slices.Sort(statuses)
		if statuses[0] != http.StatusSeeOther || statuses[1] != http.StatusGone || statuses[len(statuses)-1] != http.StatusGone || h.recorded(a.ID, audit.SignedIn) != 2 {
			t.Errorf("%v, %d sign-ins", statuses, h.recorded(a.ID, audit.SignedIn))
		}
	})
}
