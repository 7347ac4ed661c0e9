package web

import "time"

// ClientRow is one app that signs people in by OpenID Connect.
type ClientRow struct {
	ID         string
	Name       string
	Public     bool // it keeps no secret
	Configured bool // it stands in the configuration file
	Registered time.Time
}

// AdminClientsPage is "admin-clients".
type AdminClientsPage struct {
	Rows  []ClientRow
	Next  string
	First string
}

// AdminClientPage is "admin-client". Its actions post to /admin/clients/{id}/….
type AdminClientPage struct {
	ClientRow
	Problem        string // why an act was refused
	Proof          string // how it proves itself, in words
	RedirectURIs   []string
	PostLogoutURIs []string
	MayAsk         []string // in words
	MayDo          []string // in words
	LogoutURI      string
	TrustedPrivate bool
	Untold         int  // sign-outs that it is still to be told of
	ManyUntold     bool // and more
	FirstParty     bool
	HasSecret      bool
	Secrets        []time.Time // when each was made, newest first
	Full           bool        // it has as many as there can be
}

// Choice is one thing of several that can be ticked.
type Choice struct {
	Name, Label string
	On          bool
}

// AdminClientFormPage is "admin-client-form"; it posts its fields to Path: for a new app, or for one that is changed.
type AdminClientFormPage struct {
	Form
	Path           string
	Back           string
	New            bool
	ID             string
	Name           string
	RedirectURIs   string // one on a line
	PostLogoutURIs string
	Auth           string
	Auths          []ActChoice
	Scopes         []Choice
	Grants         []Choice
	Keys           string
	LogoutURI      string
	TrustedPrivate bool
	FirstParty     bool
}

// AdminClientSecretPage is "admin-client-secret": an app's secret, this once.
type AdminClientSecretPage struct {
	ID     string
	Name   string
	Secret string
	First  bool // the app is new
}
