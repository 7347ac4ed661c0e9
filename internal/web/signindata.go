package web

import (
	"usher/internal/mfa"
)

// SignInPage is "sign-in"; it posts login and password to itself.
type SignInPage struct {
	Form
	Login  string
	Reason string // why the person was signed out; empty when they simply came
	Next   string // local path to go to afterwards, carried in the field next

	Outside OutsideButtons
}

// Passkey is the form for who signs in with one.
func (p SignInPage) Passkey() PasskeyForm {
	return PasskeyForm{Action: "/sign-in/passkey", Label: "Sign in with a passkey", Next: p.Next, Offered: true}
}

// SignInAgainPage is "sign-in-again": a fresh password before something that matters.
type SignInAgainPage struct {
	Form
	Login string // for the password manager
	What  string // what follows, such as "delete your account"; empty says nothing
	Next  string // local path, carried in the field next
	Back  string // local path of the way back

	AskCode    bool         // the second step is asked too, in the field code
	NoPassword bool         // there is none to ask
	Passkey    *PasskeyForm // nil where there is no passkey to ask for
	Outside    OutsideButtons
}

// SignInCodePage is "sign-in-code" and "sign-in-recovery": the second step. Each posts code, next and remember ("yes") to itself.
type SignInCodePage struct {
	Form
	Login    string // whose it is
	Next     string
	Remember bool         // the box is ticked
	Other    string       // path of the other way
	Passkey  *PasskeyForm // nil where there is no passkey to ask for
}

// RecoveryUsedPage is "recovery-used", after a recovery code opened the door.
type RecoveryUsedPage struct {
	Left int
	Next string // local path to go on to
}

// Urgent reports whether a new set of codes should be made now.
func (p RecoveryUsedPage) Urgent() bool { return p.Left <= mfa.UrgeAt }
