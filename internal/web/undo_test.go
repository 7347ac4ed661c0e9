package web

import (
	"testing"
	"time"

	"usher/internal/notice"
)

// stolen returns a house where a thief, signed in as Ann, has made the address his own.
func stolen(h *house) (ann, thief *browser, undo string) {
	h.t.Helper()
	h.account(annMail, "", annPassword)
	ann, thief = h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
	thief.ask("thief@example.net").
		submit("/account/email/code", "code", h.code(notice.KindConfirmAddress, "thief@example.net")).leadsTo("/account/email?done=email")
	return ann, thief, h.link(notice.KindAddressChanged, annMail)
}

func TestAddressIsTakenBack(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, thief, undo := stolen(h)
		a := h.find("thief@example.net")
		thief.get("/account/devices").submit("/account/devices/sign-out-all").leadsTo("/account/devices?done=devices") // does not disarm the link
		owner := h.browser()
		page := owner.get(undo).leadsTo("/undo").is(200).shows(".lead", "t…@example.net")
		if contains(page.body, "thief@") {
			t.Error("the whole new address is shown to whoever has the link")
		}
		if got := h.reload(a.ID).Email; got != "thief@example.net" {
			t.Fatalf("opening the link made the address %q", got)
		}
		page.submit("/undo", "email", "thief@example.net").is(422).shows("#email-error", "not the address")
		page.submit("/undo", "email", annMail).leadsTo("/undo?done=undo").shows("h1", "Your address is restored")
		if got := h.reload(a.ID).Email; got != annMail {
			t.Errorf("the address is %q", got)
		}
		for _, out := range []*browser{ann, thief} {
			out.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		}
		h.mail(notice.KindAddressRestored, annMail)
		page.submit("/undo", "email", annMail).is(410)

		owner.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(403)
		owner.get(h.link(notice.KindReset, annMail)).leadsTo("/reset/new").submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		owner.signIn(annMail, newPassword)
	})
}

func TestUndoWorksForSevenDays(t *testing.T) {
	eachHouse(t, func(h *house) {
		_, _, undo := stolen(h)
		h.pass(7*24*time.Hour + time.Minute)
		h.browser().get(undo).leadsTo("/undo").is(410)
		h.browser().post("/undo", "ticket", undo[len("/undo/"):], "email", annMail).is(410)
		h.find("thief@example.net")
	})
}
