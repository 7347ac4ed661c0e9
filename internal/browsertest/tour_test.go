package browsertest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"usher/internal/testdb"
)

// The tour goes to every page there is, also as it looks when something was refused, and judges each one. Adding a page
// to the door's table without adding it here fails the test.
func TestEveryPage(t *testing.T) {
	tours := map[string]func(*testing.T, *visits){
		"signed out": tourSignedOut, "sign-up": tourSignUp, "account": tourAccount, "addresses": tourAddresses, "administration": tourAdministration, "incidents": tourIncidents, "apps": tourClients,
		"invitation": tourInvitation, "closed": tourClosed, "help": tourHelp, "second step": tourSecondStep, "passkeys": tourPasskeys, "services": tourServices, "connected apps": tourApps, "tv": tourTV, "tv in a Home": tourTVHome, "home": tourHome, "servers": tourServers, "claims": tourClaims, "freeing": tourFreeing,
	}
	seen := &visits{pages: map[string]bool{}}
	t.Run("tours", func(t *testing.T) {
		for name, tour := range tours {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tour(t, seen)
				seen.ended()
			})
		}
	})
	if seen.tours < len(tours) {
		return // a tour that broke off, or was not asked for by -run, has not been everywhere
	}
	seen.reach(t)
}

// reach compares what was visited with the door's table.
func (v *visits) reach(t *testing.T) {
	t.Helper()
	mux := http.NewServeMux()
	patterns := routes(t)
	for _, pattern := range patterns {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	reached := map[string]bool{}
	for page := range v.pages {
		method, path, _ := strings.Cut(page, " ")
		_, pattern := mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}, Host: "x"})
		reached[pattern] = true
	}
	for _, pattern := range patterns {
		if !reached[pattern] && !elsewhere[pattern] {
			t.Errorf("no tour goes to %s", pattern)
		}
	}
}

// elsewhere are the routes that have no page of their own to look at and are walked in other tests, or in stories.
var elsewhere = map[string]bool{
	"POST /sign-up/code/again":                true, // a minute has to pass before a code may be asked for again
	"POST /account/email/code/again":          true,
	"POST /account/notice-address/code/again": true,
	"POST /account/devices/sign-out-all":      true, // the main walk
	"POST /account/second-step/forget":        true, // a sign-in with a code has to remember the browser before
	"POST /account/second-step/forget-all":    true,
	"POST /sign-in/confirm/passkey":           true, // an account without a password, which only another service makes
	"POST /sign-in/confirm/passkey/begin":     true,
	"POST /account/passkeys/{id}/keep":        true, // the walk through passkeys, with a copy of one
	"POST /account/keep":                      true, // the main walk
	"POST /incident/{act}":                    true,
	"POST /admin/mail/retry":                  true, // a mail server has to have refused a mail before
}

// visits are all the pages that some tab asked for.
type visits struct {
	mu    sync.Mutex
	pages map[string]bool
	tours int // that ended well
}

func (v *visits) ended() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tours++
}

// watch adds what a tab asks for, when its test ends.
func (v *visits) watch(b *tab) *tab {
	b.t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, page := range b.heard.visited() {
			v.pages[page] = true
		}
	})
	return b
}

func tourSignedOut(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	operator := s.browser(t, scriptOn)
	operator.setsUp()

	b := seen.watch(s.browser(t, scriptOn))
	b.open("/")
	b.look("sign-in")
	b.press("Sign in")
	b.refused("E-mail or user name", "Enter your e-mail address")
	b.look("sign-in-empty")
	b.signIn(operatorAddress, weakPassword)
	b.look("sign-in-wrong")
	b.forgets(weakPassword)
	b.open("/sign-in?why=ended")
	b.look("sign-in-ended")

	b.press("Forgot?")
	b.look("reset-ask")
	b.press("Send me the e-mail")
	b.refused("E-mail or user name", "Enter your e-mail address")
	b.write("E-mail or user name", operatorAddress)
	b.press("Send me the e-mail")
	b.look("reset-sent")
	auth := seen.watch(s.browser(t, scriptOn))
	auth.open("/auth/#!?clientID=attic&code=x") // as older software spells it
	auth.open("/auth")
	auth.look("auth")
	m := seen.watch(b.mail(operatorAddress, "Choose a new password"))
	token := m.follow("/reset/")
	m.look("reset-new")
	m.holdsBack(token)
	m.leaves(token)
	m.open("/reset/new")
	m.write("New password", "short")
	m.press("Save the new password")
	m.refused("New password", "too short")
	m.look("reset-new-refused")
	m.write("New password", thirdPassword)
	m.press("Save the new password")
	m.look("reset-done")
	m.open("/reset/new")
	m.at("/reset/new", http.StatusGone)
	m.look("link-used-up")

	m.signIn(operatorAddress, thirdPassword)
	m.look("review")
	m.looksAround()
	n := seen.watch(m.mail(operatorAddress, "New sign-in"))
	n.follow("/not-me/")
	n.look("not-me")
	n.write("Your e-mail", "someone.else@example.org")
	n.press("Sign everything out")
	n.refused("Your e-mail", "not the address of the account")
	n.write("Your e-mail", operatorAddress)
	n.press("Sign everything out")
	n.look("not-me-done")
	b.signIn(operatorAddress, thirdPassword)
	b.at("/sign-in", http.StatusForbidden)
	b.look("reset-required")
	b.press("Send me the e-mail")
	b.at("/reset", http.StatusOK)

	b.open("/nothing-here")
	b.at("/nothing-here", http.StatusNotFound)
	b.look("not-found")
	b.open("/sign-up/strength")
	b.at("/sign-up/strength", http.StatusMethodNotAllowed)
	b.look("wrong-method")
	b.open("/.well-known/change-password")
	b.at("/sign-in", http.StatusOK)
}

func tourSignUp(t *testing.T, seen *visits) {
	const address = "mara@example.org"
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	b.open("/sign-up")
	b.look("sign-up")
	b.write("E-mail", address)
	b.write("Password", "otter1234")
	b.soon("no strength is told", func() bool { return !strings.Contains(b.text(), "At least") })
	b.look("sign-up-strength-weak")
	b.write("Password", firstPassword)
	b.sees("hard to guess")
	b.look("sign-up-strength")
	b.write("Password", "short")
	b.press("Continue")
	b.look("sign-up-refused")
	b.write("Password", firstPassword)
	b.press("Continue")
	b.look("sign-up-code")
	b.write("Code", "000000")
	b.press("Confirm my address")
	b.at("/sign-up/code", http.StatusUnprocessableEntity)
	b.look("sign-up-code-refused")

	link := seen.watch(b.mail(address, "Confirm your address"))
	stranger := seen.watch(s.browser(t, scriptOn).mail(address, "Confirm your address"))
	token := stranger.follow("/sign-up/confirm/")
	stranger.holdsBack(token)
	stranger.look("sign-up-confirm-elsewhere")
	stranger.write("Password", secondPassword)
	stranger.press("Confirm my address")
	stranger.refused("Password", "not the password you chose")
	link.follow("/sign-up/confirm/")
	link.look("sign-up-confirm")
	link.press("Confirm my address")
	link.look("welcome")
	link.write("User name", "a b c")
	link.press("Save and continue")
	link.look("welcome-refused")
	link.press("Skip for now")
	link.at("/account", http.StatusOK)
	link.look("account-new")
	stranger.open("/sign-up/confirm")
	stranger.at("/sign-up/confirm", http.StatusGone)
}

// resident serves somebody who has had an account for a while, with things signed in elsewhere.
func resident(t *testing.T, seen *visits) *tab {
	t.Helper()
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	b.setsUp()
	b.open("/account/profile")
	b.write("Display name", "Mara Lindqvist")
	b.write("User name", "mara.l")
	b.press("Save")
	for _, agent := range agents {
		other := s.browser(t, scriptOn)
		other.pretends(agent)
		other.signIn(operatorAddress, operatorPassword)
		other.at("/account", http.StatusOK)
	}
	return b
}

// agents are what other browsers say of themselves.
var agents = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0",
}

func tourAccount(t *testing.T, seen *visits) {
	b := resident(t, seen)
	b.open("/account")
	b.look("account")
	b.press("Profile")
	b.look("profile")
	b.write("User name", "no@sign")
	b.press("Save")
	b.at("/account/profile", http.StatusUnprocessableEntity)
	b.look("profile-refused")
	b.press("Password")
	b.look("password")
	b.write("Current password", "not the one it is")
	b.write("New password", secondPassword)
	b.press("Change the password")
	b.refused("Current password", "isn’t right")
	b.look("password-refused")
	b.forgets("not the one it is")
	b.forgets(secondPassword)

	b.press("Devices")
	b.look("devices")
	b.tap("Sign out Firefox on Windows")
	b.sees("It will have to sign in again")
	b.look("devices-confirm")
	b.tap("Cancel")
	b.tap("Sign out Safari on iPhone")
	b.press("Sign out Safari on iPhone")
	b.sees("The device is signed out.")
	b.look("devices-done")
	b.press("App passwords")
	b.look("app-passwords-empty")
	b.press("Make an app password")
	b.look("app-password-new")
	b.press("Make the app password")
	b.refused("Which app is it for?", "Say which app it is for.")
	b.write("Which app is it for?", "Living room TV")
	b.write("What does the app do? (optional)", "Films on the wall")
	b.press("Make the app password")
	b.sees("shown only this once")
	b.look("app-password-made")
	b.press("I have typed it in")
	b.at("/account/app-passwords", http.StatusOK)
	b.tap("Remove Living room TV")
	b.look("app-passwords")
	b.press("Remove Living room TV")
	b.sees("The app password is gone.")
	b.press("Activity")
	b.look("activity")

	b.open("/sign-in/again")
	b.look("sign-in-again")
	b.write("Password", weakPassword)
	b.press("Continue")
	b.refused("Password", "isn’t right")
	b.look("sign-in-again-refused")
	b.write("Password", operatorPassword)
	b.press("Continue")
	b.at("/account", http.StatusOK)

	b.press("Your data")
	b.look("data")
	b.tap("Delete my account")
	b.look("data-confirm")
	b.press("Delete my account")
	b.sees("Nobody else administers this service.")
	b.look("data-refused")
	b.downloads("/account/data/download")

	w := walker{tab: seen.watch(b.service.browser(t, scriptOn)), address: "leaver@example.org", password: secondPassword}
	w.signsUp()
	w.press("Skip for now")
	w.press("Your data")
	w.tap("Delete my account")
	w.press("Delete my account")
	w.look("sign-in-deleting")
	w.signIn(w.address, w.password)
	w.at("/account/deleting", http.StatusOK)
	w.look("deleting")
	w.press("Let it go and sign out")
	w.at("/sign-in", http.StatusOK)
}

func tourAddresses(t *testing.T, seen *visits) {
	const address, second = "mara.lindqvist@example.org", "mara@elsewhere.example.org"
	b := resident(t, seen)
	b.press("E-mail")
	b.look("email")
	b.write("New e-mail", "not an address")
	b.press("Send the code")
	b.refused("New e-mail", "")
	b.look("email-refused")
	b.write("New e-mail", address)
	b.press("Send the code")
	b.look("email-code")
	b.write("Code", "12")
	b.press("Confirm my new address")
	b.refused("Code", "six digits")
	b.open("/account/email")
	b.look("email-waiting")
	b.press("Keep the address I have")
	b.sees("Your address stays as it is.")
	b.write("New e-mail", address)
	b.press("Send the code")
	link := seen.watch(b.mail(address, "Confirm"))
	token := link.follow("/account/email/confirm/")
	link.holdsBack(token)
	link.look("email-confirm")
	link.press("Confirm this address")
	link.look("email-done")

	undo := seen.watch(b.mail(operatorAddress, "was changed"))
	token = undo.follow("/undo/")
	undo.holdsBack(token)
	undo.look("undo")

	b.provesAgain("/account/notice-address", operatorPassword)
	b.look("notice-address")
	b.press("Send the code")
	b.refused("Second address", "")
	b.write("Second address", second)
	b.press("Send the code")
	b.look("notice-code")
	b.write("Code", "1")
	b.press("Confirm the second address")
	b.refused("Code", "six digits")
	b.mail(second, "Confirm").carry(sixDigits, b, "Code")
	b.press("Confirm the second address")
	b.look("notice-done")
	b.provesAgain("/account/notice-address", operatorPassword)
	b.tap("Remove the second address")
	b.look("notice-confirm")
	b.press("Remove")
	b.sees("The second address is removed.")

	undo.write("Your old address", "someone.else@example.org")
	undo.press("Restore my address")
	undo.refused("Your old address", "")
	undo.look("undo-refused")
	undo.write("Your old address", operatorAddress)
	undo.press("Restore my address")
	undo.look("undo-done")
	b.open("/account")
	b.at("/sign-in", http.StatusOK)
	b.look("sign-in-reset")
}

func tourAdministration(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	b.open(s.setUp)
	b.look("setup")
	b.write("E-mail", "x")
	b.write("Password", "short")
	b.press("Create the administrator")
	b.look("setup-refused")
	b.administers()
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: "mara@example.org", password: firstPassword}
	w.signsUp()
	w.isWelcomed()
	w.open("/admin")
	w.at("/admin", http.StatusNotFound)

	b.press("Administration")
	b.look("admin")
	b.press("Accounts")
	b.look("admin-accounts")
	b.write("Name or address, or a part of it", "nobody like this")
	b.press("Search")
	b.look("admin-accounts-none")
	b.press("Show all")
	b.press("Mara Lindqvist")
	b.look("admin-account")
	b.tap("Require a new password")
	b.look("admin-account-confirm")
	b.press("Require it")
	b.sees("A new password is required.")
	b.look("admin-account-done")
	b.press("Invitations")
	b.look("admin-invitations")
	b.press("Invite")
	b.look("admin-invitations-made")
	b.tap("Revoke")
	b.look("admin-invitations-confirm")
	b.press("Revoke")
	b.sees("The invitation is revoked.")
	b.write("E-mail (optional)", "not an address")
	b.press("Invite")
	b.refused("E-mail (optional)", "")
	b.look("admin-invitations-refused")
	b.press("Mail")
	b.look("admin-mail")
	b.press("Audit")
	b.look("admin-audit")
	b.write("Account: whole address, user name or number", "mara.l")
	b.press("Filter")
	b.at("/admin/audit", http.StatusOK)
	b.look("admin-audit-account")
}

func tourIncidents(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	_, codes := b.administers()
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: "mara@example.org", password: firstPassword}
	w.signsUp()
	w.isWelcomed()

	b.open("/admin/incidents")
	b.look("incidents-none")
	b.press("Write an incident")
	b.look("incident-new")
	b.write("What happened", "See https://evil.example")
	b.press("Save, and see what it does")
	b.sees("Leave links out")
	b.look("incident-refused")
	b.write("What happened", "On 8 September a copy of our user list was taken.")
	b.press("Save, and see what it does")
	b.look("incident-draft")
	b.tap("Declare it")
	b.look("incident-draft-confirm")
	b.write("Type the number of accounts, 2", "3")
	b.press("Declare the incident")
	b.refused("Type the number of accounts, 2", "Nothing was declared")
	b.look("incident-draft-miscounted")
	b.write("Type the number of accounts, 2", "2")
	b.press("Declare the incident")
	b.at("/incident", http.StatusOK)
	b.sees("The incident is declared.")
	b.look("incident-console")
	b.press("Send me the e-mail to choose it")
	b.look("incident-console-sent")

	w.open("/account")
	w.signIn("mara.l", firstPassword)
	w.at("/sign-in", http.StatusForbidden)
	w.look("reset-required-incident")
	w.open("/notice")
	w.look("notice")
	w.write("E-mail address of your account", w.address)
	w.write("Code in the e-mail", "ABCD-EFGH")
	w.press("Check")
	w.look("notice-refused")
	w.mail(w.address, "needs a new password").carry("/[2-9A-Z]{4}-[2-9A-Z]{4}/", w.tab, "Code in the e-mail")
	w.press("Check")
	w.sees("This e-mail is ours")
	w.look("notice-real")

	m := seen.watch(b.mail(operatorAddress, "Choose a new password"))
	m.follow("/reset/")
	m.look("reset-code")
	m.write("Six digits, or a recovery code", codes[0])
	m.press("Continue")
	m.write("New password", secondPassword)
	m.press("Save the new password")
	m.signIn(operatorAddress, secondPassword)
	m.press("Use a recovery code instead")
	m.write("Recovery code", codes[1])
	m.press("Sign in")
	m.press("Everything is mine")
	m.at("/sign-in/recovery-used", http.StatusOK)
	m.open("/admin/incidents")
	m.look("incidents")
	m.press("New passwords required")
	m.look("incident")
	m.tap("Withdraw it")
	m.look("incident-withdraw")
	m.write("Type the number of accounts, 2", "2")
	m.press("Withdraw the incident")
	m.look("incident-withdrawn")
	w.open("/notice")
	w.write("E-mail address of your account", w.address)
	w.mail(w.address, "needs a new password").carry("/[2-9A-Z]{4}-[2-9A-Z]{4}/", w.tab, "Code in the e-mail")
	w.press("Check")
	w.sees("it was withdrawn")
	w.look("notice-real-withdrawn")
}

func tourInvitation(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t), "--sign-up", "invitation")
	operator := s.browser(t, scriptOn)
	operator.administers()
	b := seen.watch(s.browser(t, scriptOn))
	b.open("/sign-up")
	b.look("sign-up-by-invitation")
	operator.open("/admin/invitations")
	operator.write("E-mail (optional)", "guest@example.org")
	operator.press("Invite")
	operator.press("Invitations")
	operator.press("Invite")
	b.open(operator.value("Link of the invitation"))
	b.look("invitation")
	b.write("E-mail", "someone@example.org")
	b.write("Password", "short")
	b.press("Continue")
	b.refused("Password", "too short")
	m := seen.watch(b.mail("guest@example.org", "invit"))
	token := m.follow("/invitation/")
	m.holdsBack(token)
	m.look("invitation-bound")
}

func tourClosed(t *testing.T, seen *visits) {
	b := seen.watch(serve(t, testdb.SQLite(t), "--sign-up", "closed").browser(t, scriptOn))
	b.open("/sign-up")
	b.look("sign-up-closed")
	b.press("Sign in")
	b.look("sign-in-closed")
}

func tourHelp(t *testing.T, seen *visits) {
	b := seen.watch(serve(t, testdb.SQLite(t)).browser(t, scriptOn))
	b.open("/docs/api")
	b.look("api-docs")
	b.open("/help")
	b.look("help")
	var pages []string
	b.evaluate(`[...document.querySelectorAll("main .tiles a")].map((a) => a.getAttribute("href"))`, &pages)
	if len(pages) < 5 {
		t.Fatalf("the help has only %v", pages)
	}
	slices.Sort(pages)
	for _, path := range slices.Compact(pages) {
		b.open(path)
		b.at(path, http.StatusOK)
		b.look("help-" + strings.TrimPrefix(path, "/help/"))
	}
}
