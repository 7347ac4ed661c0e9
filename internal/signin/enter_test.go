package signin_test

import (
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/teststore"
)

// entry is somebody who came in by another service, or by whatever change makes of it.
func (w *world) entry(a account.Account, change func(*signin.Entry)) signin.Entry {
	w.Helper()
	clock, err := w.db.ReadClock(w.Context())
	w.must(err)
	a, err = w.db.LoadAccount(w.Context(), a.ID)
	w.must(err)
	e := signin.Entry{Account: a, Clock: clock, Way: credential.ByOutside, Method: "Google", Client: device.Client{UserAgent: "Firefox/1 Linux"}}
	if change != nil {
		change(&e)
	}
	return e
}

func (w *world) browser(token secret.Token) credential.Found {
	w.Helper()
	f, err := w.db.FindCredential(w.Context(), credential.Browser, token)
	w.must(err)
	return f
}

// The second step is not asked where somebody else vouches, unless its owner or the operator says so (F13).
func TestEnterSecondStep(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna", "correct horse battery", true)
		for name, test := range map[string]struct {
			change func(*signin.Entry)
			want   signin.Step
		}{
			"vouched":                 {nil, signin.Open},
			"vouched, operator asks":  {func(e *signin.Entry) { e.AskCode = true }, signin.CodeNeeded},
			"vouched, owner asks":     {func(e *signin.Entry) { e.Account.CodeAlways = true }, signin.CodeNeeded},
			"passkey, owner asks":     {func(e *signin.Entry) { e.Account.CodeAlways, e.Way = true, credential.ByPasskey }, signin.Open},
			"vouched, no second step": {func(e *signin.Entry) { e.Account.SecondFactor, e.AskCode = false, true }, signin.Open},
		} {
			out, err := w.flow.Enter(w.Context(), w.entry(anna, test.change))
			w.must(err)
			if out.Step != test.want || out.Step == signin.CodeNeeded && !out.Token.Empty() {
				w.Errorf("%s: step %v", name, out.Step)
			}
		}
		out, err := w.flow.Enter(w.Context(), w.entry(anna, func(e *signin.Entry) { e.AskCode = true }))
		w.must(err)
		out, err = w.flow.Code(w.Context(), signin.CodeRequest{Ticket: out.Ticket, Typed: secret.TokenOf(w.code(anna, 0))})
		w.must(err)
		if f := w.browser(out.Token); f.Way() != credential.ByOutsideAndCode || f.IsFresh(w.now) {
			w.Errorf("after the code: %q, fresh %v", f.Way(), f.IsFresh(w.now))
		}
		if !slices.ContainsFunc(w.devices(anna), func(d device.Device) bool { return d.Method == "Google and code" }) { // all of one moment, in any order
			w.Error("the list does not say how")
		}
	})
}

// What somebody else vouches for is no fresh proof where there is a password to type; where there is none, nothing is stronger.
func TestEnterFresh(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna", "correct horse battery", false)
		bert := teststore.Person(w, w.db, "bert", w.now, func(a *account.Account) { a.Password = "" })
		for name, test := range map[string]struct {
			who  account.Account
			way  credential.Way
			want bool
		}{
			"vouched":              {anna, credential.ByOutside, false},
			"vouched, no password": {bert, credential.ByOutside, true},
			"passkey":              {anna, credential.ByPasskey, true},
		} {
			out, err := w.flow.Enter(w.Context(), w.entry(test.who, func(e *signin.Entry) { e.Way = test.way }))
			w.must(err)
			if got := w.browser(out.Token).IsFresh(w.now); got != test.want {
				w.Errorf("%s: fresh %v", name, got)
			}
		}
	})
}

// Nothing opens a locked account, and in an incident only what finishes the reset comes of a proof, once (R17).
func TestEnterClosed(t *testing.T) {
	each(t, func(w *world) {
		anna := w.person("anna", "correct horse battery", false)
		bert := w.person("bert", "correct horse battery", true)
		cyd := teststore.Person(w, w.db, "cyd", w.now, func(a *account.Account) { a.Password = "" })
		out, err := w.flow.Enter(w.Context(), w.entry(anna, func(e *signin.Entry) { e.Account.State = account.Locked }))
		w.must(err)
		if out.Step != signin.Locked || !out.Token.Empty() || !out.Ticket.Empty() {
			w.Errorf("locked: %v", out.Step)
		}
		for _, a := range []account.Account{anna, bert, cyd} {
			w.must(w.db.RequireReset(w.Context(), a.ID, "", audit.New(w.now, audit.ResetRequired, audit.CLI, a.ID)))
		}
		for name, test := range map[string]struct {
			who  account.Account
			way  credential.Way
			step signin.Step
			kind credential.Kind
		}{
			"vouched":                   {anna, credential.ByOutside, signin.ResetRequired, credential.Restricted},
			"vouched, with second step": {bert, credential.ByOutside, signin.ResetRequired, credential.Reset}, // which asks for the code
			"passkey, with second step": {bert, credential.ByPasskey, signin.ResetRequired, credential.Restricted},
			"vouched, no password":      {cyd, credential.ByOutside, signin.ConfirmNeeded, credential.Restricted},
		} {
			out, err := w.flow.Enter(w.Context(), w.entry(test.who, func(e *signin.Entry) { e.Way = test.way }))
			w.must(err)
			if out.Step != test.step || !out.Token.Empty() {
				w.Errorf("%s: step %v", name, out.Step)
			}
			if _, err := w.db.FindCredential(w.Context(), test.kind, out.Ticket); err != nil {
				w.Errorf("%s: the ticket is no %s: %v", name, test.kind, err)
			}
			if len(w.devices(test.who)) > 0 {
				w.Errorf("%s: something is signed in", name)
			}
		}
	})
}
