package stream

import (
	"slices"

	"usher/internal/audit"
)

const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
	ssf  = "https://schemas.openid.net/secevent/ssf/event-type/"
)

// Event is the type of an event, by its URI.
type Event string

// The events there are (CAEP 1.0 §3, RISC 1.0 §2, SSF 1.0 §8.1.4).
const (
	sessionRevoked     Event = caep + "session-revoked"
	sessionEstablished Event = caep + "session-established"
	credentialChange   Event = caep + "credential-change"
	changeRequired     Event = risc + "account-credential-change-required"
	accountDisabled    Event = risc + "account-disabled"
	accountEnabled     Event = risc + "account-enabled"
	accountPurged      Event = risc + "account-purged"
	recoveryActivated  Event = risc + "recovery-activated"
	recoveryChanged    Event = risc + "recovery-information-changed"
	verification       Event = ssf + "verification"
)

// supported are the events that a reader may ask for. Their places are kept in the database: new ones go to the end.
var supported = []Event{
	sessionRevoked, sessionEstablished, credentialChange, changeRequired, accountDisabled, accountEnabled, accountPurged, recoveryActivated, recoveryChanged,
}

// Supported lists the events that a reader may ask for.
func Supported() []Event { return slices.Clone(supported) }

// Events is a set of supported events, one bit for each.
type Events int64

// Every is the set of all supported events.
func Every() Events { return 1<<len(supported) - 1 }

// EventsOf is the set of those events in a list that are supported.
func EventsOf(all []Event) (set Events) {
	for _, e := range all {
		set |= e.bit()
	}
	return set
}

// List lists the events of a set.
func (s Events) List() []Event {
	all := []Event{}
	for _, e := range supported {
		if s&e.bit() != 0 {
			all = append(all, e)
		}
	}
	return all
}

func (e Event) bit() Events {
	i := slices.Index(supported, e)
	if i < 0 {
		return 0
	}
	return 1 << i
}

// What is what has happened. It names rows of the database.
type What string

// What can happen.
const (
	SessionEnded    What = "session-ended" // one thing that was signed in; the subject is its sid
	AllEnded        What = "all-ended"     // everything of an account that was signed in
	ServerEnded     What = "server-ended"  // one media server, alone
	ServerBack      What = "server-back"
	CameIn          What = "came-in" // an account, by the list of a media server
	ResetRequired   What = "reset-required"
	PasswordChanged What = "password-changed"
	FactorOn        What = "factor-on"
	FactorOff       What = "factor-off"
	PasskeyAdded    What = "passkey-added" // in a device of its owner's
	PasskeyRemoved  What = "passkey-removed"
	RoamingAdded    What = "roaming-passkey-added" // on something that its owner carries along
	RoamingRemoved  What = "roaming-passkey-removed"
	Locked          What = "locked"
	Unlocked        What = "unlocked"
	Deleting        What = "deleting"
	Kept            What = "kept"
	Erased          What = "erased"
	Recovery        What = "recovery"
	AddressChanged  What = "address-changed"
	Verified        What = "verification"

	everybody What = "everybody" // everybody's sign-ins have ended; derived, never a row
	missed    What = "missed"    // signals were dropped; derived, never a row
)

// rule is how something that has happened is told.
type rule struct {
	event  Event
	reason string            // for the reader's administrators; CAEP events carry it
	more   map[string]string // members of the event
	part   string            // member of a complex subject that the row's subject is; empty: the account alone is the subject
}

var rules = map[What]rule{
	SessionEnded:    {event: sessionRevoked, reason: "One device or app was signed out.", part: "session"},
	AllEnded:        {event: sessionRevoked, reason: "Everything that was signed in to the account was signed out."},
	ServerEnded:     {event: sessionRevoked, reason: "The owner signed this media server out.", part: "device"},
	ServerBack:      {event: sessionEstablished, reason: "The owner brought this media server back.", part: "device"},
	CameIn:          {event: sessionEstablished, reason: "Somebody has come in by the list of whom this media server lets in."},
	ResetRequired:   {event: changeRequired},
	PasswordChanged: {event: credentialChange, reason: "The password was changed.", more: changed("password", "update")},
	FactorOn:        {event: credentialChange, reason: "An authenticator app was set up as second step.", more: changed("app", "create")},
	FactorOff:       {event: credentialChange, reason: "The second step was turned off.", more: changed("app", "delete")},
	PasskeyAdded:    {event: credentialChange, reason: "A passkey was added.", more: changed("fido2-platform", "create")},
	PasskeyRemoved:  {event: credentialChange, reason: "A passkey was removed.", more: changed("fido2-platform", "delete")},
	RoamingAdded:    {event: credentialChange, reason: "A passkey was added.", more: changed("fido2-roaming", "create")},
	RoamingRemoved:  {event: credentialChange, reason: "A passkey was removed.", more: changed("fido2-roaming", "delete")},
	Locked:          {event: accountDisabled},
	Unlocked:        {event: accountEnabled},
	Deleting:        {event: accountDisabled},
	Kept:            {event: accountEnabled},
	Erased:          {event: accountPurged},
	Recovery:        {event: recoveryActivated},
	AddressChanged:  {event: recoveryChanged},
	Verified:        {event: verification},
	everybody:       {event: sessionRevoked, reason: "Everything that was signed in to any account was signed out, because of an incident."},
	missed:          {event: sessionRevoked, reason: "Signals waited for too long and were dropped. Take everything that was signed in for signed out."},
}

func changed(credential, how string) map[string]string {
	return map[string]string{"credential_type": credential, "change_type": how}
}

// Mask is the event's bit, by which streams that did not ask for it are passed over.
func (w What) Mask() Events { return rules[w].event.bit() }

// OfGuests reports whether media servers hear of it where it happens to their guests. That is that sign-ins have ended, and nothing else: what people do about
// passwords and second steps is not their host's to know.
func (w What) OfGuests() bool { return rules[w].event == sessionRevoked }

// ForEverybody is the bit of the event by which a reader is told that everybody's sign-ins have ended.
func ForEverybody() Events { return everybody.Mask() }

// after says what an act has done to its account that readers are told of. What was signed in ends for many reasons, and is told where it ends. That
// somebody asked for a reset is not told: anybody may ask for anybody's, and has to wait as long for nobody's.
var after = map[audit.Action]What{
	audit.PasswordChanged: PasswordChanged, audit.PasswordReset: PasswordChanged,
	audit.SecondFactorOn: FactorOn, audit.SecondFactorOff: FactorOff, audit.FactorRemoved: FactorOff,
	audit.AccountLocked: Locked, audit.AccountUnlocked: Unlocked, audit.DeletionAsked: Deleting, audit.DeletionRevoked: Kept,
	audit.ResetProved: Recovery, audit.ResetLinkMade: Recovery,
	audit.EmailChanged: AddressChanged, audit.EmailRestored: AddressChanged, audit.NoticeChanged: AddressChanged,
}

// After returns what an act has done to its account that readers are told of; empty when there is nothing.
func After(a audit.Action) What { return after[a] }
