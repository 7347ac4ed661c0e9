package web

import (
	"html/template"
	"time"
)

// LinkPage is "link"; it posts user_code and forward.
type LinkPage struct {
	Form
	Code string // as it came with the address, or as typed
	Back Back
}

// LinkAllowedPage is "link-allowed".
type LinkAllowedPage struct{ Back Back }

// LinkConfirmPage is "link-confirm"; it posts forward and, for a device that asks from elsewhere, code or password. Denying posts nothing.
type LinkConfirmPage struct {
	Form
	Request         string   // that is decided; both forms send it
	Device, Product string   // as it calls itself
	Registered      bool     // an administrator has named it, not itself
	Gets            []string // what a registered one gets, each as the end of "It"
	Stays           bool     // a registered one stays signed in by itself
	Code            string   // that was typed
	Place           string
	Asked           time.Time
	Age             string // how long ago that was when the page was made
	Minutes         int    // that the code still works
	Elsewhere       bool   // it asks from none of the account's networks
	Web             bool   // a page of another website asks, or an app that is one: where it is, nobody can tell
	Host            string // of that page, by its own claim; often empty
	Wait            bool   // the pause before such a one can be let in is not over
	SecondStep      bool   // its code is asked, else the password
	NoPassword      bool   // there is none to ask: who they are is proved on a page before
	Login           string
	Back            Back
}

// RemoveDevicePage is "remove-device".
type RemoveDevicePage struct {
	Ticket string
	Device string
	At     time.Time
}

// TVPage is "tv": nobody yet, a code that waits, who may be watching, somebody's PIN, or the person who is.
type TVPage struct {
	Form
	Why         string // a sentence about what ended
	Short, Long string
	QR          template.HTML
	Minutes     int
	Person      string
	Home        bool         // others may be watching as well
	Members     []HomeMember // who may be
	Asked       *HomeMember  // whose PIN is asked; posts member and pin
	Locked      bool         // no PIN counts until it is unlocked
}
