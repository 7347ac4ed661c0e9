package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/signin"
)

// codeWay is one of the two ways through the second step.
type codeWay struct{ path, page string }

var (
	byAuthenticator = codeWay{"/sign-in/code", "sign-in-code"}
	byRecovery      = codeWay{"/sign-in/recovery", "sign-in-recovery"}
)

func (d *Door) getCodeStep(way codeWay) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := d.SignIn.Waiting(r.Context(), d.cookie(r, cookieCode))
		if err != nil {
			return d.noCodeStep(w, r, err)
		}
		return d.codeStepPage(w, r, way, answeredCode{status: http.StatusOK, next: localPath(r.URL.Query().Get("next"), "")}, a)
	}
}

// answeredCode is the code's form on its way back to the reader.
type answeredCode struct {
	status   int
	form     Form
	next     string
	remember bool
}

func (d *Door) codeStepPage(w http.ResponseWriter, r *http.Request, way codeWay, a answeredCode, who account.Account) error {
	// Enough to find the line in an authenticator; who came here by a user name does not learn the address.
	p := SignInCodePage{Form: a.form, Login: notice.Masked(who.Email), Next: a.next, Remember: a.remember}
	p.Other = pathWith(byRecovery.path, "next", a.next)
	if way == byRecovery {
		p.Other = pathWith(byAuthenticator.path, "next", a.next)
	}
	has, err := d.hasPasskeys(r, who.ID)
	if err != nil {
		return err
	}
	if has {
		p.Passkey = &PasskeyForm{Action: "/sign-in/code/passkey", Label: "Use a passkey", Next: a.next}
	}
	d.allowReturn(w, r, a.next)
	d.Pages.Page(w, r, a.status, way.page, Page{Data: p})
	return nil
}

// noCodeStep sends a browser whose first step does not count any more back to it.
func (d *Door) noCodeStep(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, signin.ErrTooLate) {
		return err
	}
	if d.cookie(r, cookieCode).Empty() {
		return to(w, r, "/sign-in")
	}
	d.dropCookie(w, cookieCode)
	return to(w, r, "/sign-in?why="+whyLate)
}

func (d *Door) postCodeStep(way codeWay) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ticket := d.cookie(r, cookieCode)
		who, err := d.SignIn.Waiting(r.Context(), ticket)
		if err != nil {
			return d.noCodeStep(w, r, err)
		}
		a := answeredCode{next: localPath(r.PostFormValue("next"), ""), remember: r.PostFormValue("remember") == "yes"}
		show := func(status int) error {
			a.status = status
			return d.codeStepPage(w, r, way, a, who)
		}
		typed := secret.TokenOf(r.PostFormValue("code"))
		if typed.Empty() {
			a.form.Refuse("code", map[codeWay]string{byAuthenticator: "Enter the six digits.", byRecovery: "Enter one of your recovery codes."}[way])
			return show(http.StatusUnprocessableEntity)
		}
		out, err := d.SignIn.Code(r.Context(), signin.CodeRequest{Ticket: ticket, Typed: typed, Known: d.cookie(r, cookieKnown), Remember: a.remember, Client: d.client(r)})
		switch {
		case errors.Is(err, signin.ErrTooLate):
			return d.noCodeStep(w, r, err)
		case err != nil:
			a.form.refuseFactor("code", typed, err)
		}
		if err != nil {
			return d.again(w, r, &a.form, err, show)
		}
		d.dropCookie(w, cookieCode)
		if !out.Remember.Empty() {
			d.setCookie(w, cookieRemembered, out.Remember, credential.Rules[credential.Remembered].Life)
		}
		next := localPath(a.next, "/account")
		if out.Recovery {
			next = pathWith("/sign-in/recovery-used", "next", a.next)
		}
		return d.letIn(w, r, out, next)
	}
}

// getRecoveryUsed says how many recovery codes are left after one was used.
func (d *Door) getRecoveryUsed(w http.ResponseWriter, r *http.Request, v visitor) error {
	left, err := d.SignIn.RecoveryLeft(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p := RecoveryUsedPage{Left: int(left), Next: localPath(r.URL.Query().Get("next"), "/account")}
	d.Pages.Page(w, r, http.StatusOK, "recovery-used", Page{Person: v.header(), Data: p})
	return nil
}
