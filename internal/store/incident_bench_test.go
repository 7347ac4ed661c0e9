package store

import (
	"context"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/notice"
)

func (c *crowd) incident(scope incident.Scope, now time.Time) incident.Incident {
	i := incident.Incident{ID: id.New(now), Action: incident.Require, Scope: scope, State: incident.Open, Actor: audit.CLI, CreatedAt: now,
		Notice: notice.DefaultParts("usher.example.org", "")}
	if scope == incident.List {
		i.State = incident.Listing
	}
	return i
}

// dead fails unless a sign-in from before is refused.
func (c *crowd) dead(b *testing.B, i int) {
	b.Helper()
	f, err := c.db.FindCredential(context.Background(), credential.Browser, c.tokens[i])
	if err != nil || credential.Judge(f, began) == nil {
		b.Fatalf("sign-in %d still counts: %v", i, err)
	}
}

// BenchmarkDeclareAll is how long it takes until the first sign-in is refused, whatever the number of accounts.
func BenchmarkDeclareAll(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		now := began
		for b.Loop() {
			now = now.Add(time.Minute)
			if _, err := c.db.DeclareIncident(context.Background(), c.incident(incident.All, now), incident.Console{}, audit.New(now, audit.IncidentDeclared, audit.CLI, "")); err != nil {
				b.Fatal(err)
			}
			c.dead(b, c.n/2)
		}
	})
}

// BenchmarkDeclareList is how long a list of every account takes from its first to its last.
func BenchmarkDeclareList(b *testing.B) {
	eachCrowd(b, func(b *testing.B, c *crowd) {
		ctx, now := context.Background(), began
		for b.Loop() {
			now = now.Add(time.Minute)
			i, err := c.db.DeclareIncident(ctx, c.incident(incident.List, now), incident.Console{}, audit.Act{At: now})
			if err != nil {
				b.Fatal(err)
			}
			for from := 0; from < c.n; from += 2000 {
				chunk := make([]string, 0, 2000)
				for n := from; n < min(from+2000, c.n); n++ {
					chunk = append(chunk, numbered(n))
				}
				if err := c.db.ListIncident(ctx, i.ID, chunk); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := c.db.OpenIncident(ctx, i.ID); err != nil {
				b.Fatal(err)
			}
			c.dead(b, 0)
			c.dead(b, c.n-1)
		}
		b.ReportMetric(float64(c.n*b.N)/b.Elapsed().Seconds(), "accounts/s")
	})
}
