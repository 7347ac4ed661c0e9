package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/secret"
)

// between is a browser that has typed the right password and now owes the code.
func (h *house) between(login, password string) *answer {
	h.t.Helper()
	return h.browser().get("/sign-in").submit("/sign-in", "login", login, "password", password).leadsTo("/sign-in/code").is(200)
}

func TestSigningInWithACode(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		h.turnOnFactor(ann)
		b := h.browser()
		page := b.get("/account/devices").leadsTo("/sign-in?next=%2Faccount%2Fdevices").
			submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code?next=%2Faccount%2Fdevices").is(200).shows("bdi", notice.Masked(annMail))
		if _, in := b.cookies["__Host-"+cookieBrowser]; in || h.recorded(ann.ID, audit.SignedIn) != 0 {
			t.Error("a password alone signed in")
		}
		page.submit("/sign-in/code").is(422).shows("#code-error", "Enter the six digits")
		page.submit("/sign-in/code", "code", "hello").is(422).shows("#code-error", "neither six digits nor")
		ticket := b.cookies["__Host-"+cookieCode]
		code := h.authenticator(annMail)
		page.submit("/sign-in/code", "code", code[:3]+" "+code[3:]).leadsTo("/account/devices").is(200).has(1, ".list li")
		if b.cookies["__Host-"+cookieCode] != "" || h.mails(notice.KindNewDevice) != 1 {
			t.Error("the ticket stays in the browser, or nobody was told")
		}
		b.post("/account/devices/sign-out-all").leadsTo("/account/devices?done=devices") // the code is as fresh a proof as there is

		thief := h.browser() // F2, S1: neither the ticket nor the code works again
		thief.cookies["__Host-"+cookieCode] = ticket
		thief.post("/sign-in/code", "code", h.authenticator(annMail)).leadsTo("/sign-in?why=late").shows(".note", "ten minutes")
		h.between(annMail, annPassword).submit("/sign-in/code", "code", code).is(422).shows("#code-error", "")
	})
}

// attacks F1: the right password alone, with the code still owed, opens nothing anywhere.
func TestHalfASignInOpensNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.administrator(annMail, annPassword)
		half := h.between(annMail, annPassword).browser
		ticket := half.cookies["__Host-"+cookieCode]
		for _, rt := range h.door.routes() {
			method, path, _ := strings.Cut(rt.pattern, " ")
			if path = strings.NewReplacer("{$}", "", "{id}", strings.Repeat("0", 26), "{act}", "lock", "{token}", ticket).Replace(path); strings.HasPrefix(path, "/sign-in/") || path == "/sign-in" {
				continue
			}
			for _, name := range []string{cookieCode, cookieBrowser, cookieRemembered, cookieKnown, linkReset.cookie} {
				b := h.browser()
				b.cookies["__Host-"+name] = ticket
				if method == http.MethodPost {
					b.post(path, "ticket", ticket, "login", annMail, "password", newPassword)
				} else {
					b.get(path)
				}
				if b.cookies["__Host-"+cookieBrowser] != ticket && b.cookies["__Host-"+cookieBrowser] != "" {
					t.Fatalf("%s signs in with half a proof as %s", rt.pattern, name)
				}
				delete(b.cookies, "__Host-"+cookieRemembered)
				b.get("/account").is(http.StatusSeeOther)
			}
		}
		half.get("/account").leadsTo("/sign-in?next=%2Faccount")
	})
}

func TestRecoveryCodeInstead(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		codes := h.turnOnFactor(ann)
		for i := range 8 {
			page := h.between(annMail, annPassword)
			other := page.get("/sign-in/recovery").is(200)
			other.submit("/sign-in/recovery").is(422).shows("#code-error", "one of your recovery codes")
			used := other.submit("/sign-in/recovery", "code", strings.ToLower(strings.ReplaceAll(codes[i].Reveal(), "-", " "))).leadsTo("/sign-in/recovery-used").is(200)
			left := 9 - i
			if urged := strings.Contains(used.says("main"), "Make new codes"); urged != (left <= mfa.UrgeAt) {
				t.Errorf("with %d left: urged %t; it says %q", left, urged, used.says("main"))
			}
			if left > 1 {
				used.shows("main b", string(rune('0'+left))+" are left.")
			}
			page.submit("/sign-in/code", "code", codes[i].Reveal()) // the ticket is spent, and the code
			h.pass(10 * time.Minute)
		}
		if n := h.mails(notice.KindRecoveryCodeUsed); n != 8 {
			t.Errorf("%d mails about recovery codes", n)
		}
		h.between(annMail, annPassword).get("/sign-in/recovery").submit("/sign-in/recovery", "code", codes[0].Reveal()).is(422).shows("#code-error", "was used already")
	})
}

// Each page with a field for both says of a recovery code what helps with one, and of an authenticator's code what helps with that.
func TestARefusalFitsWhatWasTyped(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		codes := h.turnOnFactor(ann)
		var own *browser
		h.between(annMail, annPassword).get("/sign-in/recovery").submit("/sign-in/recovery", "code", codes[2].Reveal()).leadsTo("/sign-in/recovery-used")
		for _, at := range []struct {
			form, field string
			page        func() *answer
		}{
			{"/sign-in/recovery", "code", func() *answer { return h.between(annMail, annPassword).get("/sign-in/recovery") }},
			{"/sign-in/code", "code", func() *answer { return h.between(annMail, annPassword) }},
			{"/reset/code", "code", func() *answer { return h.browser().reset(annMail, annMail) }},
			{"/account/second-step/off", "off_code", func() *answer { return own.get("/account/second-step") }},
		} {
			h.pass(24 * time.Hour)
			own = h.signedIn(annMail, annPassword) // whose right code forgets the wrong ones before
			page, beside := at.page(), "#"+at.field+"-error"
			for typed, sentence := range map[string]string{
				codes[2].Reveal():                    "was used already. Each works once: take another one.",
				mfa.NewRecovery()[3].Text().Reveal(): "That recovery code isn’t right.",
				h.shows(h.keys[annMail], 7):          "That code isn’t right. Enter the newest one.",
				h.shows(h.keys[annMail], 3):          "Set the clock of your phone",
			} {
				page.submit(at.form, at.field, typed).is(422).shows(beside, sentence)
			}
		}
	})
}

// One budget for codes, wherever they are typed (F3); the owner's own browser has another (F6), and the owner is told.
func TestWrongCodesAreCountedTogether(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		h.turnOnFactor(ann)
		own := h.signedIn(annMail, annPassword)
		own.get("/account").submit("/sign-out")
		h.pass(time.Hour)
		stranger := h.between(annMail, annPassword)
		wrong := secret.NewDigits(6).Reveal()
		stranger.submit("/sign-in/code", "code", wrong).is(422).shows("#code-error", "")
		stranger.submit("/sign-in/code", "code", wrong).is(422)
		if h.mails(notice.KindCodesRefused) != 0 {
			t.Error("two slips worry somebody")
		}
		r := stranger.get("/sign-in/recovery")
		r.submit("/sign-in/recovery", "code", mfa.NewRecovery()[3].Text().Reveal()).is(422)
		if h.mails(notice.KindCodesRefused) != 1 || h.recorded(ann.ID, audit.FactorFailed) != 3 {
			t.Error("the third wrong code in a row worries nobody")
		}
		r.submit("/sign-in/recovery", "code", mfa.NewRecovery()[4].Text().Reveal()).is(422)
		r.submit("/sign-in/recovery", "code", mfa.NewRecovery()[5].Text().Reveal()).is(422)
		again := h.between(annMail, annPassword)
		again.submit("/sign-in/code", "code", h.authenticator(annMail)).is(http.StatusTooManyRequests).shows("p.problem", "Too many tries")
		own.signIn(annMail, annPassword)
	})
}

func TestRememberedBrowser(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.turnOnFactor(h.account(annMail, "", annPassword))
		b := h.browser()
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code").
			submit("/sign-in/code", "code", h.authenticator(annMail), "remember", "yes").leadsTo("/account")
		b.get("/account").submit("/sign-out")
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account")
		// F9: it is no fresh proof
		b.get("/account/email").leadsTo("/sign-in/again?next=%2Faccount%2Femail").is(200).
			submit("/sign-in/again", "password", annPassword).is(422).shows("#code-error", "Enter the six digits").
			submit("/sign-in/again", "password", annPassword, "code", h.authenticator(annMail)).leadsTo("/account/email").is(200).has(0, "input[type=password]")
		b.get("/account").submit("/sign-out")

		h.turnOnFactor(h.account(boMail, "", boPassword)) // F16: it speaks for one account
		b.get("/sign-in").submit("/sign-in", "login", boMail, "password", boPassword).leadsTo("/sign-in/code")

		h.pass(credential.Rules[credential.Remembered].Life)
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code")
	})
}

func TestSignOutEverythingForgetsRememberedBrowsers(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.turnOnFactor(h.account(annMail, "", annPassword))
		b := h.browser()
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code").
			submit("/sign-in/code", "code", h.authenticator(annMail), "remember", "yes").leadsTo("/account")
		b.post("/account/devices/sign-out-all").leadsTo("/account/devices?done=devices")
		b.get("/account").submit("/sign-out")
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code")
	})
}

// What is typed costs one hash for the password, none for six digits, one for a recovery code.
func TestSecondStepCostsNoMoreHashesThanItMust(t *testing.T) {
	eachHouse(t, func(h *house) {
		codes := h.turnOnFactor(h.account(annMail, "", annPassword))
		hashes := func(act func()) uint64 {
			before := h.pool.Stats().Hashes
			act()
			return h.pool.Stats().Hashes - before
		}
		var page *answer
		for what, c := range map[string]struct {
			want uint64
			act  func()
		}{
			"the password": {1, func() { page = h.between(annMail, annPassword) }},
			"unknown somebody": {1, func() {
				h.browser().get("/sign-in").submit("/sign-in", "login", boMail, "password", boPassword).is(422)
			}},
			"a wrong password": {1, func() {
				h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", boPassword).is(422)
			}},
		} {
			if n := hashes(c.act); n != c.want {
				t.Errorf("%s costs %d hashes, want %d", what, n, c.want)
			}
		}
		if n := hashes(func() {
			page.get("/sign-in/recovery").submit("/sign-in/recovery", "code", mfa.NewRecovery()[1].Text().Reveal()).is(422)
		}); n != 1 {
			t.Errorf("a wrong recovery code costs %d hashes", n)
		}
		if n := hashes(func() { page.submit("/sign-in/code", "code", "000000") }); n != 0 {
			t.Errorf("six digits cost %d hashes", n)
		}
		if n := hashes(func() {
			page.get("/sign-in/recovery").submit("/sign-in/recovery", "code", codes[1].Reveal()).leadsTo("/sign-in/recovery-used")
		}); n != 1 {
			t.Errorf("a right recovery code costs %d hashes", n)
		}
	})
}

// A ticket of the first step dies with the password, with the second factor, and after ten minutes.
func TestTheFirstStepEnds(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		h.turnOnFactor(ann)
		for _, ends := range map[string]func(){
			"ten minutes": func() { h.pass(credential.Rules[credential.SecondStep].Life) },
			"everything signed out": func() {
				h.must(h.db.EndEverything(t.Context(), ann.ID, nil, audit.Act{At: h.clock()}))
			},
		} {
			page := h.between(annMail, annPassword)
			ends()
			page.submit("/sign-in/code", "code", h.authenticator(annMail)).leadsTo("/sign-in?why=late").is(200)
		}
		page := h.between(annMail, annPassword)
		h.must(h.door.Password.Require(t.Context(), ann.ID, audit.CLI))
		page.submit("/sign-in/code", "code", h.authenticator(annMail)).leadsTo("/sign-in?why=late")
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(http.StatusForbidden)
		h.browser().get("/sign-in/code").leadsTo("/sign-in")
		h.browser().post("/sign-in/code", "code", "123456").leadsTo("/sign-in")
	})
}
