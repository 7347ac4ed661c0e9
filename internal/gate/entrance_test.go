package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/gate/directory"
	"usher/internal/gate/door"
	"usher/internal/gate/watch"
	"usher/internal/secret"
)

// entered is an entrance of a gate whose service answers like that, and the gate's clock.
func entered(t testing.TB, replies map[string]*reply) (*entrance, *atomic.Int64) {
	t.Helper()
	var at atomic.Int64
	at.Store(time.Now().UnixMilli())
	now := func() time.Time { return time.UnixMilli(at.Load()) }
	service := tells(t, replies)
	settings := Settings{Config: config.Gate{Service: service.client.Issuer(), OutageLimit: time.Hour}, Now: now, Log: slog.New(slog.DiscardHandler)}
	g := &gate{Settings: settings, folder: service.folder, client: service.client, places: service.places, news: make(chan struct{}, 1)}
	var err error
	if g.watch, err = watch.New(g.client, g, g.folder, g.Log, now); err != nil {
		t.Fatal(err)
	}
	return newEntrance(g), &at
}

// Who may come in is asked once in a while, and anew when something has ended; in an outage, and while the server is signed out, nobody is listed.
func TestPeopleOfTheServer(t *testing.T) {
	ended := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	people := &reply{status: 200, body: fmt.Sprintf(`{"people":[{"sub":"acc-ann","username":"ann","name":"Ann","email":"ann@example.org","email_verified":true,"group":"owner"},
		{"sub":"acc-bob","group":"household"},{"sub":"acc-eve","username":"eve","email":"eve@example.org","group":"guest"},{"sub":"acc-old","username":"old","group":"guest","ends":%q}]}`, ended)}
	e, at := entered(t, map[string]*reply{"/api/v1/server/people": people})
	list := func(want error) []directory.Person {
		t.Helper()
		all, err := e.People(t.Context())
		if !errors.Is(err, want) || (err == nil) != (len(all) > 0) {
			t.Errorf("%v and %v, want %v", all, err, want)
		}
		return all
	}
	want := []directory.Person{{ID: "acc-ann", UserName: "ann", Name: "Ann", Email: "ann@example.org", Group: directory.Owner}, {ID: "acc-bob", UserName: "acc-bob", Group: directory.Household}, {ID: "acc-eve", UserName: "eve", Group: directory.Guest}}
	if all := list(nil); !slices.Equal(all, want) {
		t.Errorf("listed are %+v", all)
	}
	d, err := e.decider()
	if err != nil {
		t.Fatal(err)
	}
	list(nil)[0].Name = "changed"
	if all := list(nil); all[0].Name != "Ann" || people.asked != 1 {
		t.Errorf("asked %d times for %v", people.asked, all)
	}
	d.End(door.Ended{Account: "acc-carl"})
	list(nil)
	at.Add(peopleFor.Milliseconds())
	list(nil)
	if people.asked != 3 {
		t.Errorf("asked %d times", people.asked)
	}
	d.Unanswered()
	list(door.ErrAway)
	d.Answered()
	people.status = 503
	at.Add(peopleFor.Milliseconds())
	list(door.ErrAway)
	list(door.ErrAway)
	if people.asked != 4 {
		t.Errorf("each question waits for a service that is away: %d", people.asked)
	}
	at.Add(silenceFor.Milliseconds())
	people.status = 200
	list(nil)
	people.status, people.body = 400, `{"error":"unauthorized_client","standing":"suspended"}`
	at.Add(peopleFor.Milliseconds())
	list(door.ErrSuspended)
	d.Suspend(door.Suspension{})
	list(door.ErrSuspended)
	if err := e.gate.folder.Forget(); err != nil {
		t.Fatal(err)
	}
	list(door.ErrSuspended)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	e.asking <- struct{}{}
	if _, err := e.People(gone); err == nil {
		t.Error("whoever has left is told")
	}
}

// Who binds is whom the door lets in by the same password.
func TestBindingAtTheEntrance(t *testing.T) {
	said := &reply{status: 200, body: fmt.Sprintf(`{"active":true,"sub":"acc-ann","sid":"s","exp":%d,"username":"ann","name":"Ann","email":"ann@example.org","email_verified":true,
		"groups":["guest"],"token_type":"app_password","scope":"directory"}`, time.Now().Add(time.Hour).Unix())}
	e, _ := entered(t, map[string]*reply{"/i": said})
	password, from := secret.NewServerPassword(), netip.MustParseAddr("127.0.0.1")
	want := directory.Person{ID: "acc-ann", UserName: "ann", Name: "Ann", Email: "ann@example.org", Group: directory.Guest}
	b, err := e.Bind(t.Context(), "ann@example.org", password, from)
	if err != nil || b.Person != want || !b.Directory || b.Over.Err() != nil {
		t.Fatalf("%+v %v", b, err)
	}
	d, err := e.decider()
	if err != nil {
		t.Fatal(err)
	}
	said.body = `{"active":false}`
	d.End(door.Ended{Account: "acc-ann", Session: "s"})
	select {
	case <-b.Over.Done():
	case <-time.After(time.Second):
		t.Error("it counts still")
	}
	if _, err := e.Bind(t.Context(), "ann", password, from); !errors.Is(err, door.ErrRefused) {
		t.Error(err)
	}
	if err := e.gate.folder.Forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Bind(t.Context(), "ann", password, from); !errors.Is(err, door.ErrSuspended) {
		t.Errorf("at a server that is nobody's: %v", err)
	}
}
