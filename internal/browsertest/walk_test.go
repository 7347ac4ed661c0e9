package browsertest

import (
	"net/http"
	"strings"
	"testing"

	"usher/internal/testdb"
)

// Passwords that hold, and one that does not.
const (
	firstPassword  = "velvet otter hums quietly"
	secondPassword = "eleven paper lanterns drift"
	thirdPassword  = "copper rain on tin roofs"
	weakPassword   = "password1"
	weakReason     = "Many people use this one"
)

// The main walk: from nothing to an account, through all that a person does with it.
func TestMainWalk(t *testing.T) {
	for name, walk := range map[string]struct {
		database func(testing.TB) string
		script   script
	}{
		"SQLite, with script":     {testdb.SQLite, scriptOn},
		"SQLite, without script":  {testdb.SQLite, scriptOff},
		"PostgreSQL, with script": {testdb.Postgres, scriptOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &walker{tab: serve(t, walk.database(t)).browser(t, walk.script), address: "mara@example.org", password: firstPassword}
			w.signsUp()
			w.isWelcomed()
			w.seesDevices()
			w.changesAddress()
			w.changesPassword()
			w.signsOutAndIn()
			w.saysNotMe()
			w.resets()
			w.leavesAndStays()
			w.isLookedAfter()
		})
	}
}

// walker is a person on the way through an account.
type walker struct {
	*tab
	address  string
	password string
}

func (w *walker) signsUp() {
	w.t.Helper()
	w.open("/")
	w.at("/sign-in", http.StatusOK)
	w.press("Create an account")
	w.at("/sign-up", http.StatusOK)
	w.write("E-mail", w.address)
	w.write("Password", weakPassword)
	if w.script == scriptOn {
		w.sees(weakReason)
	}
	w.press("Continue")
	w.at("/sign-up", http.StatusUnprocessableEntity)
	w.refused("Password", weakReason)
	w.forgets(weakPassword)
	if got := w.value("E-mail"); got != w.address {
		w.t.Fatalf("the address typed became %q", got)
	}
	w.write("Password", w.password)
	w.canShow("Password", w.password)
	w.press("Continue")
	w.at("/sign-up/code", http.StatusOK)
	w.sees(w.address)

	w.write("Code", "12345")
	w.press("Confirm my address")
	w.at("/sign-up/code", http.StatusUnprocessableEntity)
	w.refused("Code", "six digits")
	w.mail(w.address, "Confirm your address").carry(sixDigits, w.tab, "Code")
	w.press("Confirm my address")
	w.at("/welcome", http.StatusOK)
}

// sixDigits finds a code in a mail.
const sixDigits = `/\b\d{6}\b/`

// refused makes sure that a complaint stands with its field, and that the cursor is there.
func (b *tab) refused(label, complaint string) {
	b.t.Helper()
	b.sees(complaint)
	var beside struct {
		Invalid, Described string
	}
	b.on(b.find(label, typeable), `function () {
		const words = (this.getAttribute("aria-describedby") || "").split(" ").map((id) => document.getElementById(id)).filter(Boolean);
		return { invalid: this.getAttribute("aria-invalid"), described: words.map((w) => w.innerText).join(" ") };
	}`, &beside)
	if beside.Invalid != "true" || !strings.Contains(beside.Described, complaint) {
		b.t.Fatalf("“%s” after the refusal “%s”: %+v", label, complaint, beside)
	}
	b.hasFocus("input “" + label + "”")
}

// forgets makes sure that a password which was sent is nowhere on the page that came back.
func (b *tab) forgets(password string) {
	b.t.Helper()
	var everything string
	b.evaluate("everything()", &everything)
	if strings.Contains(everything, password) {
		b.t.Fatalf("the page at %s holds the password that was typed", b.path())
	}
}

// canShow presses the button that shows a password and hides it again. Without script there is none.
func (b *tab) canShow(label, password string) {
	b.t.Helper()
	show, hide := "Show "+strings.ToLower(label), "Hide "+strings.ToLower(label)
	if b.script == scriptOff {
		if found := b.named(show, pressable); len(found) > 0 {
			b.t.Fatal("a Show button stands there that cannot work")
		}
		return
	}
	for _, step := range []struct{ press, kind string }{{show, "text"}, {hide, "password"}} {
		b.tap(step.press)
		var kind string
		b.on(b.find(label, typeable), "function () { return this.type }", &kind)
		if kind != step.kind {
			b.t.Fatalf("after “%s” the field is of type %s", step.press, kind)
		}
	}
	if got := b.value(label); got != password {
		b.t.Fatal("showing the password changed it")
	}
}

func (w *walker) isWelcomed() {
	w.t.Helper()
	w.write("Display name", "Mara Lindqvist")
	w.write("User name", "not a@name")
	w.press("Save and continue")
	w.at("/welcome", http.StatusUnprocessableEntity)
	if got := w.value("Display name"); got != "Mara Lindqvist" {
		w.t.Fatalf("the display name typed became %q", got)
	}
	w.write("User name", "mara.l")
	w.press("Save and continue")
	w.at("/account", http.StatusOK)
	w.sees("Hello, Mara Lindqvist")
	w.sees("Everything looks right")
}

func (w *walker) seesDevices() {
	w.t.Helper()
	w.press("Devices")
	w.at("/account/devices", http.StatusOK)
	w.sees("this one")
	w.misses("Sign out everything")

	other := w.service.browser(w.t, w.script)
	other.signIn("mara.l", w.password)
	other.at("/account", http.StatusOK)
	w.open("/account/devices")
	w.tap("Sign out everything")
	w.sees("What is signed out has to sign in again.")
	w.tap("Cancel")
	w.misses("What is signed out has to sign in again.")
	w.tap("Sign out everything")
	w.press("Sign out everything")
	w.at("/account/devices", http.StatusOK)
	w.sees("Everything else is signed out.")
	other.open("/account")
	other.at("/sign-in", http.StatusOK)
	other.sees("You were signed out here.")
}

func (b *tab) signIn(login, password string) {
	b.t.Helper()
	b.open("/sign-in")
	b.write("E-mail or user name", login)
	b.write("Password", password)
	b.press("Sign in")
}

func (w *walker) changesAddress() {
	w.t.Helper()
	former := w.address
	w.address = "mara.lindqvist@example.org"
	w.press("E-mail")
	w.write("New e-mail", w.address)
	w.press("Send the code")
	w.at("/account/email/code", http.StatusOK)
	w.mail(w.address, "Confirm").carry(sixDigits, w.tab, "Code")
	w.press("Confirm my new address")
	w.at("/account/email", http.StatusOK)
	w.sees("Your new address is saved.")
	w.mail(former, "was changed").sees("/undo/")
}

func (w *walker) changesPassword() {
	w.t.Helper()
	other := w.service.browser(w.t, w.script)
	other.signIn(w.address, w.password)
	other.at("/account", http.StatusOK)

	w.press("Password")
	w.write("Current password", "not the one it is")
	w.write("New password", secondPassword)
	if w.script == scriptOn {
		w.sees("hard to guess")
	}
	w.press("Change the password")
	w.at("/account/password", http.StatusUnprocessableEntity)
	w.refused("Current password", "isn’t right")
	w.forgets(secondPassword)
	w.forgets("not the one it is")
	w.write("Current password", w.password)
	w.write("New password", secondPassword)
	w.canShow("New password", secondPassword)
	w.press("Change the password")
	w.at("/account", http.StatusOK)
	w.sees("everything else is signed out")
	w.password = secondPassword

	other.open("/account")
	other.at("/sign-in", http.StatusOK)
}

func (w *walker) signsOutAndIn() {
	w.t.Helper()
	w.press("Sign out")
	w.at("/sign-in", http.StatusOK)
	w.sees("You are signed out.")
	w.write("E-mail or user name", "mara.l")
	w.write("Password", firstPassword)
	w.press("Sign in")
	w.at("/sign-in", http.StatusUnprocessableEntity)
	w.sees("That user name or password isn’t right.")
	w.forgets(firstPassword)
	w.signIn("mara.l", w.password)
	w.at("/account", http.StatusOK)
}

// saysNotMe: a stranger signs in, the owner is told, says so, and everything is signed out.
func (w *walker) saysNotMe() {
	w.t.Helper()
	stranger := w.service.browser(w.t, w.script)
	stranger.signIn(w.address, w.password)
	stranger.at("/account", http.StatusOK)

	mail := w.mail(w.address, "New sign-in")
	token := mail.follow("/not-me/")
	mail.at("/not-me", http.StatusOK)
	mail.holdsBack(token)
	mail.write("Your e-mail", w.address)
	mail.press("Sign everything out")
	mail.sees("Everything is signed out")
	for _, b := range []*tab{stranger, w.tab} {
		b.open("/account")
		b.at("/sign-in", http.StatusOK)
	}
	w.signIn(w.address, w.password)
	w.at("/sign-in", http.StatusForbidden)
	w.sees("Please choose a new password")
}

func (w *walker) resets() {
	w.t.Helper()
	mail := w.mail(w.address, "Choose a new password")
	token := mail.follow("/reset/")
	mail.at("/reset/new", http.StatusOK)
	mail.holdsBack(token)
	mail.write("New password", weakPassword)
	mail.press("Save the new password")
	mail.at("/reset/new", http.StatusUnprocessableEntity)
	mail.refused("New password", weakReason)
	mail.forgets(weakPassword)
	mail.write("New password", thirdPassword)
	mail.press("Save the new password")
	mail.sees("Your password is changed")
	w.password = thirdPassword
	mail.press("Sign in")
	w.signIn("mara.l", w.password)
	w.looksAround()
}

// looksAround is what the first sign-in after a reset begins with.
func (b *tab) looksAround() {
	b.t.Helper()
	b.at("/account/review", http.StatusOK)
	b.press("Everything is mine")
	b.at("/account", http.StatusOK)
}

// leavesAndStays deletes the account and thinks better of it.
func (w *walker) leavesAndStays() {
	w.t.Helper()
	w.press("Your data")
	w.tap("Delete my account")
	w.press("Delete my account")
	w.at("/sign-in", http.StatusOK)
	w.signIn("mara.l", w.password)
	w.at("/account/deleting", http.StatusOK)
	w.press("Keep my account")
	w.at("/account", http.StatusOK)
	w.sees("Your account stays.")
}

// isLookedAfter is the first administrator's walk: from the set-up link to locking and unlocking this account.
func (w *walker) isLookedAfter() {
	w.t.Helper()
	operator := w.service.browser(w.t, w.script)
	operator.administers()
	operator.press("Administration")
	operator.sees("Everything works")
	operator.press("Accounts")
	operator.write("Name or address, or a part of it", "lindq")
	operator.press("Search")
	operator.misses("administrator") // whose account does not fit
	operator.press("Mara Lindqvist")
	operator.tap("Lock")
	operator.press("Lock")
	operator.sees("The account is locked")

	w.open("/account")
	w.at("/sign-in", http.StatusOK)
	w.sees("You were signed out here.")
	w.signIn("mara.l", w.password)
	w.at("/sign-in", http.StatusForbidden)
	w.sees("This account is locked.")
	operator.tap("Unlock")
	operator.press("Unlock")
	operator.sees("The account is unlocked.")
	w.signIn("mara.l", w.password)
	w.at("/account", http.StatusOK)
	w.open("/admin")
	w.at("/admin", http.StatusNotFound)
}

const (
	operatorAddress  = "operator@example.org"
	operatorPassword = "nineteen slow green trams"
)

// setsUp makes the first administrator by the link that the program printed, which then works no more.
func (b *tab) setsUp() {
	b.t.Helper()
	b.open(b.service.setUp)
	b.at("/setup", http.StatusOK)
	_, token, _ := strings.Cut(b.service.setUp, "/setup/")
	b.holdsBack(token)
	b.write("E-mail", operatorAddress)
	b.write("Password", operatorPassword)
	b.press("Create the administrator")
	b.at("/welcome", http.StatusOK)
	b.press("Skip for now")
	b.at("/account", http.StatusOK)
	second := b.service.browser(b.t, b.script)
	second.open(b.service.setUp)
	second.at("/setup", http.StatusGone)
}

// administers makes the first administrator and turns the second step on, without which administration stays shut. It returns the key and the
// recovery codes.
func (b *tab) administers() (key string, codes []string) {
	b.t.Helper()
	b.setsUp()
	b.press("Second step")
	b.press("Set it up")
	b.at("/account/second-step/begin", http.StatusOK)
	b.evaluate(`document.querySelector("#key").innerText`, &key)
	key = strings.ReplaceAll(key, " ", "")
	b.write("Six digits that the app shows", authenticator(b.t, key))
	b.press("Continue")
	b.at("/account/second-step/confirm", http.StatusOK)
	var list string
	b.evaluate(`document.querySelector("#codes").innerText`, &list)
	b.tap("I have stored them")
	b.press("Turn the second step on")
	b.sees("The second step is on.")
	return key, strings.Fields(list)
}
