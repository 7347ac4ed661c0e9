package browsertest

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"usher/internal/testdb"
)

// From nothing to an account with Tab, Enter and Space alone.
func TestKeyboardOnly(t *testing.T) {
	t.Parallel()
	const address = "mara@example.org"
	b := serve(t, testdb.SQLite(t)).browser(t, scriptOn)
	b.open("/sign-in")
	b.hasFocus("input “E-mail or user name”")
	b.tabs("a “Forgot?”", "input “Password”", "button “Show password”", "button “Sign in”", "button “Sign in with a passkey”", "a “Create an account”")
	b.enter(kb.Enter)

	b.at("/sign-up", http.StatusOK)
	b.hasFocus("input “E-mail”")
	b.enter(kb.Enter)
	b.at("/sign-up", http.StatusUnprocessableEntity)
	b.hasFocus("input “E-mail”")
	b.key(address)
	b.tabs("input “Password”")
	b.key("short")
	b.enter(kb.Enter)
	b.at("/sign-up", http.StatusUnprocessableEntity)
	b.hasFocus("input “Password”") // the first wrong field: the address was right
	b.key(firstPassword)
	b.tabs("button “Show password”")
	b.key(" ")
	b.hasFocus("input “Password”") // shown, and ready to be typed in
	b.tabs("button “Hide password”")
	b.key(kb.Enter)
	b.tabs("button “Show password”", "button “Continue”")
	b.enter(" ")

	b.at("/sign-up/code", http.StatusOK)
	b.hasFocus("input “Code”")
	var code string
	b.mail(address, "Confirm your address").evaluate("select("+sixDigits+")", &code)
	b.key(code[:3] + " " + code[3:])
	b.enter(kb.Enter)

	b.at("/welcome", http.StatusOK)
	b.hasFocus("input “Display name”")
	b.key("Mara")
	b.tabs("input “User name”", "button “Save and continue”")
	b.enter(" ")

	b.at("/account", http.StatusOK)
	b.tabs("a “Skip to the page”")
	b.key(kb.Enter)
	b.tabs("a “Change the e-mail address”")
	b.enter(kb.Enter)
	b.at("/account/email", http.StatusOK)

	b.open("/account/data")
	b.reaches("summary “Delete my account”")
	b.key(" ")
	b.sees("This is what happens:")
	b.key(kb.Enter)
	b.misses("This is what happens:")
}

// tabs presses Tab once for each thing it should reach.
func (b *tab) tabs(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.key(kb.Tab)
		b.hasFocus(name)
	}
}

// reaches presses Tab until a thing has the focus.
func (b *tab) reaches(name string) {
	b.t.Helper()
	for range 60 {
		b.key(kb.Tab)
		var focused string
		if b.evaluate("focused()", &focused); focused == name {
			return
		}
	}
	b.t.Fatalf("Tab does not reach %s at %s", name, b.path())
}

// hasFocus makes sure that keys now go to a thing, and that it can be seen that they do.
func (b *tab) hasFocus(name string) {
	b.t.Helper()
	var r ring
	b.soon("the focus is not on "+name, func() bool { // a page gives its autofocus only when it is first drawn
		b.evaluate("ring()", &r)
		return r.Name == name
	})
	if !r.seen() {
		b.t.Fatalf("the focus on %s at %s cannot be seen: %+v", name, b.path(), r)
	}
}
