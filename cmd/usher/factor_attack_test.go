package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

// Attack F3: wrong codes of the second step that are spread over every door there is use one budget up, and then no door takes a right one either; to
// who has the budget left, each takes it.
func TestWrongCodesOfEveryDoorAreOne(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		d.turnOnFactor(h.anna)
		browser, link := h.signedIn(h.anna), ""
		ways := map[string]struct {
			try          func(code string) *httptest.ResponseRecorder
			wrong, right int
			late         int // when there have been too many
		}{
			"sign-in page": {func(code string) *httptest.ResponseRecorder {
				half := d.send(http.MethodPost, "/sign-in", request{form: url.Values{"login": {h.anna.Email}, "password": {h.password}}})
				return d.send(http.MethodPost, "/sign-in/code", request{form: url.Values{"code": {code}}, cookies: map[string]string{"usher-code": cookie(half, "usher-code")}})
			}, http.StatusUnprocessableEntity, http.StatusSeeOther, http.StatusTooManyRequests},
			"appended": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": h.anna.Email, "password": h.password + code}})
			}, http.StatusForbidden, http.StatusOK, http.StatusTooManyRequests},
			"API": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": h.anna.Email, "password": h.password, "code": code}})
			}, http.StatusForbidden, http.StatusOK, http.StatusTooManyRequests},
			"verificationCode": {func(code string) *httptest.ResponseRecorder {
				q := asPlex("")
				q.form = url.Values{"login": {h.anna.Email}, "password": {h.password}, "verificationCode": {code}}
				return d.send(http.MethodPost, "/api/v2/users/signin", q)
			}, http.StatusUnauthorized, http.StatusCreated, http.StatusUnauthorized},
			"red page": {func(code string) *httptest.ResponseRecorder {
				var told struct {
					User string `json:"user_code"`
				}
				w := d.send(http.MethodPost, "/api/v1/link", request{object: map[string]string{"device": "TV", "client": "faraway"}, from: "198.51.100.7:4711"})
				d.must(json.Unmarshal(w.Body.Bytes(), &told))
				cookies := map[string]string{"usher": browser}
				cookies["usher-link"] = cookie(d.send(http.MethodPost, "/link", request{form: url.Values{"user_code": {told.User}}, cookies: cookies}), "usher-link")
				form := asked(d.send(http.MethodGet, "/link/confirm", request{cookies: cookies}))
				d.at = d.at.Add(10 * time.Second)
				form.Set("code", code)
				return d.send(http.MethodPost, "/link/confirm", request{form: form, cookies: cookies})
			}, http.StatusUnprocessableEntity, http.StatusSeeOther, http.StatusTooManyRequests},
			"proof": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/sign-in/again", request{form: url.Values{"password": {h.password}, "code": {code}}, cookies: map[string]string{"usher": browser}})
			}, http.StatusUnprocessableEntity, http.StatusSeeOther, http.StatusTooManyRequests},
			"reset": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/reset/code", request{form: url.Values{"ticket": {link}, "code": {code}}})
			}, http.StatusUnprocessableEntity, http.StatusSeeOther, http.StatusTooManyRequests},
			"new recovery codes": {func(code string) *httptest.ResponseRecorder {
				form := url.Values{"password": {h.password}, "code": {code}}
				return d.send(http.MethodPost, "/account/second-step/codes", request{form: form, cookies: map[string]string{"usher": browser}})
			}, http.StatusUnprocessableEntity, http.StatusOK, http.StatusTooManyRequests},
			"off": {func(code string) *httptest.ResponseRecorder {
				w := d.send(http.MethodPost, "/account/second-step/off", request{form: url.Values{"off_code": {code}}, cookies: map[string]string{"usher": browser}})
				if w.Code == http.StatusSeeOther { // and on again, for the others
					d.turnOnFactor(h.anna)
				}
				return w
			}, http.StatusUnprocessableEntity, http.StatusSeeOther, http.StatusTooManyRequests},
			"Basic": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/api/v1/me", asBasic(h.anna.Email, h.password+code))
			}, http.StatusUnauthorized, http.StatusOK, http.StatusTooManyRequests},
			"Basic of old": {func(code string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/users/sign_in.xml", asBasic(h.anna.Email, h.password+code).with(asPlex("").header))
			}, http.StatusUnauthorized, http.StatusCreated, http.StatusTooManyRequests},
		}
		names := slices.Sorted(maps.Keys(ways))
		fresh := func() { // a right code is taken once, and the next one comes half a minute later
			d.unlimited()
			browser = h.signedIn(h.anna)
			h.is(d.send(http.MethodPost, "/reset", request{form: url.Values{"login": {h.anna.Email}}}), http.StatusSeeOther)
			link = h.mailed(h.anna.Email, notice.DataLink, "/reset/")
			d.do("DELETE FROM mail")
		}
		for _, name := range names {
			fresh()
			if w := ways[name].try(h.code(h.anna)); w.Code != ways[name].right {
				d.Errorf("%s, a right one: %d %s", name, w.Code, w.Body)
			}
		}
		for first := range names { // each of them is the one that comes too late
			fresh()
			for i := range int(ratelimit.Factors.Limit) {
				name := names[(first+1+i)%len(names)]
				if w := ways[name].try(wrongCode(h)); w.Code != ways[name].wrong {
					d.Errorf("%s, wrong number %d: %d %s", name, i+1, w.Code, w.Body)
				}
			}
			if w := ways[names[first]].try(h.code(h.anna)); w.Code != ways[names[first]].late {
				d.Errorf("%s, a right one after five wrong ones elsewhere: %d %s", names[first], w.Code, w.Body)
			}
		}
	})
}

// wrongCode is none that the authenticator shows now, or has shown, or will, within some minutes.
func wrongCode(h *holder) string {
	near := map[string]bool{}
	for steps := int64(-10); steps <= 10; steps++ {
		near[mfa.Code(h.keys[h.anna.ID], mfa.Step(h.at)+steps).Reveal()] = true
	}
	for i := range 100 {
		if code := fmt.Sprintf("%06d", i); !near[code] {
			return code
		}
	}
	return ""
}
