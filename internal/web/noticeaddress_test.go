package web

import (
	"testing"
	"time"

	"usher/internal/notice"
)

const second = "second@example.net"

func TestSecondAddressIsAddedAndRemoved(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/notice-address").has(0, "form[action=/account/notice-address/remove]").
			submit("/account/notice-address", "email", second).leadsTo("/account/notice-address/code").shows(".lead", second)
		ann.get("/account/notice-address").shows(".look p", second)
		ann.get("/account/notice-address/code").submit("/account/notice-address/code/again").leadsTo("/account/notice-address/code?done=code")
		code := h.code(notice.KindConfirmNoticeAddress, second)
		page := ann.get("/account/notice-address/code")
		page.submit("/account/notice-address/code", "code", otherCode(code)).is(422).shows("#code-error", "not the code")
		page.submit("/account/notice-address/code", "code", code).leadsTo("/account/notice-address?done=notice").
			shows("p.notice", "second address is saved").shows("dl.facts dd", second)
		if got := h.reload(a.ID).NoticeEmail; got != second {
			t.Errorf("the second address is %q", got)
		}
		h.mail(notice.KindNoticeAddressAdded, annMail)
		ann.get("/account/notice-address").submit("/account/notice-address", "email", second).is(422).shows("#email-error", "already")

		ann.get("/account/notice-address").submit("/account/notice-address/remove").leadsTo("/account/notice-address?done=notice-removed").has(0, "dl.facts")
		if got := h.reload(a.ID).NoticeEmail; got != "" {
			t.Errorf("the second address is %q", got)
		}
		h.mail(notice.KindNoticeAddressRemoved, second)
	})
}

func TestRemovingTheSecondAddressAsksThePassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/notice-address").submit("/account/notice-address", "email", second).leadsTo("/account/notice-address/code").
			submit("/account/notice-address/code", "code", h.code(notice.KindConfirmNoticeAddress, second)).leadsTo("/account/notice-address?done=notice")
		h.pass(time.Hour)
		page := ann.get("/account/notice-address").has(2, "input[type=password]").has(0, "details[open]")
		refused := page.submit("/account/notice-address/remove", fieldRemove, boPassword).is(422).
			shows("#remove_password-error", "isn’t right").has(1, "details[open]").has(0, "#password-error")
		if got := h.reload(a.ID).NoticeEmail; got != second {
			t.Fatal("removed with a wrong password")
		}
		thief := ann.copyOf()
		refused.submit("/account/notice-address/remove", fieldRemove, annPassword).leadsTo("/account/notice-address?done=notice-removed")
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		if got := h.reload(a.ID).NoticeEmail; got != "" {
			t.Errorf("the second address is %q", got)
		}
	})
}
