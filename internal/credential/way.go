package credential

import "usher/internal/account"

// Way is how the owner of a browser's sign-in gave proof the last time. It is the Subject of a Browser, and no client's id: those have no blanks.
type Way string

// The ways.
const (
	ByPassword       Way = ""                    // and by the second factor, where there is one
	ByOutside        Way = "by outside"          // somebody else vouched: Google, Apple, another service
	ByOutsideAndCode Way = "by outside and code" // and the second factor was asked besides
	ByPasskey        Way = "by passkey"          // which has verified its user: the second factor as well

	ByPasswordAndPasskey Way = "by password and passkey" // in the place of the second factor
)

// Vouched reports whether somebody else vouched for the owner.
func (w Way) Vouched() bool { return w == ByOutside || w == ByOutsideAndCode }

// Way returns how a browser's sign-in was proved the last time; ByPassword of anything else.
func (f Found) Way() Way {
	if f.Kind != Browser {
		return ByPassword
	}
	return Way(f.Subject)
}

// ProvesSecondFactor reports whether a way asks as much as the second factor does.
func (w Way) ProvesSecondFactor(a account.Standing) bool {
	return !a.SecondFactor || w == ByPasskey || w == ByOutsideAndCode || w == ByPasswordAndPasskey
}

// Afresh is the proof, in the place of a new password, by which an owner without one takes an account back into use after an incident.
type Afresh struct {
	AccountID string
	Spends    string      // hash of the Restricted ticket
	Secured   int64       // instance epoch read before the proof was checked
	Incident  int64       // newest one that listed the account then: one that lists it meanwhile asks again
	Passkey   *PasskeyUse // written down with it; nil where none was the proof
}

// NewAfresh returns the proof that a ticket's holder has given for the ticket's own account.
func NewAfresh(ticket Found) Afresh {
	return Afresh{AccountID: ticket.AccountID, Spends: ticket.Hash, Secured: Secure(ticket.Clock, ticket.Account), Incident: ticket.Account.Incident}
}
