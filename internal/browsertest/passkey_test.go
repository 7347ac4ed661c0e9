package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"usher/internal/testdb"
)

// touched gives the tab an authenticator as telephones and laptops have one, which its owner unlocks and touches at once whenever it is asked.
func (b *tab) touched() webauthn.AuthenticatorID {
	b.t.Helper()
	var id webauthn.AuthenticatorID
	b.run("adding an authenticator", webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	return id
}

// passkey is the one that an authenticator has.
func (b *tab) passkey(id webauthn.AuthenticatorID) *webauthn.Credential {
	b.t.Helper()
	var all []*webauthn.Credential
	b.run("looking into the authenticator", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		all, err = webauthn.GetCredentials(id).Do(ctx)
		return err
	}))
	if len(all) != 1 {
		b.t.Fatalf("the authenticator has %d passkeys", len(all))
	}
	return all[0]
}

// untouched has the authenticator wait for its owner, or not any more.
func (b *tab) untouched(id webauthn.AuthenticatorID, so bool) {
	b.t.Helper()
	b.run("waiting for a touch", webauthn.SetAutomaticPresenceSimulation(id, !so))
}

// makes makes a passkey on the page, from wherever the tab is.
func (b *tab) makes() {
	b.t.Helper()
	b.open("/account/passkeys/new")
	b.press("Make the passkey")
	b.at("/account/passkeys", http.StatusOK)
	b.sees("The passkey is made.")
}

// tourPasskeys goes through the pages of passkeys.
func tourPasskeys(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	b := seen.watch(s.browser(t, scriptOn))
	_, recovery := b.administers()
	id := b.touched()
	b.open("/account/passkeys")
	b.look("passkeys-none")
	b.provesAgain("/account/passkeys/new", operatorPassword, recovery[0])
	b.look("passkey-new")
	b.press("Make the passkey")
	b.sees("The passkey is made.")
	b.look("passkeys")
	b.press("Passkey")
	b.look("passkey")
	b.write("What to call it", "This laptop")
	b.press("Save the name")
	b.sees("This laptop")
	b.open("/account")
	b.look("account-passkey")

	b.untouched(id, true)
	b.open("/sign-in/again?next=/account/data")
	b.look("sign-in-again-passkey")
	b.untouched(id, false)
	b.press("Use a passkey")
	b.at("/account/data", http.StatusOK)
	b.untouched(id, true) // else it would answer what the page of the sign-in offers
	b.press("Sign out")
	b.signIn(operatorAddress, operatorPassword)
	b.at("/sign-in/code", http.StatusOK)
	b.look("sign-in-code-passkey")
	b.untouched(id, false)
	b.press("Use a passkey")
	b.at("/account", http.StatusOK)
	b.withoutOffer()
	b.press("Sign out")
	b.press("Sign in with a passkey")
	b.at("/account", http.StatusOK)
	b.open("/.well-known/passkey-endpoints")
	b.sees("/account/passkeys/new")
	b.out()

	b.untouched(id, true)
	b.open("/reset")
	b.write("E-mail or user name", operatorAddress)
	b.press("Send me the e-mail")
	m := b.mail(operatorAddress, "Choose a new password")
	var link string
	m.evaluate(`linkTo("/reset/")`, &link)
	b.open(link)
	b.at("/reset/new", http.StatusOK)
	b.look("reset-code-passkey")
	b.untouched(id, false)
	b.press("Use a passkey")
	b.at("/reset/new", http.StatusOK)
	b.sees("New password")

	b.untouched(id, true)
	b.signIn(operatorAddress, operatorPassword)
	b.press("Use a recovery code instead")
	b.write("Recovery code", recovery[1])
	b.press("Sign in")
	b.open("/account/passkeys")
	b.press("This laptop")
	b.tap("Remove this passkey")
	b.look("passkey-remove")
	b.press("Remove it")
	b.sees("The passkey is removed.")

	bare := seen.watch(s.browser(t, scriptOff))
	bare.open("/sign-in")
	bare.misses("Sign in with a passkey")
	bare.signIn(operatorAddress, operatorPassword)
	bare.press("Use a recovery code instead")
	bare.write("Recovery code", recovery[2])
	bare.press("Sign in")
	bare.open("/account/passkeys/new")
	bare.sees("This browser cannot make a passkey here.")
	bare.picture("passkey-new-without-script.png")
}

// In Chromium, with an authenticator in the tab: a passkey is made, offered in the address field, taken for the code and as fresh proof, and refused where it is not
// what it seems.
func TestPasskeys(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"SQLite": testdb.SQLite, "PostgreSQL": testdb.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, database(t))
			b := s.browser(t, scriptOn)
			w := walker{tab: b, address: "mara@example.org", password: firstPassword}
			w.signsUp()
			w.isWelcomed()
			b.old()
			id := b.touched()
			b.makes()
			b.offered()
			b.replays()
			b.unverified(id)
			b.copied(id)
			if name == "SQLite" { // whose page asked stands in the answer, wherever the question is kept
				b.elsewhere(serve(t, testdb.SQLite(t)))
			}
		})
	}
}

// before has a script run in the tab's next pages before their own, until what it returns is called.
func (b *tab) before(script string) (noMore func()) {
	b.t.Helper()
	var id page.ScriptIdentifier
	b.run("adding a script", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		id, err = page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
	return func() { b.run("taking the script away", page.RemoveScriptToEvaluateOnNewDocument(id)) }
}

// withoutOffer has the tab's next pages find that the browser offers nothing in a field.
func (b *tab) withoutOffer() (again func()) {
	b.t.Helper()
	return b.before(`if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false`)
}

// old goes where passkeys are with a browser that has script and knows none.
func (b *tab) old() {
	b.t.Helper()
	again := b.before("delete window.PublicKeyCredential")
	defer again()
	b.open("/account/passkeys/new")
	b.sees("This browser cannot make a passkey here.")
	b.misses("Make the passkey")
	b.out()
	b.open("/sign-in")
	b.misses("Sign in with a passkey")
	b.signIn("mara.l", firstPassword)
	b.at("/account", http.StatusOK)
}

// out signs the tab out.
func (b *tab) out() {
	b.t.Helper()
	b.open("/account")
	b.press("Sign out")
	b.at("/sign-in", http.StatusOK)
}

// offered signs in by the button, and by what the browser offers in the address field. The browser's own list cannot be pressed here: the authenticator answers for
// its owner at once.
func (b *tab) offered() {
	b.t.Helper()
	again := b.withoutOffer()
	b.out()
	var completes string
	b.on(b.find("E-mail or user name", typeable), "function () { return this.autocomplete }", &completes)
	if completes != "username webauthn" {
		b.t.Errorf("the field offers %q", completes)
	}
	b.press("Sign in with a passkey")
	b.at("/account", http.StatusOK)
	b.out()
	again()
	b.open("/sign-in")
	b.soon("nobody is signed in by what the field offers", func() bool {
		var there bool
		b.evaluate(`location.pathname === "/account" && document.readyState === "complete"`, &there)
		return there
	})
	b.withoutOffer()
}

// answers has the page's own language ask for a passkey as its script does, and returns what the script would send; it is not sent. The question can be another
// page's.
func (b *tab) answers(question string) (text string) {
	b.t.Helper()
	b.evaluate(fmt.Sprintf(`(async (asked) => {
		const bytes = (t) => Uint8Array.from(atob(t.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
		const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
		const publicKey = JSON.parse(asked);
		publicKey.challenge = bytes(publicKey.challenge);
		const found = await navigator.credentials.get({ publicKey });
		const response = {};
		for (const part of ["clientDataJSON", "authenticatorData", "signature", "userHandle"]) response[part] = text(found.response[part]);
		return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {} });
	})(%q)`, question), &text)
	return text
}

// question asks the service for what an authenticator is to sign, from a page of its own.
func (b *tab) question() (asked string) {
	b.t.Helper()
	b.evaluate(`fetch("/sign-in/passkey/begin", { method: "POST", body: new URLSearchParams() }).then((a) => a.text())`, &asked)
	if !json.Valid([]byte(asked)) {
		b.t.Fatalf("the question is %q", asked)
	}
	return asked
}

// sends puts an answer into the page's form and sends it.
func (b *tab) sends(text string) {
	b.t.Helper()
	b.navigate("sending an answer", chromedp.Evaluate(fmt.Sprintf(`(() => {
		const form = document.querySelector("[data-passkey]");
		form.elements.passkey.value = %q;
		form.requestSubmit();
	})()`, text), nil))
}

// replays sends one answer twice, and one in another browser.
func (b *tab) replays() {
	b.t.Helper()
	b.out()
	text := b.answers(b.question())
	thief := b.service.browser(b.t, scriptOn)
	thief.open("/sign-in")
	thief.sends(text)
	thief.at("/sign-in/passkey", http.StatusGone)
	b.sends(text)
	b.at("/account", http.StatusOK)
	b.out()
	b.sends(text)
	b.at("/sign-in/passkey", http.StatusGone)
	b.sees("That took too long, or came from another browser.")
}

// unverified has the authenticator say that it does not know who touched it, and then not be unlocked at all.
func (b *tab) unverified(id webauthn.AuthenticatorID) {
	b.t.Helper()
	b.open("/sign-in")
	b.run("forging the bit", webauthn.SetResponseOverrideBits(id).WithIsBadUV(true))
	b.sends(b.answers(b.question()))
	b.at("/sign-in/passkey", http.StatusUnprocessableEntity)
	b.sees("did not make sure that it is you")
	b.run("forging nothing", webauthn.SetResponseOverrideBits(id))
	b.open("/sign-in")
	b.run("forgetting the PIN", webauthn.SetUserVerified(id, false))
	b.tap("Sign in with a passkey")
	b.sees("It was stopped, or took too long.")
	b.run("remembering the PIN", webauthn.SetUserVerified(id, true))
	b.open("/sign-in")
	b.run("forging the signature", webauthn.SetResponseOverrideBits(id).WithIsBogusSignature(true))
	b.sends(b.answers(b.question()))
	b.at("/sign-in/passkey", http.StatusUnprocessableEntity)
	b.run("forging nothing", webauthn.SetResponseOverrideBits(id))
}

// copied uses a copy of the passkey that was made before its last uses.
func (b *tab) copied(id webauthn.AuthenticatorID) {
	b.t.Helper()
	k := b.passkey(id)
	former := *k
	former.SignCount = 1
	b.run("putting the copy in its place", webauthn.RemoveCredential(id, k.CredentialID), webauthn.AddCredential(id, &former))
	b.open("/sign-in")
	b.press("Sign in with a passkey")
	b.at("/sign-in/passkey", http.StatusUnprocessableEntity)
	b.sees("There may be a copy of this passkey")
	b.mail("mara@example.org", "There may be a copy of your passkey").sees("counted backwards")
	b.open("/sign-in")
	b.press("Sign in with a passkey") // no lock
	b.at("/account", http.StatusOK)
	b.open("/account/passkeys")
	b.sees("there may be a copy of it")
	b.look("passkeys-alarm")
	b.press("Passkey")
	b.sees("There may be a copy of it.")
	b.look("passkey-alarm")
	b.press("It was me")
	b.sees("The passkey stays.")
	b.misses("there may be a copy of it")
}

// elsewhere has the passkey asked by a page of the same host at another port: for Chromium it is the same relying party, and for us another origin.
func (b *tab) elsewhere(other *service) {
	b.t.Helper()
	b.out()
	asked := b.question()
	b.open(other.origin + "/sign-in")
	text := b.answers(asked)
	b.open("/sign-in")
	b.sends(text)
	b.at("/sign-in/passkey", http.StatusUnprocessableEntity)
	b.sees("That passkey did not open anything.")
}
