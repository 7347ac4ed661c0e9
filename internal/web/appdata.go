package web

import (
	"time"

	"usher/internal/grant"
)

// ConsentPage is "consent": an app asks for the person. It posts request, holder and act ("allow" or "deny").
type ConsentPage struct {
	Request string   // which request it is about
	Account string   // whose page it is, posted as holder
	App     string   // name of the app, as an administrator registered it, or as a media server calls itself
	Server  bool     // it is a media server of some member: what it is called is its own word
	Where   string   // host that the person comes back to; empty: an app on this device
	Gets    []string // what the app gets, each as the end of "It"
	Stays   bool     // it stays signed in by itself
	Outside bool     // it is a media server that does not let the person in: nothing is asked, and the way back is open
	Closed  bool     // it is a media server that is suspended: the same
	Called  string
	Address string // empty where the browser is switched
	// Switched says that the browser is switched to a member of its Home.
	Switched bool
}

// AppSignOutPage is "app-sign-out": an app asks to sign the person out. It posts request, holder and act ("leave" or "stay").
type AppSignOutPage struct {
	Request string
	Account string
	App     string // empty: it does not say who it is
	Where   string // host that the person comes back to; empty: none
	Called  string
}

// ReturnPage is "return": a form that brings the browser back to an app.
type ReturnPage struct {
	Action string
	Fields []grant.Field
}

// AppsPage is "apps": the apps that the person lets in; removing one posts id.
type AppsPage struct{ Apps []ConnectedApp }

// ConnectedApp is an app that the person lets in.
type ConnectedApp struct {
	ID    string
	Name  string
	Gets  []string
	Since time.Time // last agreed to
}
