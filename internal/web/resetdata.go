package web

import (
	"time"

	"usher/internal/notice"
)

// NotMePage is "not-me"; it posts email.
type NotMePage struct {
	Form
	Ticket string // carried in the field ticket
	Email  string
	Device string    // what signed in, when the ticket tells
	Place  string    // where
	At     time.Time // when
}

// UndoPage is "undo": the address was changed and can be restored.
type UndoPage struct {
	Form
	Ticket     string // carried in the field ticket
	Email      string // the former address, as typed
	NewAddress string
	Until      time.Time
}

// ResetAskPage is "reset-ask"; it posts login.
type ResetAskPage struct {
	Form
	Login string
}

// ResetSentPage is "reset-sent". It says the same whether there is such an account.
type ResetSentPage struct {
	Login string
}

// ResetNewPage is "reset-new"; it posts password and sign_out ("yes").
type ResetNewPage struct {
	Form
	Ticket       string // carried in the field ticket
	Login        string
	SignOut      bool
	SignOutFixed bool   // everything is signed out in any case
	SignsOut     string // what that is: "2 browsers and 1 app"; empty: nothing
	Servers      int    // that would let nobody in until they are brought back
}

// ResetCodePage is "reset-code": the second step before a new password; it posts code.
type ResetCodePage struct {
	Form
	Ticket  string // carried in the field ticket
	Login   string
	Passkey *PasskeyForm // nil where there is no passkey to ask for
}

// ReviewPage is "review", after a reset.
type ReviewPage struct {
	Address, NoticeAddress string
	Others                 string // what else is signed in; empty: nothing
	Apps                   int
	SecondStep             bool
	RecoveryLeft           int
	Passkeys               string // how they are called; empty: there are none
	Services               string // that open the account; empty: none
	NoPassword             bool
	Next                   string // local path to go on to
}

// ResetDonePage is "reset-done".
type ResetDonePage struct {
	SignedOut bool // connected devices were signed out
}

// ResetRequiredPage is "reset-required"; its button posts to /reset/required, or leads to /reset/new.
type ResetRequiredPage struct {
	Form
	Login    string        // as typed; carried in the field login
	Happened string        // what happened, in one sentence
	Exposed  string        // what was not exposed; empty says nothing
	Parts    []notice.Part // an incident's notice; it stands in the place of the two sentences
	Proved   bool          // the owner came in by a passkey or by another service: no mail is needed
}
