package plexapi

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/secret"
)

// managed is a member without address and password in somebody's Home, with a PIN where one is given.
func (h *house) managed(owner account.Account, name, pin string) household.Member {
	h.Helper()
	m := household.Managed{ID: id.New(h.now), AccountID: id.New(h.now), Name: name}
	h.must(h.db.AddManaged(h.Context(), owner.ID, m, audit.Act{At: h.now}))
	h.must(h.db.SetPIN(h.Context(), owner.ID, m.ID, secret.TokenOf(pin), audit.Act{At: h.now}))
	got, _ := h.home(owner.ID).Find(m.ID)
	return got
}

func (h *house) home(accountID string) household.Home {
	h.Helper()
	home, err := h.db.FindHome(h.Context(), accountID)
	h.must(err)
	return home
}

func numberOf(m household.Member) string { return strconv.FormatInt(device.Number(m.AccountID), 10) }

// post sends to an address of the Home with a token.
func (h *house) post(path, token string, headers ...string) answer {
	h.Helper()
	return h.ask(http.MethodPost, path, "", append([]string{"X-Plex-Token", token}, headers...)...)
}

// switched is the token of a member that a token switched to.
func (h *house) switched(m household.Member, token, pin string, headers ...string) string {
	h.Helper()
	return h.post("/api/v2/home/users/"+m.AccountID+"/switch?pin="+pin, token, append([]string{"Accept", "application/json"}, headers...)...).is(201).jsonBody()["authToken"].(string)
}

// Who is in no Home is one of one: clients know no other way to say it.
func TestNobodysHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		h.get("/api/v2/home/users", token, "Accept", "application/json").is(200, `"guestEnabled":false`, `"users":[{"id":`, `"admin":true`)
		h.get("/api/v2/home", token).is(200, "<home ", "<users><user ")
		h.get("/api/home/users", token, "Accept", "application/json").is(200, "<MediaContainer ", "<User id=", ` title="The ann"`, ` protected="0"`)
		for _, path := range []string{"/api/users", "/api/users/"} {
			h.get(path, token).is(200, `size="0"/>`)
		}
		h.get("/api/v2/friends", token, "Accept", "application/json").is(200, "[]")
		h.get("/api/users/1", token).is(404)
		h.get("/api/v2/user", token).is(200, ` home="0"`, ` homeSize="1"`, ` homeAdmin="0"`, ` maxHomeSize="16"`, ` restricted="0"`, ` protected="0"`)
	})
}

func TestHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		kim := h.managed(ann, "Kim", "0417")
		for _, path := range []string{"/api/v2/home/users", "/api/v2/home/users/", "/api/v2/home"} {
			users := h.get(path, token, "Accept", "application/json").is(200).without("0417", `"pin"`).jsonBody()["users"].([]any)
			if len(users) != 2 {
				t.Fatalf("%s lists %v", path, users)
			}
			owner, member := users[0].(map[string]any), users[1].(map[string]any)
			if owner["admin"] != true || owner["email"] != "ann@example.org" || owner["restricted"] != false || owner["uuid"] != ann.ID {
				t.Errorf("the owner is %v", owner)
			}
			if member["title"] != "Kim" || member["protected"] != true || member["restricted"] != true || member["admin"] != false || member["hasPassword"] != false || member["uuid"] != kim.AccountID {
				t.Errorf("the member is %v", member)
			}
		}
		h.get("/api/home/users", token).is(200, ` size="2"`, `<User id="`+numberOf(kim)+`"`, ` title="Kim"`, ` protected="1"`, ` restricted="1"`).without("0417")
		h.get("/api/users/", token).is(200, ` size="1"`, `<User id="`+numberOf(kim)+`"`, ` home="1"`).without(ann.ID, "ann@example.org")
		h.get("/api/v2/user", token).is(200, ` home="1"`, ` homeSize="2"`, ` homeAdmin="1"`, ` restricted="0"`, ` protected="0"`)
	})
}

func TestSwitch(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		kim, ole := h.managed(ann, "Kim", "0417"), h.managed(ann, "Ole", "")
		now, old := "/api/v2/home/users/"+kim.AccountID+"/switch", "/api/home/users/"+numberOf(kim)+"/switch"

		h.post(now, token).is(403, `code="1041"`, `status="403"`)
		h.post(now+"?pin=0000", token, "Accept", "application/json").is(403, `"code":1041`)
		h.post(old+"?pin=0000", token).is(403, "<errors><error>The PIN is missing, or is not right.</error></errors>")
		h.post("/api/v2/home/users/"+numberOf(kim)+"/switch?pin=0417", token).is(404, `code="1002"`)
		h.post("/api/v2/home/users/"+kim.ID+"/switch?pin=0417", token).is(404, `code="1002"`)
		h.post("/api/home/users/1/switch", token).is(404)
		h.post(now+"?pin=0417", "").is(401, `code="1001"`)
		h.post(old+"?pin=0417", secret.NewToken().Reveal()).is(422, "Invalid token")

		got := h.post(now+"?pin=0417", token, "Accept", "application/json").is(201).jsonBody()
		for _, name := range append(strings.Fields(scalars), "subscription", "profile", "entitlements", "services", "pastSubscriptions", "trials") {
			if _, has := got[name]; !has {
				t.Errorf("there is no %s", name)
			}
		}
		if got["title"] != "Kim" || got["email"] != "" || got["username"] != "" || got["uuid"] != kim.AccountID || got["restricted"] != true || got["protected"] != true || got["homeSize"] != 3.0 || got["homeAdmin"] != false || got["hasPassword"] != false || got["pin"] != nil {
			t.Errorf("says %v", got)
		}
		kims := got["authToken"].(string)
		h.get("/api/v2/user", kims).is(200, ` title="Kim"`, ` restricted="1"`, ` authToken="`+kims+`"`).without("ann")
		h.post("/users/sign_in.xml", kims).is(201, ` authenticationToken="`+kims+`"`) // as players do with what they switched to
		h.get("/api/v2/ping", kims).is(200)
		h.get("/api/v2/resources", kims).is(200).without("ann")
		h.ask(http.MethodPost, old, form("pin", "0417"), "X-Plex-Token", token).is(201, "<user ", ` authenticationToken="`)

		oles := h.switched(ole, kims, "") // from one to another
		h.get("/users/account", oles).is(200, ` title="Ole"`)
		h.get("/api/v2/home/users", oles).is(200, ` title="Kim"`, ` title="The ann"`, ` email=""`).without("ann@example.org")
		anns := h.home(ann.ID).Members[0]
		back := h.switched(anns, oles, "", "X-Plex-Device-Name", "den")
		h.get("/api/v2/user", back).is(200, ` username="ann"`, ` email=""`, ` uuid="`+ann.ID+`"`, ` homeAdmin="1"`)
		h.get("/api/claim/token", back).is(403)               // a player, whoever it is
		h.get("/devices", back).is(200, ` size="1"`, `"den"`) // what else ann has is not for who switched to her
		h.get("/api/resources", back).is(200, ` size="1"`)

		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", kims).is(204)
		h.get("/api/v2/user", kims).is(401)
		h.get("/api/v2/user", oles).is(200) // it came from the sign-in, not from what was switched to before
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", token).is(204)
		for _, dead := range []string{oles, back} {
			h.get("/api/v2/user", dead).is(401, `code="1001"`)
			h.get("/users/account", dead).is(422, "Invalid token")
		}
	})
}

// What a switched token may not do is 1009 for a managed member, and the same as for any player else.
func TestSwitchedTokensHaveNoSay(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		kim := h.managed(ann, "Kim", "")
		kims, anns := h.switched(kim, token, ""), h.switched(h.home(ann.ID).Members[0], token, "")
		for _, do := range []struct{ method, path string }{
			{"POST", "/api/v2/home/users/restricted?friendlyName=Eve"}, {"POST", "/api/v2/home/users/restricted/" + numberOf(kim) + "?pin=1111"},
			{"PUT", "/api/v2/home/users/restricted/" + numberOf(kim) + "?friendlyName=Eve"}, {"DELETE", "/api/v2/home/users/restricted/" + numberOf(kim)},
			{"DELETE", "/api/v2/home/users/" + kim.AccountID}, {"PUT", "/api/v2/pins/link?code=7RQZ"},
		} {
			h.ask(do.method, do.path, "", "X-Plex-Token", kims).is(403, `code="1009"`, "Managed users may not do this.")
			h.ask(do.method, do.path, "", "X-Plex-Token", anns).is(403, `code="1068"`)
		}
		for _, do := range []struct{ method, path string }{
			{"POST", "/api/home/users?title=Eve"}, {"DELETE", "/api/home/users/" + numberOf(kim)}, {"GET", "/api/claim/token"},
		} {
			h.ask(do.method, do.path, "", "X-Plex-Token", kims).is(403, "Managed users may not do this.")
			h.ask(do.method, do.path, "", "X-Plex-Token", anns).is(403, "This device may not do that.")
		}
		if got := h.home(ann.ID); len(got.Members) != 2 || got.Members[1].Name != "Kim" || got.Members[1].Protected {
			t.Errorf("the Home is %+v", got)
		}
	})
}

func TestManagedUsers(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.person("bob", false)
		token, bobs := h.signIn("ann", annPassword, "attic"), h.signIn("bob", annPassword, "shed")
		h.post("/api/v2/home/users/restricted?friendlyName=Kim", token).is(201, "<user ", ` title="Kim"`, ` restricted="1"`, ` uuid="`)
		kim := h.home(ann.ID).Members[1]
		at := "/api/v2/home/users/restricted/" + numberOf(kim)
		h.ask(http.MethodPost, "/api/v2/home/users/restricted", `{"friendlyName":"Ole","sharingSettings":{}}`, "X-Plex-Token", token, "Content-Type", "application/json", "Accept", "application/json").
			is(201, `"title":"Ole"`)
		h.post("/api/home/users?title=Ida", token, "Content-Type", "application/json").is(201, "<User id=", ` title="Ida"`)

		h.post(at+"?friendlyName=Kimberly", token).is(201, ` title="Kimberly"`)
		h.post(at+"?pin=0417", token).is(201, ` protected="1"`).without("0417")
		h.post("/api/v2/home/users/"+kim.AccountID+"/switch", token).is(403, `code="1041"`)
		h.post(at+"?removePin=1", token).is(201, ` protected="0"`)
		h.switched(kim, token, "")
		for _, pin := range []string{"12345", "12a4", "123"} {
			h.post(at+"?pin="+pin, token).is(422, `code="1038"`)
		}
		h.post(at+"?restrictionProfile=little_kid", token).is(422, `code="1008"`, "There are no restriction profiles here.")
		h.post("/api/v2/home/users/restricted?friendlyName=Eve&restrictionProfile=teen", token).is(422, `code="1008"`)
		h.post("/api/home/users?invitedEmail=bob@example.org", token).is(403, "Who has an account is invited at "+testOrigin+"/home")
		h.post("/api/v2/home/users/restricted/1?pin=1111", token).is(404, `code="1002"`)
		h.post(at+"/", token).is(404)
		h.post("/api/v2/home/users/"+kim.AccountID+"/sweep", token).is(404, `code="1002"`)

		h.post(at+"?pin=1111", bobs).is(404, `code="1002"`) // a Home of others
		h.ask(http.MethodDelete, at, "", "X-Plex-Token", bobs).is(404)
		for _, left := range []string{at, "/api/v2/home/users/" + h.home(ann.ID).Members[2].AccountID, "/api/home/users/" + numberOf(h.home(ann.ID).Members[3]) + ".xml"} {
			h.ask(http.MethodDelete, left, "", "X-Plex-Token", token).is(204)
			h.ask(http.MethodDelete, left, "", "X-Plex-Token", token).is(404)
		}
		h.get("/api/v2/home/users", token).is(200, ` admin="1"`).without("Kim", "Ole", "Ida")
	})
}

func TestOwnPIN(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		kim := h.managed(ann, "Kim", "")
		own := "/api/home/users/" + strconv.FormatInt(device.Number(ann.ID), 10)
		put := func(path, token string) answer {
			return h.ask(http.MethodPut, path, "", "X-Plex-Token", token)
		}
		put(own+"?pin=0417", token).is(200, `<Response code="0" status="Updated user"/>`)
		h.get("/api/v2/user", token).is(200, ` protected="1"`).without("0417")
		put(own+"?pin=1111", token).is(401, `<Response code="401" status="Incorrect PIN"/>`)
		put(own+"?pin=1111&currentPin=0000", token).is(401, "Incorrect PIN")
		put(own+"?pin=1111&currentPin=0417", token).is(200)
		put(own+"?pin=11&currentPin=1111", token).is(422, "A PIN is four digits.")
		put(own+"?pin=1111", "").is(401, `status="Please sign in."`)
		put(own+"?pin=1111", secret.NewToken().Reveal()).is(401, `status="Please sign in."`)
		put("/api/home/users/"+numberOf(kim)+"?pin=1111", token).is(404, `status="Invalid authentication token."`)
		anns := h.home(ann.ID).Members[0]
		h.post("/api/v2/home/users/"+ann.ID+"/switch", h.switched(kim, token, "")).is(403, `code="1041"`)
		h.switched(anns, token, "1111")
		put(own+"?pin=&currentPin=1111", token).is(200)
		h.switched(anns, token, "")
	})
}

// Attack L24: one counter for a member, whichever address, generation or device is used; five tries, then the wait, and after ten nothing but the owner helps.
func TestAPINIsNotGuessed(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		one, other := h.signIn("ann", annPassword, "attic"), h.signIn("ann", annPassword, "shed")
		kim := h.managed(ann, "Kim", "0417")
		now, old := "/api/v2/home/users/"+kim.AccountID+"/switch?pin=", "/api/home/users/"+numberOf(kim)+"/switch?pin="
		guess := func(n int) answer {
			return h.post([]string{now, old}[n%2]+strconv.Itoa(1000+n), []string{one, other}[n/2%2])
		}
		for n := range household.FreeTries {
			guess(n).is(403)
		}
		h.post(now+"0417", other).is(429, `code="1003"`, "Too many wrong PINs, or too many switches.")
		if got := h.post(old+"0417", one).is(429, "Too many wrong PINs, or too many switches.").Header().Get("Retry-After"); got != "900" {
			t.Errorf("comes back in %s", got)
		}
		h.now = h.now.Add(household.Pause)
		for n := household.FreeTries; n < household.MostTries; n++ {
			guess(n).is(403)
		}
		h.now = h.now.Add(1000 * household.Pause)
		for n := range 3 {
			guess(n).is(403, "Too many wrong PINs. Whoever set the PIN can unlock it")
		}
		h.post(now+"0417", one).is(403, `code="1043"`)
	})
}
