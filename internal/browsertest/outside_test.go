package browsertest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"usher/internal/issuertest"
	"usher/internal/testdb"
)

// withOthers are the settings of a service by which people can sign in with the others.
func withOthers(t *testing.T, others *issuertest.House) []string {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	logo := write("club.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="3" y="5" width="18" height="14" rx="2" fill="#b35900"/><path d="M8 5v14M16 5v14" stroke="#fff" stroke-width="2"/></svg>`)
	file := write("usher.toml", fmt.Sprintf("[[issuer]]\nid = \"club\"\nname = \"Film club\"\nissuer = %q\nclient_id = %q\nsecret_file = %q\nlogo = %q\nemail_domains = [\"*\"]\n",
		others.Club.URL, others.Club.ClientID, write("club.secret", others.Club.ClientSecret), logo))
	graph, _, _ := strings.Cut(others.Facebook.ProfileURL(), "/me")
	return []string{
		"--config", file,
		"--google-client-id", others.Google.ClientID, "--google-client-secret", others.Google.ClientSecret, "--google-issuer", others.Google.URL,
		"--apple-client-id", others.Apple.ClientID, "--apple-team-id", others.Apple.AppleTeam(), "--apple-key-id", others.Apple.AppleKeyID(), "--apple-key=" + others.Apple.AppleKey(t), "--apple-issuer", others.Apple.URL,
		"--facebook-client-id", others.Facebook.AppID, "--facebook-client-secret", others.Facebook.AppSecret, "--facebook-dialog", others.Facebook.DialogURL(), "--facebook-graph", graph,
	}
}

// adds makes an account by an operator's word, whose address nobody has proved.
func (s *service) adds(t *testing.T, address string) {
	t.Helper()
	command := exec.Command(program, slices.Concat([]string{"account", "add", address}, s.beside)...)
	command.Env, command.Stdin = environment(), strings.NewReader(firstPassword+"\n")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("usher account add: %v %s", err, out)
	}
}

// tourServices goes through the pages of who signs in with another service. Chromium goes there and comes back, under the page's own policy.
func tourServices(t *testing.T, seen *visits) {
	others := issuertest.Start(t)
	s := serve(t, testdb.SQLite(t), withOthers(t, others)...)
	operator := seen.watch(s.browser(t, scriptOn))
	_, recovery := operator.administers()

	greta := issuertest.Account{Subject: "greta", Email: "greta@gmail.com", Verified: true, GivenName: "Greta", FamilyName: "Walker"}
	b := seen.watch(s.browser(t, scriptOn))
	b.open("/sign-in")
	b.look("sign-in-services")
	b.open("/sign-up")
	b.look("sign-up-services")
	others.Google.SayNo()
	b.press("Continue with Google")
	b.sees("Nothing has happened")
	b.look("services-message")
	b.press("Back to signing in")
	others.Google.SignIn(greta)
	b.press("Continue with Google")
	b.at("/sign-in/arrival", http.StatusOK)
	b.look("newcomer")
	b.press("Create my account")
	b.at("/welcome", http.StatusOK)
	b.press("Skip for now")
	b.press("Ways to sign in")
	b.look("sign-in-ways-last")
	others.Apple.SignIn(greta)
	b.press("Add Apple")
	b.sees("It opens your account from now on.")
	b.look("sign-in-ways")
	b.open("/sign-in/again?next=/account/data")
	b.look("sign-in-again-services")
	b.press("Continue with Apple")
	b.sees("Your data") // Apple's page posts by itself
	b.at("/account/data", http.StatusOK)
	b.open("/account/devices")
	b.look("devices-services")
	b.open("/account/sign-in-ways")
	b.tap("Remove Google")
	b.look("sign-in-ways-remove")
	b.press("Remove Google")
	b.sees("It opens your account no longer.")

	s.does(t, "account", "require-reset", greta.Email)
	b.open("/sign-in")
	b.press("Continue with Apple")
	b.sees("still yours")
	b.at("/sign-in/confirm", http.StatusOK)
	b.look("sign-in-confirm")
	b.press("Confirm with Apple")
	b.sees("Your account is open again")
	b.press("Continue with Apple")
	b.sees("A look around")
	b.at("/account/review", http.StatusOK)
	b.look("review-services")
	b.press("Everything is mine")
	b.hasOnlyAPasskey(s, greta.Email)

	fay := seen.watch(s.browser(t, scriptOn))
	others.Facebook.SignIn(issuertest.Account{Subject: "fay", Email: "fay@example.org", GivenName: "Fay", FamilyName: "Brook"})
	fay.open("/sign-in")
	fay.press("Continue with Facebook")
	fay.look("newcomer-address")
	fay.press("Send me the code")
	fay.look("newcomer-code")
	fay.mail("fay@example.org", "Confirm your address").carry(sixDigits, fay, "Code")
	fay.press("Confirm my address")
	fay.sees("Create your account")

	owner := seen.watch(s.browser(t, scriptOn))
	others.Club.SignIn(issuertest.Account{Subject: "owner", Email: operatorAddress, Verified: true})
	owner.open("/sign-in")
	owner.press("Continue with Film club")
	owner.at("/sign-in/join", http.StatusOK)
	owner.look("join")
	owner.write("Password of your account", operatorPassword)
	owner.press("Sign in and add Film club")
	owner.press("Use a recovery code instead")
	owner.write("Recovery code", recovery[0])
	owner.press("Sign in")
	owner.open("/sign-in/join")
	owner.look("join-signed-in")
	owner.press("Add Film club")
	owner.sees("It opens your account from now on.")
	owner.open("/account/second-step")
	owner.look("second-step-services")
	owner.press("Ask for my code there too")
	owner.sees("The code is asked for after every sign-in from now on.")

	s.adds(t, "victim@example.org")
	victim := seen.watch(s.browser(t, scriptOn))
	others.Club.SignIn(issuertest.Account{Subject: "victim", Email: "victim@example.org", Verified: true})
	victim.open("/sign-in")
	victim.press("Continue with Film club")
	victim.sees("Your address has an account")
	victim.look("newcomer-taken")
}

// hasOnlyAPasskey has somebody without a password put a passkey in the place of the last service, and confirm an account by it after an incident.
func (b *tab) hasOnlyAPasskey(s *service, address string) {
	b.t.Helper()
	b.touched()
	b.makes()
	b.open("/account/sign-in-ways")
	b.tap("Remove Apple")
	b.press("Remove Apple")
	b.sees("It opens your account no longer.")
	s.does(b.t, "account", "require-reset", address)
	b.withoutOffer()
	b.open("/sign-in")
	b.press("Sign in with a passkey")
	b.sees("still yours")
	b.at("/sign-in/confirm", http.StatusOK)
	b.misses("Confirm with Apple")
	b.look("sign-in-confirm-passkey")
	b.press("Confirm with a passkey")
	b.at("/sign-in", http.StatusOK)
	b.sees("Your account is open again")
	b.press("Sign in with a passkey")
	b.at("/account/review", http.StatusOK)
}
