package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/loadtest/crowd"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// party is a client of a house, with what some of its people have given it.
type party struct {
	relyingparty.Client
	secret  secret.Token
	access  []string
	refresh []secret.Token
}

// connect registers a client and lets n people sign in to it for some scopes, by the flow that the pages call.
func (h *house) connect(b *testing.B, n int, id, scope string) *party {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	p := &party{secret: secret.NewToken(), Client: relyingparty.Client{
		ID: id, Name: "Bench", RedirectURIs: []string{"https://bench.example/cb"}, Auth: relyingparty.Basic, CreatedAt: h.now(), FirstParty: true,
		Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.OfflineAccess}, Grants: []relyingparty.Grant{relyingparty.Code, relyingparty.Refresh},
	}}
	ctx := b.Context()
	must(h.db.RegisterClient(ctx, p.Client, []secret.Token{p.secret}, audit.New(h.now(), audit.ClientRegistered, audit.CLI, "")))
	flow := h.grants()
	for i := range n {
		_, handle, err := account.EmailHandle(crowd.Email(i))
		must(err)
		who, err := h.db.FindAccount(ctx, handle)
		must(err)
		clock, err := h.db.ReadClock(ctx)
		must(err)
		in := credential.NewSignIn(who.ID, "password", device.Client{}, h.now())
		in.Stamp = credential.StampNow(clock, who.Standing)
		must(h.db.AddDevice(ctx, in, audit.Act{At: h.now()}))
		f, err := h.resolver.Resolve(ctx, credential.Browser, in.Token)
		must(err)
		request, err := flow.Begin(ctx, grant.Asked{
			ClientID: p.ID, RedirectURI: p.RedirectURIs[0], ResponseType: "code", Scope: scope, Challenge: someChallenge, ChallengeMethod: "S256",
		}, device.Client{Address: crowd.Address(i)})
		must(err)
		pending, err := flow.Look(ctx, request)
		must(err)
		answer, err := flow.Approve(ctx, pending, grant.Holder{Found: f, Person: who}, device.Client{})
		must(err)
		t, err := flow.Redeem(ctx, p.Client, grant.Exchange{Code: secret.TokenOf(answer.Fields[0].Value), RedirectURI: p.RedirectURIs[0], Verifier: secret.TokenOf(someVerifier)})
		must(err)
		p.access, p.refresh = append(p.access, t.Access), append(p.refresh, t.Refresh)
	}
	return p
}

// form is a request of the client with a form.
func (p *party) form(s crowd.Service, path string, form url.Values) []byte {
	basic, body := base64.StdEncoding.EncodeToString([]byte(p.ID+":"+p.secret.Reveal())), form.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, s.Host, basic, len(body), body)
}

// introspection asks about what the i-th person has given.
func (p *party) introspection(s crowd.Service, i int) []byte {
	return p.form(s, "/oauth/introspect", url.Values{"token": {p.access[i]}})
}

// info asks who the i-th person is.
func (p *party) info(s crowd.Service, i int) []byte {
	return fmt.Appendf(nil, "GET /oauth/userinfo HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer %s\r\n\r\n", s.Host, p.access[i])
}

// rotated are the refresh tokens that come next.
func (p *party) rotated(h *house, used []secret.Token) {
	for i, t := range used {
		used[i] = secret.TokenOf(t.Reveal()[:secret.TokenLength/2] + h.keys.Ring().Derive("refresh", t).Reveal()[:secret.TokenLength/2])
	}
}

// whenDue calls only when it is its turn: who calls and then says nothing for some seconds is hung up on.
func whenDue(begin func() func() error) func() error {
	run := sync.OnceValue(begin)
	return func() error { return run()() }
}

// refreshes refreshes what everybody has given, once.
func (p *party) refreshes(b *testing.B, h *house) func() error {
	callers := sync.OnceValue(func() *crowd.Callers { return h.call(b, 16) })
	return func() error {
		err := callers().Ask(len(p.refresh), http.StatusOK, func(k int) []byte {
			return p.form(h.Service, grant.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh[k].Reveal()}})
		})
		p.rotated(h, p.refresh)
		return err
	}
}

// signatures makes n bare signatures of the kind that ID tokens have, on every core.
func signatures(b *testing.B, n int) func() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	return shared(runtime.NumCPU(), n, func() error {
		_, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		return err
	})
}

// BenchmarkOpenID reports the rates of introspection, userinfo and refresh, each ÷ the rate of a bare handler, with 1,000 devices signed in and with more.
// A refresh that grants openid brings an ID token besides, and is compared with its bare signature as well.
func BenchmarkOpenID(b *testing.B) {
	const turn, connected = 2000, 300
	more := 100_000
	if os.Getenv("USHER_TEST_FULL") != "" {
		more = 1_000_000
	}
	onEngines(b, func(b *testing.B, database fresh) {
		var houses []*house
		var parties [][]*party
		for _, people := range []int{1_000, more} {
			h := openHouse(b, database(b), people)
			houses, parties = append(houses, h), append(parties, []*party{
				h.connect(b, connected, "bench", "openid profile offline_access"), h.connect(b, connected, "bare", "profile offline_access"),
			})
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/")), signatures(b, connected)}
		names := []string{"introspection", "userinfo", "refresh", "refresh+id"}
		for i, h := range houses {
			p, plain := parties[i][0], parties[i][1]
			var introspections, infos [][]byte
			for i := range p.access {
				introspections, infos = append(introspections, p.introspection(h.Service, i)), append(infos, p.info(h.Service, i))
			}
			asks = append(asks, whenDue(func() func() error { return ask(b, h.Service, turn, http.StatusOK, introspections) }),
				whenDue(func() func() error { return ask(b, h.Service, turn, http.StatusOK, infos) }), plain.refreshes(b, h), p.refreshes(b, h))
		}
		t := takeTurns(b, asks...)
		for i, name := range names {
			share := map[bool]float64{true: float64(connected) / turn, false: 1}[strings.HasPrefix(name, "refresh")]
			b.ReportMetric(t.over(wall, 0, i+2)*share, name+"/bare")
			b.ReportMetric(t.over(cpu, 0, i+2)*share, name+"/bare-cpu")
			b.ReportMetric(t.over(wall, i+2+len(names), i+2), fmt.Sprintf("%s-%.0e/1e3", name, float64(more)))
		}
		b.ReportMetric(t.over(wall, 1, 5), "signature/refresh+id")
		b.ReportMetric(t.over(cpu, 1, 5), "signature/refresh+id-cpu")
	})
}
