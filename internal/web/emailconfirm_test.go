package web

import (
	"testing"

	"usher/internal/notice"
)

// attacks R11-R13: a link in a mail confirms nothing by being opened, and nothing for whoever is not signed in to the account.
func TestAddressChangesByLink(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		ann, bo, scanner := h.signedIn(annMail, annPassword), h.signedIn(boMail, boPassword), h.browser()
		ann.ask(annNewMail)
		link := h.link(notice.KindConfirmAddress, annNewMail)

		scanner.get(link).leadsTo("/account/email/confirm").leadsTo("/sign-in?next=%2Faccount%2Femail%2Fconfirm")
		scanner.post("/account/email/confirm").leadsTo("/sign-in")
		bo.get(link).leadsTo("/account/email/confirm").is(410).shows("h1", "used up")
		page := ann.get(link).leadsTo("/account/email/confirm").is(200).shows(".lead", annNewMail)
		if got := h.reload(a.ID).Email; got != annMail {
			t.Fatalf("opening the link made the address %q", got)
		}
		bo.post("/account/email/confirm", "ticket", page.value("input[name=ticket]")).is(410)
		if got := h.reload(a.ID).Email; got != annMail {
			t.Fatalf("another account made the address %q", got)
		}

		page.submit("/account/email/confirm").leadsTo("/account/email?done=email").shows("dl.facts dd", annNewMail)
		page.submit("/account/email/confirm").is(410)
		if got := h.reload(a.ID).Email; got != annNewMail {
			t.Errorf("the address is %q", got)
		}
	})
}

func TestLinkComesBackAfterSigningIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.signedIn(annMail, annPassword).get("/account/notice-address").
			submit("/account/notice-address", "email", "second@example.net").leadsTo("/account/notice-address/code")
		phone := h.browser()
		phone.get(h.link(notice.KindConfirmNoticeAddress, "second@example.net")).leadsTo("/account/email/confirm").
			leadsTo("/sign-in?next=%2Faccount%2Femail%2Fconfirm").
			submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account/email/confirm").shows(".lead", "second@example.net").
			submit("/account/email/confirm").leadsTo("/account/notice-address?done=notice").shows("dl.facts dd", "second@example.net")
		if got := h.reload(a.ID); got.NoticeEmail != "second@example.net" || got.Email != annMail {
			t.Errorf("the addresses are %q, %q", got.Email, got.NoticeEmail)
		}
	})
}
