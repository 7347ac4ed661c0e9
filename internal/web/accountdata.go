package web

import (
	"html/template"
	"time"
)

// AccountPage is "account", the overview.
type AccountPage struct {
	Name            string
	UserName        string
	Address         string
	PendingAddress  string // waits to be confirmed
	NoticeAddress   string
	PasswordChanged time.Time
	Devices         int
	Home            int       // people in the Home, the account's own included; none where it is in no Home
	Servers         int       // media servers that belong to the account
	SecondStep      time.Time // since when it is on; zero when it is off
	RecoveryCodes   int64     // that are left
	Passkeys        int
	Removal         time.Time // when the second step will be removed by an operator; zero when it will not
	ToDo            *ToDo     // nil: everything looks right
	Events          []Event
}

// ToDo is the one thing a person should look at.
type ToDo struct {
	Title, Text string
	Action      Link
}

// ProfilePage is "profile"; it posts display_name and user_name.
type ProfilePage struct {
	Form
	DisplayName string
	UserName    string
}

// EmailPage is "email"; it posts email and, when asked, password.
type EmailPage struct {
	Form
	Address        string
	Login          string // for the password manager
	NewAddress     string // as typed
	PendingAddress string // waits to be confirmed; its code is typed at /account/email/code
	NoticeAddress  string
	AskPassword    bool // false within five minutes of the last one
}

// NoticeAddressPage is "notice-address"; it posts email and, when asked, password.
// Removing the address posts remove_password when asked.
type NoticeAddressPage struct {
	Form
	Address        string // the one in use; empty: none
	Login          string
	NewAddress     string
	PendingAddress string // waits to be confirmed; its code is typed at /account/notice-address/code
	AskPassword    bool
}

// EmailConfirmPage is "email-confirm", the link of either address opened by its owner.
type EmailConfirmPage struct {
	Form
	Ticket     string // carried in the field ticket
	Address    string
	ForNotices bool // the second address, not the one to sign in with
}

// PasswordPage is "password"; it posts current, password and sign_out ("yes").
type PasswordPage struct {
	Form
	Login      string
	First      bool   // there is none yet
	AskCurrent bool   // false where the proof on the page before has just been made
	Next       string // local path to go on to, carried in the field next; empty: the overview
	SignOut    bool   // the box is ticked
	Others     string // what would be signed out: "2 browsers and 1 app"; empty: nothing
	Servers    int    // that would let nobody in until they are brought back
}

// SecondStepPage is "second-step". Setting up posts password when asked; new codes post password and code; turning off posts off_code.
type SecondStepPage struct {
	Form
	Login       string // for the password manager
	AskPassword bool   // false within five minutes of the last one
	NoPassword  bool   // one has to be chosen first
	Since       time.Time
	Left        int64 // recovery codes
	Urge        bool  // so few are left that a new set is urged
	Remembered  []RememberedBrowser
	Removal     time.Time // when it will be removed by an operator; zero when it will not
	Open        string    // which form is shown open, after a refused try: codes or off

	Outside    bool // people can sign in with another service
	Always     bool // and are asked for the code there too, because the owner wants it
	AlwaysHere bool // or because the operator does
}

// RememberedBrowser is a browser where the second step is not asked for.
type RememberedBrowser struct {
	ID, Name     string
	Since, Until time.Time
}

// AuthenticatorPage is "second-step-app"; it posts code. QR and Key are empty after a wrong code: they are shown once.
type AuthenticatorPage struct {
	Form
	Ticket  string // carried in the field ticket
	Account string // as the app lists it
	QR      template.HTML
	Key     string // in groups of four
}

// RecoveryCodesPage is "second-step-codes". With a ticket it posts stored ("yes") or codes ("new"); without one the codes count already. Codes are
// empty after a refusal: they are shown once.
type RecoveryCodesPage struct {
	Form
	Ticket  string // carried in the field ticket
	Account string
	Codes   []string
	Remade  bool // other codes were shown before
}

// KeepSecondStepPage is "keep-second-step"; it posts email.
type KeepSecondStepPage struct {
	Form
	Ticket string // carried in the field ticket
	Email  string
	Due    time.Time
}

// Device is one thing that is signed in.
type Device struct {
	ID       string
	Kind     string // browser, phone, tv, server or app
	Name     string
	Product  string
	Place    string
	SignedIn time.Time
	By       string // how a browser came in that was not by the password: "Google"; else empty
	LastUsed time.Time
	This     bool // the one that is asking
}

// DevicesPage is "devices". This one comes first, then by last use.
type DevicesPage struct {
	Form
	Login       string // for the password manager
	AskPassword bool   // false within five minutes of the last one
	Open        bool   // the form that signs everything out is shown open, after a refused try
	Tally       string // what signing everything out ends: "2 browsers and 1 app"
	Servers     int    // that then let nobody in until they are brought back
	Devices     []Device
}

// Others counts the devices besides the one that is asking.
func (p DevicesPage) Others() int {
	n := 0
	for _, d := range p.Devices {
		if !d.This {
			n++
		}
	}
	return n
}

// AppPassword is a password made for one app.
type AppPassword struct {
	ID       string
	Name     string
	Purpose  string
	Made     time.Time
	LastUsed time.Time // zero: not yet
}

// AppPasswordsPage is "app-passwords", last used first.
type AppPasswordsPage struct {
	Made       []AppPassword
	AtServers  []AppPassword // of media servers, where each counts alone; Purpose says where
	Full       bool          // no more can be made
	SecondStep bool          // a code can stand behind the account's own password instead
}

// AppPasswordNewPage is "app-password-new"; it posts name, purpose and, when asked, password.
type AppPasswordNewPage struct {
	Form
	Name        string
	Purpose     string
	Login       string // for the password manager
	AskPassword bool
}

// AppPasswordMadePage is "app-password-made", which is shown once.
type AppPasswordMadePage struct {
	Name     string
	Login    string // what to type beside the password
	Password string
}

// Event is one thing that happened to an account, in plain words.
type Event struct {
	At      time.Time
	Icon    string // name of an icon; empty: clock
	Text    string // "You changed your password."
	Detail  string // "Firefox on Linux · Lyon"
	Unusual bool   // drawn so that it is not overlooked
}

// ActivityPage is "activity", newest first.
type ActivityPage struct {
	Events []Event
	Next   string // path of the older ones; empty: no more
}

// DataPage is "data": download and deletion. Deleting posts password when asked.
type DataPage struct {
	Form
	Login       string
	AskPassword bool
	Open        bool // the deletion form is shown open, after a refused try
}

// DeletingPage is "deleting": the account will be deleted, and can still be kept.
type DeletingPage struct {
	On time.Time
}
