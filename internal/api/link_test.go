package api

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

// waits is a device that asks for a code.
func (h *house) waits(body string) (w waiting) {
	h.Helper()
	a := h.ask(http.MethodPost, "/api/v1/link", body).is(200, "")
	h.must(json.Unmarshal(a.Body.Bytes(), &w))
	return w
}

func (h *house) polls(code string) answer {
	h.Helper()
	h.now = h.now.Add(tvlink.Interval)
	return h.ask(http.MethodPost, "/api/v1/link/token", `{"device_code":"`+code+`"}`)
}

// browserOf is a person's browser, as the pages know it.
func (h *house) browserOf(a account.Account) (credential.Found, device.Client) {
	h.Helper()
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	a, err = h.db.LoadAccount(h.Context(), a.ID)
	h.must(err)
	client := device.Client{Address: netip.MustParseAddr("203.0.113.7")}
	return credential.Found{Credential: credential.Credential{AccountID: a.ID}, Clock: clock, Account: a.Standing}, client
}

// letIn types a code and says yes.
func (h *house) letIn(a account.Account, code string) {
	h.Helper()
	f, client := h.browserOf(a)
	ticket, err := h.door.Links.Enter(h.Context(), f, a, code, client)
	h.must(err)
	asked, err := h.door.Links.Open(h.Context(), f, ticket)
	h.must(err)
	h.must(h.door.Links.Approve(h.Context(), f, a, asked, tvlink.Proof{}, client))
}

func TestLink(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.waits(`{"device":"Living room","product":"Attic Player"}`)
		if len(w.UserCode) != linkcode.Shortest || len(w.LongCode) != 9 || w.Where != testOrigin+"/link" || w.Complete != w.Where+"?user_code="+w.LongCode || w.ExpiresIn != 900 || w.Interval != 5 {
			t.Errorf("it waits with %s %s, %d, %d", w.Where, strings.ReplaceAll(w.Complete, w.LongCode, "CODE"), w.ExpiresIn, w.Interval)
		}
		h.polls(w.DeviceCode).is(400, "authorization-pending")
		h.ask(http.MethodPost, "/api/v1/link/token", `{"device_code":"`+w.DeviceCode+`"}`).is(400, "slow-down")
		h.polls(w.DeviceCode).is(400, "slow-down") // five seconds are too few now
		h.now = h.now.Add(15 * time.Second)
		h.letIn(ann, strings.ToLower(w.UserCode))
		var in signedIn
		h.must(json.Unmarshal(h.polls(w.DeviceCode).is(200, "").Body.Bytes(), &in))
		if in.TokenType != "Bearer" || in.Account.ID != ann.ID {
			t.Errorf("signed in as %+v", in.Account)
		}
		h.me(in.Token).is(200, "")
		h.now = h.now.Add(15 * time.Second)
		h.polls(w.DeviceCode).is(400, "expired-token") // exactly once (D4)

		// It plays, and has no say in the account.
		h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+in.Token).is(403, "no-say")
		app := h.signIn("ann", annPassword)
		h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+app).is(200, "")
		h.ask(http.MethodPost, "/api/v1/sign-out", "", "Authorization", "Bearer "+in.Token).is(204, "")
		h.me(in.Token).is(401, "dead-token")
	})
}

// What ends the account's devices ends a device that was let in and has not come for its token; who is closed out lets nothing in (D8, F19).
func TestLinkEnds(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		for name, end := range map[string]func(){
			"locked": func() {
				h.must(h.db.SetState(h.Context(), ann.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: h.now}))
			},
			"required": func() { h.must(h.db.RequireReset(h.Context(), ann.ID, "", audit.Act{At: h.now})) },
		} {
			ann = h.person("ann-"+name, false)
			w := h.waits("{}")
			h.letIn(ann, w.UserCode)
			end()
			h.polls(w.DeviceCode).is(400, "access-denied")
		}
		w := h.waits("{}")
		h.now = h.now.Add(linkcode.Life)
		h.polls(w.DeviceCode).is(400, "expired-token")
		for _, code := range []string{"x", secret.NewToken().Reveal(), "7RQZ", w.UserCode, w.LongCode, h.signIn("ann", annPassword)} {
			h.polls(code).is(400, "expired-token")
		}
	})
}

func TestLinkFields(t *testing.T) {
	eachHouse(t, func(h *house) {
		first := h.waits(`{"client":"box 1"}`)
		second := h.waits(`{"client":"box 1"}`)
		h.polls(first.DeviceCode).is(400, "expired-token") // one for each installation
		h.polls(second.DeviceCode).is(400, "authorization-pending")
		h.ask(http.MethodPost, "/api/v1/link", `{"user_code":"7RQZ"}`).is(422, "bad-fields")
		h.ask(http.MethodPost, "/api/v1/link/token", `{}`).is(422, "bad-fields")
		for i := range linkcode.MostCrowded - 1 { // the first few have short codes
			want := linkcode.Shortest
			if i+1 >= linkcode.Most {
				want = linkcode.Longest
			}
			if got := h.waits("{}"); len(got.UserCode) != want {
				t.Errorf("code %d has %d characters, want %d", i+2, len(got.UserCode), want)
			}
		}
		h.ask(http.MethodPost, "/api/v1/link", "{}").is(429, "too-many-codes")
		h.ask(http.MethodPost, "/api/v1/link", "{}", "Authorization", "Bearer x").is(429, "too-many-codes")
	})
}

func TestDevices(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		bob := h.person("bob", false)
		one, two, app, foreign := h.signIn("ann", annPassword), h.signIn("ann", annPassword), h.appPassword(ann), h.signIn("bob", annPassword)
		list := func(token string) (got struct{ Devices []listed }) {
			h.must(json.Unmarshal(h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+token).is(200, "").Body.Bytes(), &got))
			return got
		}
		end := func(token, id string) answer {
			return h.ask(http.MethodPost, "/api/v1/devices/"+id+"/sign-out", "", "Authorization", "Bearer "+token)
		}
		got := list(one)
		if len(got.Devices) != 3 {
			t.Fatalf("%+v", got)
		}
		for _, dev := range list(two).Devices {
			if dev.This {
				end(foreign, dev.ID).is(404, "not-found") // attack S16
				end(one, dev.ID).is(204, "")
				end(one, dev.ID).is(404, "not-found")
			}
		}
		h.me(two).is(401, "dead-token")
		h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+app).is(403, "no-say")
		h.ask(http.MethodGet, "/api/v1/devices", "").is(401, "no-credentials")
		own := slices.IndexFunc(got.Devices, func(dev listed) bool { return dev.Name == "TV" })
		for i, dev := range got.Devices {
			if i != own {
				end(app, dev.ID).is(403, "no-say")
			}
		}
		end(app, got.Devices[own].ID).is(204, "") // itself, as anywhere else
		h.me(app).is(401, "dead-token")
		if strings.Contains(h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+one).Body.String(), one) || len(list(foreign).Devices) != 1 {
			t.Errorf("a list tells tokens, or %s's devices", bob.UserName)
		}
	})
}
