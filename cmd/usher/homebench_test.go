package main

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
)

// dwellers are people of the crowd who have a Home with somebody in it, each with a player.
type dwellers struct {
	players  []secret.Token
	members  []string       // accounts of those they live with
	switched []secret.Token // what each has switched to before
}

// dwell gives the first n people a Home and a player.
func (h *house) dwell(b *testing.B, n int) (d dwellers) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	clock, err := h.db.ReadClock(ctx)
	must(err)
	for i := range n {
		owner, now := h.person(b, i), h.now()
		m := household.Managed{ID: id.New(now), AccountID: id.New(now), Name: "Kim"}
		must(h.db.AddManaged(ctx, owner.ID, m, audit.Act{At: now}))
		sign := func(accountID string, kind credential.Kind, origin string) credential.SignIn {
			in := credential.NewSignIn(accountID, device.ByHome, device.Client{}, now)
			in.Kind, in.Device.Kind, in.Device.Origin, in.Stamp = kind, device.App, origin, credential.StampNow(clock, owner.Standing)
			return in
		}
		in := sign(owner.ID, credential.App, "")
		must(h.db.OpenSignIn(ctx, credential.Attempt{At: now}, credential.Candidate{}, in, audit.Act{At: now}, audit.Act{At: now}))
		to := sign(m.AccountID, credential.Switched, in.Device.ID)
		must(h.db.Switch(ctx, household.Switch{HomeID: owner.ID, Source: owner.ID, Member: household.Member{ID: m.ID, AccountID: m.AccountID}, SignIn: to}, audit.Act{At: now}))
		d.players, d.members, d.switched = append(d.players, in.Token), append(d.members, m.AccountID), append(d.switched, to.Token)
	}
	return d
}

// bearing is a request of a program with its token.
func bearing(s crowd.Service, i int, line string, token secret.Token, body string) []byte {
	return fmt.Appendf(nil, "%s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		line, s.Host, crowd.Address(i), token.Reveal(), len(body), body)
}

// BenchmarkSwitch reports the rates at which players of a Home switch to somebody, and at which what was switched to is looked at, each ÷ the rate of a bare handler, with
// 1,000 devices signed in and with more. A switch is three transactions: the limit of the device, the try at the PIN, and the sign-in, for which the oldest of the kind ends.
func BenchmarkSwitch(b *testing.B) {
	const turn, homes = 2000, 400
	more := 100_000
	if os.Getenv("USHER_TEST_FULL") != "" {
		more = 1_000_000
	}
	onEngines(b, func(b *testing.B, database fresh) {
		var houses []*house
		var all []dwellers
		for _, people := range []int{1_000, more} {
			h := openHouse(b, database(b), people)
			houses, all = append(houses, h), append(all, h.dwell(b, homes))
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
		for i, h := range houses {
			var looks, lists, switches [][]byte
			for k, token := range all[i].players {
				if k < homes/2 { // nobody switches there, and nothing ends
					looks = append(looks, bearing(h.Service, k, "GET /api/v1/me", all[i].switched[k], ""))
					continue
				}
				lists = append(lists, bearing(h.Service, k, "GET /api/v1/home", token, ""))
				switches = append(switches, bearing(h.Service, k, "POST /api/v1/home/switch", token, fmt.Sprintf(`{"member":%q}`, all[i].members[k])))
			}
			asks = append(asks,
				whenDue(func() func() error { return ask(b, h.Service, turn, http.StatusOK, looks) }),
				whenDue(func() func() error { return ask(b, h.Service, turn/10, http.StatusOK, lists) }),
				whenDue(func() func() error { return ask(b, h.Service, turn/10, http.StatusOK, switches) }))
		}
		t := takeTurns(b, asks...)
		for i, name := range []string{"look", "list", "switch"} {
			times := map[string]float64{"look": 1}[name]
			if times == 0 {
				times = 10 // as many are asked
			}
			b.ReportMetric(t.over(wall, 0, i+1)/times, name+"/bare")
			b.ReportMetric(t.over(cpu, 0, i+1)/times, name+"/bare-cpu")
			b.ReportMetric(t.over(wall, i+4, i+1), fmt.Sprintf("%s-%.0e/1e3", name, float64(more)))
		}
	})
}
