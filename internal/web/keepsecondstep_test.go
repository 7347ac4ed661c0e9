package web

import (
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
)

func TestRemovalIsStoppedByThePressInAMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		root := h.administrator(boMail, boPassword)
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.enrolled()
		bo := h.signedIn(boMail, boPassword)
		path := "/admin/accounts/" + a.ID
		bo.get(path).submit(path+"/remove-second-step").leadsTo(path+"?done=remove-second-step").shows(".notice", "days of warning").has(0, "form[action="+path+"/remove-second-step]")
		bo.post(path + "/remove-second-step").leadsTo(path + "?done=remove-second-step") // pressed twice is done once
		bo.post("/admin/accounts/" + root.ID + "/remove-second-step").is(403)
		if h.recorded(a.ID, audit.RemovalAsked) != 1 || h.mails(notice.KindFactorRemoval) != 1 {
			t.Error("it was asked for twice")
		}
		link := h.link(notice.KindFactorRemoval, annMail)
		page := h.browser().get(link).leadsTo("/keep-second-step").is(200)
		page.submit("/keep-second-step").is(422)
		page.submit("/keep-second-step", "email", boMail).is(422).shows(".error", "not the address")
		page.submit("/keep-second-step", "email", annMail).leadsTo("/keep-second-step?done=kept").shows("h1", "stays")
		page.submit("/keep-second-step", "email", annMail).is(410)
		h.browser().get(link).leadsTo("/keep-second-step").is(410)
		if h.recorded(a.ID, audit.RemovalStopped) != 1 {
			t.Error("not recorded")
		}
		h.mail(notice.KindFactorRemovalStopped, annMail)
		ann.get("/account").has(0, "form[action=/account/second-step/keep]")
	})
}

func TestRemovalIsStoppedByWhoIsSignedIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.enrolled()
		_, err := h.door.Factor.AskRemoval(t.Context(), audit.CLI, a.ID)
		h.must(err)
		ann.get("/account/second-step").has(1, "form[action=/account/second-step/keep]")
		ann.get("/account").submit("/account/second-step/keep").leadsTo("/account/second-step?done=second-step-kept").has(0, "form[action=/account/second-step/keep]")
		ann.post("/account/second-step/keep").leadsTo("/account/second-step")
		h.pass(credential.RemovalWarnings * credential.WarnEvery)
		h.must(h.door.Factor.Removals(t.Context()))
		if !h.reload(a.ID).SecondFactor {
			t.Error("removed, though it was stopped")
		}
	})
}

// The word of an operator alone takes seven days and seven warnings, and a service that slept gives the warnings it owes first.
func TestRemovalComesAfterSevenWarnings(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.enrolled()
		_, err := h.door.Factor.AskRemoval(t.Context(), audit.CLI, a.ID)
		h.must(err)
		h.pass(20 * 24 * time.Hour)
		for day := 2; day <= credential.RemovalWarnings; day++ {
			for range 3 {
				h.must(h.door.Factor.Removals(t.Context()))
			}
			if n := h.mails(notice.KindFactorRemoval); day < 8 && n > day {
				t.Fatalf("%d warnings on day %d", n, day)
			}
			h.pass(24 * time.Hour)
			if !h.reload(a.ID).SecondFactor {
				t.Fatalf("removed after %d warnings", day)
			}
		}
		h.must(h.door.Factor.Removals(t.Context()))
		got := h.reload(a.ID)
		if got.SecondFactor || got.Password == "" || got.PasswordVersion != a.PasswordVersion || h.recorded(a.ID, audit.FactorRemoved) != 1 {
			t.Error("it is not removed, or the password went along")
		}
		h.mail(notice.KindFactorRemoved, annMail)
		h.must(h.door.Factor.Removals(t.Context()))
		if n := h.mails(notice.KindFactorRemoved); n != 1 {
			t.Errorf("%d mails tell of it", n)
		}
	})
}

// An administrator who asks for a removal and locks the account does not let its days pass.
func TestRemovalWaitsForALockedOwner(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.signedIn(annMail, annPassword).enrolled()
		_, err := h.door.Factor.AskRemoval(t.Context(), audit.CLI, a.ID)
		h.must(err)
		days := func(n int) {
			for range n {
				h.pass(24 * time.Hour)
				h.must(h.door.Factor.Removals(t.Context()))
			}
		}
		h.must(h.db.SetState(t.Context(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: h.clock()}))
		days(12)
		link := h.mail(notice.KindFactorRemoval, annMail).Data[notice.DataLink]
		h.must(h.db.SetState(t.Context(), a.ID, account.Locked, account.Active, time.Time{}, audit.Act{At: h.clock()}))
		days(credential.RemovalWarnings - 1)
		if !h.reload(a.ID).SecondFactor {
			t.Fatal("removed before its owner had seven days to look")
		}
		h.browser().get(link).leadsTo("/keep-second-step").is(200)
		days(1)
		if h.reload(a.ID).SecondFactor {
			t.Error("it is never removed")
		}
	})
}
