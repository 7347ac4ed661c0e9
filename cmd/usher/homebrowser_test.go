package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
	"usher/internal/server"
)

// switchedBrowser is the cookies of a browser of an account's that was switched to a member.
func (h *holder) switchedBrowser(browser string, m household.Member) map[string]string {
	h.Helper()
	w := h.is(h.post("/home/switch", url.Values{"member": {m.ID}}, "usher", browser), http.StatusSeeOther)
	return map[string]string{"usher-home": cookie(w, "usher-home"), "usher-away": cookie(w, "usher-away")}
}

// asked is where a browser that is switched comes to by an app's request, after its person has allowed it.
func (h *holder) asked(a *app, cookies map[string]string, options ...oauth2.AuthCodeOption) *httptest.ResponseRecorder {
	h.Helper()
	page := h.ask(a.config.AuthCodeURL("state", append(options, oauth2.S256ChallengeOption(strings.Repeat("v", 43)))...))
	w := h.send(http.MethodGet, page.RequestURI(), request{cookies: cookies})
	if w.Code == http.StatusOK {
		w = h.send(http.MethodPost, "/authorize/consent", request{form: consentForm(w, "allow"), cookies: cookies})
	}
	return w
}

// In a browser that is switched, a media server lets in whom it is switched to: its owner as a player, and never as who has a say. What was signed in there before is over, other
// apps get nothing, and all of it ends with the browser's own sign-in (attacks L24, S2).
func TestSwitchedBrowserAtAServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		bert, mia, anna := d.joins(h.bert, h.anna), d.managed(h.anna, "Mia", ""), d.memberOf(h.anna, h.anna.ID)
		d.must(d.db.OpenToHome(d.Context(), h.anna.ID, gate.ID, household.Shared{With: household.WithAll}, audit.Act{At: d.at}))
		own := h.signedIn(h.bert)
		before := said(gate.redeems(h.codeFor(gate, own))).Access
		if v := gate.sees(before); !v.Active || !slices.Equal(v.Groups, []server.Group{server.Household}) {
			t.Fatalf("bert: %+v", v)
		}
		browser := h.switchedBrowser(own, anna)
		if gate.sees(before).Active {
			t.Error("the server takes whoever sits there for bert, still")
		}
		for _, to := range []struct {
			who   household.Member
			group server.Group
		}{{anna, server.Player}, {mia, server.Household}} {
			if to.who.ID != anna.ID {
				w := h.is(h.send(http.MethodPost, "/home/switch", request{form: url.Values{"member": {to.who.ID}}, cookies: browser}), http.StatusSeeOther)
				browser["usher-home"] = cookie(w, "usher-home")
			}
			back, err := url.Parse(h.is(h.asked(gate, browser), http.StatusSeeOther).Header().Get("Location"))
			d.must(err)
			w := gate.redeems(back.Query().Get("code"), strings.Repeat("v", 43))
			given := said(w)
			var told struct {
				Identity string `json:"id_token"`
			}
			d.must(json.Unmarshal(w.Body.Bytes(), &told))
			parts := strings.Split(told.Identity, ".")
			if len(parts) != 3 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			raw, err := base64.RawURLEncoding.DecodeString(parts[1])
			d.must(err)
			var id struct {
				Sub, ACR string
				Groups   []server.Group
			}
			d.must(json.Unmarshal(raw, &id))
			v := gate.sees(given.Access)
			if id.Sub != to.who.AccountID || id.ACR != "urn:usher:home" || !slices.Equal(id.Groups, []server.Group{to.group}) || !v.Active || v.Sub != id.Sub || !slices.Equal(v.Groups, id.Groups) {
				t.Errorf("%s: %+v, and afterwards %+v", to.who.Name, id, v)
			}
			if to.who.Managed && v.Name != "Mia" {
				t.Errorf("the server calls her %q", v.Name)
			}
			defer func() {
				if gate.sees(given.Access).Active {
					t.Errorf("%s is at the server still", to.who.Name)
				}
			}()
		}
		if page := h.send(http.MethodGet, h.ask(gate.config.AuthCodeURL("state", oauth2.SetAuthURLParam("prompt", "consent"), oauth2.S256ChallengeOption(strings.Repeat("v", 43)))).RequestURI(), request{cookies: browser}).Body.String(); !strings.Contains(page, "This browser is switched to") || strings.Contains(page, "@") {
			t.Errorf("whoever sits there is shown %s", page)
		}
		for _, option := range []string{"login", "consent"} {
			w := h.asked(gate, browser, oauth2.SetAuthURLParam("prompt", option))
			if at := w.Header().Get("Location"); option == "login" && !strings.Contains(at, "error=login_required") || option == "consent" && !strings.Contains(at, "code=") {
				t.Errorf("prompt=%s leads to %s", option, at)
			}
		}
		other := d.newApp("jellyfin", nil)
		if at := h.asked(other, browser).Header().Get("Location"); at != "/home" {
			t.Errorf("an app that is no media server sends the browser to %s", at)
		}
		h.is(h.send(http.MethodPost, "/sign-out", request{cookies: browser, form: url.Values{}}), http.StatusSeeOther)
		h.is(h.send(http.MethodGet, "/home", request{cookies: browser}), http.StatusSeeOther)
		d.must(d.db.RemoveMember(d.Context(), h.anna.ID, bert.ID, audit.Act{At: d.at}, audit.Act{At: d.at}))
		if g, err := d.db.FindGroup(d.Context(), gate.ID, account.Account{Standing: account.Standing{ID: h.bert.ID}, Email: h.bert.Email}, d.at); err != nil || g != server.Nobody {
			t.Errorf("bert, who was removed, is %q at the server: %v", g, err)
		}
	})
}

// In a browser that is switched, a member is not told on, and decides nothing: nobody there reads the member's address, or has a media server read it, accepts an invitation to one for
// the member, or counts as somebody who has just proved who it is (L24, SE-8).
func TestSwitchedBrowserTellsNoAddress(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		bert := d.joins(h.bert, h.anna)
		browser := h.switchedBrowser(h.signedIn(h.anna), bert)
		ask := func(options ...oauth2.AuthCodeOption) *httptest.ResponseRecorder {
			page := h.ask(gate.config.AuthCodeURL("state", append(options, oauth2.S256ChallengeOption(strings.Repeat("v", 43)))...))
			return h.send(http.MethodGet, page.RequestURI(), request{cookies: browser})
		}
		h.line(gate, h.bert, server.Friend)
		invited := h.is(ask(), http.StatusOK)
		if body := invited.Body.String(); !strings.Contains(body, "is not open to you") {
			t.Errorf("who switched to bert may accept his invitation: %s", body)
		}
		w := h.send(http.MethodPost, "/authorize/consent", request{form: consentForm(invited, "allow"), cookies: browser})
		if at := w.Header().Get("Location"); !strings.Contains(at, "error=access_denied") {
			t.Errorf("leads to %s", at)
		}
		if n := d.rows(`SELECT account_id FROM server_access WHERE account_id = '` + h.bert.ID + `'`); len(n) != 0 {
			t.Error("the invitation is accepted")
		}
		d.must(d.db.OpenToHome(d.Context(), h.anna.ID, gate.ID, household.Shared{With: household.WithAll}, audit.Act{At: d.at}))
		page := h.is(ask(), http.StatusOK)
		if body := page.Body.String(); strings.Contains(body, h.bert.Email) || strings.Contains(body, "e-mail address") {
			t.Errorf("the page tells bert's address, or would: %s", body)
		}
		back, err := url.Parse(h.is(h.send(http.MethodPost, "/authorize/consent", request{form: consentForm(page, "allow"), cookies: browser}), http.StatusSeeOther).Header().Get("Location"))
		d.must(err)
		told := gate.redeems(back.Query().Get("code"), strings.Repeat("v", 43))
		given := said(told)
		claims := openClaims(t, told)
		if v := gate.sees(given.Access); !v.Active || v.Sub != h.bert.ID || v.Email != "" || claims["email"] != nil {
			t.Errorf("the server is told %+v, and %v", v, claims)
		}
		if claims["auth_time"] != nil {
			t.Errorf("nobody has proved anything at %v", claims["auth_time"])
		}
		for _, p := range gate.people() {
			if p.Email != "" && p.Sub == h.bert.ID {
				t.Errorf("the server lists %+v", p)
			}
		}
		if at := ask(oauth2.SetAuthURLParam("max_age", "600")).Header().Get("Location"); !strings.Contains(at, "error=login_required") {
			t.Errorf("max_age leads to %s", at)
		}
	})
}

// openClaims are the claims of the ID token in an answer of the token endpoint.
func openClaims(t *testing.T, w *httptest.ResponseRecorder) (claims map[string]any) {
	t.Helper()
	var told struct {
		Identity string `json:"id_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(told.Identity, ".")
	if len(parts) != 3 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
