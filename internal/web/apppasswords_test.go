package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/signin"
)

var shownPassword = regexp.MustCompile(`usher(-[2-9a-z]{4}){7}`)

func TestAppPasswords(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann.walker", annPassword)
		b := h.signedIn(annMail, annPassword)
		b.get("/account/app-passwords").is(200).shows(".empty", "No app passwords yet")
		b.get("/account/app-passwords/new").is(200).submit("/account/app-passwords/new").is(422).shows("#name-error", "Say which app it is for.")
		b.post("/account/app-passwords/new", "name", strings.Repeat("x", 65)).is(422).shows("#name-error", "at most 64")
		made := b.post("/account/app-passwords/new", "name", "Attic TV", "purpose", "Films").is(200).shows("#app-login", "ann.walker")
		shown := shownPassword.FindString(made.says("#app-password"))
		if shown == "" || h.mails(notice.KindAppPasswordMade) != 1 || h.recorded(ann.ID, audit.AppPasswordMade) != 1 {
			t.Fatal("not shown, not told, or not recorded")
		}
		if strings.Contains(h.log.String(), shown) {
			t.Error("it is in the log")
		}
		list := b.get("/account/app-passwords").is(200).has(1, ".list li").shows(".where", "Films").shows(".where", "not used yet")
		if shownPassword.MatchString(list.body) {
			t.Error("it is shown again")
		}
		b.get("/account/devices").is(200).shows(".list", "Attic TV").shows(".where", "App password")
		token, _ := secret.ReadAppPassword(secret.TokenOf(shown))
		in, err := h.door.SignIn.Bearer(t.Context(), token)
		h.must(err)
		list.submit("/account/app-passwords/revoke").leadsTo("/account/app-passwords?done=app-password").is(200).shows(".notice", "gone")
		if _, err := h.door.SignIn.Bearer(t.Context(), token); err == nil {
			t.Error("it lives on")
		}
		b.post("/account/app-passwords/revoke", "id", in.Found.DeviceID).is(404)
	})
}

// An app password is as good as a sign-in, so it needs a proof of the last five minutes.
func TestAppPasswordsNeedFreshProof(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		b := h.signedIn(annMail, annPassword)
		h.pass(credential.Fresh)
		page := b.get("/account/app-passwords/new").is(200)
		page.submit("/account/app-passwords/new", "name", "TV").is(422).shows("#password-error", "Enter your password.")
		page.submit("/account/app-passwords/new", "name", "TV", "password", "wrong").is(422).shows("#password-error", "isn’t right")
		page.submit("/account/app-passwords/new", "name", "TV", "password", annPassword).is(200)
		h.turnOnFactor(ann)
		h.pass(credential.Fresh)
		b.get("/account/app-passwords").is(200).shows("main", "six digits")
		b.post("/account/app-passwords/new", "name", "TV", "password", annPassword).leadsTo("/sign-in/again?next=%2Faccount%2Fapp-passwords%2Fnew")
		b.get("/account/app-passwords/new").leadsTo("/sign-in/again?next=%2Faccount%2Fapp-passwords%2Fnew").
			submit("/sign-in/again", "password", annPassword, "code", b.authenticator(annMail)).leadsTo("/account/app-passwords/new").
			submit("/account/app-passwords/new", "name", "TV").is(200).shows("#app-login", annMail)
	})
}

func TestAppPasswordsAreLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		b := h.signedIn(annMail, annPassword)
		for range signin.MostAppPasswords {
			b.post("/account/app-passwords/new", "name", "TV").is(200)
		}
		b.post("/account/app-passwords/new", "name", "TV").is(422).shows(".problem", "as many app passwords as there can be")
		b.get("/account/app-passwords").has(0, "a[href=/account/app-passwords/new]").shows("main", "as many as there can be")
	})
}

// SE-5: what a player holds shows nobody an account page, in whatever way it is presented.
func TestTokensOfProgramsOpenNoPage(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.administrator(annMail, annPassword)
		client := device.Client{UserAgent: "AtticPlayer/2.1"}
		in, err := h.door.SignIn.Software(t.Context(), signin.SoftwareRequest{Login: annMail, Password: secret.TokenOf(annPassword + h.authenticator(annMail)), Client: client})
		h.must(err)
		clock, err := h.db.ReadClock(t.Context())
		h.must(err)
		f := credential.Found{Credential: credential.Credential{AccountID: a.ID, FreshAt: h.clock()}, Clock: clock, Account: h.reload(a.ID).Standing}
		app, err := h.door.AppPasswords.Make(t.Context(), f, signin.NewAppPassword{Name: "TV"}, client)
		h.must(err)
		before := h.reload(a.ID)
		tried := 0
		for _, token := range []secret.Token{in.Token, app} {
			for _, rt := range h.door.routes() {
				method, path := parts(rt.pattern, strings.NewReplacer("{token}", token.Reveal(), "{id}", a.ID, "{act}", "lock"))
				for _, name := range []string{cookieBrowser, cookieCode, cookieRemembered, cookieSignUp, linkReset.cookie, linkUndo.cookie, linkNotMe.cookie} {
					b := h.browser()
					b.cookies["__Host-"+name] = token.Reveal()
					fields := map[string][]string{"ticket": {token.Reveal()}, "password": {newPassword}, "code": {"123456"}}
					if method == http.MethodGet {
						fields = nil
					}
					b.send(method, path, fields)
					if b.cookies["__Host-"+cookieBrowser] != token.Reveal() && b.cookies["__Host-"+cookieBrowser] != "" {
						t.Fatalf("%s signs a player in", rt.pattern)
					}
					tried++
				}
			}
			h.holding(token.Reveal()).get("/account").is(http.StatusSeeOther)
		}
		if after := h.reload(a.ID); after != before || tried < 500 {
			t.Errorf("something has changed, or only %d were tried", tried)
		}
		h.pass(time.Hour)
		if _, err := h.door.SignIn.Bearer(t.Context(), in.Token); err != nil {
			t.Errorf("the token itself: %v", err)
		}
	})
}
