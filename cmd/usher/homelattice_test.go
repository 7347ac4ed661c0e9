package main

import (
	"net/http"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/household"
	"usher/internal/secret"
)

// The lattice by source and target: whoever switches, by whatever token, to whomever, what comes of it is let do no more at any address of the two interfaces for software than a player
// of that very account is (of a managed member, than one of somebody who has nothing), and reads nobody's address.
func TestRightsNeverExceedTheTargetAsAPlayer(t *testing.T) {
	every := routes(t)
	eachDoors(t, func(d *doors) {
		h := d.couple()
		kim, bert, dora := d.managed(h.anna, "Kim", ""), d.joins(h.bert, h.anna), d.person("dora", h.password, false)
		gate := h.newGate(h.offer(h.anna))
		sources := map[string]string{"the owner's program": h.program(h.anna), "the owner's player": h.plays(h.anna), "a member's program": h.program(h.bert), "a member's player": h.plays(h.bert)}
		sources["what was switched already"] = h.switched("JSON API", kim, sources["the owner's program"], "")
		targets := map[string]struct {
			member household.Member
			as     account.Account // whose player it is compared with
		}{"a managed member": {kim, dora}, "a member": {bert, h.bert}, "the owner": {d.memberOf(h.anna, h.anna.ID), h.anna}}
		held, compared := map[string]string{}, 0
		alive := func(kind credential.Kind, token string) bool {
			_, err := d.resolver.Resolve(d.Context(), kind, secret.TokenOf(token))
			return err == nil
		}
		for _, rt := range every {
			if rt.door != "api" && rt.door != "plexapi" {
				continue
			}
			show := asBearer
			if rt.door == "plexapi" {
				show = asPlex
			}
			of := h.anna.ID
			if strings.Contains(rt.path, "/servers/") {
				of = gate.ID
			}
			path := strings.NewReplacer("{$}", "", "{id}", of, "{act}", "switch", "{name}", "wrong", "{code}", "7RQZ").Replace(rt.path)
			method := rt.method
			if method == "" {
				method = http.MethodGet
			}
			h.unlimited()
			for by, source := range sources {
				for to, target := range targets {
					key := by + to
					if !alive(credential.Switched, held[key]) {
						held[key] = h.switched("JSON API", target.member, source, "")
					}
					got := h.send(method, path, show(held[key]))
					if body := got.Body.String(); strings.Contains(body, h.anna.Email) || strings.Contains(body, h.bert.Email) {
						t.Errorf("%s: %s, switched to %s, reads an address: %s", rt.pattern(), by, to, body)
					}
					if got.Code >= http.StatusMultipleChoices {
						continue
					}
					compared++
					player := h.plays(target.as)
					if w := h.send(method, path, show(player)); w.Code >= http.StatusMultipleChoices && !strings.Contains(path, "/home/users/") { // a Home of one's own
						t.Errorf("%s: %s, switched to %s, may (%d), and a player may not (%d)", rt.pattern(), by, to, got.Code, w.Code)
					}
					h.send(http.MethodPost, "/api/v1/sign-out", asBearer(player))
				}
			}
		}
		if compared < 100 {
			t.Errorf("%d answers were compared", compared)
		}
	})
}
