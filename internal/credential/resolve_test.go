package credential

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/outage"
	"usher/internal/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// declared are the constants of type Kind in the source.
func declared(t *testing.T) (all []Kind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "kind.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if of, is := spec.Type.(*ast.Ident); is && of.Name == "Kind" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, Kind(text))
		}
		return true
	})
	return all
}

func TestEveryKindHasARule(t *testing.T) {
	all := declared(t)
	if len(all) == 0 || len(all) != len(Rules) {
		t.Errorf("%d kinds, %d rules", len(all), len(Rules))
	}
	for _, kind := range all {
		rule, has := Rules[kind]
		switch {
		case !has || rule.Life <= 0:
			t.Errorf("%s has no rule", kind)
		case rule.Bearer && rule.WhileResetRequired:
			t.Errorf("%s acts for an account whose password must be reset", kind)
		case rule.Bearer && rule.Protective:
			t.Errorf("%s outlives an incident and acts for the account", kind)
		case rule.Protective && !rule.SingleUse:
			t.Errorf("%s outlives an incident and can be used again", kind)
		case rule.Bearer && !rule.OwnedByAccount:
			t.Errorf("%s acts for nobody", kind)
		case rule.OutlivesEpochs && (rule.Bearer || rule.OwnedByAccount || rule.SingleUse):
			t.Errorf("%s outlives every epoch and is no authenticator of a client", kind)
		}
	}
}

type shelf struct {
	found Found
	err   error
	asked int
}

func (s *shelf) FindCredential(context.Context, Kind, secret.Token) (Found, error) {
	s.asked++
	return s.found, s.err
}

func (s *shelf) FindPerson(context.Context, Kind, secret.Token) (Found, account.Account, error) {
	s.asked++
	return s.found, account.Account{Standing: s.found.Account, Name: "Ann"}, s.err
}

// good is a credential of a kind that counts.
func good(kind Kind) Found {
	f := Found{
		Credential: Credential{Kind: kind, Stamp: Stamp{Born: 100, Account: 3}, CreatedAt: now.Add(-30 * time.Second), ExpiresAt: now.Add(time.Minute)},
		Clock:      Clock{Epoch: 120, Floor: 90, Incident: 80}, DeviceUsedAt: now,
	}
	if Rules[kind].OwnedByAccount {
		f.AccountID = "a"
		f.Account = account.Standing{ID: "a", State: account.Active, Epoch: 3, Incident: 70, Secured: 80}
	}
	return f
}

func TestResolve(t *testing.T) {
	s := &shelf{found: good(Browser)}
	r := &Resolver{Store: s, Now: func() time.Time { return now }}
	if _, err := r.Resolve(t.Context(), Browser, secret.NewToken()); err != nil || s.asked != 1 {
		t.Errorf("a good one: %v, asked %d times", err, s.asked)
	}
	for kind, tokens := range map[Kind][]secret.Token{
		"unknown": {secret.NewToken()}, "": {secret.NewToken()}, Browser: {{}, secret.TokenOf("x"), secret.TokenOf("' OR 1=1 --")},
	} {
		for _, token := range tokens {
			if _, err := r.Resolve(t.Context(), kind, token); !errors.Is(err, ErrUnknown) || s.asked != 1 {
				t.Errorf("%q: %v, asked %d times", kind, err, s.asked)
			}
		}
	}
	s.err = errors.New("the database is away")
	if _, err := r.Resolve(t.Context(), Browser, secret.NewToken()); !errors.Is(err, s.err) || errors.Is(err, ErrUnknown) {
		t.Errorf("without a database: %v", err) // and nobody is signed out by it
	}
}

// The account comes along whatever the judgement is; what has no token's shape is not looked up.
func TestResolvePerson(t *testing.T) {
	s := &shelf{found: good(Browser)}
	r := &Resolver{Store: s, Now: func() time.Time { return now }}
	if f, a, err := r.ResolvePerson(t.Context(), Browser, secret.NewToken()); err != nil || f.AccountID != "a" || a.Name != "Ann" {
		t.Errorf("a good one: %+v %+v %v", f, a, err)
	}
	s.found.Account.State = account.Deleting
	if f, a, err := r.ResolvePerson(t.Context(), Browser, secret.NewToken()); !errors.Is(err, ErrDeleting) || f.AccountID != "a" || a.Name != "Ann" {
		t.Errorf("in the grace before it is erased: %+v %+v %v", f, a, err)
	}
	s.asked = 0
	if _, a, err := r.ResolvePerson(t.Context(), Browser, secret.TokenOf("x")); !errors.Is(err, ErrUnknown) || a.Name != "" || s.asked != 0 {
		t.Errorf("no token: %+v %v, asked %d times", a, err, s.asked)
	}
}

// A use is written every few minutes only, and what is no device's never.
func TestNoteUse(t *testing.T) {
	asked, touches, written := 0, &device.Touches{}, &writes{}
	note := func(f Found) {
		f.NoteUse(touches, now, func() device.Client {
			asked++
			return device.Client{Address: netip.MustParseAddr("192.0.2.7"), Place: "Lyon"}
		})
	}
	note(Found{Credential: Credential{DeviceID: "recent"}, DeviceUsedAt: now.Add(-device.TouchEvery + time.Second)})
	note(Found{})
	made := Credential{Kind: App, DeviceID: "new", CreatedAt: now}
	note(Found{Credential: made, DeviceUsedAt: now})
	made.Kind = AppPassword
	note(Found{Credential: made, DeviceUsedAt: now.Add(time.Millisecond)})
	made.DeviceID, made.AccountID = "tried", "a" // for the first time
	note(Found{Credential: made, DeviceUsedAt: now})
	note(Found{Credential: Credential{DeviceID: "old", AccountID: "a"}, DeviceUsedAt: now.Add(-device.TouchEvery)})
	if err := touches.Flush(t.Context(), written); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	want := device.Device{ID: "old", AccountID: "a", Seen: device.Seen{Address: "192.0.2.7", Place: "Lyon"}, UsedAt: now}
	tried := want
	tried.ID = "tried"
	slices.SortFunc(written.used, func(a, b device.Device) int { return strings.Compare(a.ID, b.ID) })
	if !slices.Equal(written.used, []device.Device{want, tried}) {
		t.Errorf("%+v", written.used)
	}
}

// writes are last uses that were written.
type writes struct{ used []device.Device }

func (w *writes) TouchDevices(_ context.Context, used []device.Device) error {
	w.used = append(w.used, used...)
	return nil
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Found)
		want   map[Kind]error // nil for those that are not named
	}{
		"nothing":             {func(*Found) {}, nil},
		"expired":             {func(f *Found) { f.ExpiresAt = now }, except(ErrUnknown)},
		"a moment before":     {func(f *Found) { f.ExpiresAt = now.Add(1) }, nil},
		"older than its life": {func(f *Found) { f.CreatedAt = now.Add(-Rules[f.Kind].Life) }, except(ErrUnknown)},
		"made in the future":  {func(f *Found) { f.CreatedAt = now.Add(2 * time.Minute) }, except(ErrUnknown)},
		"clocks a little off": {func(f *Found) { f.CreatedAt = now.Add(30 * time.Second) }, nil},
		"unknown kind":        {func(f *Found) { f.Kind = "x" }, except(ErrUnknown)},
		"idle for a year":     {func(f *Found) { f.DeviceUsedAt = now.Add(-365 * day) }, only(ErrUnknown, Browser, App, AppPassword, Server, ServerPassword, Refresh, Access, DeviceKey, Switched, Away)},
		"idle for a season":   {func(f *Found) { f.DeviceUsedAt = now.Add(-90 * day) }, only(ErrUnknown, Browser, App, Refresh, Access, DeviceKey, Switched, Away)},
		"idle":                {func(f *Found) { f.DeviceUsedAt = now.Add(-30 * day) }, only(ErrUnknown, Browser, Away)},
		"floor":               {func(f *Found) { f.Clock.Floor = 101 }, except(ErrEnded, Undo, NotMe, KeepFactor, RemoveDevice, ClientSecret)},
		"floor at its birth":  {func(f *Found) { f.Clock.Floor = 100 }, nil},
		"incident for all":    {func(f *Found) { f.Clock.Incident, f.Account.Secured = 101, 101 }, except(ErrEnded, Undo, NotMe, KeepFactor, RemoveDevice, ClientSecret)},
		"incident, listed":    {func(f *Found) { f.Account.Incident, f.Account.Secured = 101, 101 }, only(ErrEnded, epochal()...)},
		"signed out, all":     {func(f *Found) { f.Account.Epoch = 4 }, only(ErrEnded, epochal()...)},
		"reset required":      {func(f *Found) { f.Account.Secured = 79 }, only(ErrResetRequired, Browser, Change, SecondStep, Remembered, Enrolment, AppPassword, App, ServerClaim, Server, ServerStanding, ServerAccess, ServerPassword, LinkTicket, AuthorizationCode, Refresh, Access, Handed, DeviceKey, DeviceToken, Switched, Away)},
		"locked":              {func(f *Found) { f.Account.State = account.Locked }, only(ErrLocked, lockable()...)},
		"deleting":            {func(f *Found) { f.Account.State = account.Deleting }, only(ErrDeleting, Browser, Change, Enrolment, AppPassword, App, Console, ServerClaim, Server, ServerStanding, ServerAccess, ServerPassword, LinkTicket, AuthorizationCode, Refresh, Access, Handed, DeviceKey, DeviceToken, Switched, Away)},
		"state nobody knows":  {func(f *Found) { f.Account.State = "banned" }, only(ErrUnknown, owned()...)},
		"account gone":        {func(f *Found) { f.Account = account.Standing{} }, only(ErrUnknown, owned()...)},
		"locked and ended":    {func(f *Found) { f.Account.State, f.Account.Epoch = account.Locked, 9 }, both(only(ErrEnded, epochal()...), only(ErrLocked, Undo, NotMe))},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range declared(t) {
				f := good(kind)
				c.change(&f)
				if err := Judge(f, now); !errors.Is(err, c.want[kind]) || c.want[kind] == nil && err != nil {
					t.Errorf("%s: %v, want %v", kind, err, c.want[kind])
				}
			}
		})
	}
}

func except(err error, others ...Kind) map[Kind]error {
	m := map[Kind]error{}
	for kind := range Rules {
		m[kind] = err
	}
	for _, kind := range others {
		delete(m, kind)
	}
	return m
}

func only(err error, kinds ...Kind) map[Kind]error {
	m := map[Kind]error{}
	for _, kind := range kinds {
		m[kind] = err
	}
	return m
}

func both(a, b map[Kind]error) map[Kind]error {
	maps.Copy(a, b)
	return a
}

// epochal are the kinds that a step of the account's epoch ends.
func epochal() (all []Kind) {
	for kind, rule := range Rules {
		if rule.OwnedByAccount && !rule.Protective {
			all = append(all, kind)
		}
	}
	return all
}

// lockable are the kinds that a lock stops.
func lockable() (all []Kind) {
	for kind, rule := range Rules {
		if rule.OwnedByAccount && !rule.WhileLocked {
			all = append(all, kind)
		}
	}
	return all
}

func owned() (all []Kind) {
	for kind, rule := range Rules {
		if rule.OwnedByAccount {
			all = append(all, kind)
		}
	}
	return all
}

// Incidents that overlap are one number: after a completed reset a later one asks again, an earlier one does not.
func TestIncidents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch := rapid.Int64Range(1, 50)
		clock := Clock{Epoch: 50 + epoch.Draw(t, "epoch"), Incident: epoch.Draw(t, "all")}
		a := account.Standing{ID: "a", State: account.Active, Incident: epoch.Draw(t, "listed")}
		a.Secured = Secure(clock, a)
		if clock.ResetRequired(a) {
			t.Fatal("a reset that began after every incident does not count")
		}
		next := clock.Epoch + epoch.Draw(t, "later")
		later := clock
		later.Epoch, later.Incident = next, next
		if !later.ResetRequired(a) {
			t.Fatal("a later incident asks for nothing")
		}
		f := good(Browser)
		f.Clock, f.Account, f.Stamp = later, a, StampNow(clock, a)
		if err := Judge(f, now); !errors.Is(err, ErrEnded) {
			t.Fatalf("a stamp from before the incident: %v", err)
		}
		a.Secured = Secure(later, a)
		f.Account, f.Stamp = a, StampNow(later, a)
		if err := Judge(f, now); err != nil {
			t.Fatalf("a sign-in after the incident and its reset: %v", err)
		}
	})
}

func TestIsDead(t *testing.T) {
	for err, want := range map[error]bool{
		ErrUnknown: true, ErrEnded: true, ErrResetRequired: true, ErrLocked: true, ErrDeleting: true, fmt.Errorf("wrapped: %w", ErrEnded): true,
		nil: false, ErrSpent: false, ErrStale: false, outage.Err: false,
	} {
		if IsDead(err) != want {
			t.Errorf("%v: dead is %v", err, !want)
		}
	}
}

func TestIsFresh(t *testing.T) {
	for ago, want := range map[time.Duration]bool{0: true, Fresh - 1: true, Fresh: false, time.Hour: false} {
		f := Found{Credential: Credential{FreshAt: now.Add(-ago)}}
		if f.IsFresh(now) != want {
			t.Errorf("after %v: %v", ago, !want)
		}
	}
	if (Found{}).IsFresh(now) {
		t.Error("never proved, and fresh")
	}
}

// What belonged to nobody dies with the account that it came to belong to (attack D8).
func TestJudgeComesToBelong(t *testing.T) {
	owned := func(change func(*Found)) error {
		f := good(DeviceCode)
		f.AccountID, f.Account = "a", account.Standing{ID: "a", State: account.Active, Epoch: 3, Incident: 70, Secured: 80}
		change(&f)
		return Judge(f, now)
	}
	for want, change := range map[error]func(*Found){
		nil: func(*Found) {}, ErrEnded: func(f *Found) { f.Account.Epoch = 4 }, ErrLocked: func(f *Found) { f.Account.State = account.Locked },
		ErrDeleting: func(f *Found) { f.Account.State = account.Deleting }, ErrResetRequired: func(f *Found) { f.Account.Secured = 79 },
		ErrUnknown: func(f *Found) { f.Account = account.Standing{} },
	} {
		if err := owned(change); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
