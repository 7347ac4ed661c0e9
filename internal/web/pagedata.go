package web

import (
	"time"
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
	Address     string   // the public address, such as "https://usher.example.org"
	Host        string   // as people type it, such as "usher.example.org"
	Contact     Link     // how to reach who runs it; zero when nobody said
	Senders     []string // the addresses our mail comes from
	Outbox      string   // where mail waits while there is no mail server and nobody else can reach the service; else empty
	SignUp      SignUpMode
	PasswordMin int  // code points
	SameNetwork bool // TVs are let in only from their own network
	GraceDays   int  // between asking for deletion and deletion
}

// Form is what a refused form says back. What was typed travels in the page's own
// fields; passwords and codes are never sent back.
type Form struct {
	Problem string    // a sentence about the form as a whole
	RetryAt time.Time // set when a limit is reached; shown as the time to try again
	Errors  FieldErrors
}

// Proof is the part of a form that says who sends it: password and code, where those are asked.
type Proof struct {
	Login       string // for the password manager
	AskPassword bool
	AskCode     bool // besides
	Late        bool // they were not asked yet when the form was opened
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

// MessagePage is "message": a title, some paragraphs, one way on and one way back.
type MessagePage struct {
	Title      string
	Icon       string // name of an icon; empty: none
	Paragraphs []string
	Action     *Link
	Back       *Link
}
