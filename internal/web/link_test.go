package web

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

const faraway = "198.51.100.9:4711"

// tv is the reference TV: it asks for a code and waits. Its codes are what it shows.
type tv struct {
	*browser
	short, long string
}

func (h *house) tv(address string) *tv {
	h.t.Helper()
	b := h.browser()
	b.address = address
	page := b.get("/tv").is(200).shows("h1", "Sign in on this TV").submit("/tv").leadsTo("/tv").is(200)
	shown := &tv{b, page.says("h1"), longShown.FindString(page.says("main"))}
	if len(shown.short) < linkcode.Shortest || len(shown.short) > linkcode.Longest || shown.long == "" || page.header.Get("Refresh") != "5" {
		h.t.Fatalf("the TV shows %q and %q, and comes back in %q", shown.short, shown.long, page.header.Get("Refresh"))
	}
	page.has(1, "svg.qr")
	return shown
}

var longShown = regexp.MustCompile(`[B-Z]{4}-[B-Z]{4}`)

// looks loads the TV's page as its Refresh does.
func (s *tv) looks() *answer {
	s.pass(tvlink.Interval)
	return s.get("/tv")
}

// signedIn is how the TV finds that somebody has let it in.
func (s *tv) signedIn(called string) {
	s.t.Helper()
	s.looks().leadsTo("/tv").is(200).shows("h1", "Hello, "+called)
	s.looks().is(200).shows("h1", "Hello, "+called)
}

// Somebody at the TV presses reload: it goes on by itself all the same, if a little later.
func TestAReloadedTVGoesOn(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		page := shown.looks().is(200)
		for range 3 { // too soon
			page = shown.get("/tv").is(200).shows("h1", shown.short)
		}
		phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").submit("/link/confirm").leadsTo("/link?done=allowed")
		for range 2 {
			wait, err := strconv.Atoi(page.header.Get("Refresh"))
			h.must(err)
			h.pass(time.Duration(wait) * time.Second)
			if page = shown.get("/tv"); page.status != 200 {
				break
			}
		}
		page.leadsTo("/tv").shows("h1", "Hello, ann")
	})
}

func TestATVIsLetIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		shown.looks().is(200).shows("h1", shown.short)

		h.pass(40*time.Second - tvlink.Interval)
		page := phone.get("/link").is(200).submit("/link", "user_code", " "+strings.ToLower(shown.short[:2])+" - "+shown.short[2:]).leadsTo("/link/confirm").is(200)
		page.shows("h1", "Is this your TV?").shows(".list", "Firefox on Linux").shows(".list", "the name it gives itself").shows(".list", "your network · asked 40 seconds ago").shows("main", "looking at a screen").shows("b.link-code", shown.short).shows(".card-foot", "15 minutes")
		shown.looks().is(200).shows("h1", shown.short) // looking at it is not letting it in
		page.submit("/link/confirm").leadsTo("/link?done=allowed").shows("h1", "It is signed in")
		shown.signedIn("ann")

		phone.get("/account/devices").shows("main", "Firefox on Linux").has(1, "form[action=/account/devices/sign-out]")
		if h.recorded(ann.ID, audit.LinkApproved) != 1 || h.mails(notice.KindDeviceLinked) != 1 {
			t.Error("it is not recorded, or told to nobody")
		}
		phone.get("/link").submit("/link", "user_code", shown.short).is(422).shows("#user_code-error", "We don’t find this code")
		phone.get("/link/confirm").leadsTo("/link?why=late")
	})
}

func TestAgeOf(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]string{
		-time.Minute: "just now", 0: "just now", 999 * time.Millisecond: "just now", time.Second: "1 second ago", 40500 * time.Millisecond: "40 seconds ago",
		time.Minute - 1: "59 seconds ago", time.Minute: "1 minute ago", 2*time.Minute - 1: "1 minute ago", 14 * time.Minute: "14 minutes ago",
	} {
		if got := ageOf(now.Add(-age), now); got != want {
			t.Errorf("%v is %q, want %q", age, got, want)
		}
	}
}

// Where the operator lets TVs in from their own network only, no code that somebody was sent can be used, and the page says why an honest one is not found.
func TestSameNetworkOnly(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.door.Links.SameNetwork, h.door.Pages.site.SameNetwork = true, true
		h.account(annMail, "ann", annPassword)
		h.pass(25 * time.Hour) // new accounts may try two
		phone := h.signedIn(annMail, annPassword)
		away, home := h.tv(faraway), h.tv(phone.address)
		for _, code := range []string{away.short, away.long} {
			phone.get("/link").submit("/link", "user_code", code).is(422).shows("#user_code-error", "the network that the screen is in")
		}
		for _, code := range []string{home.short, home.long} {
			phone.get("/link").submit("/link", "user_code", code).leadsTo("/link/confirm").shows("h1", "Is this your TV?")
		}
		phone.get("/link/confirm").submit("/link/confirm").leadsTo("/link?done=allowed")
		home.signedIn("ann")
		away.looks().is(200).shows("h1", away.short)
	})
}

// An app that opened the page wants its person back: the host is shown all along, and only a press leads there.
func TestBackToTheApp(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		const forward = "https://attic.example.org/back?x=1"
		page := phone.get("/link?user_code="+shown.long+"&forward="+url.QueryEscape(forward)).is(200).shows("main", "attic.example.org").has(1, `input[name=forward]`)
		page = page.submit("/link", "user_code", "7777").is(422).shows("main", "attic.example.org")
		page = page.submit("/link", "user_code", shown.long).leadsTo("/link/confirm?forward="+url.QueryEscape(forward)).is(200).shows("main", "attic.example.org")
		page.submit("/link/confirm").leadsTo("/link?done=allowed").is(200).has(1, "a[href="+forward+"]").shows("main", "Go back to attic.example.org")
		for _, bad := range []string{"javascript:alert(1)", "//evil.example/", "https://good.example@evil.example/", "/account"} {
			phone.get("/link?done=allowed&forward="+url.QueryEscape(bad)).is(200).has(0, "a.primary[href="+bad+"]").has(1, `a.primary[href=/account/devices]`)
			phone.get("/link?forward="+url.QueryEscape(bad)).is(200).has(0, `input[name=forward]`)
		}
	})
}

func TestATVIsSentAway(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		page := phone.get("/link?user_code=" + shown.long).is(200)
		if page.value("input[name=user_code]") != shown.long {
			t.Error("the picture does not fill the code in")
		}
		other := h.signedIn(annMail, annPassword)
		second := other.get("/link").submit("/link", "user_code", shown.long).leadsTo("/link/confirm").is(200)
		page.submit("/link").leadsTo("/link/confirm").submit("/link/deny").leadsTo("/link?done=denied").shows("h1", "It stays out")
		second.submit("/link/confirm").leadsTo("/link?why=late").shows("main", "That request is over")
		shown.looks().leadsTo("/tv?why=denied").shows("main", "Somebody said no")
		if h.recorded(ann.ID, audit.LinkDenied) != 1 || h.mails(notice.KindDeviceLinked) != 0 {
			t.Error("it is not recorded, or told as if it were let in")
		}
	})
}

// The code is never sent by opening an address, not even with the code in it, and nothing is let in by another site's form (LK-4, S17).
func TestCodesAreNeverSentByThemselves(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		for _, path := range []string{"/link?user_code=" + shown.long, "/link?user_code=" + shown.short, "/link/confirm?answer=allow", "/link?user_code=<script>"} {
			phone.get(path)
		}
		phone.get("/link?user_code=" + shown.long).submit("/link").leadsTo("/link/confirm")
		phone.site = "cross-site"
		phone.post("/link/confirm").is(403)
		phone.site = ""
		shown.looks().is(200).shows("h1", shown.short)

		stranger := h.browser()
		at := stranger.get("/link?user_code=" + shown.long)
		where := at.header.Get("Location")
		if !strings.HasPrefix(where, "/sign-in?next=") || !strings.Contains(where, shown.long) {
			t.Errorf("whoever is not signed in is sent to %s", where)
		}
		at.leadsTo(where).submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/link?user_code=" + shown.long).is(200)
	})
}

// A code that somebody sends around ends at the red page: it needs a pause and a proof, and says what it is (attack D16).
func TestATVElsewhereIsRed(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.turnOnFactor(ann)
		h.account(boMail, "boris", newPassword)
		phone, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		shown := h.tv(faraway)
		page := phone.get("/link").submit("/link", "user_code", shown.long).leadsTo("/link/confirm").is(200)
		page.shows("h1", "Somebody else’s TV?").shows(".warning", "it is a trick").shows(".list", "another network").has(1, "button")
		if page.header.Get("Refresh") == "" {
			t.Error("the page does not come back after the pause")
		}
		phone.post("/link/confirm", "request", page.value("input[name=request]"), "code", mfa.Code(h.keys[annMail], mfa.Step(h.clock())).Reveal()).is(422).shows(".problem", "Take a moment")
		h.pass(10 * time.Second)
		page = phone.get("/link/confirm").is(200).has(1, "input[name=code]").has(2, "button")
		page.submit("/link/confirm").is(422).shows("#code-error", "Enter the six digits")
		page.submit("/link/confirm", "code", "000000").is(422).shows("#code-error", "That code isn’t right")
		shown.looks().is(200).shows("h1", shown.short)
		page.submit("/link/confirm", "code", h.authenticator(annMail)).leadsTo("/link?done=allowed")
		shown.signedIn("ann")

		shown = h.tv(faraway) // and by the short code, which is found from elsewhere while few guess
		bo.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").is(200)
		h.pass(10 * time.Second)
		page = bo.get("/link/confirm").has(1, "input[name=password]")
		page.submit("/link/confirm", "password", "not the password").is(422).shows("#password-error", "That password isn’t right")
		page.submit("/link/confirm", "password", newPassword).leadsTo("/link?done=allowed")
		shown.signedIn("boris")
	})
}

// A phone on mobile data and a TV at home are one household once the account was used at home.
func TestNetworksOfTheLastDaysAreOnesOwn(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		h.signedIn(annMail, annPassword) // at home
		phone := h.browser()
		phone.address = faraway
		phone.signIn(annMail, annPassword)
		shown := h.tv(h.browser().address)
		phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").shows("h1", "Is this your TV?")
	})
}

func TestTypedCodesAreExplained(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		h.pass(25 * time.Hour)
		phone := h.signedIn(annMail, annPassword)
		page := phone.get("/link")
		for typed, says := range map[string]string{
			"": "at least four characters", "7rq": "at least four characters", "abcdefghijklmnopqrstuvwxy": "No code here has more than eight", "7RQZ": "We don’t find this code", "BCDF-GHJK": "We don’t find this code",
		} {
			page.submit("/link", "user_code", typed).is(422).shows("#user_code-error", says)
		}
		for range 3 {
			page.submit("/link", "user_code", "7RQZ").is(422)
		}
		limited := page.submit("/link", "user_code", "7RQZ").is(429).shows(".problem", "You can try again at")
		if limited.value("input[name=user_code]") != "7RQZ" || limited.header.Get("Retry-After") == "" {
			t.Error("what was typed is lost, or nobody says when to come back")
		}
	})
}

// A new account may try two codes a day.
func TestNewAccountsTryFewCodes(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		page := h.signedIn(annMail, annPassword).get("/link")
		page.submit("/link", "user_code", "7RQZ").is(422)
		page.submit("/link", "user_code", "7RQZ").is(422)
		page.submit("/link", "user_code", "7RQZ").is(429)
	})
}

// The mail's link takes one press, ends that one device and nothing else, and works while everything else is closed.
func TestALinkedDeviceIsRemovedByMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").submit("/link/confirm").leadsTo("/link?done=allowed")
		shown.signedIn("ann")
		link := phone.link(notice.KindDeviceLinked, annMail)
		reader := h.browser()
		page := reader.get(link).leadsTo("/remove-device").is(200).shows("main", "Firefox on Linux")
		shown.looks().is(200).shows("h1", "Hello") // a look is no press
		page.submit("/remove-device").leadsTo("/remove-device?done=removed").shows("h1", "It is removed")
		shown.looks().leadsTo("/tv?why=out").shows("main", "signed out")
		phone.get("/account").is(200)
		page.submit("/remove-device").is(410)
		reader.get(link).leadsTo("/remove-device").is(410)
	})
}

// Signing everything out reaches the TV that is signed in, the one that was let in and has not come for it, and the ticket of a code (D8, R8).
func TestSigningOutReachesTVs(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		enter := func(shown *tv) *answer {
			return phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").is(200)
		}
		in, approved, asked := h.tv(phone.address), h.tv(phone.address), h.tv(phone.address)
		enter(in).submit("/link/confirm").leadsTo("/link?done=allowed")
		in.signedIn("ann")
		enter(approved).submit("/link/confirm").leadsTo("/link?done=allowed")
		page := enter(asked)
		phone.get("/account/devices").shows("main", "1 TV or player").submit("/account/devices/sign-out-all").leadsTo("/account/devices?done=devices")
		in.looks().leadsTo("/tv?why=out")
		approved.looks().leadsTo("/tv?why=denied")
		page.submit("/link/confirm").leadsTo("/link?why=late")
	})
}

func TestATVSignsItselfOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.tv(phone.address)
		phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").submit("/link/confirm").leadsTo("/link?done=allowed")
		shown.signedIn("ann")
		shown.get("/tv").submit("/tv/sign-out").leadsTo("/tv?why=out").is(200)
		left, err := h.db.ListDevices(t.Context(), a.ID)
		h.must(err)
		if len(left) != 1 || left[0].Kind == device.TV {
			t.Errorf("%+v", left)
		}
	})
}

// A code ends by itself, and a network has so many and no more.
func TestCodesOfATVEnd(t *testing.T) {
	eachHouse(t, func(h *house) {
		shown := h.tv(faraway)
		h.pass(linkcode.Life)
		shown.looks().leadsTo("/tv?why=expired").shows("main", "has expired")
		for range linkcode.MostCrowded {
			h.tv(faraway)
		}
		more := h.browser()
		more.address = faraway
		more.get("/tv").submit("/tv").is(422).shows("main", "Several codes are waiting")
		h.pass(linkcode.Life)
		more.get("/tv").submit("/tv").leadsTo("/tv").has(1, ".code")
	})
}

func TestTVCookieIsRead(t *testing.T) {
	for _, broken := range []string{"", "x", "a.b.c", "a.b.c.d", "a.b.c.1.e"} {
		if _, is := readTVWaits(secret.TokenOf(broken)); is {
			t.Errorf("%q is read", broken)
		}
	}
}

// What is decided is what the page showed: another tab's code is not let in by it.
func TestTabsDoNotMix(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		h.pass(25 * time.Hour)
		phone := h.signedIn(annMail, annPassword)
		first, second := h.tv(phone.address), h.tv(phone.address)
		page := phone.get("/link").submit("/link", "user_code", first.short).leadsTo("/link/confirm").is(200)
		later := phone.get("/link").submit("/link", "user_code", second.short).leadsTo("/link/confirm").is(200)
		page.submit("/link/confirm").leadsTo("/link?why=late")
		second.looks().is(200).shows("h1", second.short)
		phone.cookies["__Host-"+cookieLink] = later.cookies["__Host-"+cookieLink]
		phone.get("/link").submit("/link", "user_code", second.short).leadsTo("/link/confirm").submit("/link/deny").leadsTo("/link?done=denied")
		first.looks().is(200).shows("h1", first.short)
	})
}
