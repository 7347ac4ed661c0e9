package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/loadtest/crowd"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
)

// sharedServer is a media server in a house, with the app passwords that its guests have made there.
type sharedServer struct {
	*house
	id        string
	passwords []secret.Token
}

// person is person i of the crowd, as the database has it.
func (h *house) person(tb testing.TB, i int) account.Account {
	tb.Helper()
	_, handle, err := account.EmailHandle(crowd.Email(i))
	var a account.Account
	if err == nil {
		a, err = h.db.FindAccount(tb.Context(), handle)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// claims claims a media server for an account, and returns its id.
func (h *house) claims(tb testing.TB, owner account.Account) string {
	tb.Helper()
	ctx, now := tb.Context(), h.now()
	clock, err := h.db.ReadClock(ctx)
	claim := credential.Link{Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: owner.ID, Stamp: credential.StampNow(clock, owner.Standing)}
	if err == nil {
		err = h.db.Record(ctx, audit.New(now, audit.ClaimTokenMade, owner.ID, owner.ID).Linking(claim))
	}
	f, ferr := h.db.FindCredential(ctx, claim.Kind, claim.Token)
	s := server.Server{ID: id.New(now), AccountID: owner.ID, Thumbprint: id.New(now), Public: "key", Facts: server.Facts{Name: "Attic"}, Stamp: claim.Stamp, ClaimedAt: now}
	if err = errors.Join(err, ferr); err == nil {
		_, err = h.db.ClaimServer(ctx, server.Claim{Server: s, Spends: f.Hash, Most: 1}, audit.New(now, audit.ServerClaimed, owner.ID, owner.ID))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s.ID
}

// sharedServer claims a media server for the first person, lets as many of the others in as there may be, and has each of them make some app passwords.
func (h *house) sharedServer(b *testing.B, each int64) *sharedServer {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	clock, err := h.db.ReadClock(ctx)
	must(err)
	owner := h.person(b, 0)
	made := &sharedServer{house: h, id: h.claims(b, owner)}
	for i := range server.MostGuests {
		guest := h.person(b, i+1)
		line := server.Guest{ID: id.New(h.now()), Label: guest.Email, Handle: account.LoginHandle(guest.Email), Terms: server.Terms{Role: server.Friend}, AddedAt: h.now(), InvitedAt: h.now()}
		must(h.db.AdmitGuest(ctx, owner.ID, made.id, line, audit.Act{At: h.now()}))
		must(h.db.AcceptInvitation(ctx, made.id, server.Acceptance{
			AccountID: guest.ID, Address: []account.Handle{line.Handle}, Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email},
		}, audit.Act{At: h.now()}))
		for range each {
			in := credential.NewSignIn(guest.ID, device.ByServerPassword, device.Client{}, h.now())
			in.Kind, in.Token, in.Most, in.Subject, in.Stamp = credential.ServerPassword, secret.NewServerPassword(), each, made.id, credential.StampNow(clock, guest.Standing)
			in.Device.Kind, in.Device.Server = device.App, made.id
			must(h.db.AddServerPassword(ctx, in, audit.Act{At: h.now()}))
			made.passwords = append(made.passwords, in.Token)
		}
	}
	return made
}

// questions are what the server asks about app passwords, by an access token of its own, which lives for ten minutes.
func (l *sharedServer) questions(b *testing.B, passwords []secret.Token) (all [][]byte) {
	b.Helper()
	c, err := l.db.FindClient(b.Context(), l.id)
	if err != nil {
		b.Fatal(err)
	}
	t, err := l.grants().ClientToken(b.Context(), c, string(relyingparty.Servers))
	if err != nil {
		b.Fatal(err)
	}
	for _, password := range passwords {
		body := url.Values{"token": {password.Reveal()}}.Encode()
		all = append(all, fmt.Appendf(nil, "POST /oauth/introspect HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			l.Host, t.Access, len(body), body))
	}
	return all
}

// looks asks the store alone, by as many callers.
func (l *sharedServer) looks(n int) func() error {
	var next atomic.Int64
	return shared(16, n, func() error {
		_, err := l.db.FindPasswordVisit(context.Background(), l.id, l.passwords[int(next.Add(1))%len(l.passwords)], time.Now())
		return err
	})
}

// BenchmarkServerPasswords reports the rate at which a media server is answered about app passwords of it, right ones and ones that are nobody's, ÷ the rate of a
// bare handler, with 1,000 devices signed in and with more; and what of it is the question to the store. No password hash is computed.
func BenchmarkServerPasswords(b *testing.B) {
	const turn = 2000
	more := 100_000
	if os.Getenv("USHER_TEST_FULL") != "" {
		more = 1_000_000
	}
	onEngines(b, func(b *testing.B, database fresh) {
		var servers []*sharedServer
		for _, people := range []int{1_000, more} {
			servers = append(servers, openHouse(b, database(b), people).sharedServer(b, 3))
		}
		nobodys := make([]secret.Token, 300)
		for i := range nobodys {
			nobodys[i] = secret.NewServerPassword()
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
		for _, l := range servers {
			for _, passwords := range [][]secret.Token{l.passwords, nobodys} {
				asks = append(asks, whenDue(func() func() error { return ask(b, l.Service, turn, http.StatusOK, l.questions(b, passwords)) }))
			}
			asks = append(asks, l.looks(turn))
		}
		hashes := servers[0].pool.Evaluations() + servers[1].pool.Evaluations()
		t := takeTurns(b, asks...)
		if n := servers[0].pool.Evaluations() + servers[1].pool.Evaluations(); n != hashes {
			b.Errorf("%d password hashes were computed", n-hashes)
		}
		for i, name := range []string{"right", "nobodys", "store"} {
			if name != "store" {
				b.ReportMetric(t.over(wall, 0, i+1), name+"/bare")
				b.ReportMetric(t.over(cpu, 0, i+1), name+"/bare-cpu")
			}
			b.ReportMetric(t.over(wall, i+4, i+1), fmt.Sprintf("%s-%.0e/1e3", name, float64(more)))
		}
		b.ReportMetric(t.over(wall, 3, 1), "store/right")
	})
}
