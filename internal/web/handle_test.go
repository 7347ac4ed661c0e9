package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/outage"
	"usher/internal/ratelimit"
)

func TestErrorsHaveTheirPages(t *testing.T) {
	eachHouse(t, func(h *house) {
		soon := h.clock().Add(90*time.Second + time.Millisecond)
		for _, c := range []struct {
			err        error
			status     int
			retryAfter string
			logged     bool
		}{
			{&ratelimit.LimitedError{Until: soon}, 429, "91", false},
			{fmt.Errorf("waiting: %w", argon2id.ErrBusy), 503, "5", true},
			{fmt.Errorf("reading: %w", outage.Err), 503, "5", true},
			{context.DeadlineExceeded, 503, "5", true},
			{context.Canceled, 503, "5", false}, // the reader went away
			{errors.Join(errors.New("first"), account.ErrNotFound), 404, "", false},
			{credential.ErrSpent, 409, "", false},
			{errForbidden, 403, "", false},
			{errors.New("something"), 500, "", true},
		} {
			h.log.Reset()
			w := httptest.NewRecorder()
			h.door.show(func(http.ResponseWriter, *http.Request) error { return c.err }).ServeHTTP(w, newTestRequest("GET", "/"))
			if w.Code != c.status || w.Header().Get("Retry-After") != c.retryAfter || h.log.Len() > 0 != c.logged {
				t.Errorf("%v: status %d, Retry-After %q, log %q", c.err, w.Code, w.Header().Get("Retry-After"), h.log)
			}
		}
	})
}

// The five minutes may end between any two looks at the clock.
func TestFreshnessEndsInTheMiddle(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		proved := h.clock()
		h.tick = time.Millisecond
		asked, statuses := false, map[int]int{}
		for early := 40; early >= 0; early-- {
			h.pass(proved.Add(credential.Fresh - time.Duration(early)*time.Millisecond).Sub(h.clock()))
			a := ann.post("/account/email", "email", annMail)
			statuses[a.status]++
			asked = asked || contains(a.says("main"), "Type it once more")
			h.pass(proved.Add(credential.Fresh - time.Duration(early)*time.Millisecond).Sub(h.clock()))
			statuses[ann.get("/account/data/download").status]++
		}
		if !asked || statuses[422] != 41 || statuses[200] == 0 || statuses[303] == 0 || len(statuses) != 3 {
			t.Errorf("asked once more: %v; statuses %v", asked, statuses)
		}
	})
}

// attacks F19: an account that may not act has no page, whatever was open before.
func TestClosedAccountsAreTurnedAway(t *testing.T) {
	eachHouse(t, func(h *house) {
		a, b := h.account(annMail, "", annPassword), h.account(boMail, "", boPassword)
		ann, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, boPassword)
		h.must(h.db.SetState(t.Context(), a.ID, account.Active, account.Locked, time.Time{}, audit.New(h.clock(), audit.AccountLocked, audit.CLI, a.ID)))
		h.must(h.door.Password.Require(t.Context(), b.ID, audit.CLI))
		for _, rt := range h.door.routes() {
			method, path := parts(rt.pattern, nothing())
			if path == "/" || contains(rt.pattern, "{token}") || !contains(path, "/account") && !contains(path, "/admin") {
				continue
			}
			for _, out := range []*browser{ann.copyOf(), bo.copyOf()} {
				if got := out.send(method, path, map[string][]string{"password": {annPassword}}); got.status != 303 || !contains(got.header.Get("Location"), "/sign-in?", "why=ended") {
					t.Errorf("%s answers %d %s", rt.pattern, got.status, got.header.Get("Location"))
				}
			}
		}
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(403).shows("p.problem", "locked")
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", boPassword).is(422) // told only to who knows the password
	})
}
