package web

import "time"

// Passkey is one passkey of an account.
type Passkey struct {
	ID, Name string
	In       string // what it is in; empty where that is not told
	Copied   bool   // its owner's other devices have it too
	Made     time.Time
	LastUsed time.Time // zero: not used yet
	Alarm    time.Time // when there seemed to be a copy of it; zero: never
}

// PasskeysPage is "passkeys".
type PasskeysPage struct {
	Passkeys   []Passkey
	Full       bool // no more can be made
	SecondStep bool // a passkey stands for it too
	NoPassword bool
}

// PasskeyNewPage is "passkey-new"; its script posts name and passkey.
type PasskeyNewPage struct {
	Form
	Name       string
	SecondStep bool
	NoPassword bool
}

// PasskeyPage is "passkey"; renaming posts name.
type PasskeyPage struct {
	Form
	Passkey
	Typed string // the name, as it stands in its field
}
