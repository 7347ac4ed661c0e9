package web

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/notice"
	"usher/internal/signup"
)

// begin begins a sign-up.
func (b *browser) begin(email, password string) *answer {
	b.t.Helper()
	return b.get("/sign-up").submit("/sign-up", "email", email, "password", password).leadsTo("/sign-up/code").is(200).shows("main", email)
}

func TestSigningUpByCode(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		page := b.begin(annMail, annPassword)
		if _, err := h.db.FindAccount(t.Context(), account.LoginHandle(annMail)); err == nil {
			t.Fatal("there is an account before the address is confirmed")
		}
		b.get("/account").leadsTo("/sign-in?next=%2Faccount")
		code := h.code(notice.KindConfirmSignUp, annMail)
		page.submit("/sign-up/code", "code", otherCode(code)).is(422).shows("#code-error", "not the code we sent last")
		page.submit("/sign-up/code", "code", "12345").is(422).shows("#code-error", "six digits")
		welcome := page.submit("/sign-up/code", "code", code).leadsTo("/welcome").is(200)
		welcome.submit("/welcome", "user_name", "a").is(422).shows("#user_name-error", "3 to 32")
		welcome.submit("/welcome", "user_name", "Ann", "display_name", "Ann").leadsTo("/account").shows("h1", "Hello, Ann")
		h.browser().signIn("ann", annPassword)
	})
}

func TestSigningUpByLink(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		b.begin(annMail, annPassword)
		link := h.link(notice.KindConfirmSignUp, annMail)
		scanner := h.browser()
		elsewhere := scanner.get(link).leadsTo("/sign-up/confirm").is(200).has(1, "input[type=password]")
		elsewhere.submit("/sign-up/confirm").is(422)
		elsewhere.submit("/sign-up/confirm", "password", boPassword).is(422).shows("#password-error", "not the password you chose")
		if _, err := h.db.FindAccount(t.Context(), account.LoginHandle(annMail)); err == nil {
			t.Fatal("a scanner has confirmed the address")
		}
		b.get(link).leadsTo("/sign-up/confirm").has(0, "input[type=password]").submit("/sign-up/confirm").leadsTo("/welcome").submit("/welcome").leadsTo("/account")
		if !h.find(annMail).EmailProved {
			t.Error("the address is not proved by its link")
		}
		b.get(link).leadsTo("/sign-up/confirm").is(410)
		elsewhere.submit("/sign-up/confirm", "password", annPassword).is(410)
	})
}

func TestRefusedSignUpKeepsTheAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		for _, c := range []struct{ email, password, beside, says string }{
			{"ann@", annPassword, "email", "does not look like"},
			{annMail, "short", "password", "too short"},
			{annMail, "password1", "password", "guess"},
			{annMail, strings.Repeat("long ", 100), "password", "too long"},
		} {
			page := h.browser().get("/sign-up").submit("/sign-up", "email", c.email, "password", c.password).is(422).shows("#"+c.beside+"-error", c.says)
			if typed := page.value("#email"); typed != c.email {
				t.Errorf("%q came back as %q", c.email, typed)
			}
		}
	})
}

// Whether an address has an account is told only to its mailbox.
func TestSignUpTellsNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		page := h.browser().begin(annMail, newPassword)
		h.mail(notice.KindAlreadyHaveAccount, annMail)
		fresh := h.browser().begin("ann@example.com", newPassword)
		same := func(a *answer) string {
			return strings.ReplaceAll(ofTheRequest.ReplaceAllString(a.body, ""), "ann@example.com", annMail)
		}
		if same(page) != same(fresh) {
			t.Error("the pages differ")
		}
		page.submit("/sign-up/code", "code", "123456").is(422)
	})
}

func TestSignUpAgainAndLimits(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		page := b.begin(annMail, annPassword)
		for range 2 {
			page.submit("/sign-up/code/again").leadsTo("/sign-up/code")
		}
		page.submit("/sign-up/code/again").is(429).shows("p.problem", "Too many tries").shows("main", annMail)
		for i := range 4 {
			h.browser().begin(strings.Repeat("x", i+1)+"@example.org", annPassword)
		}
		limited := h.browser().get("/sign-up").submit("/sign-up", "email", boMail, "password", annPassword).is(429)
		if limited.value("#email") != boMail || limited.header.Get("Retry-After") == "" {
			t.Error("the address or the time to come back is lost")
		}
		h.pass(time.Hour + time.Minute)
		b.get("/sign-up/code").leadsTo("/sign-up")
		b.post("/sign-up/code", "code", "123456").leadsTo("/sign-up")
		b.post("/sign-up/code/again").leadsTo("/sign-up")
	})
}

func TestClosedMeansClosed(t *testing.T) {
	eachHouse(t, func(h *house) {
		for _, mode := range []signup.Mode{signup.ModeClosed, signup.ModeInvitation} {
			h.door.SignUp.Mode = mode
			h.browser().post("/sign-up", "email", annMail, "password", annPassword).is(403)
		}
		h.door.SignUp.Mode = signup.ModeClosed
		h.browser().post("/invitation", "ticket", strings.Repeat("0", 52), "email", annMail, "password", annPassword).is(403)
		if n := h.mails(notice.KindConfirmSignUp); n != 0 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestStrengthIsJudgedAndForgotten(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		for password, good := range map[string]bool{"": false, "short": false, "password1": false, annPassword: true} {
			var s Strength
			a := b.post("/sign-up/strength", "password", password).is(200)
			if err := json.Unmarshal([]byte(a.body), &s); err != nil || s.Sentence == "" || s.Score >= 3 != good {
				t.Errorf("judged as %+v, %v", s, err)
			}
		}
	})
}

func FuzzTypedCode(f *testing.F) {
	for _, seed := range []string{"123456", "123 456", "123-456", "12345", "1234567", "１２３４５６", "-123456", "", "12\u00a034 56", "0x1234"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		r := newTestRequest("POST", "/")
		r.PostForm = map[string][]string{"code": {typed}}
		var form Form
		code, ok := typedCode(r, &form)
		if ok == form.Refused() {
			t.Errorf("%q: taken %v, refused %v", typed, ok, form.Refused())
		}
		if ok && (len(code.Reveal()) != 6 || strings.Trim(code.Reveal(), "0123456789") != "") {
			t.Errorf("%q was taken as a code", typed)
		}
	})
}
