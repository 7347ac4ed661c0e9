package web

import (
	"testing"
	"time"

	"usher/internal/audit"
)

func TestActivityGoesBackPageByPage(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for range 2 * eventsPerPage {
			h.pass(time.Minute)
			h.must(h.db.Record(t.Context(), audit.New(h.clock(), audit.DataDownloaded, a.ID, a.ID)))
			h.must(h.db.Record(t.Context(), audit.New(h.clock(), audit.ProvedAgain, a.ID, a.ID))) // not worth showing
		}
		page, seen, pages := ann.get("/account/activity").is(200), map[string]bool{}, 0
		for events := 0; ; {
			pages++
			for _, at := range pick(page.doc, ".list time") {
				when, _ := attr(at, "datetime")
				seen[when] = true
				events++
			}
			next := pick(page.doc, ".paging a[href]")
			href, _ := attr(next[0], "href")
			if href == "/account" {
				break
			}
			page = ann.get(href).is(200)
		}
		// the account, the sign-in, and the downloads, each once
		if pages != 3 || len(seen) < 2*eventsPerPage+1 {
			t.Errorf("%d pages with %d times", pages, len(seen))
		}
		page.shows(".list .what", "Your account was created.")
	})
}

// attacks S12: a forged cursor reaches no database.
func TestForgedCursorsAreNotFound(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for _, before := range []string{"x", "%27", "0", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "00000000000000000000000000000"} {
			ann.get("/account/activity?before=" + before).is(404)
		}
		ann.get("/account/activity?before=00000000000000000000000000").is(200).shows(".empty", "Nothing yet")
	})
}

func TestActivityIsOnesOwn(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		h.must(h.db.Record(t.Context(), audit.New(h.clock(), audit.DeletionAsked, a.ID, a.ID)))
		h.signedIn(annMail, annPassword).get("/account/activity").shows(".list .what", "delete your account")
		if page := h.signedIn(boMail, boPassword).get("/account/activity"); contains(page.says("main"), "delete your account") {
			t.Error("somebody else's event is shown")
		}
	})
}
