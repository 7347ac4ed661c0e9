package web

import (
	"strings"
	"testing"
	"time"

	"usher/internal/admin"
	"usher/internal/notice"
)

func TestFirstAdministratorSetsUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		link, err := h.door.Founding.SetUpLink(t.Context())
		h.must(err)
		b := h.browser()
		page := b.get(link).leadsTo("/setup").is(200)
		page.submit("/setup", "email", annMail, "password", "short").is(422).shows("#password-error", "too short")
		refused := page.submit("/setup", "email", "ann@", "password", annPassword).is(422).shows("#email-error", "does not look like")
		if refused.value("#email") != "ann@" {
			t.Error("what was typed was lost")
		}
		refused.submit("/setup", "email", annMail, "password", annPassword).leadsTo("/welcome")
		b.get("/admin").is(403).shows("h1", "second step comes first").has(1, "a[href=/account/second-step]") // a password alone does not open it
		page.submit("/setup", "email", boMail, "password", boPassword).is(410)
		if link, err := h.door.Founding.SetUpLink(t.Context()); err != nil || link != "" {
			t.Errorf("another set-up link: %v", err)
		}
	})
}

func TestSetUpLinkGrowsOld(t *testing.T) {
	eachHouse(t, func(h *house) {
		link, err := h.door.Founding.SetUpLink(t.Context())
		h.must(err)
		h.pass(time.Hour + time.Second)
		b := h.browser()
		b.get(link).leadsTo("/setup").is(410)
		b.post("/setup", "ticket", strings.TrimPrefix(link, "/setup/"), "email", annMail, "password", annPassword).is(410)
	})
}

func TestInvitedPeopleSignUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.administrator(annMail, annPassword)
		_, err := h.door.Admin.Invite(t.Context(), admin.Actor(a.ID), boMail)
		h.must(err)
		link := h.link(notice.KindInvitation, boMail)
		b := h.browser()
		page := b.get(link).leadsTo("/invitation").is(200)
		if bound := page.value("#email"); bound != boMail {
			t.Errorf("the invitation is for %q", bound)
		}
		other := h.browser() // another address in the form changes nothing: the invitation's own is taken
		other.post("/invitation", "ticket", strings.TrimPrefix(link, "/invitation/"), "email", "cy@example.org", "password", boPassword).leadsTo("/sign-up/code").shows("main", boMail)
		page.submit("/invitation", "password", "short").is(422).shows("#password-error", "too short").
			submit("/invitation", "password", boPassword).leadsTo("/sign-up/code").
			submit("/sign-up/code", "code", h.code(notice.KindConfirmSignUp, boMail)).leadsTo("/welcome")
		b.get(link).leadsTo("/invitation").is(410)
	})
}
