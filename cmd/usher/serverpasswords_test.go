package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

// passwordAt is an app password of a server that a person makes for an app.
func (h *holder) passwordAt(gate *app, who account.Account) string {
	h.Helper()
	f := h.here(who)
	f.FreshAt = h.at
	token, err := h.servers().MakePassword(h.Context(), f, gate.ID, mediaserver.NewPassword{Name: "Attic TV"}, device.Client{})
	h.must(err)
	return token.Reveal()
}

// An app password of a server counts there alone, for who made it and no longer than that person may come: not at another server, for no token, and for nobody
// else. Nothing of it counts against anybody's budget, and no password hash is computed.
func TestAServersAppPassword(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.opened(h.anna)
		h.must(h.servers().Admit(d.Context(), h.here(h.anna), gate.ID, "bert@example.org", device.Client{}))
		f := h.here(h.bert)
		f.FreshAt = h.at
		_, err := h.servers().MakePassword(d.Context(), f, gate.ID, mediaserver.NewPassword{Name: "TV"}, device.Client{})
		h.isErr(err, server.ErrNotFound) // who has not come in yet has agreed to nothing
		h.codeFor(gate, h.signedIn(h.bert))
		mine, theirs := h.passwordAt(gate, h.anna), h.passwordAt(gate, h.bert)
		owner, guest := gate.sees(mine), gate.sees(theirs)
		if !owner.Active || owner.Sub != h.anna.ID || !slices.Equal(owner.Groups, []server.Group{server.Player}) || owner.Username != h.anna.UserName || owner.Sid == "" {
			d.Errorf("the owner is %+v", owner)
		}
		if !guest.Active || guest.Sub != h.bert.ID || !slices.Equal(guest.Groups, []server.Group{server.Friend}) {
			d.Errorf("the guest is %+v", guest)
		}
		if w := gate.introspects(mine); !strings.Contains(w.Body.String(), `"token_type":"app_password"`) || strings.Contains(w.Body.String(), `"scope"`) {
			d.Errorf("told %s", w.Body)
		}
		if v := gate.sees(strings.ToUpper(mine[:8]) + "-" + mine[8:] + " "); v.Sub != h.anna.ID {
			d.Errorf("as it is copied: %+v", v)
		}
		for what, v := range map[string]visitor{"another server": other.sees(mine), "with one letter changed": gate.sees(mine[:31] + "7"), "nobody's": gate.sees("gate" + strings.Repeat("a", 28))} {
			if v.Active || v.Sub != "" {
				d.Errorf("%s: %+v", what, v)
			}
		}
		d.at = d.at.Add(credential.Rules[credential.ServerPassword].Idle)
		if gate.sees(mine).Active {
			d.Error("it outlives a year without use")
		}
	})
}

// What was noted of its use keeps it, and says of its person not where they are.
func TestServersAppPasswordsAreUsed(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		mine := h.passwordAt(gate, h.anna)
		d.at = d.at.Add(300 * 24 * time.Hour)
		if v := gate.sees(mine); !v.Active || v.Exp != d.at.Add(24*time.Hour).Unix() {
			d.Errorf("%+v", v)
		}
		d.must(d.touches.Flush(d.Context(), d.db))
		list, err := d.db.ListDevices(d.Context(), h.anna.ID)
		d.must(err)
		i := slices.IndexFunc(list, func(dev device.Device) bool { return dev.Method == device.ByServerPassword })
		if i < 0 || !list[i].UsedAt.Equal(d.at) || list[i].Seen != (device.Seen{}) || list[i].Product != "App password of Attic" {
			d.Errorf("%+v", list)
		}
		d.at = d.at.Add(300 * 24 * time.Hour)
		if !gate.sees(mine).Active {
			d.Error("its use did not keep it")
		}
	})
}

// It ends with whatever ends its person's being there, and with its device; while the server is suspended it does not count, and is there again afterwards.
func TestServersAppPasswordsEnd(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		for what, end := range map[string]func(){
			"taken off the list": func() {
				all, err := h.servers().Guests(d.Context(), h.here(h.anna), gate.ID)
				h.must(err)
				h.must(h.servers().Dismiss(d.Context(), h.here(h.anna), gate.ID, all[0].ID, device.Client{}))
			},
			"taken back":            func() { h.must(d.db.RevokeConsent(d.Context(), h.bert.ID, gate.ID, audit.Act{At: d.at})) },
			"everything signed out": func() { h.must(d.db.EndEverything(d.Context(), h.bert.ID, nil, audit.Act{At: d.at})) },
			"a new password is due": func() {
				h.must(d.db.RequireReset(d.Context(), h.bert.ID, "", audit.Act{At: d.at}))
				d.do("UPDATE account SET secured = incident")
			},
			"its device signed out": func() { h.signsOutPasswords(h.bert) },
			"the server's, for good": func() {
				h.must(h.servers().Unclaim(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
				gate = h.opened(h.anna)
			},
		} {
			h.must(h.servers().Admit(d.Context(), h.here(h.anna), gate.ID, "bert@example.org", device.Client{}))
			h.codeFor(gate, h.signedIn(h.bert))
			theirs, at := h.passwordAt(gate, h.bert), gate
			h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
			if w := gate.introspects(theirs); !strings.Contains(w.Body.String(), `"standing":"suspended"`) {
				d.Errorf("%s: of a suspended server: %s", what, w.Body)
			}
			h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
			if !gate.sees(theirs).Active {
				d.Fatalf("%s: it does not count before, or not again", what)
			}
			end()
			if w := at.introspects(theirs); w.Code == http.StatusOK {
				d.Errorf("%s: it lives on: %s", what, w.Body)
			}
			for more := true; more; {
				var err error
				more, err = d.db.EndRemovedClient(d.Context())
				h.must(err)
			}
			list, err := d.db.ListDevices(d.Context(), h.bert.ID)
			h.must(err)
			if slices.ContainsFunc(list, func(dev device.Device) bool { return dev.Method == device.ByServerPassword }) {
				d.Errorf("%s: it is listed still", what)
			}
		}
	})
}

// It ends at the very moment at which its person's time there does, and the server is told of that moment before.
func TestServersAppPasswordsEndWithTheLine(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Admit(d.Context(), h.here(h.anna), gate.ID, "bert@example.org", device.Client{}))
		h.codeFor(gate, h.signedIn(h.bert))
		theirs, ends := h.passwordAt(gate, h.bert), d.at.Add(time.Hour)
		d.do("UPDATE server_access SET ends_at = $1", ends.UnixMilli())
		if v := gate.sees(theirs); !v.Active || v.Exp != ends.Unix() {
			d.Errorf("%+v", v)
		}
		d.at = ends.Add(-time.Second)
		if !gate.sees(theirs).Active {
			d.Error("it does not count until the end")
		}
		d.at = ends
		if gate.sees(theirs).Active {
			d.Error("it counts after the end")
		}
	})
}

// signsOutPasswords signs out what an account's app passwords of servers have signed in.
func (h *holder) signsOutPasswords(who account.Account) {
	h.Helper()
	list, err := h.db.ListDevices(h.Context(), who.ID)
	h.must(err)
	for _, dev := range list {
		if dev.Method == device.ByServerPassword {
			h.must(h.db.EndDevice(h.Context(), who.ID, dev.ID, audit.Act{At: h.at}))
		}
	}
}
