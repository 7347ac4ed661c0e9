package storetest

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/tvlink"
)

// The networks of these tests.
const (
	livingRoom linkcode.Network = "192.0.2.7"
	faraway    linkcode.Network = "198.51.100.9"
)

// asking is a TV in the living room that is about to wait.
func (w *world) asking(short string) linkcode.New {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	return linkcode.New{
		Request: linkcode.Request{
			ID: id.New(w.now), Name: "Living room", Product: "Jellyfin", Seen: device.Seen{Address: "192.0.2.7", Place: "Lyon"},
			CreatedAt: w.now, ExpiresAt: w.now.Add(linkcode.Life),
		},
		Short: secret.TokenOf(short), Long: linkcode.NewLong(), Poll: secret.NewToken(), Stamp: credential.Stamp{Born: clock.Epoch}, Network: livingRoom, Most: linkcode.Most,
	}
}

// waiting is a TV that waits.
func (w *world) waiting(short string) linkcode.New {
	w.Helper()
	n := w.asking(short)
	w.must(w.db.BeginLink(w.ctx(), n))
	return n
}

// enter types a code in the account's browser, which is somewhere.
func (w *world) enter(a account.Account, code secret.Token, here ...linkcode.Network) (ticket string, elsewhere bool, err error) {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	a, err = w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	e := linkcode.Entry{
		Code: code, AccountID: a.ID, Own: here, Ticket: secret.NewToken(), Stamp: credential.StampNow(clock, a.Standing),
		Takes: []ratelimit.Take{ratelimit.LinkCodes.For(a.ID)}, At: w.now,
	}
	elsewhere, err = w.db.EnterLinkCode(w.ctx(), e, w.act(audit.LinkCodeWrong, a.ID))
	if err != nil {
		return "", elsewhere, err
	}
	f := w.find(credential.LinkTicket, e.Ticket)
	if told := linkcode.ReadTicket(f.Detail); told.Code != code || told.Elsewhere != elsewhere {
		w.Errorf("the ticket tells of %t", told.Elsewhere)
	}
	return f.Hash, elsewhere, nil
}

// entered types a right code and ends the test when it is not found.
func (w *world) entered(a account.Account, code secret.Token, here linkcode.Network) (ticket string) {
	w.Helper()
	ticket, _, err := w.enter(a, code, here)
	w.must(err)
	return ticket
}

func (w *world) approval(a account.Account, n linkcode.New, ticket string) linkcode.Approval {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	a, err = w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return linkcode.Approval{RequestID: n.ID, Ticket: ticket, AccountID: a.ID, Stamp: credential.StampNow(clock, a.Standing)}
}

// approved is a TV that somebody has let in and that has not come for it yet.
func (w *world) approved(a account.Account, short string) linkcode.New {
	w.Helper()
	n := w.waiting(short)
	w.must(w.db.ApproveLink(w.ctx(), w.approval(a, n, w.entered(a, n.Short, livingRoom)), w.act(audit.LinkApproved, a.ID)))
	return n
}

// collecting is the sign-in of an approved TV.
func (w *world) collecting(n linkcode.New) credential.SignIn {
	w.Helper()
	f := w.find(credential.DeviceCode, n.Poll)
	return credential.SignIn{
		Device: device.Device{ID: id.New(w.now), AccountID: f.AccountID, Kind: device.TV, Name: n.Name, Product: n.Product, Method: device.ByCode, Seen: n.Seen},
		Kind:   credential.App, Subject: credential.Player, Token: secret.NewToken(), Stamp: f.Stamp, Spends: f.Hash,
	}
}

func TestBeginLink(t *testing.T) {
	each(t, func(w *world) {
		n := w.waiting("7RQZ")
		w.count(2, "link_code")
		w.must(w.resolve(credential.DeviceCode, n.Poll))
		if f := w.find(credential.DeviceCode, n.Poll); f.Subject != n.ID || f.AccountID != "" {
			t.Errorf("polls for %q of %q", f.Subject, f.AccountID)
		}
		again := w.asking("7RQZ")
		w.is(w.db.BeginLink(w.ctx(), again), linkcode.ErrTaken)
		again.Short, again.Long = secret.TokenOf("2222"), n.Long
		w.is(w.db.BeginLink(w.ctx(), again), linkcode.ErrTaken)
		w.count(1, "link_request")
		w.count(1, "credential")

		w.now = w.now.Add(linkcode.Reserved - time.Millisecond) // it has long expired, and nobody else gets it yet
		w.is(w.db.BeginLink(w.ctx(), w.asking("7RQZ")), linkcode.ErrTaken)
		w.now = w.now.Add(time.Millisecond)
		w.waiting("7RQZ")
	})
}

func TestBeginLinkBounds(t *testing.T) {
	each(t, func(w *world) {
		for _, code := range []string{"AAAA", "BBBB", "CCCC", "DDDD", "EEEE"} {
			w.waiting(code)
		}
		w.is(w.db.BeginLink(w.ctx(), w.asking("FFFF")), linkcode.ErrMost)
		crowded := w.asking("FFFFFFF")
		crowded.Most = linkcode.Most + 1
		w.must(w.db.BeginLink(w.ctx(), crowded))
		elsewhere := w.asking("FFFF")
		elsewhere.Network = faraway
		w.must(w.db.BeginLink(w.ctx(), elsewhere))
		w.now = w.now.Add(linkcode.Life)
		for i, code := range []string{"GGGG", "HHHH", "JJJJ"} { // the same software asks again: the last one counts
			n := w.asking(code)
			n.Asker, n.Takes = "device 1", []ratelimit.Take{ratelimit.Rule{Name: "few", Limit: 3, Period: time.Hour}.For("x")}
			w.must(w.db.BeginLink(w.ctx(), n))
			w.count(1, "link_request WHERE asker <> ''")
			w.count(1, "credential WHERE subject = $1", n.ID)
			if i == 2 {
				n.ID = id.New(w.now)
				if err := w.db.BeginLink(w.ctx(), n); !errors.As(err, new(*ratelimit.LimitedError)) {
					t.Errorf("one too many: %v", err)
				}
			}
		}
	})
}

// Codes of many at once are all different, and every one of them finds its own request.
func TestWaitingLinks(t *testing.T) {
	each(t, func(w *world) {
		count := func(want int64) {
			t.Helper()
			crowd, clock, err := w.db.WaitingLinks(w.ctx(), w.now)
			w.must(err)
			n := crowd.All()
			if now, err := w.db.ReadClock(w.ctx()); n != want || clock != now || err != nil {
				t.Errorf("%d wait at %+v, want %d", n, clock, want)
			}
		}
		count(0)
		w.race(linkcode.ErrTaken, func(db *store.DB, _ int) error { return db.BeginLink(w.ctx(), w.asking("7RQZ")) })
		count(1)
		w.approved(w.person("anna"), "2345")
		count(1)
		w.waiting("23456")
		w.waiting("34567")
		w.waiting("2345678")
		w.tamper("UPDATE link_request SET short = 0 WHERE short = 7") // as an older program writes it
		if crowd, _, err := w.db.WaitingLinks(w.ctx(), w.now); err != nil || crowd != (linkcode.Crowd{0: 1, 4: 1, 5: 2}) {
			t.Errorf("%v wait, %v", crowd, err)
		}
		w.now = w.now.Add(linkcode.Life)
		count(0)
	})
}

// Where codes count on their own network only, neither a short nor a long one is found from elsewhere, it counts as a wrong one, and no ledger is kept.
func TestEnterLinkCodeOnlyOwn(t *testing.T) {
	each(t, func(w *world) {
		a, n := w.person("anna"), w.waiting("7RQZ")
		enter := func(code secret.Token, here linkcode.Network) error {
			clock, err := w.db.ReadClock(w.ctx())
			w.must(err)
			_, err = w.db.EnterLinkCode(w.ctx(), linkcode.Entry{
				Code: code, AccountID: a.ID, Own: []linkcode.Network{here}, OnlyOwn: true, Ticket: secret.NewToken(), Stamp: credential.StampNow(clock, a.Standing), At: w.now,
			}, w.act(audit.LinkCodeWrong, a.ID))
			return err
		}
		for _, code := range []secret.Token{n.Short, n.Long} {
			if err := enter(code, faraway); !errors.Is(err, linkcode.ErrNotFound) {
				t.Errorf("from elsewhere: %v", err)
			}
		}
		w.recorded(audit.LinkCodeWrong, 2)
		w.count(0, "link_day")
		for _, code := range []secret.Token{n.Short, n.Long} {
			if err := enter(code, livingRoom); err != nil {
				t.Errorf("at home: %v", err)
			}
		}
	})
}

func TestEnterLinkCode(t *testing.T) {
	each(t, func(w *world) {
		a, n := w.person("anna"), w.waiting("7RQZ")
		for _, c := range []struct {
			what      string
			code      secret.Token
			here      linkcode.Network
			elsewhere bool
			err       error
		}{
			{"the short code at home", n.Short, livingRoom, false, nil},
			{"the short code from elsewhere", n.Short, faraway, true, nil},
			{"the long code at home", n.Long, livingRoom, false, nil},
			{"the long code from elsewhere", n.Long, faraway, true, nil},
			{"a wrong short code", secret.TokenOf("ZZZZ"), livingRoom, false, linkcode.ErrNotFound},
			{"a wrong long code", secret.TokenOf("BBBBBBBB"), livingRoom, false, linkcode.ErrNotFound},
			{"symbols of no code", secret.TokenOf("!?O0"), livingRoom, false, linkcode.ErrNotFound},
		} {
			ticket, elsewhere, err := w.enter(a, c.code, c.here)
			if !errors.Is(err, c.err) || elsewhere != c.elsewhere || (ticket == "") != (c.err != nil) {
				t.Errorf("%s: elsewhere %t, %v", c.what, elsewhere, err)
			}
		}
		w.count(4, "credential WHERE kind = $1 AND subject = $2", string(credential.LinkTicket), n.ID)
		w.recorded(audit.LinkCodeWrong, 3)
		for range 2 {
			_, _, _ = w.enter(a, secret.TokenOf("ZZZZ"), livingRoom)
		}
		if _, _, err := w.enter(a, n.Short, livingRoom); !errors.As(err, new(*ratelimit.LimitedError)) { // only wrong ones had counted
			t.Errorf("a right one after five wrong ones: %v", err)
		}
		w.recorded(audit.LinkCodeWrong, 5)
		w.now = w.now.Add(24 * time.Hour) // when wrong ones count again
		if _, _, err := w.enter(a, n.Long, livingRoom); !errors.Is(err, linkcode.ErrNotFound) {
			t.Errorf("an expired one: %v", err)
		}
	})
}

// A page of another website that asks from a network is on nobody's own: what its codes find is from elsewhere, always, and where codes count on their own
// network only they find nothing. From its network the short one is no guess, and weighs nothing.
func TestPagesAreOnNoNetwork(t *testing.T) {
	each(t, func(w *world) {
		a, n := w.person("anna"), w.asking("7RQZ")
		n.Network, n.Seen.Page = livingRoom.Page(), "player.example"
		w.must(w.db.BeginLink(w.ctx(), n))
		if r, err := w.db.LoadLink(w.ctx(), n.ID, w.now); err != nil || r.Seen != n.Seen {
			t.Errorf("%+v, %v", r.Seen, err)
		}
		for _, code := range []secret.Token{n.Short, n.Long} {
			if _, elsewhere, err := w.enter(a, code, livingRoom); err != nil || !elsewhere {
				t.Errorf("on its network: elsewhere %t, %v", elsewhere, err)
			}
		}
		w.count(0, "link_day")
		if _, elsewhere, err := w.enter(a, n.Short, faraway); err != nil || !elsewhere {
			t.Errorf("from elsewhere: %t, %v", elsewhere, err)
		}
		w.count(1, "link_day")
		clock, err := w.db.ReadClock(w.ctx())
		w.must(err)
		for _, code := range []secret.Token{n.Short, n.Long} {
			_, err = w.db.EnterLinkCode(w.ctx(), linkcode.Entry{
				Code: code, AccountID: a.ID, Own: []linkcode.Network{livingRoom}, OnlyOwn: true, Ticket: secret.NewToken(), Stamp: credential.StampNow(clock, a.Standing), At: w.now,
			}, w.act(audit.LinkCodeWrong, a.ID))
			w.is(err, linkcode.ErrNotFound)
		}
	})
}

// Guesses at other networks' requests are weighed before they are made; when the day is used up, right and wrong ones get one answer, whoever asks.
func TestLedger(t *testing.T) {
	each(t, func(w *world) {
		a, n := w.person("anna"), w.waiting("7RQZ")
		spent := func() int64 { return w.number("SELECT COALESCE(SUM(risk), 0) FROM link_day") }
		_, _, _ = w.enter(a, n.Short, livingRoom)
		_, _, _ = w.enter(a, n.Long, faraway)
		if spent() != 0 {
			t.Fatal("the ledger counts what is no guess")
		}
		_, _, _ = w.enter(a, secret.TokenOf("ZZZZ"), livingRoom)
		one := spent()
		if one != linkcode.Risk(1, linkcode.Shortest) {
			t.Errorf("one guess weighs %d", one)
		}
		w.tamper("UPDATE link_day SET risk = $1", linkcode.MostRisk-one-1)
		if ticket, elsewhere, err := w.enter(a, n.Short, faraway); err != nil || !elsewhere || ticket == "" { // the last that fits
			t.Errorf("%v", err)
		}
		for _, code := range []string{"7RQZ", "ZZZZ"} {
			if _, _, err := w.enter(w.person("b"+code), secret.TokenOf(code), faraway); !errors.Is(err, linkcode.ErrAskLong) {
				t.Errorf("%s after the day is used up: %v", code, err)
			}
		}
		if spent() > linkcode.MostRisk {
			t.Error("the ledger went over")
		}
		w.entered(w.person("carla"), n.Long, faraway)
		w.entered(w.person("dora"), n.Short, livingRoom)
		w.now = w.now.Add(24 * time.Hour)
		n = w.waiting("2345")
		w.entered(w.person("emma"), n.Short, faraway) // a new day
		w.count(1, "link_day")
	})
}

// A guess weighs by the codes that are as long as it, and by those of which nobody knows: strangers' long ones make no short one unfindable.
func TestGuessesWeighByTheirLength(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		weighs := func(code string) int64 {
			t.Helper()
			w.tamper("DELETE FROM link_day")
			_, _, _ = w.enter(a, secret.TokenOf(code), faraway)
			w.tamper("DELETE FROM rate")
			return w.number("SELECT COALESCE(SUM(risk), 0) FROM link_day")
		}
		for _, code := range []string{"7RQZ", "23456", "34567"} {
			w.waiting(code)
		}
		for code, want := range map[string]int64{"ZZZZ": linkcode.Risk(1, 4), "ZZZZZ": linkcode.Risk(2, 5), "ZZZZZZ": linkcode.Risk(0, 6), "7RQZ": linkcode.Risk(1, 4)} {
			if got := weighs(code); got != want {
				t.Errorf("%s weighs %d, want %d", code, got, want)
			}
		}
		w.tamper("UPDATE link_request SET short = 0 WHERE short = 5")
		if got, want := weighs("ZZZZ"), linkcode.Risk(3, 4); got != want {
			t.Errorf("with some of an older program it weighs %d, want %d", got, want)
		}
	})
}

// As many wait as may, and no more: whoever asks then is told to come back, and nothing of the others' changes. Networks with a place go before crowded ones.
func TestAllTogetherAreBounded(t *testing.T) {
	each(t, func(w *world) {
		flow := &tvlink.Service{Store: w.db, Longest: linkcode.Longest, Now: func() time.Time { return w.now }}
		ask := func(address string) (tvlink.Pending, error) {
			return flow.Ask(w.ctx(), tvlink.Asking{Client: device.Client{Address: netip.MustParseAddr(address)}})
		}
		crowd := func(n int64) {
			w.tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+strconv.FormatInt(n, 10)+`)
				INSERT INTO link_request (id, state, asker, network, facts, account_id, created_at, expires_at, short)
				SELECT '`+strconv.FormatInt(n, 10)+`-' || i, 'waiting', '', '', '', '', 0, CAST($1 AS BIGINT), 7 FROM n`, w.now.Add(linkcode.Life).UnixMilli())
		}
		for range linkcode.Most {
			_, err := ask("192.0.2.7")
			w.must(err)
		}
		p, err := ask("192.0.2.7")
		if w.must(err); len(p.Short.Reveal()) != linkcode.Longest {
			t.Errorf("beyond its places a network is given %d characters", len(p.Short.Reveal()))
		}
		crowd(linkcode.MostAtAll / 2)
		_, err = ask("192.0.2.7")
		w.is(err, linkcode.ErrMost)
		_, err = ask("198.51.100.9")
		w.must(err)
		crowd(linkcode.MostAtAll/2 - 1)
		_, err = ask("198.51.100.9")
		w.is(err, linkcode.ErrFull)
		w.is(err, outage.Err)
		w.now = w.now.Add(linkcode.Life)
		_, err = ask("198.51.100.9")
		w.must(err)
	})
}

func TestFindDeviceCode(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jf")
		finds := func(n linkcode.New, owner, client string) {
			w.Helper()
			f, whose, err := w.db.FindDeviceCode(w.ctx(), n.Poll)
			w.must(err)
			if same := w.find(credential.DeviceCode, n.Poll); f != same || f.Subject != n.ID || f.AccountID != owner || whose != client {
				t.Errorf("%+v of %q, want %+v of %q", f, whose, same, client)
			}
		}
		finds(w.waiting("7RQZ"), "", "")
		finds(w.approved(a, "ABCD"), a.ID, "")
		n := w.asking("EFGH")
		n.Party.Client = "jf"
		w.must(w.db.BeginLink(w.ctx(), n))
		finds(n, "", "jf")
		_, _, err := w.db.FindDeviceCode(w.ctx(), secret.NewToken())
		w.is(err, credential.ErrUnknown)
		w.tamper(`DELETE FROM link_request`) // it was collected, or denied
		finds(n, "", "")
	})
}

func TestLoadLink(t *testing.T) {
	each(t, func(w *world) {
		n := w.waiting("7RQZ")
		r, err := w.db.LoadLink(w.ctx(), n.ID, w.now)
		w.must(err)
		want := n.Request
		want.State = linkcode.Waiting
		if r != want {
			t.Errorf("read %+v, want %+v", r, want)
		}
		_, err = w.db.LoadLink(w.ctx(), "nobody", w.now)
		w.is(err, linkcode.ErrNotFound)
		_, err = w.db.LoadLink(w.ctx(), n.ID, n.ExpiresAt)
		w.is(err, linkcode.ErrNotFound)
	})
}

func TestApproveLink(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		n := w.waiting("7RQZ")
		tickets := []string{w.entered(a, n.Short, livingRoom), w.entered(other, n.Short, livingRoom)}
		who := []account.Account{a, other}
		winner := w.race(linkcode.ErrNotFound, func(db *store.DB, i int) error { // two people at once, each with a ticket; then nobody has one
			if i > 1 {
				return linkcode.ErrNotFound
			}
			return db.ApproveLink(w.ctx(), w.approval(who[i], n, tickets[i]), w.act(audit.LinkApproved, who[i].ID))
		})
		f := w.find(credential.DeviceCode, n.Poll)
		if f.AccountID != who[winner].ID || w.resolve(credential.DeviceCode, n.Poll) != nil {
			t.Errorf("it is %s's", f.AccountID)
		}
		w.recorded(audit.LinkApproved, 1)
		w.is(w.db.ApproveLink(w.ctx(), w.approval(who[winner], n, tickets[winner]), audit.Act{At: w.now}), store.ErrSpent)
		if _, _, err := w.enter(a, n.Short, livingRoom); !errors.Is(err, linkcode.ErrNotFound) {
			t.Errorf("its code after that: %v", err)
		}
	})
}

// What has ended the browser's own right ends its ticket, and what ends the account's devices ends an approved request (attacks D8, R8).
func TestApproveLinkDies(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n := w.waiting("7RQZ")
		ticket := w.entered(a, n.Short, livingRoom)
		approval := w.approval(a, n, ticket)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.is(w.db.ApproveLink(w.ctx(), approval, audit.Act{At: w.now}), store.ErrSpent)
		w.must(w.resolve(credential.DeviceCode, n.Poll)) // it still waits

		ticket = w.entered(a, n.Short, livingRoom)
		w.now = n.ExpiresAt
		w.is(w.db.ApproveLink(w.ctx(), w.approval(a, n, ticket), audit.Act{At: w.now}), linkcode.ErrNotFound)

		n = w.approved(a, "2345")
		in := w.collecting(n)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.is(w.resolve(credential.DeviceCode, n.Poll), credential.ErrEnded)
		w.is(w.db.CollectLink(w.ctx(), n.ID, in, audit.Act{At: w.now}, audit.Act{}), store.ErrSpent)

		n = w.approved(a, "3456")
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", audit.Act{At: w.now}))
		w.is(w.resolve(credential.DeviceCode, n.Poll), credential.ErrEnded)
	})
}

func TestDenyLink(t *testing.T) {
	each(t, func(w *world) {
		a, n := w.person("anna"), w.waiting("7RQZ")
		ticket, second := w.entered(a, n.Short, livingRoom), w.entered(a, n.Short, livingRoom)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.DenyLink(w.ctx(), n.ID, ticket, w.act(audit.LinkDenied, a.ID))
		})
		w.recorded(audit.LinkDenied, 1)
		if f := w.find(credential.DeviceCode, n.Poll); f.Subject != "" || f.AccountID != "" {
			t.Errorf("it polls for %q of %q", f.Subject, f.AccountID)
		}
		w.count(0, "link_request")
		w.is(w.db.ApproveLink(w.ctx(), w.approval(a, n, second), audit.Act{At: w.now}), linkcode.ErrNotFound)
		w.is(w.db.DenyLink(w.ctx(), n.ID, second, audit.Act{At: w.now}), linkcode.ErrNotFound)
	})
}

func TestCollectLink(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n := w.approved(a, "7RQZ")
		in := w.collecting(n)
		w.race(store.ErrSpent, func(db *store.DB, i int) error {
			s := in
			s.Device.ID, s.Token = id.New(w.now), secret.NewToken()
			return db.CollectLink(w.ctx(), n.ID, s, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID))
		})
		w.recorded(audit.SignedIn, 1)
		w.recorded(audit.DevicesTrimmed, 0)
		for _, table := range []string{"link_request", "credential WHERE kind = 'device code'"} {
			w.count(0, table) // attack D11
		}
		list, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(list) != 1 || list[0].Kind != device.TV || list[0].Method != device.ByCode || list[0].Name != n.Name {
			t.Errorf("%+v", list)
		}
		n = w.approved(a, "2345")
		in = w.collecting(n)
		w.must(w.db.CollectLink(w.ctx(), n.ID, in, audit.Act{At: w.now}, audit.Act{}))
		if f := w.find(credential.App, in.Token); !f.IsPlayer() || f.AccountID != a.ID {
			t.Errorf("it got %+v", f.Credential)
		}
		w.count(0, "credential WHERE kind = 'handed token'")
	})
}

// A device that asks once more is told its token for a minute; in the database it is sealed, and it goes with the device.
func TestTokensAreHandedAgain(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n := w.approved(a, "7RQZ")
		in := w.collecting(n)
		in.Again, in.Device.Claim.Identifier = secret.NewToken(), "attic"
		w.must(w.db.CollectLink(w.ctx(), n.ID, in, audit.Act{At: w.now}, audit.Act{}))
		if f := w.find(credential.Handed, in.Again); f.Detail != in.Token.Reveal() || w.resolve(credential.Handed, in.Again) != nil {
			t.Error("it is not told again")
		}
		w.count(0, "credential WHERE detail LIKE $1 OR hash LIKE $1", "%"+in.Token.Reveal()+"%")
		n = w.approved(a, "2345")
		again := w.collecting(n)
		again.Again, again.Device.ID, again.Device.Claim.Identifier = secret.NewToken(), id.New(w.now), "attic"
		w.must(w.db.CollectLink(w.ctx(), n.ID, again, audit.Act{At: w.now}, audit.Act{}))
		w.is(w.resolve(credential.App, in.Token), credential.ErrUnknown) // its own twin took its place
		w.is(w.resolve(credential.Handed, in.Again), credential.ErrUnknown)
		w.count(1, "device")
		w.now = w.now.Add(time.Minute)
		w.is(w.resolve(credential.Handed, again.Again), credential.ErrUnknown)
		w.sweep(w.now)
		w.count(0, "credential WHERE kind = 'handed token'")
		w.must(w.resolve(credential.App, again.Token))
	})
}

func TestEndLinkedDevice(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n := w.approved(a, "7RQZ")
		in := w.collecting(n)
		link := credential.Link{Kind: credential.RemoveDevice, Token: secret.NewToken(), AccountID: a.ID, Subject: in.Device.ID, Detail: n.Name}
		w.must(w.db.CollectLink(w.ctx(), n.ID, in, w.act(audit.SignedIn, a.ID).Linking(link), audit.Act{}))
		other, _ := w.signedIn(a)
		f := w.find(credential.RemoveDevice, link.Token)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.EndLinkedDevice(w.ctx(), f.Credential, w.act(audit.SignedOut, a.ID))
		})
		w.is(w.resolve(credential.App, in.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, other.Token))
		w.recorded(audit.SignedOut, 1)

		link.Token = secret.NewToken() // of a device that is gone
		w.must(w.db.Record(w.ctx(), w.act(audit.SignedIn, a.ID).Linking(link)))
		w.must(w.db.EndLinkedDevice(w.ctx(), w.find(credential.RemoveDevice, link.Token).Credential, audit.Act{At: w.now}))
	})
}

func TestCollectClaim(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n := w.approved(a, "7RQZ")
		spends := w.find(credential.DeviceCode, n.Poll).Hash
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.CollectClaim(w.ctx(), n.ID, spends, w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, secret.NewClaim())))
		})
		w.recorded(audit.ClaimTokenMade, 1)
		w.count(1, "credential WHERE kind = 'claim token'")
		w.count(0, "link_request")
		w.count(0, "device")
		n = w.approved(a, "2345")
		spends = w.find(credential.DeviceCode, n.Poll).Hash
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.is(w.db.CollectClaim(w.ctx(), n.ID, spends, w.act(audit.ClaimTokenMade, a.ID)), store.ErrSpent)
	})
}

// confirmedClaim is a gate whose code somebody has confirmed and that has not come for its claim token yet.
func (w *world) confirmedClaim(a account.Account) linkcode.New {
	w.Helper()
	n := w.asking(linkcode.NewShort(linkcode.Longest).Reveal())
	n.Party.Client, n.Network = relyingparty.GateID, linkcode.Network(id.New(w.now))
	w.must(w.db.BeginLink(w.ctx(), n))
	w.must(w.db.ApproveLink(w.ctx(), w.approval(a, n, w.entered(a, n.Short, n.Network)), w.act(audit.LinkApproved, a.ID)))
	return n
}

// A code that was confirmed for a gate ends with the password that it was confirmed under, as the claim token would that it turns into, however both come
// together; a TV that was let in is one of the devices that may stay.
func TestNewPasswordEndsConfirmedClaims(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		tv, gate, theirs := w.approved(a, "7RQZ"), w.confirmedClaim(a), w.confirmedClaim(other)
		spends := w.find(credential.DeviceCode, gate.Poll).Hash
		_, hash := w.signedIn(a)
		w.must(w.db.ChangePassword(w.ctx(), w.newPassword(a, "new"), hash, secret.NewToken(), w.act(audit.PasswordChanged, a.ID)))
		w.is(w.resolve(credential.DeviceCode, gate.Poll), credential.ErrUnknown)
		w.count(0, "link_request WHERE id = $1", gate.ID)
		w.is(w.db.CollectClaim(w.ctx(), gate.ID, spends, w.act(audit.ClaimTokenMade, a.ID)), store.ErrSpent)
		w.must(w.resolve(credential.DeviceCode, tv.Poll))
		w.must(w.resolve(credential.DeviceCode, theirs.Poll))

		for range 12 {
			gate := w.confirmedClaim(a)
			spends, p := w.find(credential.DeviceCode, gate.Poll).Hash, w.newPassword(a, id.New(w.now))
			act := w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, secret.NewClaim()))
			_, hash := w.signedIn(a)
			w.all(func(db *store.DB, i int) error {
				if i == racers/2 {
					return db.ChangePassword(w.ctx(), p, hash, secret.NewToken(), w.act(audit.PasswordChanged, a.ID))
				}
				return db.CollectClaim(w.ctx(), gate.ID, spends, act)
			}, store.ErrSpent)
			w.count(0, "credential WHERE kind = 'claim token'")
			w.count(0, "link_request WHERE id = $1", gate.ID)
			w.tamper("DELETE FROM failure")
		}
	})
}
