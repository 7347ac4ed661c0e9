package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/teststore"
)

// shows are the digits that an authenticator with a key shows now, or some steps later.
func (h *house) shows(key secret.Token, steps int64) string {
	return mfa.Code(key, mfa.Step(h.clock())+steps).Reveal()
}

// enrolled sets the second step up by its pages, and returns the key and the recovery codes.
func (b *browser) enrolled() (key secret.Token, codes []string) {
	b.t.Helper()
	begun := b.get("/account/second-step").submit("/account/second-step/begin").is(200)
	key = secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
	ready := begun.submit("/account/second-step/confirm", "code", b.shows(key, 0)).is(200)
	codes = strings.Fields(ready.says("#codes"))
	if len(codes) != mfa.RecoveryCodes {
		b.t.Fatalf("%d codes", len(codes))
	}
	ready.submit("/account/second-step/finish", "stored", "yes").leadsTo("/account/second-step?done=second-step-on").shows(".notice", "is on")
	b.pass(2 * time.Minute)
	return key, codes
}

func TestSecondStepIsSetUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account").shows("dd", "Off")
		key, _ := ann.enrolled()
		got := h.reload(a.ID)
		if !got.SecondFactor || h.recorded(a.ID, audit.SecondFactorOn) != 1 {
			t.Error("it is not on, or not recorded")
		}
		h.mail(notice.KindSecondFactorOn, annMail)
		page := ann.get("/account/second-step").shows("p", "10 of 10").has(0, "#key").has(0, "#codes").has(0, "svg.qr")
		if strings.Contains(page.body, key.Reveal()) {
			t.Error("the key is shown again")
		}
		ann.get("/account").shows("dd", "On, 10 recovery codes left")
		ann.post("/account/second-step/begin", "password", annPassword).leadsTo("/account/second-step")
	})
}

func TestSecondStepIsSetUpInOrder(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		begun := ann.get("/account/second-step").submit("/account/second-step/begin").has(1, "svg.qr")
		key := secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
		wrong := begun.submit("/account/second-step/confirm", "code", h.shows(key, 9)).is(422).has(0, "svg.qr").has(0, "#key").shows(".error", "isn’t right").shows(".hint", "delete the old line")
		wrong.submit("/account/second-step/confirm", "code", h.shows(key, 2)).is(422).shows(".error", "another minute")
		wrong.submit("/account/second-step/confirm", "code", "12ab").is(422).shows(".error", "six digits")
		ann.post("/account/second-step/finish", "ticket", begun.value("input[name=ticket]"), "stored", "yes").is(410) // no code was right yet
	})
}

func TestSecondStepBegunAnew(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		first := ann.get("/account/second-step").submit("/account/second-step/begin")
		firstKey := secret.TokenOf(strings.ReplaceAll(first.says("#key"), " ", ""))
		begun := ann.get("/account/second-step").submit("/account/second-step/begin")
		first.submit("/account/second-step/confirm", "code", h.shows(firstKey, 0)).is(410) // begun anew
		key := secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
		ready := begun.submit("/account/second-step/confirm", "code", h.shows(key, 0)).is(200)
		begun.submit("/account/second-step/confirm", "code", h.shows(key, 0)).is(410)                                          // the codes are shown once
		ann.post("/account/second-step/confirm", "ticket", ready.value("input[name=ticket]"), "code", h.shows(key, 0)).is(410) // and made once
		ready.submit("/account/second-step/finish").is(422).has(0, "#codes").shows(".error", "Tick this").shows(".lead", "have new ones")
		bo := h.account(boMail, "", boPassword)
		ticket := ready.value("input[name=ticket]")
		h.signedIn(boMail, boPassword).post("/account/second-step/finish", "ticket", ticket, "stored", "yes").is(410)
		h.pass(credential.Rules[credential.Enrolment].Life)
		ready.submit("/account/second-step/finish", "stored", "yes").is(410)
		if h.reload(a.ID).SecondFactor || h.reload(bo.ID).SecondFactor {
			t.Error("a second step is on")
		}
	})
}

// Who did not store the recovery codes gets others, without a new start in the app; the ones before are worth nothing.
func TestRecoveryCodesAreRemade(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		begun := ann.get("/account/second-step").submit("/account/second-step/begin")
		ticket := begun.value("input[name=ticket]")
		ann.post("/account/second-step/finish", "ticket", ticket, "codes", "new").is(410) // no code was right yet
		key := secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
		first := begun.submit("/account/second-step/confirm", "code", h.shows(key, 0)).is(200).has(0, ".note")
		old := strings.Fields(first.says("#codes"))
		bo := h.account(boMail, "", boPassword)
		h.signedIn(boMail, boPassword).post("/account/second-step/finish", "ticket", first.value("input[name=ticket]"), "codes", "new").is(410)
		forgot := first.submit("/account/second-step/finish").is(422)
		second := forgot.submit("/account/second-step/finish", "codes", "new").is(200).shows(".note", "count for nothing")
		if codes := strings.Fields(second.says("#codes")); len(codes) != mfa.RecoveryCodes || slices.Contains(codes, old[0]) {
			t.Error("the codes are not ten others")
		}
		first.submit("/account/second-step/finish", "stored", "yes").is(410) // the ones before
		for range ratelimit.RecoverySets.Limit - 2 {
			second = second.submit("/account/second-step/finish").submit("/account/second-step/finish", "codes", "new").is(200)
		}
		limited := second.submit("/account/second-step/finish").submit("/account/second-step/finish", "codes", "new").is(429).has(0, "#codes")
		last := strings.Fields(second.says("#codes"))
		limited.submit("/account/second-step/finish", "stored", "yes").leadsTo("/account/second-step?done=second-step-on")
		if !h.reload(a.ID).SecondFactor || h.reload(bo.ID).SecondFactor {
			t.Error("the second step is off, or somebody else's is on")
		}
		h.pass(30 * time.Second)
		ann.get("/account/second-step").submit("/account/second-step/off", "off_code", old[0]).is(422)
		ann.get("/account/second-step").submit("/account/second-step/off", "off_code", last[0]).leadsTo("/account/second-step?done=second-step-off")
	})
}

// Other codes are no other ten minutes: who typed the password may turn the second step on for so long and no longer.
func TestRemadeCodesEndWithTheFirst(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		begun := ann.get("/account/second-step").submit("/account/second-step/begin")
		key := secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
		h.pass(9 * time.Minute)
		page := begun.submit("/account/second-step/confirm", "code", h.shows(key, 0)).is(200)
		h.pass(9 * time.Minute)
		page = ann.post("/account/second-step/finish", "ticket", page.value("input[name=ticket]"), "codes", "new").is(200)
		ticket := page.value("input[name=ticket]")
		h.pass(time.Minute)
		ann.post("/account/second-step/finish", "ticket", ticket, "codes", "new").is(410)
		ann.post("/account/second-step/finish", "ticket", ticket, "stored", "yes").is(410)
		if h.reload(a.ID).SecondFactor {
			t.Error("it is on")
		}
	})
}

// Each set costs ten hashes.
func TestRecoverySetsAreLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for i := range ratelimit.RecoverySets.Limit + 1 {
			begun := ann.get("/account/second-step").submit("/account/second-step/begin")
			key := secret.TokenOf(strings.ReplaceAll(begun.says("#key"), " ", ""))
			confirmed := begun.submit("/account/second-step/confirm", "code", h.shows(key, 0))
			if i < ratelimit.RecoverySets.Limit {
				confirmed.is(200)
			} else {
				confirmed.is(429)
			}
		}
	})
}

func TestSecondStepAsksForThePassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.pass(credential.Fresh)
		page := ann.get("/account/second-step")
		page.submit("/account/second-step/begin").is(422).has(0, "svg.qr")
		page.submit("/account/second-step/begin", "password", "not the password at all").is(422).has(0, "svg.qr").shows(".error", "isn’t right")
		page.submit("/account/second-step/begin", "password", annPassword).is(200).has(1, "svg.qr")
	})
}

func TestNewRecoveryCodes(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		key, old := ann.enrolled()
		page := ann.get("/account/second-step")
		const form = "/account/second-step/codes"
		page.submit(form, "code", h.shows(key, 0)).is(422).shows(".error", "Enter your password")
		page.submit(form, "password", annPassword, "code", old[0]).is(422).shows(".error", "six digits") // a recovery code does not do
		fresh := page.submit(form, "password", annPassword, "code", h.shows(key, 0)).is(200)
		codes := strings.Fields(fresh.says("#codes"))
		if len(codes) != mfa.RecoveryCodes || h.recorded(a.ID, audit.CodesReplaced) != 1 {
			t.Errorf("%d new codes", len(codes))
		}
		h.mail(notice.KindRecoveryCodesReplaced, annMail)
		page.submit(form, "password", annPassword, "code", h.shows(key, 0)).is(422).shows(".error", "used already")
		h.pass(time.Minute)
		ann.get("/account/second-step").submit("/account/second-step/off", "off_code", old[1]).is(422).shows(".error", "isn’t right")
		ann.get("/account/second-step").submit("/account/second-step/off", "off_code", strings.ToLower(codes[1])).leadsTo("/account/second-step?done=second-step-off")
		h.mail(notice.KindSecondFactorOff, annMail)
		if h.reload(a.ID).SecondFactor {
			t.Error("it is on")
		}
	})
}

// A stolen browser alone cannot turn it off, and guessing is told and ends.
func TestSecondStepIsNotGuessedOff(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		key, _ := ann.enrolled()
		thief := ann.copyOf()
		thief.post("/account/second-step/off").is(422)
		status := 0
		for range 6 {
			status = thief.post("/account/second-step/off", "off_code", h.shows(key, 7)).status
		}
		if status != 429 {
			t.Errorf("the sixth guess answers %d", status)
		}
		if n := h.mails(notice.KindCodesRefused); n != 1 {
			t.Errorf("%d mails tell of it", n)
		}
		if n := h.recorded(a.ID, audit.FactorFailed); n != 5 || !h.reload(a.ID).SecondFactor {
			t.Errorf("%d wrong codes are recorded", n)
		}
	})
}

func TestRecoveryCodesAreUrged(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		_, codes := ann.enrolled()
		checker := mfa.Checker{Store: h.db, Hasher: h.pool, Now: h.clock}
		for _, code := range codes[:7] {
			f, err := checker.Check(t.Context(), a, mfa.Try{Typed: secret.TokenOf(code)})
			h.must(err)
			in := credential.NewSignIn(a.ID, "password", device.Client{}, h.clock())
			in.Factor = &f
			h.must(h.db.OpenSignIn(t.Context(), credential.Attempt{At: h.clock()}, credential.Candidate{}, in, audit.Act{At: h.clock()}, audit.Act{At: h.clock()}))
		}
		ann.get("/account").shows(".panel.look", "Few recovery codes")
		ann.get("/account/second-step").shows(".note", "Only 3 recovery codes")
	})
}

// remembered lets somebody sign in with a browser that is remembered.
func (h *house) remembered(accountID, name string) secret.Token {
	h.t.Helper()
	in := credential.NewSignIn(accountID, "password", device.Client{}, h.clock())
	clock, err := h.db.ReadClock(h.t.Context())
	h.must(err)
	in.Stamp, in.Remember, in.RememberedAs = credential.StampNow(clock, h.reload(accountID).Standing), secret.NewToken(), name
	h.must(h.db.OpenSignIn(h.t.Context(), credential.Attempt{At: h.clock()}, credential.Candidate{}, in, audit.Act{At: h.clock()}, audit.Act{At: h.clock()}))
	return in.Token
}

func TestRememberedBrowsersAreForgotten(t *testing.T) {
	eachHouse(t, func(h *house) {
		a, bo := h.account(annMail, "", annPassword), h.account(boMail, "", boPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.enrolled()
		h.signedIn(boMail, boPassword).enrolled()
		for _, name := range []string{"Firefox on Linux", "Safari on iPhone", "Chrome on Mac"} {
			h.remembered(a.ID, name)
		}
		h.remembered(bo.ID, "Edge on Windows")
		page := ann.get("/account/second-step").shows("bdi", "Safari on iPhone").has(3, "form[action=/account/second-step/forget]")
		if strings.Contains(page.body, "Edge on Windows") {
			t.Error("somebody else's browser is listed")
		}
		others, err := h.db.ListRemembered(t.Context(), bo.ID, h.clock())
		h.must(err)
		for _, id := range []string{"", "x", others[0].Hash} {
			ann.post("/account/second-step/forget", "id", id).leadsTo("/account/second-step?done=browser").has(3, "form[action=/account/second-step/forget]")
		}
		page.submit("/account/second-step/forget").leadsTo("/account/second-step?done=browser").has(2, "form[action=/account/second-step/forget]").shows(".notice", "asked for a code again")
		page.submit("/account/second-step/forget").leadsTo("/account/second-step?done=browser") // pressed twice is done once
		ann.get("/account/second-step").submit("/account/second-step/forget-all").leadsTo("/account/second-step?done=browsers").has(0, "form[action=/account/second-step/forget]")
		if h.recorded(a.ID, audit.BrowserForgotten) != 2 {
			t.Error("not recorded once each")
		}
		if left, err := h.db.ListRemembered(t.Context(), bo.ID, h.clock()); err != nil || len(left) != 1 {
			t.Errorf("%d of somebody else's are left, %v", len(left), err)
		}
	})
}

// Somebody without a password is led to set one first.
func TestSecondStepNeedsAPassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		bare := teststore.Person(t, h.db, "bare", h.clock(), func(a *account.Account) { a.Password = "" })
		b := h.holding(h.remembered(bare.ID, "Firefox on Linux").Reveal())
		b.get("/account/second-step").shows("h2", "Choose a password first").has(1, "main a[href=/account/password?next=/account/second-step]").has(0, "form[action=/account/second-step/begin]")
		b.post("/account/second-step/begin").leadsTo("/account/password?next=%2Faccount%2Fsecond-step")
	})
}

// Whoever looks at the page again, or goes back to it, sees no secret of it.
func TestSecretsOfTheSecondStepAreShownOnce(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for _, path := range []string{"/account/second-step/begin", "/account/second-step/confirm", "/account/second-step/codes"} {
			ann.get(path).is(405)
		}
	})
}
