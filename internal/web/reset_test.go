package web

import (
	"regexp"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/teststore"
)

// reset asks for the mail and opens its link.
func (b *browser) reset(login, email string) *answer {
	b.t.Helper()
	b.get("/reset").submit("/reset", "login", login).leadsTo("/reset?done=sent").is(200).shows("h1", "Look into your mailbox")
	return b.get(b.link(notice.KindReset, email)).leadsTo("/reset/new").is(200)
}

func TestPasswordIsResetByMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		teststore.Member(t, h.db, h.pool, "ann", annPassword, h.clock())
		tv := h.signedIn(annMail, annPassword)
		owner := h.browser()
		page := owner.reset("ANN", annMail).has(1, "input[name=sign_out][checked]")
		if page.value("input[name=username]") != annMail {
			t.Error("the password manager is not told which account it is")
		}
		tv.get("/account").is(200) // opening it does nothing
		page.submit("/reset/new").is(422).shows("#password-error", "Enter the new password.")
		page.submit("/reset/new", "password", "short").is(422).shows("#password-error", "too short").has(1, "input[name=sign_out][checked]")
		page.submit("/reset/new", "password", annPassword, "sign_out", "").is(422).shows("#password-error", "the password you have now").has(0, "input[name=sign_out][checked]")
		page.submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere").shows("h1", "Your password is changed").shows("main", "Everything was signed out")
		page.submit("/reset/new", "password", "another quiet harbour dreams").is(410)

		owner.get("/account").leadsTo("/sign-in?next=%2Faccount") // nobody is signed in by a reset
		tv.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		h.mail(notice.KindPasswordChanged, annMail)
		owner.signIn(annMail, newPassword)
	})
}

func TestResetKeepsDevicesWhenAsked(t *testing.T) {
	eachHouse(t, func(h *house) {
		teststore.Member(t, h.db, h.pool, "ann", annPassword, h.clock())
		tv := h.signedIn(annMail, annPassword)
		h.browser().reset(annMail, annMail).submit("/reset/new", "password", newPassword, "sign_out", "").
			leadsTo("/reset/new?done=kept").shows("h1", "Your password is changed")
		tv.get("/account").is(200)
	})
}

// Pre-hijacking, unexpired session: whoever was in before the mailbox's owner came is signed out, whatever the form says.
func TestTheFirstResetOfAMailboxSignsOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword) // nobody has answered from there yet
		squatter := h.signedIn(annMail, annPassword)
		owner := h.browser()
		owner.reset(annMail, annMail).has(0, "input[name=sign_out]")
		owner.post("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		squatter.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
	})
}

func TestOnlyTheNewestResetLinkWorks(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		first := h.browser().reset(annMail, annMail)
		newest := h.browser().reset(annMail, annMail)
		first.submit("/reset/new", "password", newPassword).is(410).has(1, "main a[href=/reset]")
		newest.submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")

		late := h.browser().reset(annMail, annMail)
		h.pass(30*time.Minute + time.Second)
		late.submit("/reset/new", "password", annPassword).is(410)
		h.signedIn(annMail, newPassword)
	})
}

// A changed password ends every reset link that was on its way.
func TestResetLinksEndWithThePasswordTheyReplace(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := h.browser().reset(annMail, annMail)
		ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword, "sign_out", "").leadsTo("/account?done=password")
		page.submit("/reset/new", "password", "another quiet harbour dreams").is(410)
	})
}

var ofTheRequest = regexp.MustCompile(`nonce="[^"]*"`)

// The answers about an account and about none are the same, to the byte.
func TestResetTellsNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "ann", annPassword)
		locked := h.account(boMail, "bobo", boPassword)
		h.must(h.db.SetState(t.Context(), locked.ID, account.Active, account.Locked, time.Time{}, audit.New(h.clock(), audit.AccountLocked, audit.CLI, locked.ID)))
		var bodies []string
		for _, login := range []string{annMail, "ann", boMail, "nobody@example.org", "nobody", "\x01", "a b c"} {
			sent := h.browser().get("/reset").submit("/reset", "login", login)
			sent.body = ofTheRequest.ReplaceAllString(sent.body, "")
			page := sent.leadsTo("/reset?done=sent")
			bodies = append(bodies, sent.body+ofTheRequest.ReplaceAllString(page.body, ""))
		}
		for i, body := range bodies {
			if body != bodies[0] {
				t.Errorf("answer %d differs", i)
			}
		}
		if n := h.mails(notice.KindReset); n != 2 {
			t.Errorf("%d mails, want two to %s", n, a.ID)
		}
		h.browser().get("/reset").submit("/reset").is(422).shows("#login-error", "Enter your e-mail address")
	})
}

// Decision 10: behind one address of a carrier many people need a new password at once.
func TestResetsOfManyInAnIncident(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		ask := func() *answer { return b.get("/reset").submit("/reset", "login", annMail) }
		for range ratelimit.ResetsNetwork.Limit {
			ask().is(303)
		}
		ask().is(429)
		_, err := h.door.Incident.Declare(t.Context(), audit.CLI, incident.Draft{Action: incident.Require, Scope: incident.All, Notice: h.door.Incident.Parts()})
		h.must(err)
		for range 2 * ratelimit.ResetsNetwork.Limit {
			ask().is(303)
		}
		h.pass(31 * 24 * time.Hour)
		for range ratelimit.ResetsNetwork.Limit {
			ask().is(303)
		}
		ask().is(429)
	})
}

// Each password that is tried costs several hashes.
func TestNewPasswordsAreLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		page := h.browser().reset(annMail, annMail)
		for range ratelimit.NewPasswords.Limit {
			page.submit("/reset/new", "password", annPassword).is(422).shows("#password-error", "the password you have now")
		}
		before := h.pool.Stats().Hashes
		page.submit("/reset/new", "password", annPassword).is(429).shows("p.problem", "Too many tries")
		if got := h.pool.Stats().Hashes; got != before {
			t.Errorf("%d hashes", got-before)
		}
	})
}

func TestResetsAreLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		b := h.browser()
		for range 10 {
			b.get("/reset").submit("/reset", "login", annMail).leadsTo("/reset?done=sent")
		}
		if n := h.mails(notice.KindReset); n != 3 {
			t.Errorf("%d mails to one account, want three", n)
		}
		limited := b.get("/reset").submit("/reset", "login", annMail).is(429).shows("p.problem", "Too many tries").has(1, "p.problem time")
		if limited.value("#login") != annMail || limited.header.Get("Retry-After") == "" {
			t.Errorf("typed %q, Retry-After %q", limited.value("#login"), limited.header.Get("Retry-After"))
		}
		b.post("/reset/required", "login", annMail).is(429).shows("p.problem", "Too many tries")
	})
}

func TestRequiredResetSendsTheMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "ann", annPassword)
		h.must(h.door.Password.Require(t.Context(), a.ID, audit.CLI))
		sent := h.mails(notice.KindReset)
		b := h.browser()
		page := b.get("/sign-in").submit("/sign-in", "login", "ann", "password", annPassword).is(403).shows("h1", "choose a new password")
		page.submit("/reset/required").leadsTo("/reset?done=sent")
		if n := h.mails(notice.KindReset); n != sent+1 {
			t.Errorf("%d mails, want %d", n, sent+1)
		}
		b.post("/reset/required").leadsTo("/reset")
		b.get(h.link(notice.KindReset, annMail)).leadsTo("/reset/new").has(0, "input[name=sign_out]").
			submit("/reset/new", "password", annPassword).is(422).
			submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		b.signIn("ann", newPassword)
	})
}
