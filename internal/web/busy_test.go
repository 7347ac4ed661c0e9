package web

import (
	"context"
	"testing"
	"time"

	"usher/internal/argon2id"
	"usher/internal/notice"
)

// fullHouse is a hasher with no room left.
type fullHouse struct{ *argon2id.Pool }

func (fullHouse) Hash(context.Context, []byte) (string, error) { return "", argon2id.ErrBusy }
func (fullHouse) Verify(context.Context, string, []byte) (bool, error) {
	return false, argon2id.ErrBusy
}
func (fullHouse) Decoy(context.Context, []byte) error { return argon2id.ErrBusy }

// A full house is nobody's fault: 503, when to come back, and nothing counted or lost.
func TestFullHouse(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.pass(time.Hour)
		h.door.SignIn.Hasher, h.door.Password.Hasher, h.door.SignUp.Hasher = fullHouse{h.pool}, fullHouse{h.pool}, fullHouse{h.pool}

		busy := func(a *answer) *answer {
			t.Helper()
			a.is(503).shows("p.problem", "more to do than we can do at once")
			if a.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", a.path)
			}
			return a
		}
		for range 10 { // more often than tries are free
			if typed := busy(h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword)).value("#login"); typed != annMail {
				t.Errorf("typed %q", typed)
			}
		}
		busy(ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword))
		if typed := busy(ann.get("/account/email").submit("/account/email", "email", annNewMail, "password", annPassword)).value("input[name=email]"); typed != annNewMail {
			t.Errorf("typed %q", typed)
		}
		busy(ann.get("/account/data").submit("/account/data/delete", "password", annPassword))
		if typed := busy(h.browser().get("/sign-up").submit("/sign-up", "email", "cy@example.org", "password", newPassword)).value("#email"); typed != "cy@example.org" {
			t.Errorf("typed %q", typed)
		}

		h.door.SignIn.Hasher, h.door.Password.Hasher = h.pool, h.pool
		ann.get("/account").is(200)
		if got := h.reload(a.ID); got != a {
			t.Error("something was changed")
		}
		h.signedIn(annMail, annPassword)
	})
}

func TestAFullHouseDoesNotSpendTheResetLink(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		page := h.browser().reset(annMail, annMail)
		h.door.Password.Hasher = fullHouse{h.pool}
		page.submit("/reset/new", "password", newPassword).is(503).shows("p.problem", "at once")
		h.door.Password.Hasher = h.pool
		page.submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		h.mail(notice.KindPasswordChanged, annMail)
	})
}
