package web

import "time"

// OutsideButtons are the buttons of other services below a form, or in its place.
type OutsideButtons struct {
	Services []OutsideService
	Before   string // path that the service's name is put behind
	Next     string // local path, carried in the field next
	Ticket   string // text of an invitation, carried in the field ticket
	Verb     string // "Continue with"
	Alone    bool   // there is no form above them
	Primary  bool   // the first is what the page is for
}

// OutsideService is one of them.
type OutsideService struct {
	ID, Name string
	Logo     string // path of a picture; empty: a drawing of ours, or none
}

// NewcomerPage is "newcomer": whoever another service tells of is about to get an account. It posts nothing to itself.
type NewcomerPage struct {
	Form
	Service string
	Address string
	Name    string // as told; empty when it was not
	Taken   bool   // there is an account under the address, which nobody has confirmed
	Closed  string // why there will be no account; empty when there will
}

// NewcomerAddressPage is "newcomer-address": the service proves no address. It posts email to /sign-in/arrival/address.
type NewcomerAddressPage struct {
	Form
	Service string
	Email   string
}

// NewcomerCodePage is "newcomer-code": six digits were sent. It posts code to /sign-in/arrival/code, and email to /sign-in/arrival/address for new ones.
type NewcomerCodePage struct {
	Form
	Service string
	Address string
}

// JoinPage is "join": an account has the address, and its owner proves that. It posts password to itself.
type JoinPage struct {
	Form
	Service    string
	Address    string
	Signed     bool // its owner is signed in here, and has to press only
	NoPassword bool // by the Buttons, then
	Buttons    OutsideButtons
}

// SignInConfirmPage is "sign-in-confirm": after an incident, for whoever has no password.
type SignInConfirmPage struct {
	ResetRequiredPage
	Buttons OutsideButtons
	Passkey *PasskeyForm // nil where there is no passkey to ask for
}

// SignInWaysPage is "sign-in-ways".
type SignInWaysPage struct {
	Form
	NoPassword bool
	Last       bool // what is linked is the only way in
	Linked     []LinkedService
	Buttons    OutsideButtons
	SecondStep bool
	Unproved   bool // the address is not confirmed
}

// LinkedService is a service that opens the account.
type LinkedService struct {
	ID      string
	Service OutsideService
	Address string // as the service tells it; empty when it tells none
	Since   time.Time
	Used    time.Time
	Offered bool
}
