package web

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/notice"
	"usher/internal/profile"
)

func TestDataIsDownloaded(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "ann", annPassword)
		h.account(boMail, "", boPassword)
		h.signedIn(boMail, boPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/data").has(1, "a[href=/account/data/download]")
		got := ann.get("/account/data/download").is(200)
		if d := got.header.Get("Content-Disposition"); d != `attachment; filename="usher-2026-11-21.json"` {
			t.Errorf("Content-Disposition is %q", d)
		}
		var data profile.Data
		if err := json.Unmarshal([]byte(got.body), &data); err != nil || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %v", got.header.Get("Content-Type"), err)
		}
		if data.Account.Email != annMail || data.Account.UserName != "ann" || len(data.Devices) != 1 || len(data.Events) == 0 {
			t.Errorf("it holds %+v", data.Account)
		}
		for _, secret := range []string{boMail, "argon2", a.Password} {
			if strings.Contains(got.body, secret) {
				t.Errorf("it holds %q", secret)
			}
		}
	})
}

func TestDownloadAsksThePasswordAfterAWhile(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.pass(time.Hour)
		ann.get("/account/data/download").leadsTo("/sign-in/again?next=%2Faccount%2Fdata%2Fdownload").is(200)
		thief := ann.copyOf()

		again := "/sign-in/again?next=%2Faccount%2Fdata%3Fdone%3Dproved"
		ann.get("/account/data").has(0, "a[href=/account/data/download]").has(1, "a[href="+again+"]")
		page := ann.get(again)
		page.submit("/sign-in/again", "password", boPassword).is(422).shows("#password-error", "isn’t right")
		page.submit("/sign-in/again", "password", annPassword).leadsTo("/account/data?done=proved").
			shows("p.notice", "You can download").has(1, "a[href=/account/data/download]")
		ann.get("/account/data/download").is(200)
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
	})
}

func TestAccountIsDeletedAndKept(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, phone := h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
		h.pass(time.Hour)
		page := ann.get("/account/data").has(0, "details[open]")
		wrong := page.submit("/account/data/delete", "password", boPassword).is(422).shows("#password-error", "isn’t right").has(1, "details[open]")
		page.submit("/account/data/delete").is(422)
		if h.reload(a.ID).State != account.Active {
			t.Fatal("deleted without the password")
		}
		wrong.submit("/account/data/delete", "password", annPassword).leadsTo("/sign-in?why=deleting").shows("main", "keep it")
		phone.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		h.mail(notice.KindDeletionScheduled, annMail)

		back := h.browser()
		back.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account").leadsTo("/account/deleting")
		for _, closed := range []string{"/account/email", "/account/data/download", "/account/password"} {
			back.get(closed).leadsTo("/account/deleting")
		}
		on := h.reload(a.ID).DeleteAt.UTC().Format(time.RFC3339)
		back.get("/account/deleting").has(1, "time[datetime="+on+"]").submit("/account/keep").leadsTo("/account?done=kept").shows("p.notice", "Your account stays.")
		if got := h.reload(a.ID); got.State != account.Active || !got.DeleteAt.IsZero() {
			t.Errorf("the account is %s until %v", got.State, got.DeleteAt)
		}
		h.mail(notice.KindDeletionStopped, annMail)
		back.get("/account/deleting").leadsTo("/account")
		back.post("/account/keep").leadsTo("/account")
		h.signedIn(annMail, annPassword)
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.administrator(annMail, annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/data").submit("/account/data/delete").is(422).shows("p.problem", "Nobody else administers").has(1, "details[open]")
		if h.reload(a.ID).State != account.Active {
			t.Error("the last administrator is gone")
		}
		h.administrator(boMail, boPassword)
		ann.get("/account/data").submit("/account/data/delete").leadsTo("/sign-in?why=deleting")
	})
}
