package web

import (
	"errors"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signin"
)

// A thief who moves the address twice holds the undo link of the second move. It must not outlive the owner's undo of the first.
func TestUndoLinksOfAThiefDie(t *testing.T) {
	eachHouse(t, func(h *house) {
		_, thief, owners := stolen(h)
		a := h.find("thief@example.net")
		h.pass(time.Second)
		thief.ask("thief@example.org").submit("/account/email/code", "code", h.code(notice.KindConfirmAddress, "thief@example.org")).leadsTo("/account/email?done=email")
		thiefs := h.link(notice.KindAddressChanged, "thief@example.net")

		owner := h.browser()
		owner.get(owners).leadsTo("/undo").is(200).submit("/undo", "email", annMail).leadsTo("/undo?done=undo")
		thief.get(thiefs).leadsTo("/undo").is(410)
		thief.post("/undo", "ticket", thiefs[len("/undo/"):], "email", "thief@example.net").is(410)
		if got := h.reload(a.ID).Email; got != annMail {
			t.Errorf("the address is %q", got)
		}
		h.account("thief@example.net", "", boPassword) // held for nobody any more
	})
}

// Somebody with a stolen sign-in must not be able to carry it over an operator's sign-out by asking to sign everything out himself.
func TestSignOutEverythingBringsNothingBack(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		thief := h.signedIn(annMail, annPassword)
		token := thief.cookies["__Host-"+cookieBrowser]
		f, err := h.wire().Resolver.Resolve(t.Context(), credential.Browser, secret.TokenOf(token))
		h.must(err)
		h.must(h.administration().SignOut(t.Context(), audit.CLI, a.ID))
		flow := &signin.Devices{Store: h.db, Now: h.clock}
		if _, _, err := flow.SignOutEverything(t.Context(), f, device.Client{}); !errors.Is(err, credential.ErrSpent) {
			t.Errorf("a request from before the sign-out ended in %v", err)
		}
		left, err := h.db.ListDevices(t.Context(), a.ID)
		h.must(err)
		if len(left) != 0 {
			t.Errorf("%d devices are signed in", len(left))
		}
	})
}

// Many requests to sign everything out at once leave one browser signed in, not one for each.
func TestSignOutEverythingRaced(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		f, err := h.wire().Resolver.Resolve(t.Context(), credential.Browser, secret.TokenOf(ann.cookies["__Host-"+cookieBrowser]))
		h.must(err)
		flow := &signin.Devices{Store: h.db, Now: h.clock}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { _, _, _ = flow.SignOutEverything(t.Context(), f, device.Client{}) })
		}
		all.Wait()
		left, err := h.db.ListDevices(t.Context(), a.ID)
		h.must(err)
		if len(left) != 1 {
			t.Errorf("%d devices are signed in", len(left))
		}
	})
}

// The second address may be the thief's: taking the first one back takes the second away.
func TestUndoForgetsTheSecondAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		thief := h.signedIn(annMail, annPassword)
		thief.get("/account/notice-address").submit("/account/notice-address", "email", "spy@example.net").leadsTo("/account/notice-address/code").
			submit("/account/notice-address/code", "code", h.code(notice.KindConfirmNoticeAddress, "spy@example.net")).leadsTo("/account/notice-address?done=notice")
		thief.ask("thief@example.net").submit("/account/email/code", "code", h.code(notice.KindConfirmAddress, "thief@example.net")).leadsTo("/account/email?done=email")
		h.browser().get(h.link(notice.KindAddressChanged, annMail)).leadsTo("/undo").submit("/undo", "email", annMail).leadsTo("/undo?done=undo")
		if a := h.find(annMail); a.NoticeEmail != "" {
			t.Error("the planted address still gets notices")
		}
	})
}

func TestAddressRestsAfterAReset(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.browser()
		ann.reset(annMail, annMail).submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		ann.signIn(annMail, newPassword)
		ann.get("/account/email").submit("/account/email", "email", "new@example.net").is(422).shows("main", "less than a day ago")
		h.pass(24 * time.Hour)
		ann.get("/account/email").submit("/account/email", "email", "new@example.net", "password", newPassword).leadsTo("/account/email/code")
	})
}

// Browsers that knew the old password have no tries of their own at the new one.
func TestKnownBrowsersEndWithThePassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, thief := h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
		ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword, "sign_out", "").leadsTo("/account?done=password")
		for range ratelimit.FreeFailures {
			h.browser().post("/sign-in", "login", annMail, "password", "not the password at all")
		}
		thief.post("/sign-in", "login", annMail, "password", "not the password at all").is(429)
		ann.post("/sign-in", "login", annMail, "password", newPassword).leadsTo("/account") // the owner's own browser is known anew
	})
}

// Once somebody administers the service, no set-up link that was printed before makes another administrator.
func TestSetUpLinkEndsWithTheFirstAdministrator(t *testing.T) {
	eachHouse(t, func(h *house) {
		d := h.wire()
		path, err := d.Founding.SetUpLink(t.Context())
		h.must(err)
		h.administrator(boMail, boPassword)
		h.browser().get(path).leadsTo("/setup").is(410)
		h.browser().post("/setup", "ticket", path[len("/setup/"):], "email", "mallory@example.net", "password", newPassword).is(410)
		if _, err := h.db.FindAccount(t.Context(), account.LoginHandle("mallory@example.net")); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a second administrator: %v", err)
		}
	})
}
