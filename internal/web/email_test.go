package web

import (
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
)

const annNewMail = "ann@example.net"

// code is the digits in the newest mail of a kind.
func (h *house) code(kind notice.Kind, to string) string {
	return h.mail(kind, to).Data[notice.DataCode]
}

// link is the path in the newest mail of a kind.
func (h *house) link(kind notice.Kind, to string) string {
	return h.mail(kind, to).Data[notice.DataLink]
}

// otherCode is six digits that are not these.
func otherCode(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

// ask begins a change of the address.
func (b *browser) ask(address string) *answer {
	b.t.Helper()
	return b.get("/account/email").submit("/account/email", "email", address).leadsTo("/account/email/code").is(200)
}

func TestAddressChangesByCode(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		codePage := ann.ask(annNewMail).shows("main .lead", annNewMail)
		ann.get("/account/email").shows(".look p", annNewMail).shows("dl.facts dd", annMail)
		code := h.code(notice.KindConfirmAddress, annNewMail)

		codePage.submit("/account/email/code", "code", otherCode(code)).is(422).shows("#code-error", "not the code we sent last")
		codePage.submit("/account/email/code", "code", "12 34").is(422).shows("#code-error", "six digits")
		codePage.submit("/account/email/code", "code", " "+code[:3]+"-"+code[3:]+" ").leadsTo("/account/email?done=email").
			shows("p.notice", "Your new address is saved").shows("dl.facts dd", annNewMail).has(0, ".look")

		if got := h.reload(a.ID).Email; got != annNewMail {
			t.Errorf("the address is %q", got)
		}
		h.mail(notice.KindAddressChanged, annMail)
		h.browser().signIn(annNewMail, annPassword)
		h.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(422)
	})
}

// attacks F9, S1: what matters asks the password again, and the browser's proof gets a new name.
func TestAddressChangeAsksThePasswordAfterAWhile(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/email").has(0, "input[type=password]")
		h.pass(5 * time.Minute)
		thief := ann.copyOf()
		page := ann.get("/account/email").has(1, "input[type=password]")

		page.submit("/account/email", "email", annNewMail).is(422).shows("#password-error", "Enter your password.")
		wrong := page.submit("/account/email", "email", annNewMail, "password", boPassword).is(422).shows("#password-error", "isn’t right")
		if wrong.value("input[name=email]") != annNewMail {
			t.Error("the address typed was lost")
		}
		thief.get("/account").is(200) // a wrong password renews nothing
		ann.post("/account/email", "email", annNewMail).is(422)
		if h.mails(notice.KindConfirmAddress) != 0 {
			t.Fatal("a code was sent without the password")
		}

		wrong.submit("/account/email", "password", annPassword).leadsTo("/account/email/code")
		h.mail(notice.KindConfirmAddress, annNewMail)
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		ann.get("/account").is(200)
	})
}

func TestAStepUpCountsEvenWhenTheAddressIsRefused(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.pass(time.Hour)
		page := ann.get("/account/email").submit("/account/email", "email", "ann@", "password", annPassword).is(422)
		page.shows("#email-error", "does not look like").has(0, "input[type=password]")
		page.submit("/account/email", "email", annMail).is(422).shows("#email-error", "your address already")
		page.submit("/account/email", "email", annNewMail).leadsTo("/account/email/code")
	})
}

func TestAddressOfSomebodyElseIsNotTold(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(boMail).shows("main .lead", boMail)
		h.mail(notice.KindAlreadyHaveAccount, boMail)
		for _, code := range []string{"000000", "123456"} {
			page.submit("/account/email/code", "code", code).is(422).shows("#code-error", "not the code")
		}
		if got := h.reload(a.ID).Email; got != annMail {
			t.Errorf("the address is %q", got)
		}
	})
}

func TestSomebodyElseIsFasterWithTheAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		h.account(annNewMail, "", boPassword)
		page.submit("/account/email/code", "code", h.code(notice.KindConfirmAddress, annNewMail)).is(422).shows("p.problem", "an account of its own")
		if got := h.reload(a.ID).Email; got != annMail {
			t.Errorf("the address is %q", got)
		}
	})
}

func TestACodeDiesAfterFiveTries(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		code := h.code(notice.KindConfirmAddress, annNewMail)
		for range account.MostCodeTries {
			page.submit("/account/email/code", "code", otherCode(code)).is(422)
		}
		page.submit("/account/email/code", "code", code).is(422)

		page.submit("/account/email/code/again").leadsTo("/account/email/code?done=code").shows("p.notice", "A new code")
		fresh := h.code(notice.KindConfirmAddress, annNewMail)
		if fresh != code {
			page.submit("/account/email/code", "code", code).is(422)
		}
		page.submit("/account/email/code", "code", fresh).leadsTo("/account/email?done=email")
		if got := h.reload(a.ID).Email; got != annNewMail {
			t.Errorf("the address is %q", got)
		}
	})
}

// attacks R10: new codes do not make new guesses without end.
func TestGuessesAtCodesAreCountedForTheAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		refused := page
		for i := range 20 {
			if i%5 == 4 {
				h.pass(time.Hour) // another code may be asked for
				page.submit("/account/email/code/again").leadsTo("/account/email/code?done=code")
			}
			refused = page.submit("/account/email/code", "code", otherCode(h.code(notice.KindConfirmAddress, annNewMail)))
			if refused.status != 422 {
				break
			}
		}
		refused.is(429).shows("p.problem", "Too many tries").has(1, "p.problem time")
		if refused.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

func TestCodesAreNotSentWithoutEnd(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		for range 2 {
			page.submit("/account/email/code/again").leadsTo("/account/email/code?done=code")
		}
		limited := page.submit("/account/email/code/again").is(429).shows("p.problem", "Too many tries").shows("main .lead", annNewMail)
		if limited.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		again := ann.get("/account/email").submit("/account/email", "email", "another@example.net").is(429).shows("p.problem", "Too many tries")
		if again.value("input[name=email]") != "another@example.net" {
			t.Error("the address typed was lost")
		}
		if n := h.mails(notice.KindConfirmAddress); n != 3 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestAddressChangeIsCalledOff(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		code := h.code(notice.KindConfirmAddress, annNewMail)
		ann.get("/account/email").submit("/account/email/cancel").leadsTo("/account/email?done=email-kept").has(0, ".look").shows("p.notice", "stays")
		ann.get("/account/email/code").leadsTo("/account/email")
		page.submit("/account/email/code", "code", code).is(410).shows("p.problem", "No code is waiting")
		page.submit("/account/email/code/again").is(410)
		ann.get(h.link(notice.KindConfirmAddress, annNewMail)).leadsTo("/account/email/confirm").is(410)
		if got := h.reload(a.ID).Email; got != annMail {
			t.Errorf("the address is %q", got)
		}
	})
}

func TestACodeGrowsOld(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		page := ann.ask(annNewMail)
		code := h.code(notice.KindConfirmAddress, annNewMail)
		h.pass(24*time.Hour + time.Second)
		page.submit("/account/email/code", "code", code).is(410).has(1, "form[action=/account/email]")
		if n := h.recorded(h.find(annMail).ID, audit.EmailChanged); n != 0 {
			t.Error("an old code changed the address")
		}
	})
}

// find looks an account up by its address.
func (h *house) find(email string) account.Account {
	h.t.Helper()
	a, err := h.db.FindAccount(h.t.Context(), account.LoginHandle(email))
	h.must(err)
	return a
}

// security §2.8: whoever has the mailbox only for an hour must not be able to keep the account.
func TestAddressRestsAfterAResetByMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		b := h.browser()
		b.reset(annMail, annMail).submit("/reset/new", "password", newPassword).leadsTo("/reset/new?done=everywhere")
		b.signIn(annMail, newPassword)
		page := b.get("/account/email").submit("/account/email", "email", annNewMail).is(422).shows("p.problem", "on 22 November from 14:02 UTC")
		if page.value("input[name=email]") != annNewMail || h.mails(notice.KindConfirmAddress) != 0 {
			t.Error("what was typed was lost, or a code was sent")
		}
		h.pass(24 * time.Hour)
		b.get("/account/email").submit("/account/email", "email", annNewMail, "password", newPassword).leadsTo("/account/email/code")
	})
}
