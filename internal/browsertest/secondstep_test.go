package browsertest

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"usher/internal/testdb"
)

// tourSecondStep sets the second step up with the eyes of a phone and the fingers of a person, uses it, and has an operator begin to remove it.
func tourSecondStep(t *testing.T, seen *visits) {
	const address = "mara@example.org"
	s := serve(t, testdb.SQLite(t))
	operator := seen.watch(s.browser(t, scriptOn))
	_, recovery := operator.administers()
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: address, password: firstPassword}
	w.signsUp()
	w.isWelcomed()

	b := w.tab
	b.press("Second step")
	b.look("second-step-off")
	b.press("Set it up")
	b.at("/account/second-step/begin", http.StatusOK)
	b.look("second-step-app")
	scanned := b.scan(light)
	if dim := b.scan(dark); dim != scanned {
		t.Errorf("in the dark the picture says %q, in the light %q", dim, scanned)
	}
	if !strings.HasPrefix(scanned, "otpauth://totp/Usher:mara@example.org?") {
		t.Fatalf("the picture says %q", scanned)
	}
	b.show(narrow, light)
	if small := b.scan(light); small != scanned {
		t.Errorf("on a phone the picture says %q", small)
	}
	b.show(wide, light)
	var shown string
	b.evaluate(`document.querySelector("#key").innerText`, &shown)
	key := strings.ReplaceAll(shown, " ", "")
	if !strings.Contains(scanned, "secret="+key) || strings.Count(shown, " ") != 7 {
		t.Errorf("the key to type is %q, the picture says %q", shown, scanned)
	}
	b.write("Six digits that the app shows", "000000")
	b.press("Continue")
	b.refused("Six digits that the app shows", "isn’t right")
	b.forgets(key)
	b.look("second-step-app-refused")
	b.write("Six digits that the app shows", authenticator(t, key))
	b.press("Continue")
	b.at("/account/second-step/confirm", http.StatusOK)
	b.look("second-step-codes")
	b.keepsCodes()
	b.press("Turn the second step on")
	b.sees("Tick this if")
	b.look("second-step-codes-refused")
	b.press("Show new codes")
	b.sees("These are new.")
	b.look("second-step-codes-remade")
	codes := b.keepsCodes()
	b.tap("I have stored them")
	b.press("Turn the second step on")
	b.sees("The second step is on.")
	b.forgets(codes[0])
	b.look("second-step-on")
	b.open("/account")
	b.look("account-second-step")

	b.removal(operator, recovery, seen)
	b.open("/account/second-step")
	b.tap("Make new codes")
	b.look("second-step-new-codes")
	b.write("Your password", w.password)
	b.write("Six digits from your authenticator app", codes[1])
	b.press("Make new codes")
	b.refused("Six digits from your authenticator app", "six digits")
	b.look("second-step-new-codes-refused")
	b.write("Your password", w.password)
	b.write("Six digits from your authenticator app", nextCode(t, key))
	b.press("Make new codes")
	b.look("second-step-codes-new")
	codes = b.keepsCodes()
	b.press("I have stored them")
	b.signsInWithCodes(w, codes)
	b.open("/account/second-step")
	b.tap("Turn it off")
	b.look("second-step-off-asked")
	b.write("Six digits from your authenticator app, or a recovery code", strings.ToLower(codes[9]))
	b.press("Turn it off")
	b.sees("The second step is off.")
}

// signsInWithCodes goes through the second step of a sign-in, and proves both once more.
func (b *tab) signsInWithCodes(w walker, codes []string) {
	b.t.Helper()
	b.press("Sign out")
	b.signIn(w.address, w.password)
	b.at("/sign-in/code", http.StatusOK)
	b.look("sign-in-code")
	b.write("Six digits", "00000x")
	b.press("Sign in")
	b.refused("Six digits", "neither six digits nor")
	b.look("sign-in-code-refused")
	b.press("Use a recovery code instead")
	b.look("sign-in-recovery")
	b.write("Recovery code", "x")
	b.press("Sign in")
	b.refused("Recovery code", "neither six digits nor")
	b.write("Recovery code", strings.ToLower(strings.ReplaceAll(codes[0], "-", " ")))
	b.press("Sign in")
	b.at("/sign-in/recovery-used", http.StatusOK)
	b.sees("9 are left.")
	b.look("recovery-used")
	b.press("Continue")
	b.open("/sign-in/again")
	b.look("sign-in-again-code")
	b.write("Password", w.password)
	b.write("Six digits from your authenticator app, or a recovery code", codes[1])
	b.press("Continue")
	b.at("/account", http.StatusOK)
}

// removal has an operator begin to remove the second step of the tab's person, who stops it, once signed in and once by mail.
func (b *tab) removal(operator *tab, recovery []string, seen *visits) {
	b.t.Helper()
	begin := func(code string) {
		operator.provesAgain("/admin/accounts", operatorPassword, code)
		operator.press("Mara Lindqvist")
		operator.tap("Remove the second step")
		operator.look("admin-account-second-step")
		operator.press("Remove it in seven days")
		operator.sees("The days of warning have begun.")
		operator.look("admin-account-second-step-going")
	}
	begin(recovery[0])
	b.open("/account")
	b.sees("Your second step will be removed")
	b.look("account-second-step-going")
	b.open("/account/second-step")
	b.look("second-step-going")
	b.press("Keep the second step")
	b.sees("The second step stays.")

	begin(recovery[1])
	m := seen.watch(b.mail("mara@example.org", "will be removed"))
	token := m.follow("/keep-second-step/")
	m.holdsBack(token)
	m.look("keep-second-step")
	m.write("Your e-mail", "someone.else@example.org")
	m.press("Keep the second step")
	m.refused("Your e-mail", "not the address of the account")
	m.look("keep-second-step-refused")
	m.write("Your e-mail", "mara@example.org")
	m.press("Keep the second step")
	m.look("keep-second-step-done")
}

// keepsCodes reads the ten recovery codes, and presses what keeps them, which stands there with script only.
func (b *tab) keepsCodes() []string {
	b.t.Helper()
	var list string
	b.evaluate(`document.querySelector("#codes").innerText`, &list)
	codes := strings.Fields(list)
	if len(codes) != 10 {
		b.t.Fatalf("%d codes: %q", len(codes), list)
	}
	b.tap("Copy")
	b.sees("Copied")
	b.find("Print", pressable)
	var kept string
	b.evaluate(`new Promise((resolve) => {
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { blob.text().then(resolve); return make.call(URL, blob); };
		HTMLAnchorElement.prototype.click = () => {};
		document.querySelector("[data-download]").click();
	})`, &kept)
	if got := strings.Fields(kept); len(got) != 11 || strings.Join(got[1:], " ") != strings.Join(codes, " ") {
		b.t.Errorf("the file says %q", kept)
	}
	return codes
}

// scan reads the QR code off a picture of the page, as a phone's camera would.
func (b *tab) scan(s scheme) string {
	b.t.Helper()
	b.show(wide, s)
	command := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "PNG:-")
	command.Stdin = bytes.NewReader(b.photograph(1))
	out, err := command.Output()
	if err != nil {
		b.t.Fatalf("zbarimg finds no code in the %s scheme: %v", s, err)
	}
	return strings.TrimSpace(string(out))
}

// authenticator is what an app with the key shows, by a program that has nothing of ours.
func authenticator(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("oathtool", "--totp", "--base32", key).Output()
	if err != nil {
		t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// nextCode is the code of the step to come, which counts already and was not used.
func nextCode(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("oathtool", "--totp", "--base32", "--now", time.Now().Add(30*time.Second).UTC().Format("2006-01-02 15:04:05 UTC"), key).Output()
	if err != nil {
		t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}
