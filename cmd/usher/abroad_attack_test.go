package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/issuertest"
)

func asTheyAre(*config.Config) {}

// annThere is somebody at Google and Apple, whose address both vouch for.
var annThere = issuertest.Account{Subject: "ann-there", Email: "ann.walker@gmail.com", Verified: true, GivenName: "Ann", FamilyName: "Walker"}

// everyTrick is what an issuer's tokens and answers can have wrong with them when somebody signs in.
var everyTrick = []issuertest.Trick{
	issuertest.SwappedNonce, issuertest.NoNonce, issuertest.AlgorithmNone, issuertest.SignedByPublic, issuertest.SignedByClient, issuertest.StrangersKey, issuertest.BringsKey, issuertest.ForeignAudience,
	issuertest.SharedAudience, issuertest.WrongParty, issuertest.Expired, issuertest.NeverExpires, issuertest.NotYet, issuertest.ForeignIssuer, issuertest.NoSubject, issuertest.EmptySubject,
	issuertest.LongSubject, issuertest.NoToken, issuertest.ForeignAnswer, issuertest.NamelessAnswer, issuertest.ForeignState, issuertest.NoState,
}

// fewTricks are one in the token, one in the answer, and one in what the answer belongs to.
var fewTricks = []issuertest.Trick{issuertest.SwappedNonce, issuertest.ForeignAnswer, issuertest.NoState}

// some is all on SQLite, and few on PostgreSQL: whatever an answer has wrong with it is found before anything is written because of it.
func some[T any](o *abroad, all, few []T) []T {
	if o.onSQLite() {
		return all
	}
	return few
}

// isRefused checks that somebody is told kindly that it did not work, that nobody is signed in, and that nothing has changed.
func (v *caller) isRefused(what string, w *httptest.ResponseRecorder, before []string) {
	v.Helper()
	page := w.Body.String()
	kind := strings.Contains(page, "Nothing was changed") || strings.Contains(page, "nobody was signed in")
	if !kind {
		v.Errorf("%s: %d %q %s", what, w.Code, w.Header().Get("Location"), page)
	}
	for _, word := range []string{"nonce", "JWT", "audience", "id_token", "oidc", "127.0.0.1", annThere.Subject} {
		if strings.Contains(strings.ReplaceAll(page, "nonce=", ""), word) {
			v.Errorf("%s: the page speaks of %q", what, word)
		}
	}
	v.forbids(what, w, before)
}

// forbids checks that an answer is no, that nobody is signed in, and that nothing has changed.
func (v *caller) forbids(what string, w *httptest.ResponseRecorder, before []string) {
	v.Helper()
	if w.Code < 400 || w.Code > 499 && w.Code != http.StatusServiceUnavailable {
		v.Errorf("%s: %d %q", what, w.Code, w.Header().Get("Location"))
	}
	if v.signedInNow() || v.cookies["usher-arrival"] != "" || v.cookies["usher"] != "" {
		v.Errorf("%s: the browser has %v", what, v.cookies)
	}
	if now := v.standing(); !slices.Equal(now, before) {
		v.Errorf("%s: there is %v, and was %v", what, now, before)
	}
}

// arrivesAs checks that a browser comes in, or stands before the page that makes an account.
func (v *caller) arrivesAs(what string, w *httptest.ResponseRecorder, to string) {
	v.Helper()
	if at := w.Header().Get("Location"); w.Code != http.StatusSeeOther || at != to {
		v.Errorf("%s: %d %q %s", what, w.Code, at, w.Body)
	}
}

// O5, S9: an answer that does not hold changes nothing, signs nobody in, and says so kindly, without telling what was wrong with it; for somebody who is known here as for
// a stranger. Afterwards an honest one holds.
func TestHostileIssuersChangeNothing(t *testing.T) {
	eachAbroadAndPlain(t, func(o *abroad) {
		for provider, i := range map[string]*issuertest.Issuer{"google": o.house.Google, "apple": o.house.Apple, "studio": o.house.Studio} {
			i.SignIn(annThere)
			for _, known := range []bool{false, true} {
				before := o.standing()
				for _, trick := range some(o, everyTrick, fewTricks) {
					if provider == "apple" && trick == issuertest.NamelessAnswer {
						continue // Apple's answers name no issuer
					}
					i.Play(trick)
					v := o.caller()
					v.isRefused(fmt.Sprintf("%s, %s, known: %v", provider, trick, known), v.comes(provider), before)
				}
				i.Play(issuertest.Honest)
				v := o.caller()
				if known {
					v.arrivesAs(provider+", known, honest again", v.comes(provider), "/account")
					continue
				}
				v.arrivesAs(provider+", honest again", v.comes(provider), "/sign-in/arrival")
				v.does(http.MethodPost, "/sign-in/arrival", nil, nil)
				i.RotateKey(t)
			}
			o.do("DELETE FROM handle")
			o.do("DELETE FROM identity")
		}
	})
}

// Whatever a service does in place of answering: it is waited for and read within bounds, nobody is led elsewhere, and the person is told.
func TestIssuersThatDoNotAnswer(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		o.house.Google.SignIn(annThere)
		o.house.Facebook.SignIn(annThere)
		obstacles := []issuertest.Obstacle{issuertest.Redirects, issuertest.Endless, issuertest.Huge, issuertest.Broken, issuertest.Babbles}
		tries := func(what, provider string, obstruct func(issuertest.Endpoint, issuertest.Obstacle), endpoint issuertest.Endpoint) {
			before := o.standing()
			for _, obstacle := range some(o, obstacles, []issuertest.Obstacle{issuertest.Broken}) {
				obstruct(endpoint, obstacle)
				v := o.caller()
				v.isRefused(fmt.Sprintf("%s: %s is %s", what, endpoint, obstacle), v.comes(provider), before)
			}
			obstruct(endpoint, "")
			v := o.caller()
			v.arrivesAs(what+" answers again", v.comes(provider), "/sign-in/arrival")
		}
		tries("Google", "google", o.house.Google.Obstruct, issuertest.Tokens)
		tries("Google", "google", func(at issuertest.Endpoint, obstacle issuertest.Obstacle) {
			o.house.Google.RotateKey(t) // else nobody asks
			o.house.Google.Obstruct(at, obstacle)
		}, issuertest.Keys)
		tries("Facebook", "facebook", o.house.Facebook.Obstruct, issuertest.Tokens)
		tries("Facebook", "facebook", o.house.Facebook.Obstruct, issuertest.UserInfo)
		if n := o.house.Google.Lured() + o.house.Facebook.Lured(); n != 0 {
			t.Errorf("the service was led elsewhere %d times", n)
		}
	})
}

// A service that is not what it says it is when it is asked about itself is not used: nobody is sent there.
func TestIssuersThatLieAboutThemselves(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		before := o.standing()
		for _, trick := range []issuertest.Trick{issuertest.ForeignDiscovery, issuertest.NothingDiscovered, issuertest.EndpointsElsewhere} {
			o.house.Google.Play(trick)
			v := o.caller()
			v.isRefused(string(trick), v.does(http.MethodPost, "/sign-in/with/google", nil, nil), before)
			o.at = o.at.Add(time.Hour) // it is asked again
		}
		o.house.Google.Play(issuertest.Honest)
		o.house.Google.SignIn(annThere)
		v := o.caller()
		v.arrivesAs("honest again", v.comes("google"), "/sign-in/arrival")
	})
}

// O5: an answer counts once, for ten minutes, in the browser that asked, at the address of the service that was asked, and for the question that it answers.
func TestAnswersBelongToOneQuestion(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		for _, provider := range []string{"google", "apple", "facebook"} {
			o.house.Google.SignIn(annThere)
			o.house.Apple.SignIn(annThere)
			o.house.Facebook.SignIn(annThere)
			before := o.standing()

			v, thief := o.caller(), o.caller()
			answer := v.away(provider)
			thief.isRefused(provider+": in a browser that asked nothing", thief.brings(answer), before)
			thief.leaves(provider)
			thief.isRefused(provider+": in a browser that asked something else", thief.brings(answer), before)
			bare := o.caller()
			bare.cookies["usher-outside"] = strings.Repeat("0", 52)
			bare.isRefused(provider+": in a browser with a cookie of its own making", bare.brings(answer), before)
			if provider != "apple" { // whose answer waited for its browser a minute
				v.arrivesAs(provider+": in the browser that asked", v.brings(answer), "/sign-in/arrival")
				delete(v.cookies, "usher-arrival")
				v.isRefused(provider+": twice", v.brings(answer), before)
			}

			v = o.caller()
			answer = v.away(provider)
			o.at = o.at.Add(credential.Rules[credential.Outside].Life)
			v.isRefused(provider+": after ten minutes", v.brings(answer), before)

			for _, other := range []string{"google", "apple", "facebook"} {
				if other == provider {
					continue
				}
				v = o.caller()
				answer = v.away(provider)
				answer.URL = strings.Replace(answer.URL, "/with/"+provider+"/", "/with/"+other+"/", 1)
				w := v.brings(answer)
				if provider == "apple" { // another site posts only to Apple's
					v.forbids("apple: at the address of "+other, w, before)
					continue
				}
				v.isRefused(provider+": at the address of "+other, w, before)
			}
			v = o.caller()
			first := v.away(provider)
			second := v.away(provider)
			v.isRefused(provider+": the code of another question", v.brings(withState(first, second.Values().Get("state"))), before)
		}
	})
}

// withState is an answer with the state of another question.
func withState(a issuertest.Answer, state string) issuertest.Answer {
	values := url.Values{}
	for name, all := range a.Values() {
		values[name] = all
	}
	values.Set("state", state)
	if a.Form != nil {
		return issuertest.Answer{URL: a.URL, Form: values}
	}
	path, _, _ := strings.Cut(a.URL, "?")
	return issuertest.Answer{URL: path + "?" + values.Encode()}
}

// What Apple's page posts waits for its browser for a minute, once, whoever else posts, and nothing of it stays.
func TestPostedAnswersWaitAMinute(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		o.house.Apple.SignIn(annThere)
		before := o.standing()
		posts := func(form url.Values) *httptest.ResponseRecorder {
			return o.send(http.MethodPost, "/sign-in/with/apple/return", request{form: form, header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://appleid.apple.com"}}})
		}
		v := o.caller()
		answer := v.away("apple")
		at := posts(answer.Form).Header().Get("Location")
		posts(url.Values{"state": answer.Form["state"], "code": {"of somebody else"}})
		posts(url.Values{"state": answer.Form["state"], "error": {"user_cancelled_authorize"}})
		v.arrivesAs("posted over", v.does(http.MethodGet, at, nil, nil), "/sign-in/arrival")

		v = o.caller()
		at = posts(v.away("apple").Form).Header().Get("Location")
		o.at = o.at.Add(credential.Rules[credential.Parked].Life)
		v.isRefused("after a minute", v.does(http.MethodGet, at, nil, nil), before)

		for what, form := range map[string]url.Values{"no state": {"code": {"x"}}, "a state of nobody's": {"state": {strings.Repeat("0", 52)}, "code": {"x"}}, "nothing": {}} {
			w := posts(form)
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in/with/apple/return") || len(w.Result().Cookies()) > 0 {
				t.Errorf("%s: %d %q %v", what, w.Code, w.Header().Get("Location"), w.Result().Cookies())
			}
		}
		if left := o.rows("SELECT hash FROM credential WHERE kind = 'parked answer'"); len(left) > 1 {
			t.Errorf("%d answers wait", len(left))
		}
	})
}

// The return of Apple's answers is the one address to which another site may post, and then it is no way to post anything else.
func TestOnlyAnswersArePostedFromElsewhere(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		before := o.standing()
		for _, path := range []string{
			"/sign-in", "/sign-in/with/google", "/sign-in/with/apple", "/sign-in/arrival", "/sign-in/arrival/code", "/sign-in/join", "/sign-in/with/apple/return/", "/sign-in/with/apple/return/x",
			"/account/sign-in-ways/link/apple", "/account/sign-in-ways/unlink", "/sign-in/again/with/apple", "/sign-in/confirm/with/apple", "/sign-in/with/apple/return/../../google",
		} {
			w := o.send(http.MethodPost, path, request{form: url.Values{"state": {"x"}}, header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://appleid.apple.com"}}})
			if w.Code < 400 {
				t.Errorf("%s: %d %q", path, w.Code, w.Header().Get("Location"))
			}
		}
		if now := o.standing(); !slices.Equal(now, before) {
			t.Errorf("there is %v, and was %v", now, before)
		}
	})
}

// O4: whoever signs in at the same moment as many others is signed in as themselves.
func TestManyComeAtOnce(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		const many = 12
		callers, answers := make([]*caller, many), make([]issuertest.Answer, many)
		var all sync.WaitGroup
		for n := range many {
			who := annThere
			who.Subject, who.Email = fmt.Sprintf("ann-%d", n), fmt.Sprintf("ann.%d@gmail.com", n)
			callers[n] = o.caller()
			callers[n].there = issuertest.BrowserOf(who)
			to := callers[n].leaves("google")
			all.Go(func() {
				var err error
				if answers[n], err = callers[n].there.Visit(to); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for n, v := range slices.Backward(callers) {
			o.unlimited()
			v.arrivesAs("one of many", v.brings(answers[n]), "/sign-in/arrival")
			page := v.does(http.MethodGet, "/sign-in/arrival", nil, nil).Body.String()
			if want := fmt.Sprintf("ann.%d@gmail.com", n); !strings.Contains(page, want) {
				t.Errorf("%s reads %s", want, page)
			}
		}
	})
}

// O10: the last way into an account stays, also when two people at two browsers take the last two away at once.
func TestTheLastWayInStays(t *testing.T) {
	eachAbroad(t, asTheyAre, func(o *abroad) {
		for _, provider := range []string{"google", "apple"} {
			o.house.Google.SignIn(annThere)
			o.house.Apple.SignIn(annThere)
			v := o.caller()
			if w := v.comes(provider); w.Header().Get("Location") == "/sign-in/arrival" {
				v.does(http.MethodPost, "/sign-in/arrival", nil, nil)
			}
			if provider == "apple" { // to be joined, by the way there is
				v.arrivesAs("with a second service", v.comes("google"), "/account")
				v.arrivesAs("joining", v.does(http.MethodPost, "/sign-in/join", nil, nil), "/account/sign-in-ways?done=linked")
			}
			ids := o.rows("SELECT id FROM identity")
			answers := make(chan int, len(ids))
			var all sync.WaitGroup
			for _, id := range ids {
				all.Go(func() {
					r := httptest.NewRequest(http.MethodPost, o.cfg.Origin+"/account/sign-in-ways/unlink", strings.NewReader(url.Values{"id": {id}}.Encode()))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					r.AddCookie(&http.Cookie{Name: "__Host-usher", Value: v.cookies["usher"]})
					w := httptest.NewRecorder()
					o.every.ServeHTTP(w, r)
					answers <- w.Code
				})
			}
			all.Wait()
			close(answers)
			refused := 0
			for code := range answers {
				if code == http.StatusConflict {
					refused++
				}
			}
			if left := o.rows("SELECT id FROM identity"); len(left) != 1 || refused != 1 || !v.signedInNow() {
				t.Errorf("of %d ways %d are left, and %d were refused", len(ids), len(left), refused)
			}
		}
	})
}
