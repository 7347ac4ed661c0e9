package browsertest

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver, to let a week pass

	"usher/internal/testdb"
)

// server is a media server that waits for somebody to confirm its code.
type server struct {
	*testing.T
	command *exec.Cmd
	folder  string
	code    string
}

var shownCode = regexp.MustCompile(`type the code (\S+) there`)

// server asks for a claim code as a server's terminal does.
func (s *service) server(t *testing.T, name string) *server {
	t.Helper()
	return s.serverOf(t, t.TempDir(), name)
}

// serverOf is the server whose folder it is.
func (s *service) serverOf(t *testing.T, folder, name string) *server {
	t.Helper()
	a := &server{T: t, folder: folder, command: exec.Command(program, "gate", "claim", "--service", s.origin, "--folder", folder, "--name", name, "--listen", "127.0.0.1:32400", "--address", "https://"+name+".example.org")}
	a.command.Env = environment()
	out, err := a.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.command.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); a.code == "" && scan.Scan(); {
		if found := shownCode.FindStringSubmatch(scan.Text()); found != nil {
			a.code = found[1]
		}
	}
	if a.code == "" {
		t.Fatal("the server shows no code")
	}
	return a
}

// isClaimed waits until the server has an owner.
func (a *server) isClaimed() {
	a.Helper()
	if err := a.command.Wait(); err != nil {
		a.Fatalf("the server was not claimed: %v", err)
	}
}

// asksFrom lets a server ask for a code from an address that a proxy reports.
func (s *service) asksFrom(t *testing.T, address string) (code string) {
	t.Helper()
	form := strings.NewReader(url.Values{"client_id": {"usher-gate"}, "scope": {"claim"}, "name": {"cellar"}}.Encode())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.origin+"/oauth/device", form)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", address)
	r.Header.Set("X-Forwarded-Proto", "http")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var waits struct {
		Code string `json:"user_code"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&waits); err != nil || waits.Code == "" {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	return waits.Code
}

// tourServers claims servers in both ways, lets somebody in, signs everything out, and brings them back.
func tourServers(t *testing.T, seen *visits) {
	database := testdb.SQLite(t)
	s := serve(t, database)
	b := seen.watch(s.browser(t, scriptOn))
	b.setsUp()
	b.press("Servers")
	b.sees("No servers yet")
	b.look("servers-empty")
	b.press("Claim a server")
	b.look("claim")
	b.write("Code", "7rq")
	b.press("Go on")
	b.refused("Code", "at least four characters")
	b.look("claim-refused")
	attic := s.server(t, "attic")
	b.write("Code", strings.ToLower(attic.code))
	b.press("Go on")
	b.at("/claim/confirm", http.StatusOK)
	b.sees("Is this your server?")
	b.sees("attic")
	b.look("claim-confirm")
	b.press("Yes, it is mine")
	b.sees("Your server ")
	attic.isClaimed()
	b.open("/servers")
	b.press("Manage attic")
	b.look("server")
	b.press("Confirm https://attic.example.org")
	b.sees("The address is confirmed.")
	b.write("Add an address", "http://attic")
	b.press("Add and confirm")
	b.refused("Add an address", "begins with https://")
	b.look("server-refused")
	b.write("Add an address", "http://192.168.1.20:32400")
	b.press("Add and confirm")
	b.sees("The address is confirmed.")
	b.press("App passwords of this server")
	b.look("server-password")
	b.press("Make the app password")
	b.refused("Which app is it for?", "Say which app it is for.")
	b.write("Which app is it for?", "Living room TV")
	b.press("Make the app password")
	b.sees("shown only this once")
	b.look("server-password-made")
	b.press("I have typed it in")
	b.sees("not used yet")
	b.look("server-password-listed")
	b.opensOnAPhone()
	b.write("Which app is it for?", "Jellyfin")
	b.tap("It is for the media server itself, to look people up")
	b.press("Make the app password")
	b.sees("LDAP settings")
	b.look("server-password-made-directory")
	b.press("I have typed it in")
	b.tap("Remove Jellyfin")
	b.press("Remove Jellyfin")
	b.sees("The app password is gone.")
	b.misses("Jellyfin")
	b.sees("Living room TV")
	b.look("server-password-removed")
	b.press("attic")
	b.provesAgain("/servers", operatorPassword)
	b.press("Manage attic")
	b.typesPasswords()
	b.press("Let somebody in")
	b.look("server-access")
	b.write("E-mail address or user name", "a@")
	b.press("Invite them")
	b.refused("E-mail address or user name", "e-mail address")
	b.write("E-mail address or user name", "bo@example.org")
	b.press("Invite them")
	b.sees("They are on the list.")
	b.look("server-guests")
	b.press("Change bo@example.org")
	b.look("server-guest")
	b.choose("Until (optional)", time.Now().AddDate(0, 0, -2))
	b.press("Save")
	b.refused("Until (optional)", "Choose a day")
	b.look("server-guest-refused")
	b.choose("Until (optional)", time.Now().AddDate(0, 1, 0))
	b.tap("They belong to my household")
	b.press("Save")
	b.sees("The change is saved.")
	guest := tourGuest(seen, s.browser(t, scriptOn))
	b.open("/servers")
	b.press("Manage attic")
	b.sees("came in")
	b.look("server-guest-came")
	guest.press("Leave attic")
	guest.misses("Shared with you")

	b.provesAgain("/claim", operatorPassword)
	b.press("Get a claim token")
	b.sees("left)")
	b.misses("has arrived.")
	b.look("claim-token")
	cellar := s.server(t, "cellar")
	other := b.another()
	other.open("/claim?user_code=" + cellar.code)
	if other.value("Code") != cellar.code {
		t.Error("the address does not fill the code in")
	}
	other.press("Go on")
	other.press("Yes, it is mine")
	cellar.isClaimed()
	b.soon("the page does not show what has arrived", func() bool { return strings.Contains(b.text(), "cellar has arrived.") })
	other.soon("the page does not come back by itself", func() bool { return strings.Contains(other.text(), "Your server is here") })
	other.open(other.address().RequestURI()) // the page that waited loads itself once more
	other.look("claim-arrived")

	b.open("/servers")
	b.look("servers")
	b.press("Manage cellar")
	b.tap("Sign out this server")
	b.look("server-sign-out")
	b.press("Sign it out")
	b.sees("It is waiting for you")
	b.look("server-suspended")
	b.provesAgain("/account/devices", operatorPassword)
	b.tap("Sign out everything")
	b.sees("Your media server lets nobody in until you bring it back")
	b.look("devices-servers")
	b.press("Sign out everything")
	b.open("/account")
	b.sees("2 servers are waiting for you")
	b.look("account-servers")
	b.press("See the servers")
	b.sees("Servers waiting for you")
	b.look("servers-waiting")
	b.tap("Bring back attic")
	b.look("servers-bring-back")
	b.press("Bring it back")
	b.sees("It is back, and lets people in again within a minute.")
	b.provesAgain("/servers", operatorPassword)
	b.look("servers-mixed")
	b.press("Manage attic")
	b.tap("Sign out this server")
	b.press("Sign it out")
	b.open("/servers")
	b.sees("brought back one by one")
	b.look("servers-new")
	b.tap("Bring back attic")
	b.press("Bring it back")
	b.sees("It is back, and lets people in again within a minute.")
	b.look("servers-back")
	b.press("Manage attic")
	b.tap("Sign out this server")
	b.press("Sign it out")
	aWeekPasses(t, database)
	b.open("/servers")
	b.tap("Bring all back")
	b.look("servers-bring-all-back")
	b.press("Bring all back")
	b.sees("All your servers are back")
	b.look("servers-all-back")
	b.press("Manage attic")
	b.tap("Give it up")
	b.look("server-give-up")
	b.press("Give it up")
	b.sees("belongs to your account no longer")

	for _, name := range []string{"server.json", "server.json.copy"} { // it has lost whose it is, and has its key still
		if err := os.Remove(filepath.Join(cellar.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	again := s.serverOf(t, cellar.folder, "cellar")
	b.provesAgain("/claim", operatorPassword)
	b.write("Code", again.code)
	b.press("Go on")
	b.press("Yes, it is mine")
	again.isClaimed()
	b.sees("cellar is here again.")
	b.soon("the page does not come back by itself", func() bool { return strings.Contains(b.text(), "Your server is here") })
	b.open(b.address().RequestURI())
	b.look("claim-arrived-again")
}

// opensOnAPhone scans the picture on the page of app passwords: it holds the page's address and nothing else, in light and dark, and leads there.
func (b *tab) opensOnAPhone() {
	b.t.Helper()
	here := b.address().String()
	for _, s := range []scheme{light, dark} {
		if scanned := b.scan(s); scanned != here {
			b.t.Errorf("in the %s scheme the picture of %s says %q", s, here, scanned)
		}
	}
	phone := b.another()
	phone.open(here)
	phone.sees("App passwords of attic")
}

// typesPasswords lets account passwords be typed at the server whose page is shown, is warned before, and takes it back.
func (b *tab) typesPasswords() {
	b.t.Helper()
	b.tap("Let me and my household type our own passwords, too")
	b.sees("Whoever runs the server could read it")
	b.look("server-types-ask")
	b.press("Let them be typed")
	b.sees("You and your household can type the account’s own password there, too.")
	b.look("server-types")
	b.press("App passwords of this server")
	b.sees("An app password is safer")
	b.look("server-password-types")
	b.press("attic")
	b.tap("Take app passwords only")
	b.sees("Whoever has typed one is signed out there.")
	b.look("server-types-off-ask")
	b.press("Take app passwords only")
	b.sees("Only app passwords of the server count there now.")
}

// tourGuest is the way of somebody who is invited and has no account: from the mail through the sign-up to the server, and out again.
func tourGuest(seen *visits, browser *tab) *tab {
	const address = "bo@example.org"
	m := seen.watch(browser.mail(address, "invited to a media server"))
	m.follow("/invitations/")
	m.sees("An invitation to a media server")
	m.look("server-invitation-out")
	m.press("Create an account")
	m.write("E-mail", address)
	m.write("Password", firstPassword)
	m.press("Continue")
	link := seen.watch(m.mail(address, "Confirm your address"))
	link.follow("/sign-up/confirm/")
	link.press("Confirm my address")
	link.press("Skip for now")
	link.sees("lets you in to attic")
	link.look("server-invitation")
	link.open("/servers")
	link.sees("You are invited")
	link.look("servers-invited")
	link.press("See the invitation to attic")
	link.press("Accept")
	link.sees("You are in")
	link.look("server-invitation-in")
	link.press("Servers")
	link.sees("Shared with you")
	link.look("servers-shared")
	link.open("/invitations/none")
	link.sees("There is no invitation for you here")
	link.press("See your servers")
	link.tap("Leave attic")
	link.look("servers-leave")
	return link
}

// aWeekPasses since every server was claimed.
func aWeekPasses(t *testing.T, database string) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "UPDATE server SET claimed_at = claimed_at - $1", (7 * 24 * time.Hour).Milliseconds()); err != nil {
		t.Fatal(err)
	}
}

// tourClaims looks at servers that are not where the person is, and sends them away.
func tourClaims(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t), "--trusted-proxies", "127.0.0.0/8,::1/128")
	b := seen.watch(s.browser(t, scriptOn))
	b.comesFrom(home, phone)
	b.setsUp()
	b.open("/claim?user_code=" + s.asksFrom(t, faraway))
	b.press("Go on")
	b.sees("Somebody else’s server?")
	b.misses("it is mine")
	b.stands()
	b.look("claim-wait")
	b.soon("the pause does not end", func() bool { b.open("/claim/confirm"); return strings.Contains(b.text(), "Your password") })
	b.look("claim-elsewhere")
	b.write("Your password", "not the password")
	b.press("I am looking at it: it is mine")
	b.refused("Your password", "isn’t right")
	b.press("No, this is not mine")
	b.sees("It stays nobody’s")
	b.look("claim-denied")
	b.open(fmt.Sprintf("/claim/arrival?since=%d", time.Now().Unix()))
	b.sees("Your server is on its way")
	b.stands()
	b.look("claim-coming")
}

// tourFreeing lets an administrator free a server whose owner is locked out, and signs out one that was claimed by another app.
func tourFreeing(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	root := seen.watch(s.browser(t, scriptOn))
	root.administers()
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: "mara@example.org", password: firstPassword}
	w.signsUp()
	w.isWelcomed()
	attic := s.server(t, "attic")
	w.open("/claim?user_code=" + attic.code)
	w.press("Go on")
	w.press("Yes, it is mine")
	attic.isClaimed()
	w.provesAgain("/claim", w.password)
	w.press("Get a claim token")
	s.exchanges(t, w.once("#claim"))
	w.press("Servers")
	w.sees("Claimed through other apps")
	w.look("servers-plain")
	w.tap("Sign out old-laptop")
	w.press("Sign out old-laptop")
	w.sees("The server is signed out.")

	root.open("/admin/accounts")
	root.press("Mara Lindqvist")
	root.sees("attic")
	root.tap("Lock")
	root.press("Lock")
	root.sees("Suspended: the account is locked")
	root.tap("Free attic")
	root.look("admin-free-server")
	root.press("Free it attic")
	root.sees("The server belongs to nobody now.")
	mail := w.mail("mara@example.org", "attic no longer belongs")
	mail.sees("What is on it stays there")
}

// provesAgain types the password before what matters: on a slow machine it is a while since it was typed.
func (b *tab) provesAgain(next, password string, codes ...string) {
	b.t.Helper()
	b.open("/sign-in/again?next=" + url.QueryEscape(next))
	b.write("Password", password)
	for _, code := range codes {
		b.write("Six digits from your authenticator app, or a recovery code", code)
	}
	b.press("Continue")
	b.at(next, http.StatusOK)
}

// once is what a page shows once.
func (b *tab) once(selector string) (text string) {
	b.t.Helper()
	b.evaluate(fmt.Sprintf("document.querySelector(%q).innerText", selector), &text)
	return text
}

// exchanges claims a server that keeps a token, as older software does.
func (s *service) exchanges(t *testing.T, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.origin+"/api/claim/exchange?token="+url.QueryEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Plex-Client-Identifier", "laptop")
	r.Header.Set("X-Plex-Device-Name", "old-laptop")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		t.Fatal(answer.Status)
	}
}
