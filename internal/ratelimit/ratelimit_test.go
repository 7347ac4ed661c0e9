package ratelimit

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rules are the limits there are; a new one belongs here, so that its numbers are looked at.
var rules = []Rule{
	SignInFailures, SignUps, SignUpMails, SignUpMailsDaily, ResetsAccount, ResetsDaily, ResetsNetwork, ResetsNetworkIncident, NewPasswords, RecoverySets, AppSignIns, AppSignInsDaily, ServerSignIns, ServerSignInsAll, StepUps, CodesTyped, CodesForAddress, LinksOpened, Notices, Strengths, ClaimTokens, ClaimExchanges, ServersGone, ServerWords, ServerInvitations, InvitationMails, InvitationsAgain, ServerArrivals, HomeInvitations, HomeSwitches, PinMisses, DeviceNonces,
	LinkRequests, LinkRequestsCrowded, LinkCodes, LinkCodesNewborn, LinkCodesNetwork, LinkCodesNetworkDaily,
}

// counter does in memory what the store does in the database, in whole milliseconds as there.
type counter int64

func (c *counter) take(t Take, now int64) bool {
	if int64(*c) > now+t.Room.Milliseconds() {
		return false
	}
	*c = counter(max(int64(*c), now) + t.Gap.Milliseconds())
	return true
}

// GCRA's exact bound: in any window of length w no more acts pass than 1 + (w + room)/gap; at once no more than Limit; and who keeps to one
// act every gap is never refused.
func TestNeverMoreThanTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.OneOf(rapid.SampledFrom(rules), rapid.Custom(func(t *rapid.T) Rule {
			return Rule{"drawn", rapid.Int64Range(1, 1000).Draw(t, "limit"), time.Duration(rapid.Int64Range(1000, 100_000_000).Draw(t, "period")) * time.Millisecond}
		})).Draw(t, "rule")
		take := rule.For("x")
		gap, room := take.Gap.Milliseconds(), take.Room.Milliseconds()
		var c counter
		var passed []int64
		now := int64(1_800_000_000_000)
		for range rapid.IntRange(1, 400).Draw(t, "acts") {
			now += rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 2*gap), rapid.Int64Range(0, 2*rule.Period.Milliseconds())).Draw(t, "pause")
			if c.take(take, now) {
				passed = append(passed, now)
			}
		}
		for i, from := range passed {
			for j := i; j < len(passed); j++ {
				if n, most := int64(j-i+1), 1+(passed[j]-from+room)/gap; n > most {
					t.Fatalf("%d acts in %d ms, at most %d may pass", n, passed[j]-from, most)
				}
			}
		}
		var burst counter
		n := int64(0)
		for burst.take(take, now) {
			n++
		}
		if n != rule.Limit {
			t.Fatalf("%d at once, the limit is %d", n, rule.Limit)
		}
		var steady counter
		for i := range int64(50) {
			if !steady.take(take, now+i*(gap+1)) {
				t.Fatal("who keeps the pace was refused")
			}
		}
	})
}

// A refused act costs nothing: the next one counts exactly when it was said it would.
func TestRefusalsDoNotProlong(t *testing.T) {
	for _, rule := range rules {
		take, now := rule.For("x"), int64(1_800_000_000_000)
		var c counter
		for c.take(take, now) {
		}
		opens := int64(c) - take.Room.Milliseconds()
		for at := now; at < opens; at += max(1, (opens-now)/7) {
			if c.take(take, at) {
				t.Errorf("%s opened early", rule.Name)
			}
		}
		if !c.take(take, opens) {
			t.Errorf("%s did not open when it said", rule.Name)
		}
	}
}

func TestRulesAreSound(t *testing.T) {
	names := map[string]bool{}
	for _, r := range rules {
		if r.Name == "" || names[r.Name] || r.Limit < 1 || r.gap() < time.Millisecond {
			t.Errorf("%+v", r)
		}
		names[r.Name] = true
		names[r.Name+" /24"], names[r.Name+" /48"] = true, true
	}
}

func TestWait(t *testing.T) {
	for failures, want := range map[int64]time.Duration{
		-1: 0, 0: 0, 1: 0, 4: 0, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute, 8: 4 * time.Minute, 9: 8 * time.Minute,
		10: 16 * time.Minute, 11: 32 * time.Minute, 12: time.Hour, 13: time.Hour, 99: time.Hour, MostFailures: time.Hour, 1 << 62: time.Hour,
	} {
		if got := Wait(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}

func TestFrom(t *testing.T) {
	rule := Rule{"r", 6, time.Hour}
	for _, c := range []struct {
		name        string
		one, other  string
		same        bool // are one and other counted as one source
		oneAddress  bool
		sharedRange bool // is there a wider counter both share
	}{
		{"IPv4 itself", "192.0.2.7", "192.0.2.7", true, true, true},
		{"IPv4 neighbours", "192.0.2.7", "192.0.2.200", false, false, true},
		{"IPv4 apart", "192.0.2.7", "192.0.3.7", false, false, false},
		{"IPv4 mapped into IPv6", "192.0.2.7", "::ffff:192.0.2.7", true, true, true},
		{"one IPv6 /56", "2001:db8:0:ab00::1", "2001:db8:0:abff:ffff::", true, false, true},
		{"two IPv6 /56 of one /48", "2001:db8:0:ab00::1", "2001:db8:0:ac00::1", false, false, true},
		{"two IPv6 /48", "2001:db8:0:ab00::1", "2001:db8:1:ab00::1", false, false, false},
		{"IPv6 with a zone", "fe80::1%eth0", "fe80::1%eth1", true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := rule.From(netip.MustParseAddr(c.one)), rule.From(netip.MustParseAddr(c.other))
			if same := slices.Equal(a, b); same != c.same {
				t.Errorf("counted as one: %v", same)
			}
			shared := slices.ContainsFunc(a, func(x Take) bool { return slices.Contains(b, x) })
			if shared != c.sharedRange {
				t.Errorf("share a counter: %v", shared)
			}
		})
	}
	four := rule.From(netip.MustParseAddr("192.0.2.7"))
	if len(four) != 2 || four[0].Gap != 10*time.Minute || four[1].Gap != time.Minute || four[1].Room != 59*time.Minute {
		t.Errorf("an IPv4 address counts as %v; its /24 may do ten times as much", four)
	}
	if six := rule.From(netip.MustParseAddr("2001:db8::1")); len(six) != 2 || six[0].Gap != 10*time.Minute || six[1].Gap != time.Minute {
		t.Errorf("an IPv6 address counts as %v; its /48 may do ten times as much", six)
	}
	if none := rule.From(netip.Addr{}); len(none) != 1 || none[0] != rule.For("unknown") {
		t.Errorf("an unknown address counts as %v", none)
	}
}

func TestLimitedError(t *testing.T) {
	err := &LimitedError{Until: time.Date(2026, 3, 1, 14, 0, 0, 0, time.FixedZone("", 3600))}
	if !strings.Contains(err.Error(), "2026-03-01T13:00:00Z") {
		t.Error(err)
	}
}

func TestSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int{-time.Hour: 1, 0: 1, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60} {
		if got := Seconds(wait); got != want {
			t.Errorf("%v is %d seconds, want %d", wait, got, want)
		}
	}
}
