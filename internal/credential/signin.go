package credential

import (
	"time"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Attempt is a proof that is about to be checked: whose, from where, and with which budget.
type Attempt struct {
	Handle account.Handle
	// Account, when set, is whose proof it is; the handle is then not looked at.
	Account string
	// Server, when set, is the media server where it was typed: there, whoever is neither its owner nor of its household is nobody.
	Server string
	// Known is what the browser shows to have been here before; often empty.
	Known secret.Token
	// Network are the acts counted against the source, given back when the proof is good.
	Network []ratelimit.Take
	At      time.Time
}

// Candidate is what an attempt is checked against, read in one question, with the failure already counted.
type Candidate struct {
	Account account.Account // zero ID when nobody has this handle, or nobody at the server where it was typed
	Clock   Clock
	Known   bool   // the browser has been here before, with this account
	Budget  string // the failure counter that was charged, to give back
}

// Exists reports whether there is an account at all.
func (c Candidate) Exists() bool { return c.Account.ID != "" }

// Exhausted says that the failure budget is used up for good: the password is off until it is reset.
type Exhausted struct{}

// Error names the way back.
func (Exhausted) Error() string {
	return "credential: too many failures in a row; the password is off until it is reset"
}

// SignIn is a new sign-in of a browser, or of software.
type SignIn struct {
	Device  device.Device
	Kind    Kind   // of the token; empty: Browser
	Subject string // of an App: Player, or nothing; of a Refresh token: the client; of a Browser: its Way
	Detail  string // sealed in the store
	Most    int64  // of its kind on one account, where that is limited; zero: it is not
	Token   secret.Token
	Known   secret.Token // empty when the browser keeps the one it has
	Stamp   Stamp
	FreshAt time.Time
	// Factor, when set, is spent by the sign-in.
	Factor *Factor
	// Passkey, when set, is written down by the sign-in.
	Passkey *PasskeyUse
	// Spends is the hash of the single-use credential that led to it, such as a SecondStep ticket; empty when there was none.
	Spends string
	// Remember, when set, lets this browser in without a code until it ends; RememberedAs is how it is listed.
	Remember     secret.Token
	RememberedAs string
	// Again, when set, tells who shows it the token once more, for a minute.
	Again secret.Token
	// Key, when it has a name, is what the device is known by from now on.
	Key PublicKey
	// Replaces is the hash of the sign-in whose place it takes, where everything else is signed out.
	Replaces string
	// Until ends it before its kind's life is over; zero: it does not.
	Until time.Time
}

// NewSignIn returns a new sign-in of the client's browser, fresh, with a token of its own. Its stamp is the caller's to set.
func NewSignIn(accountID, method string, client device.Client, now time.Time) SignIn {
	kind, name, product := device.Describe(client.UserAgent)
	return SignIn{
		Device: device.Device{ID: id.New(now), AccountID: accountID, Kind: kind, Name: name, Product: product, Method: method, Seen: client.Seen()},
		Token:  secret.NewToken(), FreshAt: now,
	}
}

// Renewal puts a new token in the place of a browser's old one, after a fresh proof.
type Renewal struct {
	Replaces string // hash of the old one
	Token    secret.Token
	FreshAt  time.Time
	Way      Way
	Factor   *Factor     // spent by it; nil where there is no second factor, and where a passkey was the proof
	Passkey  *PasskeyUse // written down by it; nil where none was the proof
}

// PasswordChange replaces a password and everything that hung on the old one.
type PasswordChange struct {
	AccountID string
	Replaces  int64  // version of the password that is replaced
	Password  string // PHC string
	Secured   int64  // instance epoch read before the proof was checked
	Old       string // PHC string of the password it replaces: where a new one is required, it must never come back
	Incident  int64  // newest one that listed the account when the proof began: one that lists it meanwhile voids this password too
	Review    bool   // its owner is shown afterwards what else there is
	Proves    bool   // a link that was mailed to the account's address led to it
	// Known, when set, is given to the asking browser in the place of the one that ended with the old password.
	Known secret.Token
	Stamp Stamp
}

// Secure returns the epoch that a newly set password secures: the newest one there was when the proof began.
func Secure(c Clock, a account.Standing) int64 { return max(c.Epoch, a.Incident, c.Incident) }

// Link is a token that travels in a mail or on the operator's screen.
type Link struct {
	Kind      Kind
	Token     secret.Token
	AccountID string
	Subject   string
	Detail    string
	Stamp     Stamp
	Newest    bool  // ends the account's older ones of the kind
	Most      int64 // of its kind that may wait on one account; zero: it is not limited
}
