package plexapi

import (
	"net/http"
	"strconv"
	"testing"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
)

func (h *house) number(accountID, identifier string) string {
	h.Helper()
	for _, d := range h.apps(accountID) {
		if d.Claim.Identifier == identifier {
			return strconv.FormatInt(device.Number(d.ID), 10)
		}
	}
	h.Fatalf("no %s", identifier)
	return ""
}

// No token of a device is told to another (CVE-2025-69416), nor is where the others are.
func TestDevices(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.person("bob", false)
		attic, shed := h.signIn("ann", annPassword, "attic"), h.signIn("ann", annPassword, "shed")
		bobs := h.signIn("bob", annPassword, "bobs")
		got := h.get("/devices.xml", attic).is(200, `<MediaContainer publicAddress="203.0.113.7" size="2">`, ` clientIdentifier="shed"`, ` token=""`, ` publicAddress=""`,
			` id="`+h.number(ann.ID, "shed")+`"`)
		got.without(attic, shed, bobs, "bobs")
		h.get("/devices.json", attic).is(200, `{"MediaContainer":{"publicAddress"`, `"Device":[{"name"`).without(shed)
		h.get("/api/v2/resources?includeHttps=1&includeRelay=1", attic, "Accept", "application/json").is(200, `[{"name":"AtticPlayer"`, `"accessToken":""`, `"connections":[]`).without(attic, shed)
		h.get("/api/v2/resources", attic).is(200, "<resources><resource ", "<connections/>")
		for _, path := range []string{"/api/resources", "/pms/resources", "/pms/resources.xml"} {
			h.get(path, attic, "Accept", "application/json").is(200, `<MediaContainer friendlyName="myPlex"`, "<Device name=", ` accessToken=""`, ` owned="1"`)
		}
		for _, path := range []string{"/pms/servers.xml", "/api/servers"} {
			h.get(path, attic).is(200, `size="0"/>`)
		}
		h.get("/devices.xml", "").is(401)
		h.get("/api/v2/resources", "").is(401, `code="1001"`)
		h.get("/api/v2/resources", attic, "X-Plex-Client-Identifier", "").is(400, `code="1000"`)

		app := h.appPassword(ann) // what others call themselves is half of what their PINs are polled with
		for _, path := range []string{"/devices.xml", "/api/resources", "/api/v2/resources"} {
			h.get(path, app).is(200, `name="AtticPlayer"`).without(`"attic"`, `"shed"`)
		}
	})
}

// Attack S16: a number is looked for among the account's own.
func TestDeleteDevice(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bob := h.person("ann", false), h.person("bob", false)
		attic, shed := h.signIn("ann", annPassword, "attic"), h.signIn("ann", annPassword, "shed")
		bobs := h.signIn("bob", annPassword, "bobs")
		remove := func(number, token string) answer {
			return h.ask(http.MethodDelete, "/devices/"+number+".xml", "", "X-Plex-Token", token)
		}
		remove(h.number(bob.ID, "bobs"), attic).is(404)
		h.get("/api/v2/user", bobs).is(200)
		for _, none := range []string{"0", "-1", "x", "99999999999999999999", h.apps(ann.ID)[0].ID} {
			remove(none, attic).is(404)
		}
		for _, suffix := range suffixes {
			h.ask(http.MethodDelete, "/devices/"+h.number(ann.ID, "shed")+suffix, "", "X-Plex-Token", attic).is(204)
			h.get("/api/v2/user", shed).is(401)
			shed = h.signIn("ann", annPassword, "shed")
		}
		number := h.number(ann.ID, "shed")
		remove(number, attic).is(204)
		remove(number, attic).is(404)
		remove(h.number(ann.ID, "attic"), attic).is(204) // itself
		remove(number, attic).is(422, "Invalid token")
	})
}

// Browsers are their owner's own affair: no list of this API has them, nor does it sign one out by its number.
func TestBrowsersAreListedNowhere(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		app := h.signIn("ann", annPassword, "attic")
		for _, agent := range []string{"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Mozilla/5.0 (iPhone) Safari/605.1"} {
			f, client := h.browserOf(ann, "203.0.113.7")
			client.UserAgent = agent
			in := credential.NewSignIn(ann.ID, "password", client, h.now)
			in.Stamp = credential.StampNow(f.Clock, f.Account)
			h.must(h.db.OpenSignIn(h.Context(), credential.Attempt{At: h.now}, credential.Candidate{}, in, audit.Act{At: h.now}, audit.Act{}))
			for _, path := range []string{"/devices.xml", "/api/v2/resources", "/api/resources", "/pms/resources"} {
				h.get(path, app).is(200, "attic").without(in.Device.Name, in.Device.ID, strconv.FormatInt(device.Number(in.Device.ID), 10))
			}
			h.ask(http.MethodDelete, "/devices/"+strconv.FormatInt(device.Number(in.Device.ID), 10)+".xml", "", "X-Plex-Token", app).is(404)
		}
		if got := len(h.apps(ann.ID)); got != 3 {
			t.Errorf("%d devices", got)
		}
	})
}
