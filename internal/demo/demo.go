// Package demo owns the demonstration: a page that leads through the story of a household with the real pages in it, the doors by which one browser is several
// people, and the hand that takes a step for whoever only wants to watch. It refuses to know how the service and the gate work: it meets them by their pages, and
// reads in the record what happened.
package demo

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Act is one entry of the service's record.
type Act struct {
	Action, Account string
	At              time.Time
}

// Mail is one that waits.
type Mail struct {
	ID, To, Subject, Text string
	At                    time.Time
}

// House is what the story needs of the service and the gate, besides their pages: what somebody sees who sits at the machine.
type House interface {
	// Acts are the newest entries of the record, the oldest of them first.
	Acts(ctx context.Context) ([]Act, error)
	// Mail is what waits, the newest first.
	Mail(ctx context.Context) ([]Mail, error)
	// Digits are what an authenticator app shows that has a key, and how long it shows them.
	Digits(key string) (digits string, left time.Duration)
	// Promote makes an account an administrator, as usher account make-admin does.
	Promote(ctx context.Context, account string) error
	// Ready is the query of the link by which the server can be claimed.
	Ready() (string, error)
}

// Person is somebody of the story.
type Person struct {
	Name, UserName, Email, Password string
}

// The people of the story: whoever looks at it, somebody of the household, and a guest.
var (
	You  = Person{Name: "Ada", UserName: "ada", Email: "ada@example.org", Password: "lamps along the aisle"}
	Nora = Person{Name: "Nora", UserName: "nora", Email: "nora@example.org", Password: "three owls and a kettle"}
	Emil = Person{Name: "Emil", UserName: "emil", Email: "emil@example.org", Password: "paper boats in april"}
)

// second is the password that the story chooses after the incident.
const second = "a new reel every night"

// Server and Film are what the story's media server and its film are called.
const (
	Server = "Attic"
	Film   = "A light in the aisle.webm"
)

// Doors lead the people of the story to the service and to the server.
type Doors struct {
	You, TV, Emil *Door // at the service
	Server        *Door // yours at the server
	EmilServer    *Door // Emil's there
}

// Story is the demonstration as it goes on.
type Story struct {
	Doors
	House House
	Page  string // the origin of its page
	Log   *slog.Logger
	Now   func() time.Time
	// Seeded is when the others had their accounts: yours comes later.
	Seeded time.Time

	taking sync.Mutex // a step is being taken

	mu   sync.Mutex
	seen seen
}

// seen is what came by at the doors, which no record has.
type seen struct {
	key    string    // of the authenticator app
	played time.Time // when a part of the film came last
	shut   time.Time // when the server refused you last
	tv     bool      // the TV says that it is signed in
	linked bool      // it was, once
	in     bool      // your browser is signed in
	far    int       // steps that were done
	used   string    // the digits that were typed last
	page   string    // the path of your page about the server
}

// Arrange has both doors of Emil's lead to what you have, under addresses of their own (to what stands behind them, he is at the service and at the server), and the
// story notice what comes by. It is called before anybody comes.
func (s *Story) Arrange() {
	s.Emil.Inner, s.EmilServer.Inner = s.You.Origin, s.Doors.Server.Origin
	s.Emil.Swap = strings.NewReplacer(s.You.Origin, s.Emil.Origin, s.Doors.Server.Origin, s.EmilServer.Origin)
	s.EmilServer.Swap = s.Emil.Swap
	s.You.Seen = s.sawAccount
	s.TV.Seen = s.sawTV
	s.Doors.Server.Seen = s.sawServer
}

// note writes down what came by.
func (s *Story) note(what func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what(&s.seen)
}

func (s *Story) known() seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}
