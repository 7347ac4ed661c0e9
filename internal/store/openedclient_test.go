package store

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/relyingparty"
	"usher/internal/testdb"
)

// What clients say in clear stays in memory no longer than there is use for it, and never for more of them than there is room.
func TestFewOpenedClientsAreRemembered(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) { fewAreRemembered(t, openTest(t, url), began) })
}

func fewAreRemembered(t *testing.T, db *DB, now time.Time) {
	ctx := context.Background()
	for i := range mostOpened + 20 {
		c := relyingparty.Client{ID: "app" + strconv.Itoa(i), Name: "Attic", Auth: relyingparty.None, CreatedAt: now}
		if err := db.RegisterClient(ctx, c, nil, audit.Act{At: now}); err != nil {
			t.Fatal(err)
		}
		if got, err := db.FindClient(ctx, c.ID); err != nil || got.Name != c.Name {
			t.Fatalf("%+v %v", got, err)
		}
	}
	remembers(t, db, mostOpened)
	if _, err := db.Sweep(ctx, now); err != nil {
		t.Fatal(err)
	}
	remembers(t, db, 0)
	if _, err := db.FindClient(ctx, "app1"); err != nil {
		t.Fatal(err)
	}
	remembers(t, db, 1)
	if err := db.RemoveClient(ctx, "app1", audit.Act{At: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.FindClient(ctx, "app1"); !errors.Is(err, relyingparty.ErrNotFound) {
		t.Fatal(err)
	}
	remembers(t, db, 0)
}

func remembers(t *testing.T, db *DB, want int) {
	t.Helper()
	if got := len(db.clients.all); got != want {
		t.Errorf("%d opened clients are remembered, want %d", got, want)
	}
}
