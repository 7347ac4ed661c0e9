package web

import (
	"testing"
	"time"
)

func TestOverviewSaysThatAllIsWell(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account").is(200).shows("h1", "Hello, ann").shows(".panel.ok h2", "Everything looks right").has(0, ".look").
			shows("dl.facts dd", annMail).shows("dl.facts dd", "On this device only").shows("dl.facts dd", "Nowhere else").
			shows(".list .what", "A device signed in.").shows(".list .where", "Firefox on Linux · 203.0.113.7")

		h.signedIn("ann", annPassword)
		ann.get("/account").shows("dl.facts dd", "On 2 devices")
	})
}

func TestOverviewTellsTheOneThingToDo(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/notice-address").submit("/account/notice-address", "email", "second@example.net").leadsTo("/account/notice-address/code")
		ann.get("/account").has(0, ".panel.ok").has(1, ".panel.look").shows(".look h2", "Your second address waits").has(1, ".look a[href=/account/notice-address/code]")

		ann.get("/account/email").submit("/account/email", "email", "ann@example.net").leadsTo("/account/email/code")
		ann.get("/account").has(1, ".panel.look").shows(".look p", "ann@example.net").has(1, ".look a[href=/account/email/code]").
			shows("dl.facts dd", "Waiting to be confirmed: ann@example.net")
	})
}

func TestOverviewTellsWhenThePasswordWasSet(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		made := h.clock().UTC().Format(time.RFC3339)
		h.pass(48 * time.Hour)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account").has(1, "dl.facts time[datetime="+made+"]")

		h.pass(time.Hour)
		ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword).leadsTo("/account?done=password-everywhere")
		changed := h.clock().UTC().Format(time.RFC3339)
		ann.get("/account").has(1, "dl.facts time[datetime="+changed+"]").has(0, "dl.facts time[datetime="+made+"]")
	})
}

func TestNoticesComeOnlyFromTheTable(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account?done=kept").shows("p.notice", accountDone["kept"])
		for _, key := range []string{"", "nothing", "%3Cb%3EYou+won%3C%2Fb%3E", "Call%20us"} {
			ann.get("/account?done="+key).has(0, "p.notice")
		}
	})
}
