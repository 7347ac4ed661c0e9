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

// Attack R6: the mailbox alone does not choose the password of an account with a second factor.
func TestResetAsksForTheSecondFactor(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		codes := h.turnOnFactor(ann)
		page := h.browser().reset(annMail, annMail).shows("h1", "second step").has(0, "input[type=password]")
		link := page.value("input[name=ticket]")
		page.post("/reset/new", "ticket", link, "password", newPassword).leadsTo("/reset/new").shows("h1", "second step") // out of order
		page.submit("/reset/code").is(422).shows("#code-error", "Enter the six digits")
		page.submit("/reset/code", "code", "000 000").is(422).shows("#code-error", "")
		page.submit("/reset/code", "code", mfa.NewRecovery()[0].Text().Reveal()).is(422)
		if got := h.reload(ann.ID); got.PasswordVersion != 1 {
			t.Error("the password was changed")
		}
		chosen := page.submit("/reset/code", "code", codes[4].Reveal()).leadsTo("/reset/new").is(200).has(1, "input[type=password]")
		if told := h.mail(notice.KindRecoveryCodeUsed, annMail); told.Data[notice.DataCount] != "9" {
			t.Errorf("its owner is told of %s left", told.Data[notice.DataCount])
		}
		ticket := chosen.value("input[name=ticket]")
		if ticket == link {
			t.Error("the link itself went on")
		}
		page.submit("/reset/code", "code", h.authenticator(annMail)).is(410) // the link is spent
		chosen.submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		chosen.submit("/reset/new", "password", "another quiet harbour dreams").is(410)
		if left, err := h.db.RecoveryLeft(t.Context(), ann.ID); err != nil || left != 9 { // nothing else is gone
			t.Errorf("%d recovery codes are left, %v", left, err)
		}
		h.signedIn(annMail, newPassword) // with the code, as before
	})
}

// The restricted ticket finishes one reset, and does nothing else, ever: as whatever cookie, at whatever page.
func TestRestrictedTicketDoesNothingElse(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.administrator(annMail, annPassword)
		h.must(h.door.Password.Require(t.Context(), ann.ID, audit.CLI))
		ticket := h.browser().get(h.newestReset(annMail)).leadsTo("/reset/new").submit("/reset/code", "code", h.authenticator(annMail)).
			leadsTo("/reset/new").value("input[name=ticket]")
		for _, rt := range h.door.routes() {
			method, path, _ := strings.Cut(rt.pattern, " ")
			path = strings.NewReplacer("{$}", "", "{id}", ann.ID, "{act}", "sign-out", "{token}", ticket).Replace(path)
			if path == "/reset/new" {
				continue
			}
			for _, name := range []string{cookieBrowser, cookieCode, cookieRemembered, cookieKnown, linkReset.cookie, linkNotMe.cookie, linkUndo.cookie, linkChange.cookie} {
				b := h.browser()
				b.cookies["__Host-"+name] = ticket
				if method == http.MethodPost {
					b.post(path, "ticket", ticket, "login", annMail, "email", annMail, "password", annPassword, "code", "123456")
				} else {
					b.get(path)
				}
				if now := b.cookies["__Host-"+cookieBrowser]; now != "" && now != ticket {
					t.Fatalf("%s signs in with the restricted ticket as %s", rt.pattern, name)
				}
				b.get("/account").is(http.StatusSeeOther)
			}
		}
		if got := h.reload(ann.ID); got.PasswordVersion != 1 {
			t.Error("something was done with it")
		}
		for _, f := range []credential.Kind{credential.Browser, credential.Reset, credential.App, credential.Console, credential.SecondStep} {
			if _, err := h.door.Resolver.Resolve(t.Context(), f, secret.TokenOf(ticket)); err == nil {
				t.Errorf("it is a %s", f)
			}
		}
	})
}

// newestReset is the newest reset link that waits for an address.
func (h *house) newestReset(to string) string {
	return h.mail(notice.KindReset, to).Data[notice.DataLink]
}

// attacks R18: a password that an incident voided does not come back, nor any before it.
func TestVoidedPasswordsDoNotComeBack(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		passwords := []string{annPassword, "eleven quiet harbours dream", "nine loud lanterns whistle"}
		for i := 1; i < len(passwords); i++ {
			h.must(h.door.Password.Require(t.Context(), ann.ID, audit.CLI))
			page := h.browser().get(h.newestReset(annMail)).leadsTo("/reset/new")
			for _, old := range passwords[:i] {
				page.submit("/reset/new", "password", old).is(422).shows("#password-error", "Choose a different one.")
			}
			page.submit("/reset/new", "password", passwords[i]).leadsTo("/reset/new?done=everywhere")
			h.pass(time.Hour)
		}
		b := h.signedIn(annMail, passwords[2])
		b.get("/account/password").submit("/account/password", "current", passwords[2], "password", passwords[0]).is(422).shows("#password-error", "no longer safe")
	})
}

// The first sign-in after a reset looks around, once, wherever it was going.
func TestReviewAfterAReset(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		h.browser().reset(annMail, annMail).submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		b := h.browser()
		review := b.get("/sign-in?next=/account/devices").submit("/sign-in", "login", annMail, "password", newPassword).
			leadsTo("/account/review?next=%2Faccount%2Fdevices").is(200).shows("dl.facts dd", annMail).shows("dl.facts dd", "Off")
		b.get("/account").shows(".panel.look h2", "Take a look around")
		review.submit("/account/review").leadsTo("/account/devices").is(200)
		b.get("/account").shows(".panel.ok h2", "Everything looks right")
		b.get("/account").submit("/sign-out")
		b.get("/sign-in").submit("/sign-in", "login", annMail, "password", newPassword).leadsTo("/account")
	})
}

func TestAuthOffersBothWays(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.browser().get("/auth").is(200).has(1, "[data-auth] a[href=/sign-in]").has(1, "[data-auth] a[href=/reset][data-when=resetPassword]")
	})
}

// An operator starts a reset, and never learns what comes of it.
func TestOperatorStartsAReset(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		h.must(h.door.Password.Send(t.Context(), ann.ID, audit.CLI))
		h.browser().get(h.newestReset(annMail)).leadsTo("/reset/new").is(200)
		path, err := h.door.Password.HandOver(t.Context(), ann.ID, audit.CLI)
		h.must(err)
		if h.mails(notice.KindResetHandedOver) != 1 || h.recorded(ann.ID, audit.ResetLinkMade) != 1 {
			t.Error("nobody is told of the link")
		}
		h.browser().get(h.newestReset(annMail)).leadsTo("/reset/new").is(410) // newest only
		b := h.browser()
		b.secrets = append(b.secrets, path)
		b.get(path).leadsTo("/reset/new").submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
	})
}
