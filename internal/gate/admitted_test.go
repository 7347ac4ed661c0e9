package gate

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/secret"
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

// somebody is a service that lets one token in, until it falls silent.
type somebody struct{ silent bool }

func (s *somebody) Ask(context.Context, secret.Token) (door.Decision, error) {
	if s.silent {
		return door.Decision{}, door.ErrAway
	}
	return door.Decision{Account: "acc-ann", Until: time.Now().Add(1000 * time.Hour)}, nil
}

// An outage is as long as it is, over restarts of the gate and whatever happens to the clock: the limit counts from the service's last answer.
func TestOutagesCountOverRestarts(t *testing.T) {
	const limit = 12 * time.Hour
	token := secret.TokenOf("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + ".sig")
	for name, c := range map[string]struct {
		before, set, after time.Duration // in the outage until the gate ends, by how much the clock is set then, and until it starts again
		stays              bool
	}{
		"soon":                           {time.Hour, 0, time.Hour, true},
		"before the limit":               {11 * time.Hour, 0, time.Hour - time.Minute, true},
		"at the limit":                   {11 * time.Hour, 0, time.Hour, false},
		"off all the while":              {0, 0, limit, false},
		"clock set back while off":       {11 * time.Hour, -20 * time.Hour, 2 * time.Hour, false},
		"clock set back by a little":     {time.Hour, -30 * time.Second, 0, true},
		"clock set back again and again": {11*time.Hour + 59*time.Minute, -30 * time.Second, 90 * time.Second, false},
		"clock set forward":              {time.Hour, 20 * time.Hour, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder, err := keep.Open(t.TempDir(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = folder.Close() })
			if err := folder.SaveServer(keep.Server{Service: "https://accounts.example", ID: "srv-1", Owner: keep.Owner{Subject: "acc-ann"}}); err != nil {
				t.Fatal(err)
			}
			now, service := time.Now(), &somebody{}
			clock := func() time.Time { return now }
			g := &gate{Settings: Settings{Now: clock}, folder: folder}
			decider := func() *door.Decider {
				return door.NewDecider(service, "https://accounts.example", "srv-1", limit, clock)
			}
			d, err := door.New(door.Settings{Decider: decider(), Server: "srv-1", Key: folder.Key(), CookieKey: folder.Derive("cookies")})
			if err != nil {
				t.Fatal(err)
			}
			g.door.Store(d)
			if _, err := d.Decider.Decide(t.Context(), token, netip.Addr{}); err != nil {
				t.Fatal(err)
			}
			service.silent = true
			now = now.Add(c.before)
			if err := g.Remember(); err != nil {
				t.Fatal(err)
			}
			now = now.Add(c.set + c.after)
			again := decider()
			if err := g.restore(again); err != nil {
				t.Fatal(err)
			}
			if _, err := again.Decide(t.Context(), token, netip.Addr{}); (err == nil) != c.stays {
				t.Errorf("it stays: %v", err)
			}
			// and so it is after one more restart
			d.Decider = again
			if err := g.Remember(); err != nil {
				t.Fatal(err)
			}
			third := decider()
			if err := g.restore(third); err != nil {
				t.Fatal(err)
			}
			if _, err := third.Decide(t.Context(), token, netip.Addr{}); (err == nil) != c.stays {
				t.Errorf("after one more restart: %v", err)
			}
		})
	}
}

// What a gate of today writes, those of later read: a gate that is replaced in an outage still knows who was in, and who has left.
func TestFoldersOfBeforeAreRead(t *testing.T) {
	folder, err := keep.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	token := secret.TokenOf("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + ".sig")
	const key = "Pgr9fLzne+9vxp33uiLzH3MqZ2G8yRVu24fn1+hhLrQ="
	in := `"admitted":[{"key":"` + key + `","decision":{"sub":"acc-ann","sid":"s","username":"ann","exp":"2026-12-20T12:00:00Z"}}],"written":"2026-12-01T11:00:00Z","silent":3600000000000`
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"let in":                {`{` + in + `}`, nil},
		"let in, with names":    {`{` + in + `,"names":{"ann":"acc-ann"}}`, nil},
		"let in, and has left":  {`{` + in + `,"left":[{"key":"` + key + `","until":"2026-12-20T12:00:00Z"}]}`, door.ErrRefused},
		"silent for longer":     {`{` + strings.Replace(in, `"silent":3`, `"silent":300`, 1) + `}`, door.ErrAway},
		"nobody":                {`{"admitted":[],"written":"2026-12-01T11:00:00Z"}`, door.ErrAway},
		"something that is new": {`{` + in + `,"more":[1]}`, nil},
	} {
		if err := folder.Write(admittedFile, []byte(c.file)); err != nil {
			t.Fatal(err)
		}
		g := &gate{Settings: Settings{Now: func() time.Time { return now }}, folder: folder}
		d := door.NewDecider(&somebody{silent: true}, "https://accounts.example", "srv-1", 12*time.Hour, g.Now)
		if err := g.restore(d); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decide(t.Context(), token, netip.Addr{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
