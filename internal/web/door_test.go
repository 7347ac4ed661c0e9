package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/factor"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/incident"
	"usher/internal/issuer"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/mfa"
	"usher/internal/middleware"
	"usher/internal/notice"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/passwordpolicy"
	"usher/internal/profile"
	"usher/internal/registration"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/signup"
	"usher/internal/social"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
	"usher/internal/tvlink"
)

// The people of the tests. Their passwords pass the policy.
const (
	annMail, annPassword = "ann@example.org", "seven copper kettles sing"
	boMail, boPassword   = "bo@example.org", "marble otters in april"
	newPassword          = "eleven quiet harbours dream"
)

const testOrigin = "https://usher.example.org"

// house is the whole service behind the door: real store, real flows, real chain, with a clock the test moves.
type house struct {
	t       *testing.T
	db      *store.DB
	door    *Door
	pool    *argon2id.Pool
	ring    *secret.Ring // for what is derived; the store has its own
	handler http.Handler
	log     *bytes.Buffer
	read    int                     // how much of the log was looked at
	keys    map[string]secret.Token // authenticators, by address

	mu   sync.Mutex
	now  time.Time
	tick time.Duration // goes by with every look at the clock
}

// eachHouse runs a test in an empty house on both databases.
func eachHouse(t *testing.T, test func(h *house)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) { test(newHouse(t, databaseURL)) })
}

func newHouse(t *testing.T, databaseURL string) *house {
	t.Helper()
	h := &house{t: t, now: sampleNow, log: &bytes.Buffer{}, keys: map[string]secret.Token{}}
	h.db, h.pool = teststore.Open(t, databaseURL, h.now), teststore.Hasher(t, 8)
	h.ring = teststore.Keys(t).Ring()
	h.door = h.wire()
	origin, err := url.Parse(testOrigin)
	h.must(err)
	log := slog.New(slog.NewTextHandler(h.log, nil))
	chain := middleware.Chain(middleware.Settings{
		Origin: origin, ErrorPage: h.door.Pages.Refused, Now: h.clock, Elsewhere: func(path string) bool { return path == social.ReturnPath("apple") },
	}, log)
	h.handler = chain(middleware.RequireForm(h.door.Pages.Refused)(h.door.Handler()))
	return h
}

func (h *house) wire() *Door {
	log := slog.New(slog.NewTextHandler(h.log, nil))
	pages, err := NewRenderer(sampleSite(), log)
	h.must(err)
	policy := passwordpolicy.Policy{MinLength: 8}
	resolver := &credential.Resolver{Store: h.db, Now: h.clock}
	factors := &mfa.Checker{Store: h.db, Hasher: h.pool, Now: h.clock}
	passwords := &password.Service{Store: h.db, Hasher: h.pool, Resolver: resolver, Factors: factors, Policy: policy, Now: h.clock}
	party, err := passkey.NewParty(testOrigin, "Usher")
	h.must(err)
	passkeys := &passkey.Checker{Store: h.db, Resolver: resolver, Party: party, Now: h.clock}
	passwords.Passkeys = passkeys
	signIn := &signin.Service{Store: h.db, Hasher: h.pool, Resolver: resolver, Factors: factors, Passkeys: passkeys, Now: h.clock, Log: log}
	signUps := &signup.Service{Store: h.db, Hasher: h.pool, Resolver: resolver, Policy: policy, Mode: signup.ModeOpen, Now: h.clock}
	none, err := issuer.New(issuer.Setup{Origin: testOrigin, Now: h.clock, Log: log}, issuer.Configured{})
	h.must(err)
	return &Door{
		Pages:        pages,
		SignIn:       signIn,
		Devices:      &signin.Devices{Store: h.db, Now: h.clock},
		AppPasswords: &signin.AppPasswords{Store: h.db, Now: h.clock},
		SignUp:       signUps,
		Social:       &social.Service{Store: h.db, Resolver: resolver, Providers: none, SignUps: signUps, Now: h.clock, Log: log},
		Founding:     &signup.Founding{Store: h.db, Hasher: h.pool, Resolver: resolver, Policy: policy, Now: h.clock},
		Password:     passwords,
		Factor: &factor.Service{
			Store: h.db, Hasher: h.pool, Resolver: resolver, Factors: factors, Passwords: signIn, Name: "Usher", Now: h.clock,
		},
		Passkeys: &factor.Passkeys{Store: h.db, Checker: passkeys, Now: h.clock},
		Profile:  &profile.Service{Store: h.db, Resolver: resolver, Now: h.clock},
		Admin:    h.administration(),
		Links: &tvlink.Service{
			Store: h.db, Resolver: resolver, Passwords: signIn, Factors: factors, Pace: &tvlink.Pace{}, Walks: &tvlink.Walks{}, Origin: testOrigin, Longest: linkcode.Longest, Now: h.clock,
		},
		Servers:  &mediaserver.Service{Store: h.db, Resolver: resolver, Issuer: testOrigin, Now: h.clock},
		Incident: &incident.Service{Store: h.db, Resolver: resolver, Now: h.clock, Host: "usher.example.org", Contact: "help@usher.example.org"},
		Clients:  &registration.Service{Store: h.db, Now: h.clock},
		Home:     &home.Service{Store: h.db, Now: h.clock},
		Grants:   &grant.Service{Store: h.db, Resolver: resolver, Ring: func() *secret.Ring { return h.ring }, Issuer: testOrigin, Now: h.clock},
		Resolver: resolver, Touches: &device.Touches{},
		Place: func(netip.Addr) string { return "" },
		Now:   h.clock, Log: log, SecureCookies: true,
	}
}

// administration is the flow behind the administration pages.
func (h *house) administration() *admin.Service { return &admin.Service{Store: h.db, Now: h.clock} }

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(h.tick)
	return h.now
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// account makes an account by an operator's word.
func (h *house) account(email, userName, password string) account.Account {
	h.t.Helper()
	a, err := h.door.Founding.Add(context.Background(), signup.NewAccount{Email: email, UserName: userName, Password: secret.TokenOf(password)})
	h.must(err)
	return a
}

func (h *house) administrator(email, password string) account.Account {
	h.t.Helper()
	a, err := h.door.Founding.Add(context.Background(), signup.NewAccount{Email: email, Password: secret.TokenOf(password), Admin: true})
	h.must(err)
	h.turnOnFactor(a)
	return a
}

// turnOnFactor gives an account a second factor and returns its recovery codes.
func (h *house) turnOnFactor(a account.Account) []secret.Token {
	h.t.Helper()
	f := credential.NewFactor{AccountID: a.ID, Key: mfa.NewKey(), Recovery: map[string]string{}}
	var codes []secret.Token
	for _, code := range mfa.NewRecovery() {
		var err error
		f.Recovery[code.Selector], err = h.pool.Hash(h.t.Context(), []byte(code.Rest.Reveal()))
		h.must(err)
		codes = append(codes, code.Text())
	}
	h.must(h.db.TurnOnFactor(h.t.Context(), f, audit.Act{At: h.clock()}))
	h.keys[a.Email] = f.Key
	return codes
}

// authenticator is what the authenticator app of an address shows, after the code before it has gone.
func (h *house) authenticator(email string) string {
	h.t.Helper()
	h.pass(30 * time.Second)
	return mfa.Code(h.keys[email], mfa.Step(h.clock())).Reveal()
}

// mail returns the newest waiting mail of a kind to an address.
func (h *house) mail(kind notice.Kind, to string) notice.Notice {
	h.t.Helper()
	waiting, err := h.db.WaitingMail(h.t.Context(), 1000)
	h.must(err)
	for _, n := range waiting {
		if n.Kind == kind && n.To == to {
			return n
		}
	}
	h.t.Fatalf("no mail of kind %s waits", kind)
	return notice.Notice{}
}

// mails counts the waiting mails of a kind.
func (h *house) mails(kind notice.Kind) int {
	h.t.Helper()
	return teststore.Mailed(h.t, h.db, kind)
}

// recorded counts what the record says was done to an account.
func (h *house) recorded(accountID string, action audit.Action) int {
	h.t.Helper()
	return teststore.Recorded(h.t, h.db, accountID, action)
}

// reload reads an account again.
func (h *house) reload(id string) account.Account {
	h.t.Helper()
	a, err := h.db.LoadAccount(h.t.Context(), id)
	h.must(err)
	return a
}

// newLog is what came into the log since it was last looked at.
func (h *house) newLog() string {
	text := h.log.String()
	if h.read > len(text) { // a test has emptied it
		h.read = 0
	}
	text, h.read = text[h.read:], len(text)
	return text
}
