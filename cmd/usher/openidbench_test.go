package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
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

// connect registers a client and lets n people sign in to it, by the flow that the pages call.
func (h *house) connect(b *testing.B, n int) *party {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	p := &party{secret: secret.NewToken(), Client: relyingparty.Client{
		ID: "bench", Name: "Bench", RedirectURIs: []string{"https://bench.example/cb"}, Auth: relyingparty.Basic, CreatedAt: h.now(), FirstParty: true,
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
		id, err := flow.Begin(ctx, grant.Asked{
			ClientID: p.ID, RedirectURI: p.RedirectURIs[0], ResponseType: "code", Scope: "openid profile offline_access", Challenge: someChallenge, ChallengeMethod: "S256",
		}, device.Client{Address: crowd.Address(i)})
		must(err)
		pending, err := flow.Look(ctx, id)
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

// BenchmarkOpenID reports the rates of introspection, userinfo and refresh, each ÷ the rate of a bare handler, with 1,000 devices signed in and with more.
func BenchmarkOpenID(b *testing.B) {
	const turn, connected = 2000, 300
	more := 100_000
	if os.Getenv("USHER_TEST_FULL") != "" {
		more = 1_000_000
	}
	onEngines(b, func(b *testing.B, database fresh) {
		var houses []*house
		var parties []*party
		for _, people := range []int{1_000, more} {
			h := openHouse(b, database(b), people)
			houses, parties = append(houses, h), append(parties, h.connect(b, connected))
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
		for i, h := range houses {
			p := parties[i]
			var introspections, infos [][]byte
			for _, token := range p.access {
				introspections = append(introspections, p.form(h.Service, "/oauth/introspect", url.Values{"token": {token}}))
				infos = append(infos, fmt.Appendf(nil, "GET /oauth/userinfo HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer %s\r\n\r\n", h.Host, token))
			}
			asks = append(asks, whenDue(func() func() error { return ask(b, h.Service, turn, http.StatusOK, introspections) }))
			asks = append(asks, whenDue(func() func() error { return ask(b, h.Service, turn, http.StatusOK, infos) }))
			callers := sync.OnceValue(func() *crowd.Callers { return h.call(b, 16) })
			asks = append(asks, func() error {
				err := callers().Ask(connected, http.StatusOK, func(k int) []byte {
					return p.form(h.Service, grant.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh[k].Reveal()}})
				})
				p.rotated(h, p.refresh)
				return err
			})
		}
		t := takeTurns(b, asks...)
		for i, name := range []string{"introspection", "userinfo", "refresh"} {
			share := map[string]float64{"refresh": float64(connected) / turn}[name]
			if share == 0 {
				share = 1
			}
			b.ReportMetric(t.over(wall, 0, i+1)*share, name+"/bare")
			b.ReportMetric(t.over(cpu, 0, i+1)*share, name+"/bare-cpu")
			b.ReportMetric(t.over(wall, i+4, i+1), fmt.Sprintf("%s-%.0e/1e3", name, float64(more)))
		}
	})
}
