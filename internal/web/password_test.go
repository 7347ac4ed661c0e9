package web

import (
	"testing"

	"usher/internal/notice"
)

func TestPasswordChangesAndSignsEverythingElseOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, tv := h.signedIn(annMail, annPassword), h.signedIn(annMail, annPassword)
		thief := ann.copyOf()
		page := ann.get("/account/password").is(200).has(1, "input[name=sign_out][checked]").shows("#sign_out-hint", "This signs out 1 browser.")
		page.submit("/account/password", "current", annPassword, "password", newPassword).
			leadsTo("/account?done=password-everywhere").is(200).shows("p.notice", "everything else is signed out").shows("dl.facts dd", "On this device only")

		for _, out := range []*browser{tv, thief} {
			out.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended").shows("main", "signed out here")
		}
		h.mail(notice.KindPasswordChanged, annMail)
		h.browser().signIn(annMail, newPassword)
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(422)
	})
}

func TestPasswordChangesAndKeepsDevices(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, tv := h.signedIn(annMail, annPassword), h.signedIn(annMail, annPassword)
		thief := ann.copyOf()
		ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword, "sign_out", "").
			leadsTo("/account?done=password").is(200).shows("p.notice", "Your new password is saved.")
		tv.get("/account").is(200)
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		h.browser().signIn(annMail, newPassword)
	})
}

func TestPasswordAlwaysAsksTheCurrentOne(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		ann := h.signedIn(annMail, annPassword) // a moment ago, and asked all the same
		page := ann.get("/account/password")
		page.submit("/account/password", "password", newPassword).is(422).shows("#current-error", "Enter your password.")
		page.submit("/account/password", "current", boPassword, "password", newPassword).is(422).shows("#current-error", "isn’t right")
		if h.reload(a.ID).PasswordVersion != a.PasswordVersion {
			t.Error("changed without the current password")
		}
	})
}

func TestNewPasswordIsJudged(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for typed, says := range map[string]string{
			"": "Enter the new password.", "short": "too short", "password1": "guess", annPassword: "the password you have now",
		} {
			page := ann.get("/account/password").submit("/account/password", "current", annPassword, "password", typed, "sign_out", "").is(422)
			page.shows("#password-error", says).has(0, "#current-error").has(0, "input[name=sign_out][checked]")
		}
		if h.reload(a.ID).PasswordVersion != a.PasswordVersion {
			t.Error("a refused password was saved")
		}
		ann.get("/account").is(200)
	})
}

// attacks F3-F5: the password field of an account page shares the account's one budget.
func TestWrongPasswordsOnAccountPagesAreCounted(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		thief := ann.copyOf()
		delete(thief.cookies, "__Host-"+cookieKnown)
		page := thief.get("/account/password")
		for range 5 {
			page.submit("/account/password", "current", boPassword, "password", newPassword).is(422)
		}
		limited := page.submit("/account/password", "current", annPassword, "password", newPassword).is(429).shows("p.problem", "Too many tries")
		if limited.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(429)
	})
}
