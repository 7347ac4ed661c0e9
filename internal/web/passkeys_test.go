package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/passkey"
	"usher/internal/passkey/passkeytest"
	"usher/internal/secret"
	"usher/internal/teststore"
)

// passkeys are an account's.
func (h *house) passkeys(accountID string) []passkey.Passkey {
	h.t.Helper()
	all, err := h.db.ListPasskeys(h.t.Context(), accountID)
	h.must(err)
	return all
}

// asked is what a page's script gets to hand to an authenticator.
func (b *browser) asked(path string, pairs ...string) []byte {
	b.t.Helper()
	return []byte(b.post(path+"/begin", pairs...).is(200).body)
}

// makesPasskey makes one on the page, named after where it is.
func (b *browser) makesPasskey(a *passkeytest.Authenticator) {
	b.t.Helper()
	b.get("/account/passkeys/new").is(200)
	b.post("/account/passkeys/new", "passkey", a.Create(b.asked("/account/passkeys/new"))).leadsTo("/account/passkeys?done=passkey")
}

// byPasskey answers a page's question.
func (b *browser) byPasskey(path string, a *passkeytest.Authenticator, pairs ...string) *answer {
	b.t.Helper()
	return b.post(path, append(pairs, "passkey", a.Get(b.asked(path, pairs...)))...)
}

// method is how the newest device of an account came in.
func (h *house) method(accountID string) string {
	h.t.Helper()
	devices, err := h.db.ListDevices(h.t.Context(), accountID)
	h.must(err)
	return devices[0].Method
}

func (b *browser) found() credential.Found {
	b.t.Helper()
	f, err := b.db.FindCredential(b.t.Context(), credential.Browser, secret.TokenOf(b.cookies["__Host-"+cookieBrowser]))
	b.must(err)
	return f
}

func TestPasskeysOfOnesOwn(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.get("/account/passkeys").is(200).shows("main", "No passkeys yet")
		own.AAGUID = [16]byte{0xd5, 0x48, 0x82, 0x6e, 0x79, 0xb4, 0xdb, 0x40, 0xa3, 0xd8, 0x11, 0x11, 0x6f, 0x7e, 0x83, 0x49}
		ann.makesPasskey(own)
		ann.post("/account/passkeys/new", "name", "  key   ring ", "passkey", own.Create(ann.asked("/account/passkeys/new"))).leadsTo("/account/passkeys?done=passkey")
		if h.mails(notice.KindPasskeyAdded) != 2 || h.recorded(a.ID, audit.PasskeyAdded) != 2 {
			t.Errorf("%d mails", h.mails(notice.KindPasskeyAdded))
		}
		all := h.passkeys(a.ID)
		if len(all) != 2 || all[0].Name != "Bitwarden" || all[1].Name != "key ring" {
			t.Fatalf("%+v", all)
		}
		ann.get("/account/passkeys").is(200).shows("main", "Bitwarden").shows("main", "key ring").shows("main", "not used yet")
		first := "/account/passkeys/" + all[0].ID
		ann.get(first).is(200).shows("main", "Kept in")
		ann.post(first+"/rename", "name", strings.Repeat("x", 65)).is(422).shows("main", "at most 64 characters")
		ann.post(first+"/rename", "name", "The safe").leadsTo("/account/passkeys?done=passkey-name")
		ann.get("/account/activity").is(200).shows("main", "A passkey was added.").shows("main", "A passkey got another name.")
		h.browser().byPasskey("/sign-in/passkey", own).leadsTo("/account")
		ann.get("/account/passkeys").shows("main", "The safe").shows("main", "key ring")
		h.pass(6 * time.Minute)
		ann.post(first + "/remove").leadsTo("/sign-in/again?next=%2Faccount%2Fpasskeys%2F" + all[0].ID)
		if len(h.passkeys(a.ID)) != 2 {
			t.Error("without a fresh proof a passkey is gone")
		}
		ann.post("/sign-in/again", "password", annPassword, "next", "/account/passkeys").leadsTo("/account/passkeys")
		ann.post(first + "/remove").leadsTo("/account/passkeys?done=passkey-gone")
		if left := h.passkeys(a.ID); len(left) != 1 || h.mails(notice.KindPasskeyRemoved) != 1 || h.mail(notice.KindPasskeyRemoved, annMail).Data[notice.DataNew] != "The safe" {
			t.Errorf("%+v", left)
		}
		ann.post(first + "/remove").is(404)
		h.browser().post("/sign-in/passkey").is(422)
	})
}

// A passkey that was removed opens nothing, and nobody is told whose it was.
func TestRemovedPasskeyOpensNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		ann.post("/account/passkeys/" + h.passkeys(a.ID)[0].ID + "/remove").is(303)
		b := h.browser()
		b.byPasskey("/sign-in/passkey", own).is(422).shows("main", "does not count here")
		b.get("/account").leadsTo("/sign-in?next=%2Faccount")
	})
}

// attacks F9, F10; MF-13: whoever has less than the account's full proof, given a moment ago, adds no passkey.
func TestAddingAPasskeyNeedsFullProof(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.turnOnFactor(a)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		asked := ann.asked("/account/passkeys/new")
		refused := func(b *browser, who string) {
			t.Helper()
			if where := b.get("/account/passkeys/new").is(303).header.Get("Location"); !strings.HasPrefix(where, "/sign-in/again") {
				t.Errorf("%s: the page leads to %q", who, where)
			}
			b.post("/account/passkeys/new/begin").is(403)
			b.post("/account/passkeys/new", "passkey", own.Create(asked)).leadsTo("/sign-in/again?next=%2Faccount%2Fpasskeys%2Fnew")
			if n := len(h.passkeys(a.ID)); n != 0 {
				t.Fatalf("%s adds a passkey", who)
			}
		}
		h.pass(5 * time.Minute)
		refused(ann.copyOf(), "a stolen cookie")
		remembered := h.browser()
		remembered.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/sign-in/code")
		remembered.post("/sign-in/code", "code", h.authenticator(annMail), "remember", "yes").is(303)
		remembered.post("/sign-out").is(303)
		remembered.post("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account")
		refused(remembered, "a browser that skips the code")
		// a question from before the proof was renewed is one of this browser still, but another's is not
		ann.post("/sign-in/again", "password", annPassword, "code", h.authenticator(annMail), "next", "/account/passkeys/new").leadsTo("/account/passkeys/new")
		thief := h.signedIn(annMail, annPassword)
		thief.post("/account/passkeys/new", "passkey", own.Create(ann.asked("/account/passkeys/new"))).is(410)
		ann.makesPasskey(own)
	})
}

// After a reset link a passkey stands for the code, and the mailbox alone for nothing.
func TestResetByPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.turnOnFactor(h.account(annMail, "", annPassword))
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		b := h.browser()
		b.post("/reset", "login", annMail).is(303)
		b.get(h.link(notice.KindReset, annMail)).leadsTo("/reset/new").has(1, "form[data-passkey=/reset/code/passkey/begin]")
		b.post("/reset/new", "password", "a brand new pass phrase").leadsTo("/reset/new")
		own.Unverified = true
		b.byPasskey("/reset/code/passkey", own).leadsTo("/reset/new").has(1, "input[name=password]")
		b.post("/reset/new", "password", "a brand new pass phrase", "sign_out", "yes").leadsTo("/reset/new?done=everywhere")
		h.browser().post("/reset/code/passkey/begin").is(410)
		after := h.browser()
		own.Unverified = false
		after.byPasskey("/sign-in/passkey", own).leadsTo("/account/review?next=%2Faccount").shows("main", "Passkeys") // it outlives the reset, and is shown
		after.get("/account/review?next=%2Faccount").shows("main", h.passkeys(after.found().AccountID)[0].Name)
	})
}

// attacks R17: where a new password is required, a passkey opens the way to it, and nothing else.
func TestPasskeyInAnIncident(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		h.turnOnFactor(a)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		h.must(h.door.Password.Require(t.Context(), a.ID, audit.CLI))
		b := h.browser()
		text := own.Get(b.asked("/sign-in/passkey"))
		b.post("/sign-in/passkey", "passkey", text).is(403).shows("h1", "choose a new password")
		b.post("/sign-in/passkey", "passkey", text).is(410) // what opens no page is used up as well
		for _, path := range []string{"/account", "/account/passkeys", "/account/devices"} {
			if b.get(path).status != http.StatusSeeOther {
				t.Errorf("%s is open", path)
			}
		}
		b.get("/reset/new").is(200).has(1, "input[name=password]")
		b.post("/reset/new", "password", "a brand new pass phrase").leadsTo("/reset/new?done=everywhere")
		h.browser().byPasskey("/sign-in/passkey", own).leadsTo("/account/review?next=%2Faccount")
	})
}

// A locked account stays shut, and one that is going to be deleted opens to keep it.
func TestPasskeyOfAClosedAccount(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		h.must(h.db.SetState(t.Context(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: h.clock()}))
		b := h.browser()
		b.byPasskey("/sign-in/passkey", own).is(403).shows("main", "locked")
		h.must(h.db.SetState(t.Context(), a.ID, account.Locked, account.Deleting, h.clock().Add(time.Hour), audit.Act{At: h.clock()}))
		b.byPasskey("/sign-in/passkey", own).leadsTo("/account")
		b.get("/account").leadsTo("/account/deleting")
	})
}

func TestPasskeyEndpoints(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.browser().get("/.well-known/passkey-endpoints").is(200)
		var said map[string]string
		h.must(json.Unmarshal([]byte(a.body), &said))
		if a.header.Get("Content-Type") != "application/json" || said["enroll"] != h.door.Pages.site.Address+"/account/passkeys/new" || said["manage"] != h.door.Pages.site.Address+"/account/passkeys" || len(said) != 2 {
			t.Errorf("%v", said)
		}
		h.browser().get("/.well-known/passkey-endpoint").is(404)
	})
}

// passwordless is somebody who came in by another service, and has no password.
func (h *house) passwordless() (account.Account, *browser) {
	h.t.Helper()
	a := teststore.Person(h.t, h.db, "ann", h.clock(), func(a *account.Account) { a.Password, a.PasswordVersion = "", 0 })
	in := credential.NewSignIn(a.ID, "Google", device.Client{}, h.clock())
	in.Stamp, in.Subject = credential.Stamp{Born: a.Secured, Account: a.Epoch}, string(credential.ByOutside)
	h.must(h.db.AddDevice(h.t.Context(), in, audit.Act{At: h.clock()}))
	b := h.browser()
	b.cookies["__Host-"+cookieBrowser] = in.Token.Reveal()
	return a, b
}

// Who has no password keeps the last passkey, and comes in by it.
func TestLastPasskeyStays(t *testing.T) {
	eachHouse(t, func(h *house) {
		a, ann := h.passwordless()
		own := passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		id := h.passkeys(a.ID)[0].ID
		ann.post("/account/passkeys/"+id+"/remove").is(409).shows("main", "only way into your account")
		ann.makesPasskey(own)
		ann.post("/account/passkeys/" + id + "/remove").leadsTo("/account/passkeys?done=passkey-gone")
		h.pass(6 * time.Minute)
		ann.get("/account/passkeys/new").leadsTo("/sign-in/again?next=%2Faccount%2Fpasskeys%2Fnew").has(0, "input[name=password]").has(1, "form[data-passkey]")
		ann.get("/sign-in/again").has(1, "main a[href=/reset]") // whose browser runs no script is told what else works
		// Nothing on the pages speaks of a password that there is not.
		page := ann.byPasskey("/sign-in/again/passkey", own, "next", "/account/passkeys/new").leadsTo("/account/passkeys/new")
		page.has(1, "[data-without] a[href=/account/password?next=/account/passkeys]")
		if text := page.says("main") + ann.get("/account/passkeys").is(200).says("main"); strings.Contains(text, "your password opens") || strings.Contains(text, "Your password goes") {
			t.Errorf("the pages say %q", text)
		}
	})
}

// Who has only passkeys has no password to choose after an incident: one confirms, and everything is signed in anew.
func TestConfirmByPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a, ann := h.passwordless()
		own := passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		h.must(h.door.Password.Require(t.Context(), a.ID, audit.CLI))
		b := h.browser()
		b.byPasskey("/sign-in/passkey", own).leadsTo("/sign-in/confirm").is(200).has(1, "form[data-passkey=/sign-in/confirm/passkey/begin]")
		b.get("/account").leadsTo("/sign-in?next=%2Faccount")
		b.post("/sign-in/confirm/passkey", "passkey", own.Get(b.asked("/sign-in/passkey"))).is(410) // asked for something else
		own.Unverified = true
		b.byPasskey("/sign-in/confirm/passkey", own).is(422)
		own.Unverified = false
		if clock, err := h.db.ReadClock(t.Context()); err != nil || !clock.ResetRequired(h.reload(a.ID).Standing) {
			t.Fatalf("confirmed by less than a fresh proof: %v", err)
		}
		b.byPasskey("/sign-in/confirm/passkey", own).leadsTo("/sign-in?why=confirmed")
		if h.recorded(a.ID, audit.ConfirmedAfresh) != 1 {
			t.Error("it is not recorded")
		}
		b.byPasskey("/sign-in/passkey", own).leadsTo("/account/review?next=%2Faccount").is(200)
		h.browser().post("/sign-in/confirm/passkey/begin").leadsTo("/sign-in?why=ended")
	})
}

// "This wasn't me", in the mail about a passkey, takes that passkey away.
func TestNotMyPasskey(t *testing.T) {
	eachHouse(t, func(h *house) {
		a := h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		h.pass(8 * 24 * time.Hour) // older than what can still be answered
		thief, theirs := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		thief.makesPasskey(theirs)
		owner := h.browser()
		owner.get(h.link(notice.KindPasskeyAdded, annMail)).leadsTo("/not-me").submit("/not-me", "email", annMail).is(303)
		if left := h.passkeys(a.ID); len(left) != 1 || string(left[0].Credential) != string(own.Keys[0].ID) {
			t.Errorf("%d are left", len(left))
		}
		h.browser().byPasskey("/sign-in/passkey", theirs).is(422)
		h.browser().byPasskey("/sign-in/passkey", own).is(403) // a new password first
	})
}

// What is kept of a passkey is in the download.
func TestPasskeysAreInTheDownload(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		ann, own := h.signedIn(annMail, annPassword), passkeytest.New(t, testOrigin)
		ann.makesPasskey(own)
		body := ann.get("/account/data/download").is(200).body
		for _, want := range []string{`"passkeys": [`, base64.StdEncoding.EncodeToString(own.Keys[0].ID), base64.StdEncoding.EncodeToString(own.Keys[0].Handle)} {
			if !strings.Contains(body, want) {
				t.Errorf("it does not tell %s", want)
			}
		}
	})
}
