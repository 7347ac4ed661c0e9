package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/account"
	"usher/internal/api"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/profile"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/signin"
	"usher/internal/teststore"
)

// couple are two people with proved addresses.
func (d *doors) couple() *holder {
	d.Helper()
	h := d.people()
	h.bert = d.person("bert", h.password, false)
	d.do("UPDATE account SET email_proved = $1", true)
	return h
}

func (h *holder) isErr(err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Errorf("got %v, want %v", err, want)
	}
}

// unclaimed is a server with a new key, before anybody claims it.
func (d *doors) unclaimed() *app {
	d.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	d.must(err)
	return &app{doors: d, Client: relyingparty.Client{Auth: relyingparty.PrivateKey}, key: jose.JSONWebKey{Key: private}}
}

// proof is what a server's key signs for a claim token, after a test's change.
func (a *app) proof(claim string, change func(map[string]any)) string {
	a.Helper()
	sum := sha256.Sum256([]byte(claim))
	claims := map[string]any{
		"aud": origin, "iat": a.at.Unix(), "exp": a.at.Add(time.Minute).Unix(), "jti": rand.Text(), "ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	if change != nil {
		change(claims)
	}
	return a.carrying("usher-claim+jwt", claims)
}

// carrying is what the server's key signs with itself in the header.
func (a *app) carrying(typ jose.ContentType, claims map[string]any) string {
	a.Helper()
	raw, err := json.Marshal(claims)
	a.must(err)
	o := (&jose.SignerOptions{EmbedJWK: true}).WithType(typ)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: a.key}, o)
	a.must(err)
	made, err := signer.Sign(raw)
	a.must(err)
	text, err := made.CompactSerialize()
	a.must(err)
	return text
}

// claimedWith shows a claim token and a proof.
func (a *app) claimedWith(claim, proof string) *httptest.ResponseRecorder {
	a.Helper()
	raw, err := json.Marshal(map[string]any{
		"claim_token": claim, "proof": proof, "name": "Attic", "product": "Gate", "version": "1.0",
		"addresses": []string{"https://attic.example", "http://192.168.1.5:32400/", "http://attic.local:32400", "ftp://attic.example"},
	})
	a.must(err)
	return a.send(http.MethodPost, "/api/v1/servers", request{json: string(raw)})
}

// newGate is a server with a key of its own that is claimed by a token.
func (d *doors) newGate(claim string) *app {
	d.Helper()
	a := d.unclaimed()
	w := a.claimedWith(claim, a.proof(claim, nil))
	var told struct{ ID, Issuer string }
	if w.Code != http.StatusCreated || json.Unmarshal(w.Body.Bytes(), &told) != nil || told.Issuer != origin {
		d.Fatalf("claiming: %d %s", w.Code, w.Body)
	}
	a.ID = told.ID
	return a
}

// offer is a claim token that a person gets on our own page.
func (h *holder) offer(a account.Account) string {
	h.Helper()
	h.unlimited()
	token, err := h.servers().OfferHere(h.Context(), h.here(a), device.Client{})
	h.must(err)
	return token.Reveal()
}

// here is an account's browser as it is signed in now.
func (h *holder) here(a account.Account) credential.Found {
	h.Helper()
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	now, err := h.db.LoadAccount(h.Context(), a.ID)
	h.must(err)
	return credential.Found{Credential: credential.Credential{Kind: credential.Browser, AccountID: a.ID}, Clock: clock, Account: now.Standing}
}

// asking is what a server signs to ask how it stands.
func (a *app) asking(changes ...string) string {
	a.Helper()
	claims := a.claims()
	claims["aud"] = origin + api.StandingPath
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i]] = changes[i+1]
	}
	return a.carrying("usher-standing+jwt", claims)
}

type answered struct{ Standing, Reason, Since, Servers string }

// standing is how the server is told that it stands.
func (a *app) standing() (s answered) {
	a.Helper()
	w := a.send(http.MethodGet, api.StandingPath, asBearer(a.asking()))
	if w.Code != http.StatusOK {
		a.Fatalf("standing: %d %s", w.Code, w.Body)
	}
	a.must(json.Unmarshal(w.Body.Bytes(), &s))
	if s.Servers != origin+"/servers" {
		a.Errorf("it is brought back at %q", s.Servers)
	}
	return s
}

func (a *app) stands(state server.State, reason server.Reason) {
	a.Helper()
	if s := a.standing(); s.Standing != string(state) || s.Reason != string(reason) {
		a.Errorf("it stands as %+v, want %s %s", s, state, reason)
	}
}

// own is an access token that the server has for itself.
func (a *app) own() string {
	a.Helper()
	return said(a.shows(a.signed(a.claims()))).Access
}

// A server is claimed by one token, once, by the key that signed for this very token (CL-1, CL-2, attack D13).
func TestServersAreClaimed(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		a, other := d.unclaimed(), d.unclaimed()
		late := h.offer(h.anna)
		d.at = d.at.Add(4*time.Minute + time.Second)
		if w := other.claimedWith(late, other.proof(late, nil)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "/claim-dead") {
			d.Errorf("after 4:01: %d %s", w.Code, w.Body)
		}
		claim := h.offer(h.anna)
		d.at = d.at.Add(4*time.Minute - time.Second)
		for what, change := range map[string]func(map[string]any){
			"for another token": func(c map[string]any) { c["ath"] = "x" }, "for no token": func(c map[string]any) { delete(c, "ath") },
			"for another service": func(c map[string]any) { c["aud"] = "https://other.example" }, "over": func(c map[string]any) { c["exp"] = d.at.Add(-2 * time.Minute).Unix() },
			"over in an hour": func(c map[string]any) { c["exp"] = d.at.Add(time.Hour).Unix() }, "without a number": func(c map[string]any) { delete(c, "jti") },
			"without a time": func(c map[string]any) { delete(c, "iat") },
		} {
			if w := a.claimedWith(claim, a.proof(claim, change)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "/claim-proof") {
				d.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		if w := a.claimedWith("claim-"+strings.Repeat("0", 32), a.proof("claim-"+strings.Repeat("0", 32), nil)); !strings.Contains(w.Body.String(), "/claim-dead") {
			d.Errorf("a token of nobody's: %d %s", w.Code, w.Body)
		}
		gate := d.newGate(claim)
		if w := other.claimedWith(claim, other.proof(claim, nil)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "/claim-dead") {
			d.Errorf("twice: %d %s", w.Code, w.Body)
		}
		foreign := h.offer(h.bert)
		if w := gate.claimedWith(foreign, gate.proof(foreign, nil)); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "/server-claimed") || strings.Contains(w.Body.String(), h.anna.UserName) {
			d.Errorf("by another: %d %s", w.Code, w.Body) // attack D15
		}
		all, err := h.servers().List(d.Context(), h.here(h.anna))
		if err != nil || len(all) != 1 || all[0].ID != gate.ID || all[0].Name != "Attic" || all[0].From.Address != "203.0.113.7" || all[0].Standing.State != server.Good {
			t.Fatalf("%+v %v", all, err)
		}
		if got := all[0].Addresses; len(got) != 2 || got[0].URL != "https://attic.example" || got[1].URL != "http://192.168.1.5:32400" || got[0].Confirmed || got[1].Confirmed {
			t.Errorf("it is at %+v", got)
		}
		h.mailed(h.anna.Email, notice.DataLink, "/not-me/")
		gate.stands(server.Good, "")
		if gate.own() == "" {
			t.Error("it has no token for itself")
		}
	})
}

// "This wasn't me" in the mail about a claim undoes the claim: what a thief claimed is not among what is brought back afterwards.
func TestClaimsAreUndone(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		mine := d.newGate(h.offer(h.anna))
		d.do("DELETE FROM mail")
		thiefs := d.newGate(h.offer(h.anna))
		link := h.mailed(h.anna.Email, notice.DataLink, "/not-me/")
		h.is(h.post("/not-me", url.Values{"ticket": {link}, "email": {h.anna.Email}}), http.StatusSeeOther)
		thiefs.stands(server.Unclaimed, "")
		mine.stands(server.Suspended, server.ResetRequired)
		all, err := h.servers().List(d.Context(), h.here(h.anna))
		if err != nil || len(all) != 1 || all[0].ID != mine.ID {
			t.Errorf("her servers: %+v %v", all, err)
		}
	})
}

// Only the key of a server learns how it stands. Another one is told what it would be of a made-up server, and who holds no key nothing at all; so nobody learns
// which servers there are, and a server is taken for unclaimed by its own key's question alone.
func TestStandingTellsWhoHoldsTheKeyAlone(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := d.newGate(h.offer(h.anna)), d.unclaimed()
		var said []string
		for _, id := range []string{gate.ID, "made-up"} {
			other.ID = id
			w := d.send(http.MethodGet, api.StandingPath, asBearer(other.asking()))
			said = append(said, fmt.Sprint(w.Code, w.Body))
			other.stands(server.Unclaimed, "")
			forged := strings.Split(other.asking(), ".")
			claims := other.claims()
			claims["aud"] = origin + api.StandingPath
			for what, token := range map[string]string{
				"with a broken signature": forged[0] + "." + forged[1] + "." + strings.Repeat("A", len(forged[2])), "without its key": other.signed(claims), "without a number": other.asking("jti", ""),
			} {
				if w := d.send(http.MethodGet, api.StandingPath, asBearer(token)); w.Code != http.StatusUnauthorized {
					d.Errorf("%s about %s: %d %s", what, id, w.Code, w.Body)
				}
			}
		}
		if said[0] != said[1] {
			d.Errorf("a server that there is can be told from one that there is not: %q", said)
		}
		gate.stands(server.Good, "")
		h.must(h.servers().Unclaim(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		gate.stands(server.Unclaimed, "")
	})
}

// What a server signs to ask how it stands counts once, for a moment and for that question; and a suspended one may ask nothing else.
func TestSuspendedServersMayAskOneThing(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.newGate(h.offer(h.anna))
		before := gate.own()
		once := gate.asking()
		for i, want := range []int{http.StatusOK, http.StatusUnauthorized} {
			if w := d.send(http.MethodGet, api.StandingPath, asBearer(once)); w.Code != want {
				d.Errorf("time %d: %d %s", i, w.Code, w.Body)
			}
		}
		assertion := gate.claims()
		assertion["aud"] = origin + api.StandingPath
		for what, signed := range map[string]string{
			"without the key in it": gate.signed(assertion), "as a claim's proof": gate.carrying("usher-claim+jwt", assertion), "for the token endpoint": gate.asking("aud", origin), "about another": gate.asking("sub", "another"), "without a number": gate.asking("jti", ""),
			"its own token": before,
		} {
			if w := d.send(http.MethodGet, api.StandingPath, asBearer(signed)); w.Code != http.StatusUnauthorized {
				d.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		if w := gate.shows(gate.asking()); said(w).Error != "invalid_client" {
			d.Errorf("a question is an assertion: %s", w.Body)
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		gate.stands(server.Suspended, server.ServerSignedOut)
		for what, w := range map[string]*httptest.ResponseRecorder{
			"a token":       gate.shows(gate.signed(gate.claims())),
			"introspection": gate.asks("/oauth/introspect", url.Values{"token": {"x"}}),
			"revocation":    gate.asks("/oauth/revoke", url.Values{"token": {"x"}}),
		} {
			if w.Code != http.StatusBadRequest || said(w).Error != "unauthorized_client" || !strings.Contains(w.Body.String(), `"standing":"suspended"`) {
				d.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			if w := d.send(method, "/api/v1/server", asBearer(before)); w.Code != http.StatusUnauthorized {
				d.Errorf("%s with a token from before: %d %s", method, w.Code, w.Body)
			}
		}
	})
}

// Every way in which a server is suspended, and back: by its owner's word after signing in, and by nobody else's.
func TestServersAreBroughtBack(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, alone := d.newGate(h.offer(h.anna)), d.newGate(h.offer(h.anna))
		gate.stands(server.Good, "")
		old := h.here(h.anna)
		h.is(h.post("/account/devices/sign-out-all", nil, "usher", h.signedIn(h.anna)), http.StatusSeeOther)
		gate.stands(server.Suspended, server.SignedOut)
		h.must(h.servers().BringBack(d.Context(), old, h.anna, gate.ID, device.Client{})) // whoever was signed in before
		gate.stands(server.Suspended, server.SignedOut)
		h.isErr(h.servers().BringBack(d.Context(), h.here(h.bert), h.bert, gate.ID, device.Client{}), server.ErrNotFound)
		foreign := h.offer(h.bert)
		if w := gate.claimedWith(foreign, gate.proof(foreign, nil)); w.Code != http.StatusConflict {
			d.Errorf("somebody else claims it meanwhile: %d %s", w.Code, w.Body)
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), alone.ID, device.Client{}))
		h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
		gate.stands(server.Good, "")
		alone.stands(server.Suspended, server.ServerSignedOut)
		if gate.own() == "" || h.mailed(h.anna.Email, notice.DataNew, "Attic") != "" {
			d.Error("it has no token, or its owner no mail")
		}
		if left, err := h.servers().BringAllBack(d.Context(), h.here(h.anna), h.anna, device.Client{}); err != nil || left != 1 {
			d.Errorf("%d of the last days are left: %v", left, err)
		}
		alone.stands(server.Suspended, server.ServerSignedOut) // whoever was in the account may have claimed it
		d.do("UPDATE server SET claimed_at = $1", d.at.Add(-7*24*time.Hour).UnixMilli())
		allBack := func() {
			if left, err := h.servers().BringAllBack(d.Context(), h.here(h.anna), h.anna, device.Client{}); err != nil || left != 0 {
				d.Errorf("%d are left: %v", left, err)
			}
		}
		allBack()
		alone.stands(server.Good, "")
		h.declare(incident.List)
		gate.stands(server.Suspended, server.ResetRequired)
		d.do("UPDATE account SET secured = incident")
		gate.stands(server.Suspended, server.Incident)
		if gate.standing().Since == "" {
			d.Error("since when is not told")
		}
		allBack()
		gate.stands(server.Good, "")
		d.do("UPDATE account SET state = 'locked' WHERE id = $1", h.anna.ID)
		gate.stands(server.Suspended, server.Locked)
	})
}

// A server says where it is and that it lives, and both sides give it up.
func TestServersDescribeThemselvesAndLeave(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := d.newGate(h.offer(h.anna)), d.newGate(h.offer(h.anna))
		says := asBearer(gate.own())
		says.json = `{"version":"2.0","addresses":["https://new.example"]}`
		h.must(h.servers().ConfirmAddress(d.Context(), h.here(h.anna), gate.ID, "https://attic.example/", device.Client{}))
		d.at = d.at.Add(server.SeenEvery)
		if w := d.send(http.MethodPut, "/api/v1/server", says); w.Code != http.StatusNoContent {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		kept, err := h.servers().Show(d.Context(), h.here(h.anna), gate.ID)
		if err != nil || kept.Version != "2.0" || kept.Name != "Attic" || len(kept.Addresses) != 2 || !slices.Equal(kept.Confirmed(), []string{"https://attic.example"}) || kept.SeenAt.Before(d.at.Add(-time.Second)) {
			t.Errorf("%+v %v", kept, err)
		}
		var told struct {
			ID, Name  string
			Addresses []server.Address
		}
		w := d.send(http.MethodGet, "/api/v1/server", asBearer(gate.own()))
		d.must(json.Unmarshal(w.Body.Bytes(), &told))
		if w.Code != http.StatusOK || told.ID != gate.ID || told.Name != "Attic" || !slices.Equal(told.Addresses, []server.Address{{URL: "https://attic.example", Confirmed: true}, {URL: "https://new.example"}}) {
			t.Errorf("it is told %d %s", w.Code, w.Body)
		}
		says.json = `{"version":"2.0","addresses":"https://new.example"}`
		if w := d.send(http.MethodPut, "/api/v1/server", says); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a text for a list: %d %s", w.Code, w.Body)
		}
		for what, token := range map[string]string{"a person's": h.tokensFor(d.newApp("jellyfin", nil), h.signedIn(h.anna), "openid", "player").AccessToken, "a registered one's": d.newApp("cellar", aServer).own()} {
			if w := d.send(http.MethodDelete, "/api/v1/server", asBearer(token)); w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
				d.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		if w := d.send(http.MethodDelete, "/api/v1/server", asBearer(gate.own())); w.Code != http.StatusNoContent {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		gate.stands(server.Unclaimed, "")
		if w := gate.shows(gate.signed(gate.claims())); said(w).Error != "invalid_client" {
			d.Errorf("%d %s", w.Code, w.Body)
		}
		h.isErr(h.servers().Unclaim(d.Context(), h.here(h.bert), h.bert, other.ID, device.Client{}), server.ErrNotFound)
		h.must(h.servers().Unclaim(d.Context(), h.here(h.anna), h.anna, other.ID, device.Client{}))
		other.stands(server.Unclaimed, "")
		freed := d.newGate(h.offer(h.anna))
		h.isErr(h.servers().Free(d.Context(), audit.CLI, h.bert.ID, freed.ID, device.Client{}), server.ErrNotFound)
		h.isErr(h.servers().Free(d.Context(), audit.CLI, h.anna.ID, freed.ID, device.Client{}), server.ErrStands)
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), freed.ID, device.Client{}))
		h.must(h.servers().Free(d.Context(), audit.CLI, h.anna.ID, freed.ID, device.Client{}))
		claim := h.offer(h.bert)
		if w := freed.claimedWith(claim, freed.proof(claim, nil)); w.Code != http.StatusCreated {
			d.Errorf("it is not free: %d %s", w.Code, w.Body)
		}
		if h.mailed(h.anna.Email, notice.DataNew, "Attic") != "" {
			d.Error("another name")
		}
	})
}

// Servers are no clients of the administrators': they are neither listed there nor changed.
func TestServersAreNoClientsOfAdministrators(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.newGate(h.offer(h.anna))
		list, _, err := d.registration().List(d.Context(), "")
		if err != nil || slices.ContainsFunc(list, func(c relyingparty.Client) bool { return c.ID == gate.ID }) {
			t.Errorf("%+v %v", list, err)
		}
		_, err = d.registration().Show(d.Context(), gate.ID)
		h.isErr(err, relyingparty.ErrNotFound)
		h.isErr(d.registration().Remove(d.Context(), audit.CLI, gate.ID), relyingparty.ErrNotFound)
		if w := gate.asks(grant.TokenPath, url.Values{"grant_type": {"client_credentials"}}); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// confirms types a server's code and confirms it, and returns the page that asked.
func (h *holder) confirms(code, browser string) *httptest.ResponseRecorder {
	h.Helper()
	ticket := cookie(h.is(h.post("/claim", url.Values{"user_code": {code}}, "usher", browser), http.StatusSeeOther), "usher-link")
	page := h.is(h.send(http.MethodGet, "/claim/confirm", request{cookies: map[string]string{"usher": browser, "usher-link": ticket}}), http.StatusOK)
	h.is(h.post("/claim/confirm", asked(page), "usher", browser, "usher-link", ticket), http.StatusSeeOther)
	return page
}

// A claim token counts as one of the day's, whether it is read off a page or collected by a code.
func TestClaimsByCodeAreLimited(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		browser := h.signedIn(h.anna)
		gate := &app{doors: d, Client: relyingparty.Client{ID: relyingparty.GateID, Auth: relyingparty.None}}
		confirmed := func() (code string) {
			var waits struct {
				Device string `json:"device_code"`
				Code   string `json:"user_code"`
			}
			h.must(json.Unmarshal(gate.asks("/oauth/device", url.Values{"scope": {"claim"}}).Body.Bytes(), &waits))
			h.confirms(waits.Code, browser)
			return waits.Device
		}
		one, two, here := confirmed(), confirmed(), h.here(h.anna)
		h.unlimited()
		for range ratelimit.ClaimTokens.Limit - 1 {
			_, err := h.servers().OfferHere(d.Context(), here, device.Client{})
			h.must(err)
			d.do("DELETE FROM credential WHERE kind = 'claim token'")
		}
		if told := said(gate.polls(one)); told.Access == "" {
			t.Fatal(told.Error)
		}
		if told := said(gate.polls(two)); told.Access != "" || told.Error != "access_denied" {
			t.Errorf("one more than may be: %q", told.Error)
		}
		if _, err := h.servers().OfferHere(d.Context(), here, device.Client{}); !errors.As(err, new(*ratelimit.LimitedError)) {
			t.Errorf("and by hand: %v", err)
		}
	})
}

// A gate asks for a claim code as a device does, and what it collects once somebody has confirmed it is a claim token: no sign-in, and no device.
func TestGatesCollectAClaimToken(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		browser := h.signedIn(h.anna)
		gate := &app{doors: d, Client: relyingparty.Client{ID: relyingparty.GateID, Auth: relyingparty.None}}
		var waits struct {
			Device string `json:"device_code"`
			Code   string `json:"user_code"`
			Where  string `json:"verification_uri"`
			Filled string `json:"verification_uri_complete"`
		}
		ask := func() {
			h.unlimited()
			w := gate.asks("/oauth/device", url.Values{"scope": {"claim"}, "name": {"Attic"}})
			if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &waits) != nil || waits.Where != origin+"/claim" || !strings.HasPrefix(waits.Filled, origin+"/claim?user_code=") {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		for _, scope := range []string{"", "openid", "claim openid", "claim player"} {
			if w := gate.asks("/oauth/device", url.Values{"scope": {scope}}); said(w).Error != "invalid_scope" {
				t.Errorf("%q: %d %s", scope, w.Code, w.Body)
			}
		}
		if w := d.newApp("tv", aTV).asks("/oauth/device", url.Values{"scope": {"claim"}}); said(w).Error != "invalid_scope" {
			t.Errorf("an app asks to be claimed: %d %s", w.Code, w.Body)
		}
		if w := gate.asks(grant.TokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}); said(w).Error != "unauthorized_client" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		ask()
		if w := gate.polls(waits.Device); said(w).Error != "authorization_pending" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := d.newApp("tv2", aTV).polls(waits.Device); said(w).Error != "expired_token" {
			t.Errorf("another client collects it: %d %s", w.Code, w.Body)
		}
		if page := h.confirms(waits.Code, browser).Body.String(); !strings.Contains(page, "<bdi>Attic</bdi>") || !strings.Contains(page, "the name it gives itself") {
			d.Error("the page does not say what asks")
		}
		w := gate.polls(waits.Device)
		claim := said(w).Access
		if w.Code != http.StatusOK || !strings.HasPrefix(claim, "claim-") || said(w).Scope != "claim" || said(w).Refresh != "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if again := gate.polls(waits.Device); said(again).Error != "expired_token" {
			t.Errorf("once more: %d %s", again.Code, again.Body)
		}
		if devices, err := d.db.ListDevices(d.Context(), h.anna.ID); err != nil || len(devices) != 1 {
			t.Errorf("%+v %v", devices, err)
		}
		d.newGate(claim).stands(server.Good, "")
		ask()
		h.confirms(waits.Code, browser)
		h.is(h.post("/account/devices/sign-out-all", nil, "usher", h.signedIn(h.anna)), http.StatusSeeOther)
		if w := gate.polls(waits.Device); said(w).Error == "" {
			t.Errorf("after everything was signed out: %d %s", w.Code, w.Body) // attack R8
		}
	})
}

// What the service keeps about somebody's servers stands in what they can take along.
func TestDownloadsHaveServers(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.newGate(h.offer(h.anna))
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
		f := h.here(h.anna)
		f.FreshAt = d.at
		raw, err := (&profile.Service{Store: d.db, Resolver: d.resolver, Now: d.now}).Download(d.Context(), f, device.Client{})
		h.must(err)
		for _, want := range []string{`"name": "Attic"`, `"http://192.168.1.5:32400"`, `"bert@example.org"`, `"claimed_from": "203.0.113.7"`} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s is missing in %s", want, raw)
			}
		}
	})
}

// A program that was given the password gets claim tokens, one that was let in by a code gets none, and as many wait as may.
func TestProgramsGetClaimTokens(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.unclaimed()
		ask := func(token string) (w *httptest.ResponseRecorder, claim string) {
			w = d.send(http.MethodPost, "/api/v1/claim-tokens", asBearer(token))
			var told struct {
				Token     string `json:"claim_token"`
				ExpiresIn int    `json:"expires_in"`
			}
			if w.Code == http.StatusCreated && (json.Unmarshal(w.Body.Bytes(), &told) != nil || told.ExpiresIn != 240) {
				d.Errorf("%d %s", w.Code, w.Body)
			}
			return w, told.Token
		}
		app := h.program(h.anna)
		w, claim := ask(app)
		if w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := gate.claimedWith(claim, gate.proof(claim, nil)); w.Code != http.StatusCreated {
			t.Errorf("it claims nothing: %d %s", w.Code, w.Body)
		}
		if w, _ := ask(""); w.Code != http.StatusUnauthorized {
			t.Errorf("without a token: %d %s", w.Code, w.Body)
		}
		h.unlimited()
		for range 5 {
			if w, _ := ask(app); w.Code != http.StatusCreated {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		h.unlimited()
		if w, _ := ask(app); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "/too-many-claims") {
			t.Errorf("the sixth: %d %s", w.Code, w.Body)
		}
	})
}

// Name and password in the request for a claim token are enough for it, with the digits where there is a second step; nothing is signed in by that, and nobody told
// of a device. The claim token ends as one of a sign-in does, and an app password gets none.
func TestAPasswordGetsAClaimTokenAndNothingElse(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.unclaimed()
		left := func() string {
			return strings.Join(append(h.rows(`SELECT kind FROM credential WHERE kind <> 'claim token' ORDER BY hash`), h.rows(`SELECT kind FROM mail ORDER BY id`)...), " ")
		}
		ask := func(login, password string, status int, problem string) (claim string) {
			h.unlimited()
			w := d.send(http.MethodPost, "/api/v1/claim-tokens", asBasic(login, password))
			var told struct {
				Token string `json:"claim_token"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil || w.Code != status || !strings.Contains(w.Body.String(), problem) || (told.Token != "") != (status == http.StatusCreated) {
				d.Errorf("%s: %d %s", login, w.Code, w.Body)
			}
			return told.Token
		}
		before := left()
		claim := ask(h.anna.Email, h.password, http.StatusCreated, "")
		if now := left(); now != before {
			t.Errorf("it leaves %q, and before there was %q", now, before)
		}
		if w := gate.claimedWith(claim, gate.proof(claim, nil)); w.Code != http.StatusCreated {
			t.Errorf("it claims nothing: %d %s", w.Code, w.Body)
		}
		ask(h.anna.UserName, "not the password", http.StatusUnauthorized, "/wrong")
		fresh := h.here(h.anna)
		fresh.FreshAt = d.at
		app, err := (&signin.AppPasswords{Store: d.db, Now: d.now}).Make(d.Context(), fresh, signin.NewAppPassword{Name: "Old app"}, device.Client{})
		h.must(err)
		ask(h.anna.UserName, app.Reveal(), http.StatusForbidden, "/no-say")
		d.turnOnFactor(h.anna)
		ask(h.anna.UserName, h.password, http.StatusForbidden, "/code-required")
		ask(h.anna.UserName, h.password+"000000", http.StatusForbidden, "/wrong-code")
		code := d.code(h.anna)
		claim = ask(h.anna.UserName, h.password+code, http.StatusCreated, "")
		ask(h.anna.UserName, h.password+code, http.StatusForbidden, "/wrong-code")
		h.must(d.db.EndEverything(d.Context(), h.anna.ID, nil, audit.Act{At: d.at}))
		if w := gate.claimedWith(claim, gate.proof(claim, nil)); w.Code != http.StatusBadRequest {
			t.Errorf("it outlives a sign-out of everything: %d %s", w.Code, w.Body)
		}
	})
}

// A server learns no more of its owner than whose it is, and of whoever comes only what it may believe.
func TestAServerLearnsLittleOfItsOwner(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		shown := teststore.Person(d, d.db, "carla", d.at, nil) // who has a name to show
		nameless := teststore.Person(d, d.db, "dora", d.at, func(a *account.Account) { a.UserName = "" })
		for _, owner := range []account.Account{shown, nameless} {
			claim, a := h.offer(owner), d.unclaimed()
			w := a.claimedWith(claim, a.proof(claim, nil))
			var got struct{ Owner map[string]string }
			h.must(json.Unmarshal(h.is(w, http.StatusCreated).Body.Bytes(), &got))
			if len(got.Owner) != 2 || got.Owner["sub"] != owner.ID || got.Owner["name"] != owner.UserName || strings.Contains(w.Body.String(), owner.Email) || strings.Contains(w.Body.String(), owner.Name) {
				d.Errorf("the claim tells %s", w.Body)
			}
		}
		gate, player := h.opened(h.anna), h.program(h.anna)
		for _, proved := range []bool{true, false} {
			d.do("UPDATE account SET email_proved = $1", proved)
			v := gate.sees(h.playsAt(gate, player))
			if !v.Active || (v.Email == h.anna.Email) != proved || (v.Verified != nil) != proved {
				d.Errorf("with an address that is confirmed, %t: %+v", proved, v)
			}
		}
	})
}

// The operator frees a server from the shell as an administrator does on the page: a suspended one, recorded, and its owner is told.
func TestServersAreFreedFromTheShell(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := d.newGate(h.offer(h.anna))
		if _, err := freeServer(d.Context(), d.stack, gate.ID); !errors.Is(err, server.ErrStands) {
			d.Errorf("one that is in use: %v", err)
		}
		if _, err := freeServer(d.Context(), d.stack, "none"); err == nil {
			d.Error("one that there is not is freed")
		}
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		var out strings.Builder
		h.must(listServers(d.Context(), d.stack, &out, h.anna.ID))
		if text := out.String(); !strings.Contains(text, gate.ID+"  Attic  suspended server-signed-out") {
			d.Errorf("the list says %q", text)
		}
		freed, err := freeServer(d.Context(), d.stack, gate.ID)
		if err != nil || freed.Name != "Attic" {
			d.Errorf("%+v %v", freed, err)
		}
		gate.stands(server.Unclaimed, "")
		var acts, mails int
		h.must(d.raw.QueryRow("SELECT COUNT(*) FROM audit WHERE action = $1 AND actor = $2", string(audit.ServerUnclaimed), audit.CLI).Scan(&acts))
		h.must(d.raw.QueryRow("SELECT COUNT(*) FROM mail WHERE kind = $1", string(notice.KindServerUnclaimed)).Scan(&mails))
		if acts != 1 || mails != 1 {
			d.Errorf("%d records and %d mails", acts, mails)
		}
	})
}
