package gate

import (
	"testing"
	"time"

	"usher/internal/gate/door"
	"usher/internal/gate/keep"
)

// Whose a user name is at the media server outlives the gate, and the claim.
func TestNamesAreKept(t *testing.T) {
	folder, err := keep.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	g := &gate{Settings: Settings{Now: time.Now}, folder: folder}
	decider := func() *door.Decider { return door.NewDecider(nil, "https://accounts.example", "srv-1", time.Hour, nil) }
	before := decider()
	before.RestoreNames(map[string]string{"ann": "acc-ann"})
	d, err := door.New(door.Settings{Decider: before, Server: "srv-1", Key: folder.Key(), CookieKey: folder.Derive("cookies")})
	if err != nil {
		t.Fatal(err)
	}
	g.door.Store(d)
	for range 2 { // as a server that is nobody's; then with no door at all
		if err := g.Remember(); err != nil {
			t.Fatal(err)
		}
		g.door.Store(nil)
	}
	after := decider()
	if err := g.restore(after); err != nil {
		t.Fatal(err)
	}
	if got := after.Names(); got["ann"] != "acc-ann" {
		t.Errorf("it knows %v", got)
	}
}
