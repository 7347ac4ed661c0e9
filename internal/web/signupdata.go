package web

import ()

// Strength answers POST /sign-up/strength as JSON. Score runs from 0 to 4.
type Strength struct {
	Score    int    `json:"score"`
	Sentence string `json:"sentence"`
}

// SignUpPage is "sign-up"; it posts email and password. What it shows without a
// form follows Site.SignUp.
type SignUpPage struct {
	Form
	Email   string
	Outside OutsideButtons
}

// InvitationPage is "invitation": sign-up for whoever holds the link.
type InvitationPage struct {
	Form
	Ticket string // text of the link's token, carried in the field ticket
	Email  string
	Bound  bool // the invitation is for Email and no other address

	Outside OutsideButtons
}

// SetupPage is "setup": the first administrator, by the link printed at start.
type SetupPage struct {
	Form
	Ticket string // carried in the field ticket
	Email  string
}

// CodePage is "sign-up-code", "email-code" and "notice-code": six digits sent to an address. It
// posts code to itself and asks for a new one at …/again.
type CodePage struct {
	Form
	Address string
}

// SignUpConfirmPage is "sign-up-confirm", the link opened. In the browser where the
// sign-up began one button is enough; elsewhere the password is asked.
type SignUpConfirmPage struct {
	Form
	Ticket      string // carried in the field ticket
	Login       string // for the password manager; empty says nothing
	AskPassword bool
}

// WelcomePage is "welcome"; it posts user_name and display_name, or skip.
type WelcomePage struct {
	Form
	Address     string // shown to the first administrator, whose address nobody has confirmed
	UserName    string
	DisplayName string
}
