package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/server"
)

// resident is somebody whom a server lets in, as it is told.
type resident struct {
	Sub, Username, Name, Email, Group string
	Verified                          bool `json:"email_verified"`
	Ends                              time.Time
}

// people are whom a server lets in, as it is told.
func (a *app) people() (all []resident) {
	a.Helper()
	w := a.send(http.MethodGet, "/api/v1/server/people", asBearer(a.own()))
	var told struct{ People []resident }
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &told) != nil || w.Header().Get("Cache-Control") != "no-store" {
		a.Fatalf("%d %s", w.Code, w.Body)
	}
	slices.SortFunc(told.People, func(p, q resident) int { return strings.Compare(p.Group, q.Group) })
	return told.People
}

// comes has somebody come in at a server, and be signed in there.
func (h *holder) comes(gate *app, who account.Account) (token string) {
	h.Helper()
	return said(gate.redeems(h.codeFor(gate, h.signedIn(who)))).Access
}

// A server is told whom it lets in, and of each what that person agreed to: of the owner no more than the claim told it before the owner came to it.
func TestAServerKnowsItsPeople(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.opened(h.anna)
		is := func(when string, want ...resident) {
			h.Helper()
			same := func(p, q resident) bool {
				return p.Ends.Equal(q.Ends) && p == (resident{q.Sub, q.Username, q.Name, q.Email, q.Group, q.Verified, p.Ends})
			}
			if got := gate.people(); !slices.EqualFunc(got, want, same) {
				h.Errorf("%s: %+v\nwant %+v", when, got, want)
			}
		}
		little := resident{Sub: h.anna.ID, Username: h.anna.UserName, Group: "owner"}
		is("claimed", little)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert")))
		is("invited", little)
		h.comes(gate, h.bert)
		bert := resident{Sub: h.bert.ID, Username: h.bert.UserName, Name: h.bert.Name, Email: h.bert.Email, Group: "guest", Verified: true}
		is("come", bert, little)
		if got := other.people(); len(got) != 1 || got[0] != little {
			h.Errorf("another server is told %+v", got)
		}
		owner := resident{Sub: h.anna.ID, Username: h.anna.UserName, Name: h.anna.Name, Email: h.anna.Email, Group: "owner", Verified: true}
		h.comes(gate, h.anna)
		is("the owner has come", bert, owner)
		d.do("UPDATE account SET email_proved = $1", false)
		bert.Email, bert.Verified, owner.Email, owner.Verified = "", false, "", false
		is("with addresses that nobody proved", bert, owner)
		bert.Ends, bert.Group = d.at.Add(time.Hour), "household"
		d.do("UPDATE server_access SET role = 'household', ends_at = $1", bert.Ends.UnixMilli())
		is("in the household for an hour", bert, owner)
		d.do("UPDATE consent SET scopes = 'openid' WHERE account_id = $1", h.bert.ID)
		bert.Username, bert.Name = "", ""
		is("who agreed to nothing", bert, owner)
		d.at = d.at.Add(time.Hour)
		is("at the end", owner)

		own := gate.own()
		for what, token := range map[string]string{
			"a person's": h.tokensFor(d.newApp("jellyfin", nil), h.signedIn(h.anna), "openid", "player").AccessToken, "a registered one's": d.newApp("cellar", aServer).own(),
			"for signals only": said(gate.shows(gate.signed(gate.claims()), "scope", "ssf.read")).Access, "nobody's": "x",
		} {
			if w := d.send(http.MethodGet, "/api/v1/server/people", asBearer(token)); w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
				h.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		if w := d.send(http.MethodGet, "/api/v1/server/people", asBearer(own)); w.Code != http.StatusUnauthorized {
			h.Errorf("suspended: %d %s", w.Code, w.Body)
		}
		h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		if got := gate.people(); len(got) != 1 || got[0].Sub != h.anna.ID {
			h.Errorf("brought back: %+v", got)
		}
	})
}

// A server tells who was there, and its owner sees it of those who came in by the list. What it says of others, and of what is still to come, counts for nothing.
func TestServersTellWhoWasThere(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.opened(h.anna)
		for _, a := range []*app{gate, other} {
			h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, a.ID, guest("bert")))
			h.comes(a, h.bert)
		}
		tells := func(visits string, want int) {
			h.Helper()
			q := asBearer(gate.own())
			q.json = `{"version":"1.0","visits":` + visits + `}`
			if w := d.send(http.MethodPut, "/api/v1/server", q); w.Code != want {
				h.Errorf("%s: %d %s, want %d", visits, w.Code, w.Body, want)
			}
		}
		visit := func(who string, at time.Time) string {
			return fmt.Sprintf(`{"sub":%q,"at":%q}`, who, at.Format(time.RFC3339))
		}
		seen := func(a *app, want time.Time) {
			h.Helper()
			guests, err := h.servers().Guests(d.Context(), h.here(h.anna), a.ID)
			if err != nil || len(guests) != 1 || !guests[0].Came.SeenAt.Equal(want) {
				h.Errorf("%+v %v, want %v", guests, err, want)
			}
			page := h.is(h.send(http.MethodGet, "/servers/"+a.ID, request{cookies: map[string]string{"usher": h.signedIn(h.anna)}}), http.StatusOK).Body.String()
			reads := "came in as <bdi>bert</bdi>"
			if !want.IsZero() {
				reads += fmt.Sprintf(` · last there <time datetime="%s"`, want.UTC().Format(time.RFC3339))
			}
			if !strings.Contains(page, reads) || want.IsZero() && strings.Contains(page, "last there") {
				h.Errorf("its owner's page does not read %q", reads)
			}
		}
		seen(gate, time.Time{})
		d.at = d.at.Add(time.Hour)
		at := d.at.Add(-time.Minute).Truncate(time.Second)
		tells(`[`+visit(h.bert.ID, at.Add(-time.Hour))+`,`+visit(h.bert.ID, at)+`,`+visit(h.anna.ID, at)+`,`+visit("nobody", at)+`]`, http.StatusNoContent)
		seen(gate, at)
		seen(other, time.Time{})
		d.at = d.at.Add(server.SeenEvery)
		tells(`[`+visit(h.bert.ID, d.at.Add(time.Hour))+`]`, http.StatusNoContent)
		seen(gate, d.at.Truncate(time.Millisecond))
		for _, wrong := range []string{
			`"bert"`, `{}`, `["bert"]`, `[null]`, `[{}]`, `[{"sub":"x"}]`, `[{"sub":"x","at":"now"}]`, `[{"sub":1,"at":"2026-01-01T00:00:00Z"}]`, `[{"sub":"x","at":"2026-01-01T00:00:00Z","name":"x"}]`,
			`[{"sub":"x","sub":"y","at":"2026-01-01T00:00:00Z"}]`, `[]` + `,"visits":[]`, `[` + strings.Repeat(visit("x", at)+`,`, 200) + visit("x", at) + `]`,
		} {
			tells(wrong, http.StatusUnprocessableEntity)
		}
		tells(`[`+strings.Repeat(visit("x", at)+`,`, 199)+visit("x", at)+`]`, http.StatusNoContent)
		tells(`null`, http.StatusNoContent)
	})
}
