package web

import (
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
)

func TestNotMeSignsEverythingOutAndAsksForANewPassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, thief := h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
		link := h.link(notice.KindNewDevice, annMail)
		reader := h.browser()
		page := reader.get(link).leadsTo("/not-me").is(200).shows(".note", "Safari on iPhone")
		ann.get("/account").is(200) // opening it does nothing

		wrong := page.submit("/not-me", "email", boMail).is(422).shows("#email-error", "not the address of the account")
		if wrong.value("input[name=email]") != boMail {
			t.Error("what was typed was lost")
		}
		page.submit("/not-me").is(422)
		thief.get("/account").is(200)

		wrong.submit("/not-me", "email", "ANN@example.org").leadsTo("/not-me?done=not-me").shows("h1", "Everything is signed out")
		for _, out := range []*browser{ann, thief} {
			out.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		}
		if n := h.recorded(a.ID, audit.NotMeReported); n != 1 {
			t.Errorf("recorded %d times", n)
		}
		page.submit("/not-me", "email", annMail).is(410).shows("h1", "used up").has(1, "main a[href=/reset]")
		reader.get(link).leadsTo("/not-me").is(410)

		thief.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(403).shows("h1", "choose a new password")
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount")
		owner := h.browser()
		owner.get(h.link(notice.KindReset, annMail)).leadsTo("/reset/new").has(0, "input[name=sign_out]").
			submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere").shows("main", "Everything was signed out")
		owner.signIn(annMail, newPassword)
	})
}

func TestNotMeTakesTheSecondAddressToo(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/notice-address").submit("/account/notice-address", "email", second).leadsTo("/account/notice-address/code").
			submit("/account/notice-address/code", "code", h.code(notice.KindConfirmNoticeAddress, second)).leadsTo("/account/notice-address?done=notice")
		h.phone(annMail, annPassword)
		h.browser().get(h.link(notice.KindNewDevice, second)).leadsTo("/not-me").
			submit("/not-me", "email", second).leadsTo("/not-me?done=not-me")
		ann.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		h.mail(notice.KindReset, h.reload(a.ID).Email)
	})
}

// attacks S3: what is not exactly the link opens nothing, and does nothing.
func TestForgedLinksAreUsedUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		link := h.link(notice.KindNewDevice, annMail)
		token := link[len("/not-me/"):]
		for _, forged := range []string{
			"", "x", token[:51], token + "0", token[:51] + "v", "%20" + token, token[:51] + "%C3%A9",
			"0000000000000000000000000000000000000000000000000000000", upper(token),
		} {
			b := h.browser()
			if forged != "" {
				b.get("/not-me/" + forged).leadsTo("/not-me")
			}
			b.get("/not-me").is(410)
			b.post("/not-me", "ticket", forged, "email", annMail).is(410)
		}
		// a link is of one kind only
		for _, page := range []string{"/undo", "/reset/new"} {
			h.browser().post(page, "ticket", token, "email", annMail, "password", newPassword).is(410)
		}
		ann.get("/account").is(200)
	})
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'v' {
			b[i] = c - 'a' + 'A'
			return string(b)
		}
	}
	return s + "x"
}

func TestNotMeGrowsOld(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		link := h.link(notice.KindNewDevice, annMail)
		h.pass(7*24*time.Hour + time.Second)
		b := h.browser()
		b.get(link).leadsTo("/not-me").is(410)
		b.post("/not-me", "ticket", link[len("/not-me/"):], "email", annMail).is(410)
		ann.get("/account").is(200)
	})
}
