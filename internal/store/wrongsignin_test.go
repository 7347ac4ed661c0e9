package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/api"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/issuer"
	"usher/internal/mfa"
	"usher/internal/middleware"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/social"
	"usher/internal/testdb"
	"usher/internal/web"
)

// guessed is the service as somebody sees it who guesses passwords: every door that takes one, over a store that notes its statements.
type guessed struct {
	*testing.T
	db     *DB
	pool   *argon2id.Pool
	doors  map[string]http.Handler
	texts  []string
	now    time.Time
	source int
}

func newGuessed(t *testing.T, databaseURL string) *guessed {
	g := &guessed{T: t, db: openTest(t, databaseURL), now: began}
	g.db.engine = noted{g.db.engine, &g.texts}
	var err error
	g.pool, err = argon2id.NewPool(1, 8, argon2id.Params{MemoryKiB: 8, Passes: 1, Lanes: 1})
	g.must(err)
	clock, log, nowhere := func() time.Time { return g.now }, slog.New(slog.DiscardHandler), func(netip.Addr) string { return "" }
	origin, err := url.Parse("https://usher.example.org")
	g.must(err)
	resolver := &credential.Resolver{Store: g.db, Now: clock}
	flow := &signin.Service{Store: g.db, Hasher: g.pool, Resolver: resolver, Factors: &mfa.Checker{Store: g.db, Hasher: g.pool, Now: clock}, Now: clock, Log: log}
	pages, err := web.NewRenderer(web.Site{Name: "Usher", Host: origin.Host}, log)
	g.must(err)
	none, err := issuer.New(issuer.Setup{}, issuer.Configured{})
	g.must(err)
	people := &web.Door{Pages: pages, SignIn: flow, Social: &social.Service{Providers: none}, Resolver: resolver, Place: nowhere, Now: clock, Log: log, SecureCookies: true}
	programs := &api.Door{SignIn: flow, Touches: &device.Touches{}, Place: nowhere, Origin: origin, Now: clock, Log: log}
	chain := middleware.Chain(middleware.Settings{Origin: origin, ErrorPage: pages.Refused, Now: clock}, log)
	g.doors = map[string]http.Handler{"people": chain(people.Handler()), "programs": chain(programs.Handler())}
	return g
}

func (g *guessed) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// person makes an account called name with the address name@example.org, whose password nobody here types.
func (g *guessed) person(name string) account.Account {
	g.Helper()
	phc, err := g.pool.Hash(g.Context(), []byte("seven copper kettles sing"))
	g.must(err)
	g.now = g.now.Add(time.Millisecond)
	a := account.Account{
		Standing: account.Standing{ID: id.New(g.now), State: account.Active, Epoch: 1, PasswordVersion: 1},
		Email:    name + "@example.org", UserName: name, Password: phc, CreatedAt: g.now,
	}
	handles, err := a.Handles()
	g.must(err)
	g.must(g.db.CreateAccount(g.Context(), a, handles, audit.Act{At: g.now}))
	return a
}

// mark is what a browser keeps where an account was signed in.
func (g *guessed) mark(a account.Account) secret.Token {
	g.Helper()
	l := credential.Link{Kind: credential.Known, Token: secret.NewToken(), AccountID: a.ID, Stamp: credential.Stamp{Born: g.now.Unix(), Account: 1}}
	g.must(g.db.Record(g.Context(), audit.Act{At: g.now}.Linking(l)))
	return l.Token
}

// somebody makes the accounts that a guess must not tell from none, and returns what to type for each. All are of one length, so that answers
// that say it again are, too.
func (g *guessed) somebody(way string) map[string]string {
	g.Helper()
	logins := map[string]string{"nobody": way + "0@example.org", "another nobody": way + "1@example.org", "no address": way + "@@example.org"}
	for i, what := range []string{"active", "second factor", "no password", "locked", "deleting", "reset required"} {
		a := g.person(fmt.Sprintf("%s%d", way, i+2))
		logins[what] = a.Email
		state := func(to account.State) error {
			return g.db.SetState(g.Context(), a.ID, account.Active, to, g.now.Add(time.Hour), audit.Act{At: g.now})
		}
		var err error
		switch what {
		case "second factor":
			err = g.db.TurnOnFactor(g.Context(), credential.NewFactor{AccountID: a.ID, Key: mfa.NewKey()}, audit.Act{At: g.now})
		case "no password":
			key, kerr := g.db.keyOf(g.Context(), g.db.engine.read(), a.ID)
			g.must(kerr)
			err = g.db.engine.write(g.Context(), func(t *tx) error {
				_, err := t.exec(g.Context(), `UPDATE account SET password = $1 WHERE id = $2`, key.Seal("", accountCell(a.ID, "password")), a.ID)
				return err
			})
		case "locked":
			err = state(account.Locked)
		case "deleting":
			err = state(account.Deleting)
		case "reset required":
			err = g.db.RequireReset(g.Context(), a.ID, "", audit.Act{At: g.now})
		}
		g.must(err)
	}
	return logins
}

// cost is what a guess costs the service, and what comes back.
type cost struct {
	texts  []string
	hashes uint64
	rows   string
	status int
	body   string
}

// spoken is what a page or a problem says of its own request, and of no other.
var spoken = regexp.MustCompile(`nonce="[^"]*"|#[a-z0-9]{12}"`)

// guess sends a guess at somebody's password from where nobody has guessed yet.
func (g *guessed) guess(r *http.Request, door, login string) (c cost) {
	g.Helper()
	g.source++
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.7:4711", g.source/256, g.source%256)
	r.TLS = nil
	tables := []string{"audit", "credential", "mail", "failure", "rate", "lease"}
	counts := func() (all []int) {
		for _, table := range tables {
			all = append(all, g.db.rows(g.T, table))
		}
		return all
	}
	before, hashes := counts(), g.pool.Stats().Hashes
	g.texts = nil
	w := httptest.NewRecorder()
	g.doors[door].ServeHTTP(w, r)
	c.texts, c.hashes, c.status = slices.Clone(g.texts), g.pool.Stats().Hashes-hashes, w.Code
	for i, n := range counts() {
		c.rows += fmt.Sprintf("%s %+d ", tables[i], n-before[i])
	}
	body := bytes.ReplaceAll(w.Body.Bytes(), []byte(login), []byte("LOGIN"))
	c.body = string(spoken.ReplaceAll(body, []byte("OWN")))
	return c
}

// difference says in words how one guess is told from another; empty when it is not.
func (c cost) difference(other cost) string {
	for i := range max(len(c.texts), len(other.texts)) {
		if i == len(c.texts) || i == len(other.texts) || c.texts[i] != other.texts[i] {
			return fmt.Sprintf("its statements from number %d on:\n%s\ninstead of\n%s", i+1,
				strings.Join(c.texts[min(i, len(c.texts)):], "\n"), strings.Join(other.texts[min(i, len(other.texts)):], "\n"))
		}
	}
	switch {
	case c.hashes != other.hashes:
		return fmt.Sprintf("%d hashes instead of %d", c.hashes, other.hashes)
	case c.rows != other.rows:
		return "its rows: " + c.rows + "instead of " + other.rows
	case c.status != other.status || c.body != other.body:
		return fmt.Sprintf("its answer: %d %s instead of %d %s", c.status, c.body, other.status, other.body)
	}
	return ""
}

// The ways to send a guess.
func byForm(login, password string, shown ...secret.Token) *http.Request {
	form := url.Values{"login": {login}, "password": {password}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "https://usher.example.org/sign-in", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, token := range shown {
		r.AddCookie(&http.Cookie{Name: "__Host-usher-known", Value: token.Reveal()})
		r.AddCookie(&http.Cookie{Name: "__Host-usher-remembered", Value: token.Reveal()})
	}
	return r
}

func byJSON(login, password, code string) *http.Request {
	raw, err := json.Marshal(map[string]string{"login": login, "password": password, "code": code})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "https://usher.example.org/api/v1/sign-in", bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func byBasic(login, password string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://usher.example.org/api/v1/me", http.NoBody)
	r.SetBasicAuth(login, password)
	return r
}

// Attack F20: a wrong password does the same statements in the same order, the same hashes and rows, and gets the same answer, for an account
// of whatever kind and for nobody: through every door, from a browser that was here before or not, for the first tries and for the ones that have
// to wait, and when the password is off.
func TestGuessingCostsTheSame(t *testing.T) {
	const wrong = "not the password"
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		g := newGuessed(t, databaseURL)
		mark, app := g.mark(g.person("visitor")), secret.NewAppPassword().Reveal()
		for i, way := range []struct {
			name, door string
			hashes     uint64
			ask        func(login string) *http.Request
		}{
			{"page", "people", 1, func(login string) *http.Request { return byForm(login, wrong) }},
			{"page, with a mark of nobody's", "people", 1, func(login string) *http.Request { return byForm(login, wrong, secret.NewToken()) }},
			{"page, where a visitor has been", "people", 1, func(login string) *http.Request { return byForm(login, wrong, mark) }},
			{"page, what is no password", "people", 1, func(login string) *http.Request { return byForm(login, strings.Repeat("x", 1025)) }},
			{"JSON", "programs", 2, func(login string) *http.Request { return byJSON(login, wrong, "") }},
			{"JSON, code appended", "programs", 2, func(login string) *http.Request { return byJSON(login, wrong+"123456", "") }},
			{"JSON, code beside", "programs", 2, func(login string) *http.Request { return byJSON(login, wrong, "123456") }},
			{"JSON, app password", "programs", 0, func(login string) *http.Request { return byJSON(login, app, "") }},
			{"Basic", "programs", 2, func(login string) *http.Request { return byBasic(login, wrong) }},
			{"Basic, code appended", "programs", 2, func(login string) *http.Request { return byBasic(login, wrong+"123456") }},
			{"Basic, app password", "programs", 0, func(login string) *http.Request { return byBasic(login, app) }},
		} {
			t.Run(way.name, func(t *testing.T) {
				logins := g.somebody(fmt.Sprintf("way%d-", i))
				compare := func(when string, status int, hashes uint64) {
					want := g.guess(way.ask(logins["nobody"]), way.door, logins["nobody"])
					if want.status != status || want.hashes != hashes || len(want.texts) < 3 {
						t.Errorf("%s: %d with %d hashes and %d statements, want %d with %d", when, want.status, want.hashes, len(want.texts), status, hashes)
					}
					for who, login := range logins {
						if who == "nobody" {
							continue
						}
						if told := g.guess(way.ask(login), way.door, login).difference(want); told != "" {
							t.Errorf("%s: %s is told from nobody by %s", when, who, told)
						}
					}
				}
				refused, waiting, off := http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusForbidden
				if way.door == "people" {
					refused, off = http.StatusUnprocessableEntity, http.StatusUnprocessableEntity
				}
				if way.hashes == 0 { // apart from the account's budget
					waiting, off = refused, refused
				}
				for try := range ratelimit.FreeFailures {
					compare(fmt.Sprintf("try %d", try+1), refused, way.hashes)
				}
				compare("after the free ones", waiting, 0)
				g.must(g.db.engine.write(t.Context(), func(t *tx) error {
					_, err := t.exec(g.Context(), `UPDATE failure SET count = $1, until = 0`, int64(ratelimit.MostFailures))
					return err
				}))
				compare("switched off", off, 0)
			})
		}
	})
}
