package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestSignIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		h.person("bob", true)
		token := h.signIn("ann", annPassword)
		h.me(token).is(200, "")
		code := h.code("bob")
		h.signIn("bob", annPassword+code)
		post := func(body string) answer { return h.ask(http.MethodPost, "/api/v1/sign-in", body) }
		post(`{"login":"bob","password":"`+annPassword+`"}`).is(403, "code-required")
		post(`{"login":"bob","password":"`+annPassword+code+`"}`).is(403, "wrong-code")
		post(`{"login":"bob","password":"wrong`+code+`"}`).is(401, "wrong")
		post(`{"login":"bob","password":"`+annPassword+`","code":"`+h.code("bob")+`","device":"Attic","product":null}`).is(200, "")
		ann := post(`{"login":"ann","password":"wrong"}`).is(401, "wrong")
		nobody := post(`{"login":"nobody","password":"wrong"}`).is(401, "wrong")
		if one, other := same(ann), same(nobody); one != other {
			t.Errorf("it tells who is there:\n%s\n%s", one, other)
		}
	})
}

// same is an answer without what differs between any two.
func same(a answer) string {
	p := a.problem()
	p.Instance = ""
	return strings.Join([]string{p.Type, p.Title, p.Detail, a.Header().Get("WWW-Authenticate"), a.Header().Get("Content-Type")}, "\n")
}

func TestSignInReadsNothingTwoWays(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		for body, want := range map[string]struct {
			status int
			name   string
		}{
			`{"login":"ann","password":"` + annPassword + `"}`:                       {200, ""},
			` {"login":"ann" , "password":"seven\u0020copper kettles","code":null} `: {200, ""},
			`{"login":"ann","password":"x","password":"` + annPassword + `"}`:        {422, "bad-fields"},
			`{"login":"ann","password":"x","passw\u006frd":"y"}`:                     {422, "bad-fields"},
			`{"login":"ann","Password":"` + annPassword + `"}`:                       {422, "bad-fields"},
			`{"login":"ann","password":"x","admin":"true"}`:                          {422, "bad-fields"},
			`{"login":"ann","password":["x"]}`:                                       {422, "bad-fields"},
			`{"login":"ann","password":{"a":"b"}}`:                                   {422, "bad-fields"},
			`{"login":"ann","password":1}`:                                           {422, "bad-fields"},
			`{"login":"ann","password":null}`:                                        {422, "bad-fields"},
			`{"login":"ann","password":""}`:                                          {422, "bad-fields"},
			`{"login":"ann"}`:                                                        {422, "bad-fields"},
			`{"login":"ann","password":"a\u0000b"}`:                                  {422, "bad-fields"},
			`[]`:                                                                     {422, "bad-fields"},
			`"ann"`:                                                                  {422, "bad-fields"},
			`null`:                                                                   {422, "bad-fields"},
			`{"login":"ann","password":"x"}{}`:                                       {400, "bad-request"},
			`{"login":"ann","password":"x",}`:                                        {400, "bad-request"},
			`{"login":"ann","password":"x"`:                                          {400, "bad-request"},
			"{\"login\":\"ann\",\"password\":\"\xff\"}":                              {400, "bad-request"},
			`login=ann&password=x`:                                                   {400, "bad-request"},
			strings.Repeat("[", 60<<10):                                              {400, "bad-request"},
			strings.Repeat(" ", 65<<10):                                              {413, "too-large"},
		} {
			h.ask(http.MethodPost, "/api/v1/sign-in", body).is(want.status, want.name)
		}
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/problem+json", "application/json;;"} {
			h.ask(http.MethodPost, "/api/v1/sign-in", `{"login":"ann","password":"x"}`, "Content-Type", kind).is(415, "not-json")
		}
		h.ask(http.MethodPost, "/api/v1/sign-in", `{"login":"ann","password":"`+annPassword+`"}`, "Content-Type", "application/json; charset=UTF-8").is(200, "")
		h.ask(http.MethodPost, "/api/v1/sign-in", `{"login":"ann","password":"`+annPassword+`"}`, "Sec-Fetch-Site", "cross-site").is(403, "other-site")
		h.ask(http.MethodPost, "/api/v1/sign-in", `{"login":"ann","password":"`+annPassword+`"}`, "Origin", "https://evil.example").is(403, "other-site")
	})
}

// Who is refused for the fields learns which, and what is wrong with them; no value comes back.
func TestWrongFieldsAreNamed(t *testing.T) {
	eachHouse(t, func(h *house) {
		for sent, want := range map[string]wrongFields{
			`{}`:                           {{"login", "is missing"}, {"password", "is missing"}},
			`{"login":"","password":null}`: {{"login", "is missing"}, {"password", "is missing"}},
			`{"username":"` + annPassword + `","password":"x"}`:                           {{"username", "is no field of this request"}, {"login", "is missing"}},
			`{"login":"a","password":["` + annPassword + `"]}`:                            {{"password", "is not a text"}},
			`{"login":"a","password":"x","code":{"a":{"b":[]}}}`:                          {{"code", "is not a text"}},
			`{"login":"a","password":"x","passw\u006frd":"y"}`:                            {{"password", "is there twice"}},
			`{"login":"a\u0000b","password":"x"}`:                                         {{"login", "has a character in it that no text has"}},
			`{"login":"a","password":"x","<b>\n":"","` + strings.Repeat("x", 50) + `":1}`: {{"…", "is no field of this request"}, {"…", "is no field of this request"}},
			`[]`: nil,
		} {
			a := h.ask(http.MethodPost, "/api/v1/sign-in", sent).is(422, "bad-fields")
			if got := a.problem().Fields; !slices.Equal(got, want) || strings.Contains(a.Body.String(), annPassword) {
				t.Errorf("%s: %s", sent, a.Body)
			}
		}
		if got := len(h.ask(http.MethodPost, "/api/v1/sign-in", "{"+strings.Repeat(`"x":1,`, 5000)+`"x":1}`).is(422, "").problem().Fields); got > mostWrongFields+2 {
			t.Errorf("%d fields are named", got)
		}
		if h.ask(http.MethodPost, "/api/v1/link", `{"device":1}`).is(422, "bad-fields").problem().Fields[0].Name != "device" {
			t.Error("the field of another address is not named")
		}
	})
}

func FuzzFieldsOf(f *testing.F) {
	for _, body := range []string{`{"login":"a","password":"b"}`, `{"login":"a","login":"b"}`, `{}`, `[1]`, `{"login":null}`, `{"login":{"login":"x"}}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := fieldsOf([]byte(raw), needs("login").may("password"))
		if err != nil {
			return
		}
		for name, value := range got.texts {
			if name != "login" && name != "password" || strings.Contains(value, "\x00") {
				t.Fatalf("%q gives %q", raw, got)
			}
		}
	})
}
