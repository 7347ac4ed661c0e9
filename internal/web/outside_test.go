package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/identity"
	"usher/internal/issuer"
	"usher/internal/issuertest"
	"usher/internal/notice"
	"usher/internal/passkey/passkeytest"
	"usher/internal/secret"
	"usher/internal/signup"
	"usher/internal/social"
	"usher/internal/teststore"
)

// outsiders is a house with other services around it.
type outsiders struct {
	*house
	others *issuertest.House
}

// eachWithOthers runs a test in an empty house with other services around it, on both databases.
func eachWithOthers(t *testing.T, test func(o *outsiders)) {
	t.Helper()
	others := issuertest.Start(t)
	eachHouse(t, func(h *house) {
		o := &outsiders{house: h, others: others}
		for _, i := range []*issuertest.Issuer{others.Google, others.Apple, others.Studio, others.Club} {
			i.Play(issuertest.Honest)
			i.Clock(h.clock)
			i.ForgetConsent("subject-of-alba")
		}
		o.offer(o.all())
		test(o)
	})
}

// all is everything configured.
func (o *outsiders) all() issuer.Configured {
	h := o.others
	return issuer.Configured{
		Google: &issuer.Google{ClientID: h.Google.ClientID, Secret: secret.TokenOf(h.Google.ClientSecret), Issuer: h.Google.URL},
		Apple: &issuer.Apple{
			ClientID: h.Apple.ClientID, TeamID: h.Apple.AppleTeam(), KeyID: h.Apple.AppleKeyID(), Key: secret.TokenOf(h.Apple.AppleKey(o.t)), Issuer: h.Apple.URL,
		},
		Facebook: &issuer.Facebook{ClientID: h.Facebook.AppID, Secret: secret.TokenOf(h.Facebook.AppSecret), Dialog: h.Facebook.DialogURL(), Graph: h.Facebook.URL + "/v24.0"},
		Further: []issuer.Further{
			{ID: "studio", Name: "Studio", Issuer: h.Studio.URL, ClientID: h.Studio.ClientID, Secret: secret.TokenOf(h.Studio.ClientSecret), Logo: true},
			{ID: "club", Name: "Club", Issuer: h.Club.URL, ClientID: h.Club.ClientID, Secret: secret.TokenOf(h.Club.ClientSecret), EmailDomains: []string{"*"}},
		},
	}
}

func (o *outsiders) offer(c issuer.Configured) {
	o.t.Helper()
	set, err := issuer.New(issuer.Setup{Origin: testOrigin, Now: o.clock, Log: o.door.Log}, c)
	o.must(err)
	o.door.Social.Providers = set
}

// somebody is a person as other services know them.
func somebody(address string) issuertest.Account {
	local, domain, _ := strings.Cut(address, "@")
	return issuertest.Account{Subject: "subject-of-" + local, Email: address, Verified: true, HostedDomain: domain, GivenName: strings.ToUpper(local[:1]) + local[1:]}
}

// outside goes on from a form that sent the browser away: it signs somebody in there, and comes back.
func (a *answer) outside(who issuertest.Account) *answer {
	a.t.Helper()
	return a.comesBack(a.at(who))
}

// at is what somebody brings back from where a form has sent the browser.
func (a *answer) at(who issuertest.Account) issuertest.Answer {
	a.t.Helper()
	where := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(where, "http://127.0.0.1:") {
		a.t.Fatalf("%s: status %d to %q; it says %q", a.path, a.status, where, a.says("main"))
	}
	back, err := issuertest.BrowserOf(who).Visit(where)
	a.must(err)
	return back
}

// comesBack brings an answer, as a browser does: what a service's page posts comes without cookies.
func (b *browser) comesBack(back issuertest.Answer) *answer {
	b.t.Helper()
	to, err := url.Parse(back.URL)
	b.must(err)
	elsewhere := *b
	elsewhere.site = "cross-site"
	where := to.RequestURI()
	if back.Form != nil {
		elsewhere.cookies = map[string]string{}
		where = elsewhere.send(http.MethodPost, where, back.Form).is(http.StatusSeeOther).header.Get("Location")
		elsewhere.cookies = b.cookies
	}
	a := elsewhere.get(where)
	a.browser = b // what it does next, it does here
	return a
}

// comesBackWith has a service's page post an answer, and returns where that leads the browser.
func (b *browser) comesBackWith(back issuertest.Answer) string {
	b.t.Helper()
	to, err := url.Parse(back.URL)
	b.must(err)
	elsewhere := *b
	elsewhere.site, elsewhere.cookies = "cross-site", map[string]string{}
	return elsewhere.send(http.MethodPost, to.RequestURI(), back.Form).is(http.StatusSeeOther).header.Get("Location")
}

// The walking path: a button, a service, a new account; and again.
func TestNobodyYetBecomesSomebody(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		for id, who := range map[string]issuertest.Account{"google": somebody("greta@gmail.com"), "apple": somebody("alba@example.org"), "club": somebody("carl@example.org")} {
			b := o.browser()
			page := b.get("/sign-in").has(5, ".outside form")
			page.submit("/sign-in/with/"+id).outside(who).leadsTo("/sign-in/arrival").is(200).shows("p.lead", who.Email).
				submit("/sign-in/arrival").leadsTo("/welcome").is(200)
			a := o.find(who.Email)
			if !a.NoPassword || !a.EmailProved || a.Name != who.Name() {
				t.Errorf("%s: %+v", id, a)
			}
			b.get("/account").is(200)
			b.get("/account/devices").is(200)
			again := o.browser()
			again.get("/sign-in?next=%2Faccount%2Fdevices").submit("/sign-in/with/" + id).outside(who).leadsTo("/account/devices").is(200)
			moved := who // O9: the address there is another one by now, and the account stays the same
			moved.Email = "moved-" + who.Email
			o.browser().get("/sign-in").submit("/sign-in/with/"+id).outside(moved).leadsTo("/account").shows("dl.facts dd", who.Email)
		}
	})
}

// Facebook proves no address: whoever comes by it confirms one, and learns before that of no account.
func TestUnprovedAddressIsConfirmed(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		o.proved(annMail, annPassword)
		for _, address := range []string{annMail, "fresh@example.org", ""} {
			who := somebody("fay@example.org")
			who.Subject, who.Email = "of "+address, address
			b := o.browser()
			page := b.get("/sign-in").submit("/sign-in/with/facebook").outside(who).leadsTo("/sign-in/arrival").is(200)
			page.post("/sign-in/arrival").is(303).leadsTo("/sign-in/arrival") // there is no way around
			if got := page.value("#email"); got != address {
				t.Errorf("the page has %q", got)
			}
			typed := address
			if typed == "" {
				typed = "typed@example.org"
			}
			page.submit("/sign-in/arrival/address", "email", "nobody").is(422).shows("#email-error", "does not look like")
			code := page.submit("/sign-in/arrival/address", "email", typed).leadsTo("/sign-in/arrival").is(200).shows("p.lead", typed)
			code.submit("/sign-in/arrival/code", "code", "00000").is(422)
			code.submit("/sign-in/arrival/code", "code", "000000").is(422)
			next := code.submit("/sign-in/arrival/code", "code", o.mail(notice.KindConfirmArrival, typed).Data[notice.DataCode])
			if address == annMail {
				next.leadsTo("/sign-in/arrival").leadsTo(joinPath).is(200).shows("p.lead", annMail).
					submit(joinPath, "password", annPassword).leadsTo("/account/sign-in-ways?done=linked").is(200)
				o.browser().get("/sign-in").submit("/sign-in/with/facebook").outside(who).leadsTo("/account").is(200)
				continue
			}
			next.leadsTo("/sign-in/arrival").is(200).shows("p.lead", typed).submit("/sign-in/arrival").leadsTo("/welcome").is(200)
			if a := o.find(typed); !a.EmailProved || !a.NoPassword {
				t.Errorf("%+v", a)
			}
		}
	})
}

// FE-3, O6: an account with the same address is joined by its owner's password and code, and by nothing less.
func TestJoiningAnAccountNeedsItsProof(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		a := o.proved("greta@gmail.com", annPassword)
		o.turnOnFactor(a)
		who := somebody("greta@gmail.com")
		b := o.browser()
		page := b.get("/sign-in?next=%2Fservers").submit("/sign-in/with/google").outside(who).leadsTo("/sign-in/arrival").leadsTo(joinPath).is(200)
		page.submit(joinPath).is(422).shows("#password-error", "Enter your password")
		page.submit(joinPath, "password", boPassword).is(422).shows("#password-error", "isn’t right")
		code := page.submit(joinPath, "password", annPassword).leadsTo("/sign-in/code?next=%2Fsign-in%2Fjoin").is(200)
		if linked := o.linked(a.ID); len(linked) != 0 {
			t.Fatalf("the password alone has linked %+v", linked)
		}
		code.submit("/sign-in/code", "code", o.authenticator("greta@gmail.com")).leadsTo("/servers").is(200)
		if linked := o.linked(a.ID); len(linked) != 1 || linked[0].Subject != who.Subject || o.mails(notice.KindIdentityLinked) != 1 || o.recorded(a.ID, audit.IdentityLinked) != 1 {
			t.Errorf("linked: %+v", linked)
		}
		b.get(joinPath).is(410) // once
		// From then on the service vouches: no code is asked, and the sign-in changes nothing that matters.
		again := o.browser()
		again.get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/account").is(200)
		again.get("/account/password").leadsTo("/sign-in/again?next=%2Faccount%2Fpassword")
		again.get("/account/devices").is(200).shows("main", "Google")
	})
}

// Whoever is signed in to the account that has the address presses only; whoever is signed in to another proves this one.
func TestJoiningWhileSignedIn(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		a := o.proved("carl@example.org", annPassword)
		bo := o.proved(boMail, boPassword)
		own, others := o.signedIn("carl@example.org", annPassword), o.signedIn(boMail, boPassword)
		who := somebody("carl@example.org")
		others.post("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").leadsTo(joinPath).has(1, "#password")
		own.post("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").leadsTo(joinPath).has(0, "#password").submit(joinPath).leadsTo("/account/sign-in-ways?done=linked").shows("main", "Club")
		if len(o.linked(a.ID)) != 1 || len(o.linked(bo.ID)) != 0 {
			t.Errorf("linked: %+v and %+v", o.linked(a.ID), o.linked(bo.ID))
		}
		others.get(joinPath).submit(joinPath, "password", annPassword).leadsTo("/account/sign-in-ways?done=linked") // it was linked meanwhile
	})
}

// An account without a password is joined by the way that opens it.
func TestJoiningAnAccountWithoutAPassword(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("carl@example.org")
		o.browser().get("/sign-in").submit("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		a := o.find("carl@example.org")
		apple := who
		apple.Subject = "carl at Apple"
		b := o.browser()
		page := b.get("/sign-in").submit("/sign-in/with/apple").outside(apple).leadsTo("/sign-in/arrival").leadsTo(joinPath).has(0, "#password").has(1, ".outside form")
		page.submit("/sign-in/with/club").outside(who).leadsTo("/account/sign-in-ways?done=linked").is(200)
		if linked := o.linked(a.ID); len(linked) != 2 {
			t.Errorf("%+v", linked)
		}
	})
}

// O10: link and unlink, with a fresh proof, and never the last way in.
func TestLinkingAndUnlinking(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		ann := o.proved(annMail, annPassword)
		b := o.signedIn(annMail, annPassword)
		who := somebody("elsewhere@gmail.com")
		b.get("/account/sign-in-ways").has(5, ".outside form").submit("/account/sign-in-ways/link/google").outside(who).leadsTo("/account/sign-in-ways?done=linked").has(4, ".outside form").shows("main", "elsewhere@gmail.com")
		b.get("/account/sign-in-ways").submit("/account/sign-in-ways/link/club").outside(who).leadsTo("/account/sign-in-ways?done=linked")
		o.browser().get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/account").shows("dl.facts dd", annMail)

		o.proved(boMail, boPassword)
		bo := o.signedIn(boMail, boPassword)
		bo.get("/account/sign-in-ways").submit("/account/sign-in-ways/link/google").outside(who).is(403).shows("h1", "another account")

		o.pass(credential.Fresh)
		vouched := o.browser()
		vouched.get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/account")
		for _, stale := range []*browser{b, vouched} { // MF-13: somebody else's word adds and takes nothing
			stale.post("/account/sign-in-ways/link/apple").leadsTo("/sign-in/again?next=%2Faccount%2Fsign-in-ways")
			stale.post("/account/sign-in-ways/unlink", "id", o.linked(ann.ID)[0].ID).leadsTo("/sign-in/again?next=%2Faccount%2Fsign-in-ways")
		}
		b.get("/sign-in/again?next=%2Faccount%2Fsign-in-ways").submit("/sign-in/again", "password", annPassword).leadsTo("/account/sign-in-ways")
		bo.get("/sign-in/again?next=%2Faccount%2Fsign-in-ways").submit("/sign-in/again", "password", boPassword)
		bo.post("/account/sign-in-ways/unlink", "id", o.linked(ann.ID)[0].ID).is(404)
		for range 2 {
			b.post("/account/sign-in-ways/unlink", "id", o.linked(ann.ID)[0].ID).leadsTo("/account/sign-in-ways?done=unlinked").is(200)
		}
		if len(o.linked(ann.ID)) != 0 || o.mails(notice.KindIdentityUnlinked) != 2 {
			t.Errorf("%+v", o.linked(ann.ID))
		}

		only := o.browser()
		only.get("/sign-in").submit("/sign-in/with/google").outside(somebody("olga@gmail.com")).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		olga := o.find("olga@gmail.com")
		only.get("/account/sign-in-ways").is(200).has(0, "details.confirm")
		only.post("/account/sign-in-ways/unlink", "id", o.linked(olga.ID)[0].ID).is(409).shows("p.problem", "only way")
		only.get("/account/sign-in-ways").submit("/account/sign-in-ways/link/apple").outside(somebody("olga@gmail.com")).leadsTo("/account/sign-in-ways?done=linked")
		only.post("/account/sign-in-ways/unlink", "id", o.linked(olga.ID)[0].ID).leadsTo("/account/sign-in-ways?done=unlinked")
	})
}

// Nobody links to an account whose own address was never confirmed.
func TestNothingIsLinkedToAnUnprovedAccount(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		teststore.Person(t, o.db, "vera", o.now, func(a *account.Account) {
			a.EmailProved = false
			hash, err := o.pool.Hash(t.Context(), []byte(annPassword))
			o.must(err)
			a.Password = hash
		})
		b := o.signedIn("vera@example.org", annPassword)
		b.get("/account/sign-in-ways").is(200).has(0, ".outside form")
		b.post("/account/sign-in-ways/link/google").is(403).shows("h1", "Confirm your address")
	})
}

// Who has no password proves afresh by the service, with the same account there.
func TestFreshProofWithoutAPassword(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("carl@example.org")
		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		b.get("/account/password?next=%2Faccount%2Femail").is(200)
		o.pass(credential.Fresh)
		page := b.get("/account/password").leadsTo("/sign-in/again?next=%2Faccount%2Fpassword").is(200).has(1, ".outside form")
		page.submit("/sign-in/again/with/club").outside(somebody("eve@example.org")).is(403).shows("h1", "another account")
		o.others.Club.Play(issuertest.OldSignIn)
		page.submit("/sign-in/again/with/club").outside(who).is(403).shows("h1", "could not be sure")
		o.others.Club.Play(issuertest.Honest)
		thief := b.copyOf()
		sent := page.submit("/sign-in/again/with/club")
		sent.outside(who).leadsTo("/account/password").is(200)
		thief.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended") // SE-3: the former token is dead
		asked := o.others.Club.Asked()
		if last := asked[len(asked)-1]; last.Get("prompt") != "login" || last.Get("max_age") != "0" {
			t.Errorf("asked %v", last)
		}
		o.proved(annMail, annPassword)
		ann := o.signedIn(annMail, annPassword)
		ann.post("/sign-in/again/with/club").leadsTo("/sign-in/again") // who has a password types it
	})
}

// A browser may hold a ticket of one account beside a sign-in to another: each answer goes to what asked for it.
func TestAnAnswerGoesToWhatAsked(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		none := somebody("nora@example.org")
		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/club").outside(none).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		o.must(o.door.Password.Require(t.Context(), o.find("nora@example.org").ID, audit.CLI))
		b.get("/sign-in").submit("/sign-in/with/club").outside(none).leadsTo("/sign-in/confirm")
		o.proved(annMail, annPassword)
		b.signIn(annMail, annPassword)
		page := b.get("/account/sign-in-ways")
		for range 6 {
			page.submit("/account/sign-in-ways/link/google").outside(somebody("gina@gmail.com")).leadsTo("/account/sign-in-ways?done=linked")
		}
		b.get("/sign-in/confirm").submit("/sign-in/confirm/with/club").outside(none).leadsTo("/sign-in?why=confirmed")
	})
}

// R17: in an incident another service opens the restricted ticket alone; who has no password confirms once, afresh, and is signed out everywhere.
func TestIncidentAndAnotherService(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		none, both := somebody("nora@example.org"), somebody("gina@gmail.com")
		old := o.browser()
		old.get("/sign-in").submit("/sign-in/with/club").outside(none).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		nora := o.find("nora@example.org")
		gina := o.proved("gina@gmail.com", annPassword)
		o.signedIn("gina@gmail.com", annPassword).get("/account/sign-in-ways").submit("/account/sign-in-ways/link/google").outside(both).leadsTo("/account/sign-in-ways?done=linked")
		waiting := o.browser()
		sent := waiting.get("/sign-in").submit("/sign-in/with/club")
		for _, id := range []string{nora.ID, gina.ID} {
			o.must(o.door.Password.Require(t.Context(), id, audit.CLI))
		}
		old.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")

		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/google").outside(both).is(403).shows("h1", "password")
		b.get("/account").leadsTo("/sign-in?next=%2Faccount")
		b.get("/reset/new").is(200).has(1, "#password")

		confirm := sent.outside(none).leadsTo("/sign-in/confirm").is(200).has(1, ".outside form")
		confirm.get("/account").leadsTo("/sign-in?next=%2Faccount")
		confirm.submit("/sign-in/confirm/with/club").outside(somebody("eve@example.org")).is(403)
		o.others.Club.Play(issuertest.OldSignIn)
		confirm.submit("/sign-in/confirm/with/club").outside(none).is(403)
		o.others.Club.Play(issuertest.Honest)
		if clock, err := o.db.ReadClock(t.Context()); err != nil || !clock.ResetRequired(o.reload(nora.ID).Standing) {
			t.Fatalf("confirmed by less than a fresh proof: %v", err)
		}
		done := confirm.submit("/sign-in/confirm/with/club").outside(none).leadsTo("/sign-in?why=confirmed").is(200)
		done.submit("/sign-in/with/club").outside(none).leadsTo("/account/review?next=%2Faccount").is(200)
		if o.recorded(nora.ID, audit.ConfirmedAfresh) != 1 {
			t.Error("it is not recorded")
		}
		old.get("/account").leadsTo("/sign-in?next=%2Faccount")
		b.get("/sign-in/confirm").leadsTo("/sign-in?why=ended") // who has a password chooses another
	})
}

// O7, RFC 9700 §4.7: an answer counts in the browser that asked, at the service that was asked, once.
func TestAnswerBelongsToItsQuestion(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		victim, thief := o.browser(), o.browser()
		who := somebody("carl@example.org")
		back := thief.get("/sign-in").submit("/sign-in/with/club").at(who)
		victim.get("/sign-in").submit("/sign-in/with/club")
		victim.comesBack(back).is(410) // login CSRF: the victim would be signed in as the thief
		o.browser().comesBack(back).is(410)
		elsewhere := back
		elsewhere.URL = strings.Replace(back.URL, "/with/club/", "/with/google/", 1)
		thief.comesBack(elsewhere).is(410)
		thief.comesBack(back).leadsTo("/sign-in/arrival")
		thief.comesBack(back).is(410)
		for _, query := range []string{"", "?code=x", "?state=x&code=y", "?state=" + secret.NewToken().Reveal() + "&code=y", "?state=a&state=b&code=y"} {
			thief.get("/sign-in/with/club/return" + query).is(410)
		}
		late := thief.get("/sign-in").submit("/sign-in/with/club")
		bring := late.at(who)
		o.pass(credential.Rules[credential.Outside].Life)
		thief.comesBack(bring).is(410)
		no := thief.get("/sign-in").submit("/sign-in/with/club").at(issuertest.Account{})
		thief.comesBack(no).is(200).shows("h1", "Nothing has happened")
	})
}

// What Apple's page posts is kept for a minute, once, where a question waits for it; and nowhere else may another site post.
func TestParkedAnswer(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("alba@example.org")
		b := o.browser()
		back := b.get("/sign-in").submit("/sign-in/with/apple").at(who)
		if back.Form == nil {
			t.Fatal("Apple posts nothing")
		}
		path := social.ReturnPath("apple")
		stranger := o.browser()
		stranger.site = "cross-site"
		stranger.send(http.MethodPost, social.ReturnPath("club"), back.Form).is(403)
		stranger.send(http.MethodPost, "/sign-in/with/apple", back.Form).is(403)
		stranger.send(http.MethodPost, path, url.Values{"state": {secret.NewToken().Reveal()}, "code": {"x"}}).is(303)
		stranger.send(http.MethodPost, path, url.Values{}).leadsTo(path).is(410)
		// Whoever has seen the state and posts first has not got the code: the exchange fails, and nothing is lost but this try.
		parked := stranger.send(http.MethodPost, path, back.Form).is(303)
		where := parked.header.Get("Location")
		stranger.get(where).is(410) // the cookie is not theirs
		o.pass(time.Minute)
		b.get(where).is(410)
		late := b.comesBackWith(b.get("/sign-in").submit("/sign-in/with/apple").at(who))
		o.pass(59 * time.Second)
		b.get(late).leadsTo("/sign-in/arrival")
		again := b.get("/sign-in").submit("/sign-in/with/apple")
		again.outside(who).leadsTo("/sign-in/arrival").is(200)
		b.get(where).is(410)
	})
}

// O8: a service that was taken away lets nobody in, and nothing else changes.
func TestServiceTakenAway(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("carl@example.org")
		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		half := o.browser()
		back := half.get("/sign-in").submit("/sign-in/with/club").at(who)
		arrived := o.browser()
		arrived.get("/sign-in").submit("/sign-in/with/club").outside(somebody("new@example.org")).leadsTo("/sign-in/arrival").is(200)
		some := o.all()
		some.Further = nil
		o.offer(some)
		half.comesBack(back).is(404)
		arrived.get("/sign-in/arrival").is(404)
		arrived.post("/sign-in/arrival").is(404)
		o.browser().post("/sign-in/with/club").is(404)
		o.browser().get("/sign-in").has(3, ".outside form")
		b.get("/account/sign-in-ways").is(200).shows("main", "not offered any more")
		if a := o.find("carl@example.org"); len(o.linked(a.ID)) != 1 {
			t.Error("the link is gone")
		}
	})
}

// L12: where sign-up is closed, or by invitation, it is so on this way too.
func TestSignUpModesHoldForOtherServices(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		for _, mode := range []signup.Mode{signup.ModeClosed, signup.ModeInvitation} {
			o.door.SignUp.Mode = mode
			b := o.browser()
			b.get("/sign-in").submit("/sign-in/with/club").outside(somebody("carl@example.org")).leadsTo("/sign-in/arrival").has(0, "form").shows("h1", "No new account")
			b.post("/sign-in/arrival").is(403).shows("h1", "No new account")
			if _, err := o.db.FindAccount(t.Context(), account.LoginHandle("carl@example.org")); err == nil {
				t.Errorf("%s: there is an account", mode)
			}
		}
		root := o.administrator(rootMail, rootPassword)
		_, err := o.door.Admin.Invite(t.Context(), admin.Actor(root.ID), "carl@example.org")
		o.must(err)
		path := o.link(notice.KindInvitation, "carl@example.org")
		for _, address := range []string{"other@example.org", "carl@example.org"} {
			b := o.browser()
			page := b.get(path).leadsTo("/invitation").is(200).submit("/sign-in/with/club").outside(somebody(address)).leadsTo("/sign-in/arrival")
			if address == "other@example.org" {
				page.has(0, "form")
				b.post("/sign-in/arrival").is(403)
				continue
			}
			page.submit("/sign-in/arrival").leadsTo("/welcome").is(200)
			o.browser().get(path).leadsTo("/invitation").is(410) // it is spent
		}
	})
}

// O6: an account that nobody has ever confirmed goes to whoever confirms its address, without what a squatter had; not where there is a second step.
func TestUnprovedSquatterLosesEverything(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		for _, name := range []string{"victim", "guarded"} {
			teststore.Person(t, o.db, name, o.now, func(a *account.Account) {
				hash, err := o.pool.Hash(t.Context(), []byte(annPassword))
				o.must(err)
				a.Password, a.EmailProved = hash, false
			})
		}
		victim, guarded := o.find("victim@example.org"), o.find("guarded@example.org")
		o.turnOnFactor(guarded)
		squatter := o.signedIn("victim@example.org", annPassword)
		owner := o.browser()
		page := owner.get("/sign-in").submit("/sign-in/with/club").outside(somebody("victim@example.org")).leadsTo("/sign-in/arrival").is(200).shows("h1", "has an account")
		squatter.get("/account").is(200) // nothing has happened yet
		page.submit("/sign-in/arrival").leadsTo("/account/review").is(200)
		squatter.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		o.browser().post("/sign-in", "login", "victim@example.org", "password", annPassword).is(422)
		if a := o.reload(victim.ID); !a.EmailProved || !a.NoPassword || o.recorded(victim.ID, audit.AccountTakenOver) != 1 {
			t.Errorf("%+v", a)
		}
		other := o.browser()
		other.get("/sign-in").submit("/sign-in/with/club").outside(somebody("guarded@example.org")).leadsTo("/sign-in/arrival").leadsTo(joinPath).has(1, "#password")
		other.post("/sign-in/arrival").leadsTo("/sign-in/arrival").leadsTo(joinPath)
	})
}

// proved is an account whose owner has confirmed the address.
func (o *outsiders) proved(email, password string) account.Account {
	o.t.Helper()
	hash, err := o.pool.Hash(o.t.Context(), []byte(password))
	o.must(err)
	local, _, _ := strings.Cut(email, "@")
	return teststore.Person(o.t, o.db, local, o.now, func(a *account.Account) { a.Email, a.UserName, a.Password = email, "", hash })
}

// linked are the identities of an account.
func (o *outsiders) linked(accountID string) []identity.Identity {
	o.t.Helper()
	all, err := o.db.ListIdentities(o.t.Context(), accountID)
	o.must(err)
	return all
}

// F13: whether the code is asked for after another service is the owner's to say, and the operator's; and amr, list and record tell what was asked.
func TestCodeAfterAnotherService(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("greta@gmail.com")
		greta := o.proved("greta@gmail.com", annPassword)
		o.turnOnFactor(greta)
		b := o.signedIn("greta@gmail.com", annPassword)
		b.get("/account/sign-in-ways").submit("/account/sign-in-ways/link/google").outside(who).leadsTo("/account/sign-in-ways?done=linked")
		vouched := o.browser()
		vouched.get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/account").is(200)
		vouched.get("/account/second-step").submit("/account/second-step/always").leadsTo("/sign-in/again?next=%2Faccount%2Fsecond-step") // the service's word does not set that
		b.get("/account/second-step").submit("/account/second-step/always").leadsTo("/account/second-step?done=always").is(200)
		asked := o.browser()
		asked.get("/sign-in?next=%2Fservers").submit("/sign-in/with/google").outside(who).leadsTo("/sign-in/code?next=%2Fservers").is(200)
		asked.get("/account").leadsTo("/sign-in?next=%2Faccount")
		asked.get("/sign-in/code?next=%2Fservers").submit("/sign-in/code", "code", o.authenticator("greta@gmail.com"), "next", "/servers").leadsTo("/servers")
		asked.get("/account/devices").shows("main", "by Google and code")
		asked.get("/account/activity").shows("main", "by Google and code")
		// F16: a browser that is remembered for her is not asked; for somebody else, it is.
		o.turnOnFactor(o.proved(boMail, boPassword))
		for _, remembered := range []struct{ address, password, leads string }{{boMail, boPassword, "/sign-in/code"}, {"greta@gmail.com", annPassword, "/account"}} {
			kept := o.browser()
			kept.post("/sign-in", "login", remembered.address, "password", remembered.password).leadsTo("/sign-in/code")
			kept.post("/sign-in/code", "code", o.authenticator(remembered.address), "remember", "yes").is(303)
			kept.post("/sign-out").is(303)
			kept.get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo(remembered.leads)
		}
		b.get("/account/second-step").submit("/account/second-step/always").leadsTo("/account/second-step?done=seldom")
		o.browser().get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/account")
		o.door.Social.AskCode = true
		o.browser().get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/sign-in/code")
		b.get("/account/second-step").has(0, "form[action=/account/second-step/always]")
	})
}

// F13, MF-12: after another service has vouched, a passkey in the place of the code has to verify its user; then it is full proof.
func TestPasskeyAfterAnotherService(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("greta@gmail.com")
		greta := o.proved("greta@gmail.com", annPassword)
		o.turnOnFactor(greta)
		b, own := o.signedIn("greta@gmail.com", annPassword), passkeytest.New(t, testOrigin)
		b.makesPasskey(own)
		b.get("/account/sign-in-ways").submit("/account/sign-in-ways/link/google").outside(who).leadsTo("/account/sign-in-ways?done=linked")
		o.door.Social.AskCode = true
		asked := o.browser()
		asked.get("/sign-in").submit("/sign-in/with/google").outside(who).leadsTo("/sign-in/code").has(1, "form[data-passkey=/sign-in/code/passkey/begin]")
		if options := string(asked.asked("/sign-in/code/passkey")); !strings.Contains(options, `"userVerification":"required"`) {
			t.Errorf("asked %s", options)
		}
		own.Unverified = true
		asked.byPasskey("/sign-in/code/passkey", own).is(422).shows("main", "did not make sure that it is you")
		asked.get("/account").leadsTo("/sign-in?next=%2Faccount")
		own.Unverified = false
		asked.byPasskey("/sign-in/code/passkey", own).leadsTo("/account")
		if f := asked.found(); f.Way() != credential.ByPasskey || !f.IsFresh(o.clock()) || o.method(greta.ID) != "Google and passkey" {
			t.Errorf("proved %q, by %q", f.Way(), o.method(greta.ID))
		}
		asked.get("/account/data/download").is(200)
	})
}

// The picture of a button is what the operator's file holds, and nothing that runs.
func TestLogoOfAService(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		o.door.Logos = map[string]Logo{"studio": {Type: "image/svg+xml", Body: []byte("<svg>studio</svg>")}}
		b := o.browser()
		b.get("/sign-in").has(1, ".outside img.logo").has(1, ".outside img[src=/sign-in/with/studio/logo]")
		r, w := httptest.NewRequest(http.MethodGet, testOrigin+"/sign-in/with/studio/logo", nil), httptest.NewRecorder()
		r.TLS, r.RemoteAddr = nil, b.address
		o.handler.ServeHTTP(w, r) // it is kept by browsers, unlike pages
		if w.Code != http.StatusOK || w.Body.String() != "<svg>studio</svg>" || w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "public, max-age=3600" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%d, %v, %q", w.Code, w.Header(), w.Body)
		}
		for _, none := range []string{"club", "google", "nobody"} {
			b.get("/sign-in/with/" + none + "/logo").is(404)
		}
	})
}

// F14: the second step waits for a password; F17: an account without one opens to no empty one.
func TestNoPasswordOpensNothing(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/club").outside(somebody("carl@example.org")).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").leadsTo("/welcome")
		for _, password := range []string{"", " ", "\t", "subject-of-carl"} {
			o.browser().post("/sign-in", "login", "carl@example.org", "password", password).is(422)
		}
		b.get("/account/second-step").shows("main", "Choose a password first")
		b.post("/account/second-step/begin").is(303)
		b.get("/account/email").leadsTo("/account/password?next=%2Faccount%2Femail").is(200).
			submit("/account/password", "password", annPassword, "next", "/account/email").leadsTo("/account/email").is(200)
		if o.find("carl@example.org").NoPassword {
			t.Error("no password was set")
		}
		o.signedIn("carl@example.org", annPassword)
	})
}

// Somebody whom a service lets pass because they signed in there long ago has proved nothing now: where the service says when that was, what matters asks again (SE-8).
func TestSilentSignInsAreNotFresh(t *testing.T) {
	eachWithOthers(t, func(o *outsiders) {
		who := somebody("carl@example.org")
		b := o.browser()
		b.get("/sign-in").submit("/sign-in/with/club").outside(who).leadsTo("/sign-in/arrival").submit("/sign-in/arrival").is(303)
		b.post("/sign-out").is(303)
		o.others.Club.Play(issuertest.OldSignIn)
		b.get("/sign-in").submit("/sign-in/with/club").outside(who).is(303)
		b.get("/account").is(200)
		again := b.get("/account/password").leadsTo("/sign-in/again?next=%2Faccount%2Fpassword").is(200)
		o.others.Club.Play(issuertest.Honest)
		again.submit("/sign-in/again/with/club").outside(who).leadsTo("/account/password").is(200).has(1, "input[name=password]")
	})
}
