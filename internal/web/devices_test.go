package web

import (
	"testing"
	"time"

	"usher/internal/device"
	"usher/internal/notice"
)

const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"

// phone returns another browser that is signed in.
func (h *house) phone(login, password string) *browser {
	h.t.Helper()
	b := h.browser()
	b.agent, b.address = iphone, "198.51.100.9:4711"
	b.signIn(login, password)
	return b
}

func TestDevicesAreListed(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		h.account(boMail, "", boPassword)
		ann := h.signedIn(annMail, annPassword)
		ann.get("/account/devices").has(1, ".list li").shows(".list .tag", "this one").has(0, "form[action=/account/devices/sign-out]").
			has(0, "form[action=/account/devices/sign-out-all]").shows(".muted", "Nothing else is signed in.")

		h.pass(time.Minute)
		h.phone(annMail, annPassword)
		h.signedIn(boMail, boPassword)
		page := ann.get("/account/devices").has(2, ".list li").has(1, "form[action=/account/devices/sign-out]")
		items := pick(page.doc, ".list li")
		if first, last := text(items[0]), text(items[1]); !contains(first, "Firefox on Linux", "this one", "203.0.113.7") || !contains(last, "Safari on iPhone", "198.51.100.9") {
			t.Errorf("listed as %q, %q", first, last)
		}
	})
}

func TestOneDeviceIsSignedOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, phone := h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
		ann.get("/account/devices").submit("/account/devices/sign-out").leadsTo("/account/devices?done=device").
			has(1, ".list li").shows("p.notice", "signed out")
		phone.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		ann.get("/account").is(200)
	})
}

func TestThisDeviceIsSignedOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		devices, err := h.db.ListDevices(t.Context(), a.ID)
		h.must(err)
		ann.post("/account/devices/sign-out", "id", devices[0].ID).leadsTo("/sign-in?why=out").shows("main", "You are signed out.")
		ann.get("/account").leadsTo("/sign-in?next=%2Faccount")
	})
}

func TestEverythingIsSignedOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, phone := h.signedIn(annMail, annPassword), h.phone(annMail, annPassword)
		thief := ann.copyOf()
		h.pass(time.Hour)
		ann.get("/account/devices").submit("/account/devices/sign-out-all", "password", "something else entirely").is(422).shows("main", "That password isn’t right.")
		phone.get("/account").is(200)
		ann.get("/account/devices").submit("/account/devices/sign-out-all", "password", annPassword).leadsTo("/account/devices?done=devices").
			has(1, ".list li").shows("p.notice", "Everything else is signed out.")
		for _, out := range []*browser{phone, thief} {
			out.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		}
		h.mail(notice.KindSignedOutEverywhere, annMail)
	})
}

func TestSigningEverythingOutIsNoProof(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		h.phone(annMail, annPassword)
		h.pass(4 * time.Minute)
		ann.get("/account/devices").has(0, "input[type=password]").submit("/account/devices/sign-out-all").leadsTo("/account/devices?done=devices")
		ann.get("/account/email").has(0, "input[type=password]")
		h.pass(time.Minute)
		ann.get("/account/email").has(1, "input[type=password]")
	})
}

func TestUnknownDevicesAreNotFound(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann := h.signedIn(annMail, annPassword)
		for _, id := range []string{"", "x", "0000000000000000000000000v", "' OR '1' = '1", "\u202e"} {
			ann.post("/account/devices/sign-out", "id", id).is(404)
		}
		ann.post("/account/devices/sign-out").is(404)
		ann.get("/account").is(200)
	})
}

func TestDevicesShown(t *testing.T) {
	at := func(minutes int) time.Time { return sampleNow.Add(-time.Duration(minutes) * time.Minute) }
	shown := devicesShown([]device.Device{
		{ID: "old", Name: "Firefox", Product: "Firefox", UsedAt: at(90), Seen: device.Seen{Address: "192.0.2.1", Place: "Lyon"}},
		{ID: "new", Name: "Living room", Product: "Finamp", UsedAt: at(1), Seen: device.Seen{Address: "192.0.2.1"}},
		{ID: "this", Name: "Edge on Mac", Product: "Edge", UsedAt: at(500)},
	}, "this")
	var ids []string
	for _, d := range shown {
		ids = append(ids, d.ID)
	}
	if got := ids; len(got) != 3 || got[0] != "this" || got[1] != "new" || got[2] != "old" {
		t.Errorf("in the order %v", got)
	}
	if !shown[0].This || shown[1].This || shown[1].Product != "Finamp" || shown[2].Product != "" || shown[1].Place != "192.0.2.1" || shown[2].Place != "Lyon" {
		t.Errorf("shown as %+v", shown)
	}
}
