package web

import (
	"net/http"
	"strings"
)

// helpPage is one text under /help. They stand alone: no database, no sign-in.
type helpPage struct {
	Name, Title, Summary, Icon string
}

// Path is where the page is served.
func (h helpPage) Path() string { return "/help/" + h.Name }

var helpPages = []helpPage{
	{"creating-an-account", "Creating an account", "An address, a password, and a code to show the address is yours.", "person"},
	{"signing-in", "Signing in", "Which name to use, a forgotten password, and why you may be asked again.", "key"},
	{"resetting-a-password", "Resetting your password", "Forgotten, or known to somebody else: to a new one, step by step.", "lock"},
	{"second-step", "The second step", "Turn it on, sign in with it, and why it does not come by text message.", "phone"},
	{"other-services", "Google, Apple, Facebook and the second step", "What they tell us, and when your code is asked for.", "ticket"},
	{"recovery-codes", "Recovery codes", "Where to keep them, how to use one, and how to get new ones.", "ticket"},
	{"lost-authenticator", "A lost phone or lost codes", "The ways back in, from the quick one to the one that takes seven days.", "search"},
	{"passkeys", "Passkeys", "Sign in by fingerprint, face or PIN: make one, use it, and what to do when a device is lost.", "finger"},
	{"a-tv", "Signing in on a TV", "The code on the screen, and what to do when it is not accepted.", "tv"},
	{"apps-and-the-second-step", "Apps that ask for a password only", "The six digits behind the password, and app passwords.", "app"},
	{"connected-apps", "Connected apps", "Sign in to other apps and sites with this account.", "app"},
	{"devices", "Devices", "See everything that is signed in, and sign it out.", "devices"},
	{"claiming-a-server", "Claiming a media server", "From the same machine, from your network, and from elsewhere.", "server"},
	{"claiming-in-a-container", "Claiming in a container", "A claim token that it gets when it starts, or a code in its log.", "server"},
	{"home", "Your Home", "Whom to trust, switching to one another, PINs, and leaving.", "people"},
	{"sharing-a-server", "Sharing a media server", "Invite people, accept an invitation, and what each of you sees.", "ticket"},
	{"no-server-appears", "No server appears in my list", "The usual reasons, and what helps.", "search"},
	{"server-signed-out", "My server is signed out", "Why it lets nobody in, and how you bring it back.", "server"},
	{"locked-out-of-my-server", "I am locked out of my server", "What the server says, and the way back in.", "lock"},
	{"old-apps-and-a-server", "Old apps and a server", "App passwords for one media server, and typing your own password there.", "app"},
	{"reset-required", "My account requires a reset", "Why that happens, how to tell that the e-mail is real, and what to do, step by step.", "shield"},
	{"mail-does-not-arrive", "An e-mail does not arrive", "Where to look, which senders to allow, and how to ask again.", "mail"},
	{"what-we-never-do", "What we never do", "How to tell a real e-mail from a false one.", "shield"},
}

// Help serves /help and /help/{page}; any other page is a 404.
func (rd *Renderer) Help() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/help"), "/")
		if name == "" {
			rd.Page(w, r, http.StatusOK, "help/index", Page{Title: "Help"})
			return
		}
		for _, h := range helpPages {
			if h.Name == name {
				rd.Page(w, r, http.StatusOK, "help/"+name, Page{Title: h.Title})
				return
			}
		}
		rd.Error(w, r, ErrorPage{Status: http.StatusNotFound})
	})
}
