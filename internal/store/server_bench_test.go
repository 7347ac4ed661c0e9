package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/stream"
	"usher/internal/testdb"
)

// furnish gives the accounts from one number to another so many servers each, which read signals. Nobody opens what is sealed of them.
func (c *crowd) furnish(b *testing.B, from, to, servers int) {
	b.Helper()
	const owned = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
		SELECT a.id || '.' || CAST(n.i AS TEXT), `
	const of = ` FROM account a CROSS JOIN n WHERE a.id >= $2 AND a.id < $3 ON CONFLICT (id) DO NOTHING`
	err := c.db.engine.write(context.Background(), func(t *tx) error {
		args := []any{int64(servers), numbered(from), numbered(to)}
		_, err := t.exec(context.Background(), `INSERT INTO server (id, account_id, thumbprint, public_key, facts, born, account_epoch, claimed_at, seen_at, ended_at) `+owned+
			`a.id, a.id || '.' || CAST(n.i AS TEXT), '', '', 1, 1, 0, 0, 0`+of, args...)
		if err == nil {
			_, err = t.exec(context.Background(), `INSERT INTO stream (id, client_id, facts, events, status, push, told, missed, due_at, fails, created_at) `+owned+
				`a.id || '.' || CAST(n.i AS TEXT), '', CAST($4 AS BIGINT), 'enabled', FALSE, (SELECT floor FROM instance WHERE id = 1), 0, 0, 0, 0`+of, append(args, int64(stream.Every()))...)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	if c.db.Engine() == "postgres" {
		if _, err := c.db.engine.pool().ExecContext(context.Background(), "VACUUM ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
}

// signals counts what waits on all streams, and takes it off.
func (c *crowd) signals(b *testing.B) (n int64) {
	b.Helper()
	err := c.db.engine.write(context.Background(), func(t *tx) (err error) {
		n, err = t.exec(context.Background(), `DELETE FROM signal`)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// quiet counts the streams of so many accounts that have nothing to say, each account with one server.
func (c *crowd) quiet(b *testing.B, n int) int {
	b.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = numbered(i) + ".1"
	}
	quiet, err := c.db.QuietStreams(context.Background(), ids)
	if err != nil {
		b.Fatal(err)
	}
	return len(quiet)
}

// BenchmarkEndEverything is signing out all devices of an account with so many media servers, each of which is told.
func BenchmarkEndEverything(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		c := gather(b, url(b), 1000)
		for i, servers := range []int{1, 10, 1000} {
			c.furnish(b, i, i+1, servers)
			b.Run(fmt.Sprintf("%s/%d", name, servers), func(b *testing.B) {
				now, told := began, int64(0)
				for b.Loop() {
					now = now.Add(time.Second)
					act := audit.New(now, audit.SignedOutAll, numbered(i), numbered(i))
					if err := c.db.EndEverything(context.Background(), numbered(i), nil, act); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					told += c.signals(b)
					b.StartTimer()
				}
				b.ReportMetric(float64(told)/float64(b.N), "signals/op")
			})
		}
	}
}

// BenchmarkDeclareAllToServers is declaring an incident for everybody where each account has a media server that reads signals: one write, and no row for any of
// them, yet none is quiet afterwards.
func BenchmarkDeclareAllToServers(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		c.furnish(b, 0, c.n, 1)
		polls, now, told := min(c.n, 1000), began, int64(0)
		for b.Loop() {
			now = now.Add(time.Minute)
			if _, err := c.db.DeclareIncident(context.Background(), c.incident(incident.All, now), incident.Console{}, audit.New(now, audit.IncidentDeclared, audit.CLI, "")); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			told += c.signals(b)
			if quiet := c.quiet(b, polls); quiet > 0 {
				b.Fatalf("%d of %d streams are told nothing", quiet, polls)
			}
			b.StartTimer()
		}
		b.ReportMetric(float64(told)/float64(b.N), "signals/op")
	})
}

// BenchmarkQuietStreams is the question behind a thousand polls that wait, on whose streams nothing happens.
func BenchmarkQuietStreams(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		c.furnish(b, 0, c.n, 1)
		for b.Loop() {
			if quiet := c.quiet(b, 1000); quiet != 1000 {
				b.Fatalf("%d of 1000 streams are quiet", quiet)
			}
		}
	})
}
