package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/secret"
)

// managed is a member without address and password in somebody's Home, with a PIN where one is given.
func (h *house) managed(owner account.Account, name, pin string) (m household.Managed) {
	h.Helper()
	m = household.Managed{ID: id.New(h.now), AccountID: id.New(h.now), Name: name}
	h.must(h.db.AddManaged(h.Context(), owner.ID, m, audit.Act{At: h.now}))
	h.must(h.db.SetPIN(h.Context(), owner.ID, m.ID, secret.TokenOf(pin), audit.Act{At: h.now}))
	return m
}

func (h *house) home(token string) (members []housemate) {
	h.Helper()
	var got map[string][]housemate
	h.must(json.Unmarshal(h.ask(http.MethodGet, "/api/v1/home", "", "Authorization", "Bearer "+token).is(200, "").Body.Bytes(), &got))
	return got["members"]
}

func (h *house) switches(token, member, pin string) answer {
	h.Helper()
	return h.ask(http.MethodPost, "/api/v1/home/switch", fmt.Sprintf(`{"member":%q,"pin":%q}`, member, pin), "Authorization", "Bearer "+token)
}

func TestHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword)
		if got := h.home(token); len(got) != 0 {
			t.Errorf("somebody alone lives with %+v", got)
		}
		h.switches(token, ann.ID, "").is(404, "no-member")
		kim := h.managed(ann, "Kim", "0417")
		got := h.home(token)
		if len(got) != 2 || got[0] != (housemate{ann.ID, "The ann", true, false, false, true}) || got[1] != (housemate{kim.AccountID, "Kim", false, true, true, false}) {
			t.Fatalf("the Home is %+v", got)
		}
		h.ask(http.MethodPost, "/api/v1/home/switch", `{"member":"`+kim.AccountID+`"}`, "Authorization", "Bearer "+token).is(403, "pin-required")
		h.switches(token, kim.AccountID, "0000").is(403, "wrong-pin")
		h.switches(token, kim.ID, "0417").is(404, "no-member")
		h.switches("", kim.AccountID, "0417").is(401, "no-credentials")
		h.switches(secret.NewToken().Reveal(), kim.AccountID, "0417").is(401, "dead-token")
		h.ask(http.MethodPost, "/api/v1/home/switch", `{}`, "Authorization", "Bearer "+token).is(422, "bad-fields")

		var in signedIn
		h.must(json.Unmarshal(h.switches(token, kim.AccountID, "0417").is(200, "").Body.Bytes(), &in))
		if in.Account != (person{kim.AccountID, "Kim", ""}) || in.TokenType != "Bearer" {
			t.Errorf("answers %+v", in)
		}
		h.me(in.Token).is(200, "")
		if got := h.home(in.Token); len(got) != 2 || !got[1].You || got[0].You {
			t.Errorf("from there the Home is %+v", got)
		}
		bearer := []string{"Authorization", "Bearer " + in.Token}
		h.ask(http.MethodGet, "/api/v1/devices", "", bearer...).is(403, "no-say")
		h.must(json.Unmarshal(h.switches(in.Token, ann.ID, "").is(200, "").Body.Bytes(), &in)) // and back, as a player
		h.ask(http.MethodGet, "/api/v1/devices", "", "Authorization", "Bearer "+in.Token).is(403, "no-say")
		h.ask(http.MethodPost, "/api/v1/sign-out", "", "Authorization", "Bearer "+token).is(204, "")
		h.me(in.Token).is(401, "dead-token")
	})
}

// Attack L24: five tries, whatever token they come with, then the wait, and ten.
func TestAPINIsNotGuessed(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		one, other := h.signIn("ann", annPassword), h.signIn("ann", annPassword)
		kim := h.managed(ann, "Kim", "0417")
		guess := func(n int) answer {
			return h.switches([]string{one, other}[n%2], kim.AccountID, strconv.Itoa(1000+n))
		}
		for n := range household.FreeTries {
			guess(n).is(403, "wrong-pin")
		}
		if got := h.switches(other, kim.AccountID, "0417").is(429, "too-many-tries").Header().Get("Retry-After"); got != "900" {
			t.Errorf("comes back in %s", got)
		}
		h.now = h.now.Add(household.Pause)
		for n := range household.MostTries - household.FreeTries {
			guess(n).is(403, "wrong-pin")
		}
		h.now = h.now.Add(100 * household.Pause)
		h.switches(other, kim.AccountID, "0417").is(403, "pin-locked")
	})
}
