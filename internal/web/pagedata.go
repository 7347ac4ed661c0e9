package web

import (
	"html/template"
	"time"

	"usher/internal/mfa"
	"usher/internal/notice"
)

// SignUpMode says who may create an account.
type SignUpMode string

// The three ways an instance takes new people.
const (
	SignUpOpen       SignUpMode = "open"
	SignUpInvitation SignUpMode = "invitation"
	SignUpClosed     SignUpMode = "closed"
)

// Site is what every page may say about this instance; it comes from the configuration.
type Site struct {
	Name        string   // what the service is called, in titles
	Host        string   // as people type it, such as "usher.example.org"
	Contact     Link     // how to reach who runs it; zero when nobody said
	Senders     []string // the addresses our mail comes from
	Outbox      string   // where mail waits while there is no mail server and nobody else can reach the service; else empty
	SignUp      SignUpMode
	PasswordMin int // code points
	GraceDays   int // between asking for deletion and deletion
}

// Form is what a refused form says back. What was typed travels in the page's own
// fields; passwords and codes are never sent back.
type Form struct {
	Problem string    // a sentence about the form as a whole
	RetryAt time.Time // set when a limit is reached; shown as the time to try again
	Errors  FieldErrors
}

// FieldError is one sentence beside one field.
type FieldError struct {
	Field, Sentence string
}

// FieldErrors are in the order of the page: the first one takes the focus.
type FieldErrors []FieldError

// Refuse adds a sentence beside the field of that name.
func (f *Form) Refuse(field, sentence string) {
	f.Errors = append(f.Errors, FieldError{field, sentence})
}

// Refused tells whether anything is wrong with the form.
func (f Form) Refused() bool {
	return f.Problem != "" || !f.RetryAt.IsZero() || len(f.Errors) > 0
}

// On is the sentence beside a field, or empty.
func (f Form) On(field string) string {
	for _, e := range f.Errors {
		if e.Field == field {
			return e.Sentence
		}
	}
	return ""
}

// First is the name of the first field in error, or empty.
func (f Form) First() string {
	if len(f.Errors) == 0 {
		return ""
	}
	return f.Errors[0].Field
}

// Link is a way to go on or back.
type Link struct {
	Text, Path string
}

// Strength answers POST /sign-up/strength as JSON. Score runs from 0 to 4.
type Strength struct {
	Score    int    `json:"score"`
	Sentence string `json:"sentence"`
}

// SignInPage is "sign-in"; it posts login and password to itself.
type SignInPage struct {
	Form
	Login  string
	Reason string // why the person was signed out; empty when they simply came
	Next   string // local path to go to afterwards, carried in the field next
}

// SignInAgainPage is "sign-in-again": a fresh password before something that matters.
type SignInAgainPage struct {
	Form
	Login string // for the password manager
	What  string // what follows, such as "delete your account"; empty says nothing
	Next  string // local path, carried in the field next
	Back  string // local path of the way back

	AskCode bool // the second step is asked too, in the field code
}

// SignInCodePage is "sign-in-code" and "sign-in-recovery": the second step. Each posts code, next and remember ("yes") to itself.
type SignInCodePage struct {
	Form
	Login    string // whose it is
	Next     string
	Remember bool   // the box is ticked
	Other    string // path of the other way
}

// RecoveryUsedPage is "recovery-used", after a recovery code opened the door.
type RecoveryUsedPage struct {
	Left int
	Next string // local path to go on to
}

// Urgent reports whether a new set of codes should be made now.
func (p RecoveryUsedPage) Urgent() bool { return p.Left <= mfa.UrgeAt }

// SignUpPage is "sign-up"; it posts email and password. What it shows without a
// form follows Site.SignUp.
type SignUpPage struct {
	Form
	Email string
}

// InvitationPage is "invitation": sign-up for whoever holds the link.
type InvitationPage struct {
	Form
	Ticket string // text of the link's token, carried in the field ticket
	Email  string
	Bound  bool // the invitation is for Email and no other address
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

// AccountPage is "account", the overview.
type AccountPage struct {
	Name            string
	UserName        string
	Address         string
	PendingAddress  string // waits to be confirmed
	NoticeAddress   string
	PasswordChanged time.Time
	Devices         int
	SecondStep      time.Time // since when it is on; zero when it is off
	RecoveryCodes   int64     // that are left
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
	AskCurrent bool   // false where the proof on the page before has just been made
	SignOut    bool   // the box is ticked
	Others     string // what would be signed out: "2 browsers and 1 app"; empty: nothing
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

// RecoveryCodesPage is "second-step-codes". With a ticket it posts stored ("yes"); without one the codes count already. Codes are empty after
// a refusal: they are shown once.
type RecoveryCodesPage struct {
	Form
	Ticket  string // carried in the field ticket
	Account string
	Codes   []string
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
	Full       bool // no more can be made
	SecondStep bool // a code can stand behind the account's own password instead
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
}

// ResetCodePage is "reset-code": the second step before a new password; it posts code.
type ResetCodePage struct {
	Form
	Ticket string // carried in the field ticket
	Login  string
}

// ReviewPage is "review", after a reset.
type ReviewPage struct {
	Address, NoticeAddress string
	Others                 string // what else is signed in; empty: nothing
	Apps                   int
	SecondStep             bool
	RecoveryLeft           int
	Next                   string // local path to go on to
}

// ResetDonePage is "reset-done".
type ResetDonePage struct {
	SignedOut bool // connected devices were signed out
}

// ResetRequiredPage is "reset-required"; its button posts to /reset/required.
type ResetRequiredPage struct {
	Form
	Login    string        // as typed; carried in the field login
	Happened string        // what happened, in one sentence
	Exposed  string        // what was not exposed; empty says nothing
	Parts    []notice.Part // an incident's notice; it stands in the place of the two sentences
}

// MessagePage is "message": a title, some paragraphs, one way on and one way back.
type MessagePage struct {
	Title      string
	Icon       string // name of an icon; empty: none
	Paragraphs []string
	Action     *Link
	Back       *Link
}
