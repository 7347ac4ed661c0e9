package plexapi

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/teststore"
)

const signInPath = "/api/v2/users/signin"

func TestSignIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.person("bob", true)
		token := h.signIn("ann", annPassword, "attic")
		h.ask(http.MethodPost, signInPath, form("login", "ann@example.org", "password", annPassword, "rememberMe", "True", "noGuest", "1")).is(201,
			`<user id="`, ` authToken="`, ` username="ann"`, `<subscription active="0"`, `<profile `, ` scrobbleTypes=""`)
		h.get("/api/v2/user", token).is(401, `code="1001"`) // the same client signed in anew
		h.ask(http.MethodPost, signInPath+".json", form("login", "ann", "password", annPassword)).is(201, `"authToken":"`, `"subscription":{"active":false`)
		h.ask(http.MethodPost, signInPath, form("login", "ann", "password", "wrong")).is(401, `<errors><error code="1001" message="User could not be authenticated.`, `status="401"`)
		h.ask(http.MethodPost, signInPath, form("login", "ann", "password", "wrong"), "Accept", "application/json").is(401, `{"errors":[{"code":1001,"message":"User could not`, `"status":401}]}`)
		h.ask(http.MethodPost, signInPath, form("login", "bob", "password", annPassword)).is(401, `code="1029"`, "verification code", "end of the password")
		code := h.code("bob")
		h.ask(http.MethodPost, signInPath, form("login", "bob", "password", annPassword+code)).is(201)
		h.ask(http.MethodPost, signInPath, form("login", "bob", "password", annPassword+code)).is(401, `code="1028"`, "verification code")
		h.ask(http.MethodPost, signInPath, form("login", "bob", "password", annPassword, "verificationCode", h.code("bob"))).is(201)
		h.ask(http.MethodPost, signInPath, `{"login":"ann","password":"`+annPassword+`"}`, "Content-Type", "application/json").is(201)
		if got := h.apps(ann.ID); len(got) != 1 || got[0].Name != "AtticPlayer" || got[0].Claim.Identifier != "attic" {
			t.Errorf("signed in are %+v", got)
		}
	})
}

// A client names itself in a header, in the query or in a field, and what it says stands in the list. Without a name it is 1000.
func TestWhatAClientSays(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		login := form("login", "ann", "password", annPassword)
		h.ask(http.MethodPost, signInPath, login, "X-Plex-Client-Identifier", "").is(400, `code="1000"`)
		h.ask(http.MethodPost, "/users/sign_in.xml", form("user[login]", "ann", "user[password]", annPassword), "X-Plex-Client-Identifier", "").is(400, "<error>X-Plex-Client-Identifier")
		h.ask(http.MethodPost, signInPath+"?X-Plex-Client-Identifier=query&X-Plex-Product=Plexamp", login, "X-Plex-Client-Identifier", "").is(201)
		h.ask(http.MethodPost, signInPath, login+"&X-Plex-Client-Identifier=field&X-Plex-Device-Name=Attic+TV", "X-Plex-Client-Identifier", "", "X-Plex-Product", "").is(201)
		h.ask(http.MethodPost, signInPath, login, "X-Plex-Client-Identifier", "header", "X-Plex-Version", "1.2", "X-Plex-Platform", "Linux\u202e", "X-Plex-Platform-Version", "6",
			"X-Plex-Device", "PC", "X-Plex-Model", "M", "X-Plex-Provides", "player,controller").is(201)
		got := map[string]device.Device{}
		for _, d := range h.apps(ann.ID) {
			got[d.Claim.Identifier] = d
		}
		if len(got) != 3 || got["query"].Product != "Plexamp" || got["field"].Name != "Attic TV" {
			t.Errorf("signed in are %+v", got)
		}
		want := device.Claim{Identifier: "header", Version: "1.2", Platform: "Linux", PlatformVersion: "6", Hardware: "PC", Model: "M", Provides: "player,controller"}
		if got["header"].Claim != want {
			t.Errorf("it says %+v", got["header"].Claim)
		}
	})
}

func TestSignInOld(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		h.person("bob", true)
		old := func(path, body string, headers ...string) answer {
			return h.ask(http.MethodPost, path, body, headers...)
		}
		h.Log("Basic, form, JSON")
		x := old("/users/sign_in.xml", "", "Authorization", basic("ann", annPassword)).is(201, `authenticationToken="`, "<authentication-token>", "</authentication-token>")
		_, rest, _ := strings.Cut(x.Body.String(), `authenticationToken="`)
		token, _, _ := strings.Cut(rest, `"`)
		old("/users/sign_in.xml", "", "X-Plex-Token", token, "Accept", "application/json").is(201, `authenticationToken="`+token) // read again, still XML
		old("/users/sign_in.json", "", "X-Plex-Token", token).is(201, `{"user":{"id":`, `"authToken":"`+token, `"authentication_token":"`+token, `"joined_at":"2026`)
		old("/users/sign_in.json", "", "Authorization", basic("ann", annPassword), "Content-Type", "application/json").is(201, `"authToken":"`)
		old("/users/sign_in.json", form("user[login]", "ann", "user[password]", annPassword)).is(201)
		old("/users/sign_in.json", `{"user":{"login":"ann","password":"`+annPassword+`"}}`, "Content-Type", "application/json").is(201)
		old("/users/sign_in.xml", "", "Authorization", basic("bob", annPassword+h.code("bob"))).is(201)
		h.Log("refusals have words and no number")
		a := old("/users/sign_in.xml", "", "Authorization", basic("ann", "wrong")).is(401, "<errors><error>User could not be authenticated.")
		if got := a.Header().Get("WWW-Authenticate"); got != `Basic realm="usher.example.org"` {
			t.Errorf("challenge %q", got)
		}
		old("/users/sign_in.json", "", "Authorization", basic("bob", annPassword)).is(401, `{"error":"Please enter the verification code`)
		old("/users/sign_in.xml", "").is(401, "Send a name and a password")
		old("/users/sign_in.xml", "", "X-Plex-Token", secret.NewToken().Reveal()).is(422, "<errors><error>Invalid token</error></errors>")
		old("/users/sign_in.xml", form("user[login]", "ann", "user[password]", "x"), "Authorization", basic("ann", annPassword)).is(400) // which of them?
	})
}

func basic(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

// Older clients send Basic in Latin-1.
func TestUnicoded(t *testing.T) {
	if got := unicoded("m\xfcller") + unicoded("müller"); got != "müllermüller" {
		t.Errorf("%q", got)
	}
}

// Attack F17: no empty password. Attack F3 and F4: one budget, however the name is spelled and through whichever way; and telling it apart from a
// wrong password tells nothing about who is there.
func TestFailures(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		for _, fields := range []string{"", "login=ann", "login=ann&password=", "password=" + "x", "login=&password="} {
			h.ask(http.MethodPost, signInPath, fields).is(401, `code="1001"`)
		}
		one := h.ask(http.MethodPost, signInPath, form("login", "ann", "password", "wrong")).Body.String()
		other := h.ask(http.MethodPost, signInPath, form("login", "nobody", "password", "wrong")).Body.String()
		if one != other {
			t.Errorf("it tells who is there:\n%s\n%s", one, other)
		}
		h.ask(http.MethodPost, signInPath, form("login", "ANN", "password", "wrong")).is(401, `code="1001"`)
		h.ask(http.MethodPost, signInPath, form("login", "ann@example.org", "password", "wrong")).is(401, `code="1001"`)
		h.ask(http.MethodPost, "/users/sign_in.xml", "", "Authorization", basic("ann", "wrong")).is(401)
		h.ask(http.MethodPost, "/users/sign_in.json", form("user[login]", "ann", "user[password]", "wrong")).is(401)
		a := h.ask(http.MethodPost, signInPath, form("login", "ann", "password", annPassword)).is(401, `code="1031"`)
		if a.Header().Get("Retry-After") != "30" {
			t.Errorf("retry after %q", a.Header().Get("Retry-After"))
		}
		h.ask(http.MethodPost, "/users/sign_in.json", form("user[login]", "ann", "user[password]", annPassword)).is(429, `{"error":"Too many`)
		h.now = h.now.Add(31 * time.Second)
		h.signIn("ann", annPassword, "attic")
	})
}

// What limits sign-ins that do not fail says nothing about the password: clients take any 401 for a verdict on it.
func TestTooManyAppsIsNoFailure(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		for i := range ratelimit.AppSignIns.Limit {
			h.signIn("ann", annPassword, "app "+strconv.FormatInt(i, 10))
		}
		a := h.ask(http.MethodPost, signInPath, form("login", "ann", "password", annPassword)).is(429, `code="1003"`)
		if a.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		h.ask(http.MethodPost, "/users/sign_in.json", form("user[login]", "ann", "user[password]", annPassword)).is(429)
		h.ask(http.MethodPost, signInPath, form("login", "ann", "password", "wrong")).is(401, `code="1001"`)
	})
}

// Attack F19: an account that is closed answers a number, and words that say what to do, to who knows the password; and its tokens are dead.
func TestClosedAccounts(t *testing.T) {
	eachHouse(t, func(h *house) {
		for name, c := range map[string]struct {
			close func(a account.Account) error
			want  []string
		}{
			"lea":  {h.lock, []string{`code="1043"`, "locked", testOrigin}},
			"rita": {func(a account.Account) error { return h.db.RequireReset(h.Context(), a.ID, "", audit.Act{At: h.now}) }, []string{`code="1040"`, testOrigin + "/reset"}},
		} {
			a := h.person(name, false)
			token, app := h.signIn(name, annPassword, "attic"), h.appPassword(a)
			h.must(c.close(a))
			h.ask(http.MethodPost, signInPath, form("login", name, "password", annPassword)).is(403, c.want...)
			h.ask(http.MethodPost, signInPath, form("login", name, "password", "wrong")).is(401, `code="1001"`).without("locked", "/reset")
			h.ask(http.MethodPost, signInPath, form("login", name, "password", app)).is(401, `code="1001"`)
			for _, dead := range []string{token, app} {
				h.get("/api/v2/user", dead).is(401, `code="1001"`)
				h.get("/users/account", dead).is(422, "Invalid token")
				h.get("/api/claim/token.json", dead).is(401, `{"error":"`)
			}
		}
	})
}

// appPassword makes an app password as its owner does on the page.
func (h *house) appPassword(a account.Account) string {
	h.Helper()
	return teststore.AppPassword(h, h.db, a.ID, h.now).Reveal()
}

// An app password is a password here too, and the token that comes back.
func TestAppPassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		app := h.appPassword(h.person("ann", true))
		if got := h.signIn("ann", secret.TokenOf(app).Grouped().Reveal(), "attic"); got != app {
			t.Error("the token is another")
		}
		h.get("/api/v2/ping", app).is(200)
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", app).is(204)
		h.get("/api/v2/ping", app).is(401)
	})
}

// A client that signs in again replaces itself; another one, and one of another account, stays. What is signed in is not moved by what a request
// calls itself, nor does a request make a device.
func TestNoFloodOfDevices(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bob := h.person("ann", false), h.person("bob", false)
		bobs := h.signIn("bob", annPassword, "attic")
		shed := h.signIn("ann", annPassword, "shed")
		var last string
		for range 5 {
			last = h.signIn("ann", annPassword, "attic")
		}
		if got := len(h.apps(ann.ID)); got != 2 {
			t.Errorf("%d devices", got)
		}
		for _, token := range []string{last, shed, bobs} {
			h.get("/api/v2/user", token).is(200, ` authToken="`+token+`"`)
		}
		before := h.apps(ann.ID)
		for _, identifier := range []string{"one", "two", "attic", "shed"} {
			h.get("/api/v2/ping", shed, "X-Plex-Client-Identifier", identifier, "X-Plex-Device-Name", "Another").is(200)
			h.ask(http.MethodPost, "/users/sign_in.xml", "", "X-Plex-Token", shed, "X-Plex-Client-Identifier", identifier).is(201)
		}
		if after := h.apps(ann.ID); len(after) != 2 || before[0] != after[0] || before[1] != after[1] || len(h.apps(bob.ID)) != 1 {
			t.Errorf("a request changed %+v into %+v", before, after)
		}
	})
}
