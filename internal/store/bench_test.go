package store

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/testdb"
)

// sizes are how many accounts, with a device each, the hot paths are measured with.
func sizes() []int {
	all := []int{1e3, 1e5}
	if os.Getenv("USHER_TEST_FULL") != "" {
		all = append(all, 1e6)
	}
	return all
}

type crowd struct {
	db     *DB
	n      int
	tokens []secret.Token
}

func numbered(i int) string { return fmt.Sprintf("%026d", i) }

func gather(b *testing.B, url string, n int) *crowd {
	b.Helper()
	c := &crowd{db: openTest(b, url), n: n, tokens: make([]secret.Token, n)}
	ctx := context.Background()
	i := 0
	_, err := c.db.LoadAccounts(ctx, func() (account.Account, error) {
		if i == n {
			return account.Account{}, io.EOF
		}
		i++
		return account.Account{
			Standing: account.Standing{ID: numbered(i - 1), State: account.Active, Epoch: 1, Secured: began.Unix()},
			Email:    fmt.Sprintf("person%d@example.org", i-1), UserName: fmt.Sprintf("person%d", i-1), Password: "phc", CreatedAt: began,
		}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	i = 0
	_, err = c.db.LoadSignIns(ctx, began, func() (credential.SignIn, error) {
		if i == n {
			return credential.SignIn{}, io.EOF
		}
		i++
		s := credential.NewSignIn(numbered(i-1), "password", device.Client{}, began)
		s.Stamp = credential.Stamp{Born: began.Unix(), Account: 1}
		c.tokens[i-1] = s.Token
		return s, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if c.db.Engine() == "postgres" {
		if _, err := c.db.engine.pool().ExecContext(ctx, "VACUUM ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

func eachCrowd(b *testing.B, f func(b *testing.B, c *crowd)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		for _, n := range sizes() {
			c := gather(b, url(b), n) // once, however often the benchmark is run to find its length
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { f(b, c) })
		}
	}
}

// BenchmarkFindCredential is the look-up behind every page and every call of the API.
func BenchmarkFindCredential(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		var next atomic.Int64
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				i := int(next.Add(7919)) % c.n
				f, err := c.db.FindCredential(context.Background(), credential.Browser, c.tokens[i])
				if err != nil || f.AccountID != numbered(i) || credential.Judge(f, began) != nil {
					b.Fatal(i, err)
				}
			}
		})
	})
}

// BenchmarkSignIn is what a sign-in costs beside its hash: one transaction before it, one after.
func BenchmarkSignIn(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		var next atomic.Int64
		b.SetParallelism(8) // callers wait for their commits together
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := c.signIn(int(next.Add(7919))); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func (c *crowd) signIn(i int) error {
	ctx := context.Background()
	source := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	at := credential.Attempt{Handle: account.LoginHandle(fmt.Sprintf("person%d@example.org", i%c.n)), Network: ratelimit.SignInFailures.From(source), At: began}
	found, err := c.db.BeginAttempt(ctx, at)
	if err != nil {
		return err
	}
	s := credential.NewSignIn(found.Account.ID, "password", device.Client{Address: source}, began)
	s.Stamp = credential.StampNow(found.Clock, found.Account.Standing)
	act := audit.New(began, audit.SignedIn, found.Account.ID, found.Account.ID).With(audit.Address, source.String())
	return c.db.OpenSignIn(ctx, at, found, s, act, audit.Act{})
}

func BenchmarkLoadAccounts(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				gather(b, url(b), 50_000)
			}
			b.ReportMetric(float64(50_000*b.N)/b.Elapsed().Seconds(), "accounts+devices/s")
		})
	}
}
