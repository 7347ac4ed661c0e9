package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/loadtest/crowd"
	"usher/internal/mediaserver"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/testdb"
)

// switched is a service that may be away.
type switched struct {
	next http.Handler
	away atomic.Bool
}

func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.away.Load() {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	s.next.ServeHTTP(w, r)
}

// attic is a gate with old apps before it, and its owner, who has an authenticator.
type attic struct {
	*testing.T
	*guarded
	service *switched
	account string
	login   string // what is typed beside passwords
	key     secret.Token
}

func openAttic(t *testing.T, databaseURL string) *attic {
	t.Helper()
	a := &attic{T: t, service: &switched{}, key: mfa.NewKey()}
	h := &talker{house: openHouseBehind(t, databaseURL, 1, func(next http.Handler) http.Handler { a.service.next = next; return a.service })}
	var jobs sync.WaitGroup
	for _, j := range h.jobs() {
		if j.name == "signals watched" {
			jobs.Go(func() { h.loop(t.Context(), j, "") })
		}
	}
	t.Cleanup(jobs.Wait)
	a.guarded = h.claimGate(t, 0, "USHER_GATE_TRUSTED_PROXY=127.0.0.0/8")
	program, err := a.signIn(0)
	a.must(err)
	_, err = a.knock(program) // which learns the server's id
	a.must(err)
	var me struct{ ID string }
	a.must(a.say(http.MethodGet, "/api/v1/me", program, &me))
	a.account, a.login = me.ID, crowd.Email(0)
	return a
}

func (a *attic) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// here is the owner's browser, where the password was typed just now.
func (a *attic) here() credential.Found {
	a.Helper()
	clock, err := a.db.ReadClock(a.Context())
	a.must(err)
	who, err := a.db.LoadAccount(a.Context(), a.account)
	a.must(err)
	return credential.Found{Credential: credential.Credential{Kind: credential.Browser, AccountID: a.account, FreshAt: time.Now()}, Clock: clock, Account: who.Standing}
}

// makes is an app password that the owner makes for an app.
func (a *attic) makes(app string) string {
	a.Helper()
	password, err := a.servers().MakePassword(a.Context(), a.here(), a.id, mediaserver.NewPassword{Name: app}, device.Client{})
	a.must(err)
	return password.Grouped().Reveal()
}

// curl asks the gate, or a proxy's question to it, by the program itself.
func (a *attic) curl(password string, more ...string) string {
	a.Helper()
	out, err := exec.CommandContext(a.Context(), "curl", append([]string{"-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", a.login + ":" + password}, more...)...).CombinedOutput()
	if err != nil {
		a.Fatalf("%s: %v", out, err)
	}
	return string(out)
}

// both is what curl gets through the gate, and what a proxy is answered that asks about it.
func (a *attic) both(password string) string {
	a.Helper()
	question := []string{"-H", "X-Forwarded-Method: GET", "-H", "X-Forwarded-Uri: /films", "-H", "X-Forwarded-Host: media.example", "-H", "X-Forwarded-Proto: https", "http://" + a.at + "/.usher/auth"}
	return a.curl(password, "http://"+a.at+"/") + " " + a.curl(password, question...)
}

func (a *attic) wants(what, got, want string) {
	a.Helper()
	if got != want {
		a.Errorf("%s: %s, want %s", what, got, want)
	}
}

// knocks is what an old app sends each time.
func (a *attic) knocks(password string) []byte {
	text := base64.StdEncoding.EncodeToString([]byte(a.login + ":" + password))
	return fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n\r\n", a.at, text)
}

// browses has the owner's browser send a form.
func (a *attic) browses(path string, form url.Values) {
	a.Helper()
	form.Set("password", crowd.Password)
	a.must(a.say(http.MethodPost, path, request{form: form, cookies: a.browser}, nil))
}

// An old app comes in through the gate and through a proxy that asks it, until its app password is signed out on the page of devices; in an outage whoever is known
// stays, and nobody is signed out; at a server that was signed out and is back it goes on.
func TestOldAppsAtTheGate(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		a := openAttic(t, databaseURL)
		a.login = a.account // nobody has proved the address
		radio, reader, fresh := a.makes("Radio"), a.makes("Reader"), a.makes("Fresh")
		a.wants("an app password", a.both(radio), "200 200")
		a.wants("another app's", a.both(reader), "200 200")
		a.wants("the account's own, which its owner does not want", a.both(crowd.Password), "401 401")
		a.wants("with another's name", a.curl(radio, "-u", "somebody:"+radio, "http://"+a.at+"/"), "401")

		a.service.away.Store(true)
		a.wants("who is known, in an outage", a.both(radio), "200 200")
		a.wants("a new app in an outage", a.both(fresh), "503 503")
		a.service.away.Store(false)
		a.must(a.until(a.knocks(fresh), true))

		a.browses("/servers/"+a.id+"/sign-out", url.Values{})
		a.must(a.until(a.knocks(reader), false))
		a.wants("at a server that is signed out", a.both(radio), "403 403")
		a.browses("/servers/"+a.id+"/back", url.Values{})
		a.must(a.until(a.knocks(reader), true))
		a.wants("when it is back", a.both(radio), "200 200")

		time.Sleep(time.Second) // the gate has heard what there was
		all, err := a.db.ListDevices(t.Context(), a.account)
		a.must(err)
		gone := all[slices.IndexFunc(all, func(d device.Device) bool { return d.Name == "Radio" })]
		a.must(a.until(a.knocks(radio), true))
		a.browses("/account/devices/sign-out", url.Values{"id": {gone.ID}})
		began := time.Now()
		a.must(a.until(a.knocks(radio), false))
		t.Logf("shut after %v", time.Since(began))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("shut after %v", took)
		}
		a.wants("signed out", a.both(radio), "401 401")
		a.wants("the other one", a.both(reader), "200 200")
		if log := a.log.String(); strings.Contains(log, radio) || strings.Contains(log, strings.ReplaceAll(radio, "-", "")) {
			t.Error("the gate's log holds a password")
		}
	})
}

// The account's own password, with the code behind it, lets in where the owner has said so, and no longer. The code counts once: it is kept in memory, and when that
// has gone it lets nobody in.
func TestOwnPasswordsAtTheGate(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		a := openAttic(t, databaseURL)
		a.must(a.db.TurnOnFactor(t.Context(), credential.NewFactor{AccountID: a.account, Key: a.key}, audit.Act{At: time.Now()}))
		code := mfa.Code(a.key, mfa.Step(time.Now())).Reveal()
		own := crowd.Password + code
		types := func(typed server.Typed) {
			t.Helper()
			a.must(a.servers().LetType(t.Context(), a.here(), a.id, typed, device.Client{}))
		}
		a.wants("before it is wanted", a.both(own), "401 401")
		types(server.AccountPasswords)
		a.must(a.until(a.knocks(own), true))
		a.wants("the same again", a.both(own), "200 200")
		a.wants("without a code", a.both(crowd.Password), "401 401")
		if err := a.say(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": crowd.Email(0), "password": own}}, nil); err == nil {
			t.Error("the code counts for a second sign-in")
		}
		a.wants("and still", a.both(own), "200 200")
		types("")
		began := time.Now()
		a.must(a.until(a.knocks(own), false))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("shut %v after it was switched off", took)
		}
		types(server.AccountPasswords)
		time.Sleep(6 * time.Second)
		a.wants("with a code that was used", a.both(own), "401 401")
	})
}
