package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/secret"
	"usher/internal/signin"
)

// answer is what a form carries of an authenticator.
func (d *Door) answer(r *http.Request) signin.PasskeyAnswer {
	return signin.PasskeyAnswer{Text: r.PostFormValue("passkey"), Browser: d.cookie(r, cookiePasskey)}
}

// postSignInPasskeyBegin is the same for everybody: nobody has said yet who they are.
func (d *Door) postSignInPasskeyBegin(w http.ResponseWriter, r *http.Request) error {
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.SignIn.AskPasskey(r.Context(), browser, d.client(r))
	})
}

func (d *Door) postSignInPasskey(w http.ResponseWriter, r *http.Request) error {
	p := SignInPage{Next: localPath(r.PostFormValue("next"), "")}
	out, err := d.SignIn.ByPasskey(r.Context(), d.answer(r), d.cookie(r, cookieKnown), d.client(r))
	if err != nil {
		return d.againPasskey(w, r, &p.Form, err, func(status int) error { return d.signInPage(w, r, status, p) })
	}
	return d.entered(w, r, out, p.Next)
}

func (d *Door) postCodePasskeyBegin(w http.ResponseWriter, r *http.Request) error {
	ticket := d.cookie(r, cookieCode)
	if _, err := d.SignIn.Waiting(r.Context(), ticket); err != nil {
		return d.noCodeStep(w, r, err)
	}
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.SignIn.AskPasskeyForCode(r.Context(), ticket, browser, d.client(r))
	})
}

func (d *Door) postCodePasskey(w http.ResponseWriter, r *http.Request) error {
	ticket := d.cookie(r, cookieCode)
	who, err := d.SignIn.Waiting(r.Context(), ticket)
	if err != nil {
		return d.noCodeStep(w, r, err)
	}
	out, err := d.SignIn.CodeByPasskey(r.Context(), signin.CodeRequest{Ticket: ticket, Passkey: d.answer(r), Known: d.cookie(r, cookieKnown), Client: d.client(r)})
	if errors.Is(err, signin.ErrTooLate) {
		return d.noCodeStep(w, r, err)
	}
	a := answeredCode{next: localPath(r.PostFormValue("next"), "")}
	if err != nil {
		return d.againPasskey(w, r, &a.form, err, func(status int) error {
			a.status = status
			return d.codeStepPage(w, r, byAuthenticator, a, who)
		})
	}
	d.dropCookie(w, cookieCode)
	return d.letIn(w, r, out, localPath(a.next, "/account"))
}

func (d *Door) postAgainPasskeyBegin(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.SignIn.AskPasskeyAgain(r.Context(), v.Found, v.Person, browser, d.client(r))
	})
}

func (d *Door) postAgainPasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SignInAgainPage{Next: localPath(r.PostFormValue("next"), "/account")}
	token, err := d.SignIn.AgainByPasskey(r.Context(), v.Found, d.answer(r), d.client(r))
	if err != nil {
		return d.againPasskey(w, r, &p.Form, err, func(status int) error { return d.signInAgainPage(w, r, status, p, v) })
	}
	d.keepSignIn(w, r, token, secret.Token{})
	return to(w, r, p.Next)
}

func (d *Door) postResetPasskeyBegin(w http.ResponseWriter, r *http.Request) error {
	link := d.ticket(r, linkReset)
	if _, err := d.Password.OpenReset(r.Context(), link); err != nil {
		return d.noReset(w, r, err)
	}
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.Password.AskPasskey(r.Context(), link, browser, d.client(r))
	})
}

// postResetPasskey proves the second factor by a passkey. The ticket that finishes the reset takes the link's place in the browser.
func (d *Door) postResetPasskey(w http.ResponseWriter, r *http.Request) error {
	link := d.ticket(r, linkReset)
	l, err := d.Password.OpenReset(r.Context(), link)
	if err != nil {
		return d.noReset(w, r, err)
	}
	p := ResetCodePage{Ticket: link.Reveal(), Login: l.Email}
	ticket, err := d.Password.ProveByPasskey(r.Context(), link, password.PasskeyAnswer(d.answer(r)), d.client(r))
	if errors.Is(err, password.ErrGone) || errors.Is(err, credential.ErrSpent) && !errors.Is(err, credential.ErrPasskeySpent) {
		return d.noReset(w, r, err)
	}
	if err != nil {
		return d.againPasskey(w, r, &p.Form, err, func(status int) error { return d.resetCodePage(w, r, status, p, l) })
	}
	d.setCookie(w, linkReset.cookie, ticket, credential.Rules[credential.Restricted].Life)
	return to(w, r, linkReset.page)
}
