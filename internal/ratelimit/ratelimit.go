// Package ratelimit owns the numbers that bound guessing and flooding, and the arithmetic behind them. It refuses to know where the
// counters are kept: they live in the database, shared by all nodes.
package ratelimit

import (
	"fmt"
	"math"
	"net/netip"
	"time"
)

// Rule allows Limit acts at once, and lets the allowance come back evenly over a Period (GCRA): who uses it up at once and then takes every
// one that comes back gets to less than twice Limit in the first Period, and to Limit in each one after.
type Rule struct {
	Name   string
	Limit  int64
	Period time.Duration
}

// The limits. docs/operate.md lists them for operators.
var (
	SignInFailures   = Rule{"sign-in", 60, 10 * time.Minute} // wrong passwords from one network
	SignUps          = Rule{"sign-up", 5, time.Hour}         // sign-ups from one network
	SignUpMails      = Rule{"sign-up mail", 3, time.Hour}    // codes to one address
	SignUpMailsDaily = Rule{"sign-up mail day", 10, 24 * time.Hour}
	// The two daily limits together keep what strangers can have sent to one person within 20 mails a day.
	ResetsAccount = Rule{"reset", 3, time.Hour} // reset mails for one address
	ResetsDaily   = Rule{"reset day", 10, 24 * time.Hour}
	ResetsNetwork = Rule{"reset network", 10, time.Hour}
	// While many people need a new password at once, and some share one address, as those of a carrier do.
	ResetsNetworkIncident = Rule{"reset network, incident", 1000, time.Hour}
	// Apps signed in with name and password, on one account: one that does it again and again must not crowd out the others, nor fill a mailbox.
	AppSignIns      = Rule{"app sign-in", 10, time.Hour}
	AppSignInsDaily = Rule{"app sign-in day", 30, 24 * time.Hour}
	// Wrong or dead app passwords from one network. Apart from SignInFailures: an app in a cupboard that goes on and on with a dead one must not
	// keep the house from signing in.
	AppPasswords = Rule{"app password", 60, 10 * time.Minute}
	// Passwords that people typed at one media server with one name, and that do not count; and at all servers of one owner with all names together, for the hashes
	// they cost. By the server and not by its network, which may be that of the house: whoever guesses at the server keeps nobody from signing in here, and nobody of
	// another name there.
	ServerSignIns    = Rule{"server sign-in", 20, 10 * time.Minute}
	ServerSignInsAll = Rule{"server sign-in, all", 1200, 10 * time.Minute}
	// Claim tokens of one account: never more than 20 in any 24 hours.
	ClaimTokens    = Rule{"claim token", 10, 24 * time.Hour}
	ClaimExchanges = Rule{"claim", 30, 10 * time.Minute}       // dead claim tokens tried from one network
	ServersGone    = Rule{"server gone", 60, 10 * time.Minute} // questions from one network how servers stand that there are not
	ServerWords    = Rule{"server words", 30, time.Hour}       // changes of what one media server says about itself
	// People invited to the media servers of one account, and mails about that and about Homes to one address: never more than 3 in any 24 hours, and one about the
	// same server or Home.
	ServerInvitations = Rule{"server invitation", 20, 24 * time.Hour}
	InvitationMails   = Rule{"invitation mail", 2, 48 * time.Hour}
	InvitationsAgain  = Rule{"invitation again", 1, 24 * time.Hour}
	ServerArrivals    = Rule{"server arrival", 10, 24 * time.Hour} // comings of one account at one media server, each of which its owner reads of: never more than 20 in any 24 hours
	HomeInvitations   = Rule{"home invitation", 20, 24 * time.Hour}
	HomeSwitches      = Rule{"home switch", 60, time.Hour} // switches on one device, each of which stands in a record
	StepUps           = Rule{"proof", 3, 15 * time.Minute} // wrong passwords where an administrator proves it again
	// Wrong second factors of one account: with three steps that count, a guess at six digits hits with 3e-6, so a day's worth, which is never
	// more than 20 in any 24 hours, stays at 6e-5.
	Factors         = Rule{"factor", 5, 10 * time.Minute}
	FactorsDaily    = Rule{"factor day", 10, 24 * time.Hour}
	NewPasswords    = Rule{"new password", 10, 10 * time.Minute} // new passwords tried for one account: each costs up to seven hashes
	RecoverySets    = Rule{"recovery set", 5, 10 * time.Minute}  // sets of recovery codes made for one account: each costs ten hashes
	CodesTyped      = Rule{"code", 10, 24 * time.Hour}           // confirmation codes typed for one address from one network
	CodesForAddress = Rule{"code address", 40, 24 * time.Hour}
	LinksOpened     = Rule{"link", 60, 10 * time.Minute}         // wrong or dead links from one network
	Notices         = Rule{"notice", 30, 10 * time.Minute}       // addresses and check codes tried at /notice from one network
	LinkRequests    = Rule{"link request", 10, 10 * time.Minute} // codes for TVs and apps, made for one network
	// The same, made for a network that has used up the places and the number above: longer ones.
	LinkRequestsCrowded = Rule{"link request, crowded", 60, 10 * time.Minute}
	// Codes of TVs and apps that are typed: wrong ones of one account, never more than 10 in any 24 hours; of one that is less than a day old, 2; of one
	// network, 10 in any 15 minutes and 30 in any 24 hours. The risk ledger (linkcode) stands above them.
	LinkCodes             = Rule{"link code", 5, 24 * time.Hour}
	LinkCodesNewborn      = Rule{"link code newborn", 2, 48 * time.Hour}
	LinkCodesNetwork      = Rule{"link code network", 10, 150 * time.Minute}
	LinkCodesNetworkDaily = Rule{"link code network day", 15, 24 * time.Hour}
	PinMisses             = Rule{"pin", 120, 10 * time.Minute}         // polls for PINs that wait for nobody, from one network
	DeviceNonces          = Rule{"device nonce", 60, 10 * time.Minute} // made for the devices of one network
	Strengths             = Rule{"strength", 600, 10 * time.Minute}
	OutsideSignIns        = Rule{"outside sign-in", 60, 10 * time.Minute} // questions that other services were asked from one network: each is a row
	PasskeyQuestions      = Rule{"passkey", 300, 10 * time.Minute}        // questions that browsers of one network hand to passkeys, kept for each: every sign-in page that is opened asks one
	Authorizations        = Rule{"authorization", 300, 10 * time.Minute}  // requests of OpenID clients kept for one network: each is a row
)

// gap is the time in which one act's allowance comes back, rounded up to the milliseconds that counters have.
func (r Rule) gap() time.Duration {
	n := time.Duration(r.Limit) * time.Millisecond
	return (r.Period + n - 1) / n * time.Millisecond
}

// Take is one act to be counted against one counter.
type Take struct {
	Key  string // obscured before it is stored
	Gap  time.Duration
	Room time.Duration // how far ahead of now the counter may stand
}

// For returns the act counted for one subject: an address, an account.
func (r Rule) For(subject string) Take {
	return Take{r.Name + "\x00" + subject, r.gap(), r.gap() * time.Duration(r.Limit-1)}
}

// OnPage is the rule for what the page of another website has a browser send, if one does: that is counted by itself, and keeps no program on the network from
// anything.
func (r Rule) OnPage(page string) Rule {
	if page != "" {
		r.Name += ", page"
	}
	return r
}

// wider is how much more a /24 of IPv4 may do than one of its addresses, and a /48 of IPv6 than one /56: carriers share addresses, and whoever
// rents a machine is given a /48 of 256 households.
const wider = 10

// From returns the acts counted for a source: an IPv4 address as itself and as its /24, an IPv6 address as its /56 and as its /48.
func (r Rule) From(source netip.Addr) []Take {
	source = Plain(source)
	if !source.IsValid() {
		return []Take{r.For("unknown")}
	}
	net := r
	net.Limit = r.Limit * wider
	if !source.Is4() {
		net.Name = r.Name + " /48"
		return []Take{r.For(network(source, 56)), net.For(network(source, 48))}
	}
	net.Name = r.Name + " /24"
	return []Take{r.For(source.String()), net.For(network(source, 24))}
}

// GuessesAtCode are what a typed code counts against that was mailed to an address which is nobody's yet, however often one was asked for: closely from one network,
// and widely from all together, so that a stranger does not easily use up the owner's tries.
func GuessesAtCode(source netip.Addr, address string) []Take {
	near := CodesTyped.From(source)[0]
	near.Key += "\x00" + address
	return []Take{near, CodesForAddress.For(address)}
}

// nat64 are the IPv6 addresses that only wrap an IPv4 address (RFC 6052 §2.1).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Plain is an address without its zone, and the IPv4 address inside one that only wraps it: behind a translator, everybody's would be one network.
func Plain(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		wrapped := a.As16()
		return netip.AddrFrom4([4]byte(wrapped[12:]))
	}
	return a
}

func network(a netip.Addr, bits int) string { return netip.PrefixFrom(a, bits).Masked().String() }

// LimitedError says that a limit holds and until when.
type LimitedError struct{ Until time.Time }

// Error names the time, in UTC; pages show it in the reader's zone.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many tries; the next one counts at %s", e.Until.UTC().Format(time.RFC3339))
}

// Seconds returns a wait as a Retry-After header says it (RFC 9110 §10.2.3): in whole seconds, at least one, and never too early.
func Seconds(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }

// The failure budget of an account (NIST SP 800-63B-4 §3.2.2): FreeFailures in a row cost nothing, then each next try waits, FirstWait doubling
// up to LongestWait; after MostFailures the password is off until it is reset.
const (
	FreeFailures = 5
	MostFailures = 100
	FirstWait    = 30 * time.Second
	LongestWait  = time.Hour
)

// Wait returns how long after the nth failure in a row the next try has to wait.
func Wait(failures int64) time.Duration {
	if failures < FreeFailures {
		return 0
	}
	doublings := failures - FreeFailures
	if doublings >= 7 { // 30 s · 2⁷ is over an hour
		return LongestWait
	}
	return FirstWait << doublings
}
