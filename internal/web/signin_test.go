package web

import (
	"testing"
	"time"

	"usher/internal/notice"
)

func TestSigningIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.browser()
		b.get("/").leadsTo("/sign-in")
		b.get("/account/devices").leadsTo("/sign-in?next=%2Faccount%2Fdevices").
			submit("/sign-in", "login", " Ann@EXAMPLE.org ", "password", annPassword).leadsTo("/account/devices").is(200)
		b.get("/").leadsTo("/account")
		b.get("/sign-in").leadsTo("/account")
		b.get("/.well-known/change-password").leadsTo("/account/password").is(200)

		before := b.copyOf()
		b.get("/account").submit("/sign-out").leadsTo("/sign-in?why=out").shows("main", "You are signed out.")
		before.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		b.post("/sign-out").leadsTo("/sign-in?why=out")
	})
}

func TestRefusedSignInKeepsTheName(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.browser()
		page := b.get("/sign-in")
		page.submit("/sign-in").is(422).shows("#login-error", "Enter your").shows("#password-error", "Enter your password")
		for login, says := range map[string]string{annMail: "That address or password", "ann": "That user name or password", "nobody@example.org": "That address or password", "nobody": "That user name or password"} {
			if typed := page.submit("/sign-in", "login", login, "password", boPassword).is(422).shows("p.problem", says).value("#login"); typed != login {
				t.Errorf("%q came back as %q", login, typed)
			}
		}
		if _, kept := b.cookies["__Host-"+cookieBrowser]; kept {
			t.Error("a refused sign-in left a cookie")
		}
	})
}

// attacks S1: what stood in the browser before is not what signs it in.
func TestSignInIsNeverAdopted(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		thief := h.signedIn(boMail, boPassword)
		planted := thief.cookies["__Host-"+cookieBrowser]
		ann := h.browser()
		ann.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account")
		first := ann.cookies["__Host-"+cookieBrowser]
		ann.cookies["__Host-"+cookieBrowser] = planted
		ann.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account").shows("dl.facts dd", annMail)
		if now := ann.cookies["__Host-"+cookieBrowser]; now == planted || now == first {
			t.Error("an old sign-in was used again")
		}
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended") // what the browser held before is signed out
	})
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		for _, next := range []string{"//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"} {
			h.browser().post("/sign-in", "login", annMail, "password", annPassword, "next", next).leadsTo("/account")
		}
	})
}

func TestSignInWaitsAfterFiveWrongPasswords(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		ann := h.signedIn(annMail, annPassword)
		stranger := h.browser()
		for _, login := range []string{annMail, "ANN", "ann", "Ann@example.org", "ann "} {
			stranger.post("/sign-in", "login", login, "password", boPassword).is(422)
		}
		limited := stranger.get("/sign-in").submit("/sign-in", "login", "ann", "password", annPassword).is(429).shows("p.problem", "Too many tries").has(1, "p.problem time")
		if limited.value("#login") != "ann" || limited.header.Get("Retry-After") != "30" {
			t.Errorf("typed %q, Retry-After %q", limited.value("#login"), limited.header.Get("Retry-After"))
		}
		ann.get("/account").submit("/sign-out").leadsTo("/sign-in?why=out")
		ann.signIn(annMail, annPassword) // where the owner has been before, a stranger's tries lock nobody out
		h.pass(31 * time.Second)
		stranger.signIn(annMail, annPassword)
	})
}

func TestOnlyNewBrowsersAreToldAbout(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account").submit("/sign-out").leadsTo("/sign-in?why=out")
		ann.signIn(annMail, annPassword)
		if n := h.mails(notice.KindNewDevice); n != 1 {
			t.Errorf("%d mails", n)
		}
		h.phone(annMail, annPassword)
		if n := h.mails(notice.KindNewDevice); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestSignInsEnd(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.pass(30*24*time.Hour + time.Minute)
		ann.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
	})
}
