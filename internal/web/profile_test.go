package web

import (
	"strings"
	"testing"

	"usher/internal/notice"
)

func TestProfileIsSaved(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/profile").submit("/account/profile", "display_name", "  Ann Östberg ", "user_name", "Ann.O").
			leadsTo("/account/profile?done=profile").is(200).shows("p.notice", "Your profile is saved.").shows(".who-name", "Ann Östberg")
		if got := h.reload(a.ID); got.Name != "Ann Östberg" || got.UserName != "Ann.O" {
			t.Errorf("saved as %q, %q", got.Name, got.UserName)
		}
		if n := h.mails(notice.KindUserNameChanged); n != 0 {
			t.Errorf("%d mails about the first user name", n)
		}
		h.browser().signIn("ann.o", annPassword)

		ann.get("/account/profile").submit("/account/profile", "user_name", "anno").leadsTo("/account/profile?done=profile")
		h.mail(notice.KindUserNameChanged, annMail)
		h.browser().get("/sign-in").submit("/sign-in", "login", "ann.o", "password", annPassword).is(422)
	})
}

func TestRefusedProfileKeepsWhatWasTyped(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "ann", annPassword)
		h.account(boMail, "bobo", boPassword)
		ann := h.signedIn(annMail, annPassword)
		for _, c := range []struct{ display, user, beside, says string }{
			{"Ann", "BOBO", "user_name", "taken"},
			{"Ann", "a", "user_name", "3 to 32"},
			{"Ann", "", "user_name", "not taken away"},
			{"Ann", annMail, "user_name", "letters or digits"},
			{strings.Repeat("x", 65), "ann", "display_name", "at most 64"},
			{"one\u202etwo", "ann", "display_name", "no line breaks"},
		} {
			page := ann.get("/account/profile").submit("/account/profile", "display_name", c.display, "user_name", c.user).is(422)
			page.shows("#"+c.beside+"-error", c.says)
			if page.value("#display_name") != c.display || page.value("#user_name") != c.user {
				t.Errorf("%q, %q came back as %q, %q", c.display, c.user, page.value("#display_name"), page.value("#user_name"))
			}
		}
		if got := h.reload(a.ID); got != a {
			t.Errorf("a refused form changed %+v to %+v", a, got)
		}
	})
}
