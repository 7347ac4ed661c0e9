package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/testdb"
)

// lists is a database with the lists of many servers, two of which are asked about.
type lists struct {
	db      *DB
	guest   account.Account
	program string    // the hash of what the guest is signed in with
	server  [2]string // that let the guest in: one with ten lines, and one with as many as there may be
}

// The account that is asked about, and how many others there are, each with a server.
const (
	theGuest = 1
	others   = 1000
)

// share gives a new database so many lines besides, each by which the account has come in that taker, in SQL, gives for the number i.
func share(b *testing.B, url string, lines int, taker string) *lists {
	b.Helper()
	c := gather(b, url, others)
	s := &lists{db: c.db, program: c.program(b, theGuest), guest: account.Account{
		Standing: account.Standing{ID: numbered(theGuest)}, Email: fmt.Sprintf("person%d@example.org", theGuest), EmailProved: true,
	}}
	for i, most := range []int{10, server.MostGuests} {
		s.server[i] = c.claims(b, numbered(0), i)
		for line := range most {
			c.takes(b, fmt.Sprintf("line%d.%d", i, line), s.server[i], numbered(theGuest+line))
		}
	}
	c.furnish(b, 2, others, 1)
	err := c.db.engine.write(context.Background(), func(t *tx) error {
		_, err := t.exec(context.Background(), `INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at, invited_at, taken_at)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($1 AS BIGINT))
			SELECT 'other' || CAST(i AS TEXT), `+inSQL("i % 998 + 2")+` || '.1', 'hash' || CAST(i AS TEXT), 'hash' || CAST(i AS TEXT), '', `+taker+`, 0, 0, 1 FROM n WHERE i < CAST($1 AS BIGINT)`, int64(lines))
		return err
	})
	if err == nil && c.db.Engine() == "postgres" {
		_, err = c.db.engine.pool().ExecContext(context.Background(), "VACUUM ANALYZE")
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// inSQL is numbered in SQL.
func inSQL(number string) string {
	text := `CAST(` + number + ` AS TEXT)`
	return `(SUBSTR('` + numbered(0) + `', 1, 26 - LENGTH(` + text + `)) || ` + text + `)`
}

// claims claims one more server for an account.
func (c *crowd) claims(b *testing.B, accountID string, i int) string {
	b.Helper()
	ctx, act := context.Background(), audit.New(began, audit.ServerClaimed, accountID, accountID)
	claim := credential.Link{Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: accountID, Stamp: credential.Stamp{Born: began.Unix(), Account: 1}}
	if err := c.db.Record(ctx, act.Linking(claim)); err != nil {
		b.Fatal(err)
	}
	f, err := c.db.FindCredential(ctx, claim.Kind, claim.Token)
	if err != nil {
		b.Fatal(err)
	}
	s := server.Server{ID: fmt.Sprintf("measured%d", i), AccountID: accountID, Thumbprint: fmt.Sprint("print", i), Public: "key", Facts: server.Facts{Name: "Attic"}, Stamp: claim.Stamp, ClaimedAt: began}
	if _, err := c.db.ClaimServer(ctx, server.Claim{Server: s, Spends: f.Hash, Most: 9}, act); err != nil {
		b.Fatal(err)
	}
	return s.ID
}

// program makes a program of what person i is signed in with, and returns its hash.
func (c *crowd) program(b *testing.B, i int) string {
	b.Helper()
	f, err := c.db.FindCredential(context.Background(), credential.Browser, c.tokens[i])
	if err == nil {
		err = c.db.engine.write(context.Background(), func(t *tx) error {
			_, err := t.exec(context.Background(), `UPDATE credential SET kind = $1 WHERE hash = $2`, string(credential.App), f.Hash)
			return err
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	return f.Hash
}

// takes writes a line of a server's list by which an account has come in.
func (c *crowd) takes(b *testing.B, id, serverID, accountID string) {
	b.Helper()
	err := c.db.engine.write(context.Background(), func(t *tx) error {
		_, err := t.exec(context.Background(), `INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at, invited_at, taken_at) VALUES ($1, $2, $1, $1, '', $3, 0, 0, 1)`, id, serverID, accountID)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// check asks one of four questions about the guest and a server.
func (s *lists) check(question, serverID string) error {
	ctx := context.Background()
	switch question {
	case "visit":
		v, err := s.db.FindVisit(ctx, serverID, s.program, began)
		if err == nil && v.Group != server.Friend {
			err = fmt.Errorf("the guest is %q", v.Group)
		}
		return err
	case "group":
		group, err := s.db.FindGroup(ctx, serverID, s.guest, began)
		if err == nil && group != server.Friend {
			err = fmt.Errorf("the guest is %q", group)
		}
		return err
	case "invitations":
		all, err := s.db.ListInvitations(ctx, s.guest, began)
		if err == nil && len(all) > 0 {
			err = fmt.Errorf("%d servers wait", len(all))
		}
		return err
	}
	all, err := s.db.ListShared(ctx, s.guest.ID, began)
	if err == nil && len(all) != len(s.server) {
		err = fmt.Errorf("%d servers are listed", len(all))
	}
	return err
}

// BenchmarkShares reports what asking whether somebody is let in costs among 100,000 shares, at a server with ten and at one with as many as there may be ÷ at a
// server with ten where there are hardly others. The 100,000 are of a thousand servers, and of people who are let in by five each, or all of that one guest,
// or wait for others, all or half. Either is asked in turns.
func BenchmarkShares(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		few := share(b, url(b), 0, "''")
		for load, taker := range map[string]string{"spread": inSQL("i * 7 % 20000 + 1000"), "one guest": "'" + numbered(theGuest) + "'", "waiting": "''", "half waiting": "CASE WHEN i % 2 = 0 THEN '' ELSE " + inSQL("i * 7 % 20000 + 1000") + " END"} {
			many := share(b, url(b), 1e5, taker)
			for _, question := range []string{"visit", "group", "list", "invitations"} {
				for i, size := range []string{"ten", "most"} {
					if (question == "list" || question == "invitations") && (i > 0 || load == "one guest") { // it is about no one server, and as long as what it lists
						continue
					}
					b.Run(strings.Join([]string{name, load, question, size}, "/"), func(b *testing.B) {
						compare(b, func() error { return few.check(question, few.server[0]) }, func() error { return many.check(question, many.server[i]) })
					})
				}
			}
		}
	}
}

// compare asks one and the other in turns, and compares their medians: half of the questions are never kept waiting by something else.
func compare(b *testing.B, few, many func() error) {
	var times [2][]float64
	for b.Loop() {
		for i, ask := range []func() error{few, many} {
			begin := time.Now()
			if err := ask(); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/1000)
		}
	}
	b.ReportMetric(0, "ns/op") // of both
	b.ReportMetric(middle(times[1])/middle(times[0]), "many/few")
	b.ReportMetric(middle(times[1]), "µs/question")
}

func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
