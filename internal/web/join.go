package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/identity"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/social"
)

// getJoin asks whoever has arrived to prove the account that has their address already.
func (d *Door) getJoin(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	return d.joinPage(w, r, http.StatusOK, a, Form{})
}

func (d *Door) joinPage(w http.ResponseWriter, r *http.Request, status int, a social.Arrival, form Form) error {
	if a.Step != social.Join {
		return to(w, r, "/sign-in/arrival")
	}
	p := JoinPage{Form: form, Service: a.Provider.Name, Address: a.Address, NoPassword: a.Account.NoPassword}
	if v, err := d.visit(r); err == nil && v.AccountID == a.Account.ID {
		p.Signed = true
	} else if p.NoPassword {
		var err error
		if p.Buttons, err = d.linkedButtons(w, r, a.Account.ID); err != nil {
			return err
		}
		p.Buttons.Next, p.Buttons.Alone, p.Buttons.Primary = joinPath, true, true
	}
	d.allowReturn(w, r, a.Next)
	d.Pages.Page(w, r, status, "join", Page{Data: p})
	return nil
}

// linkedButtons are those of the services that open an account.
func (d *Door) linkedButtons(w http.ResponseWriter, r *http.Request, accountID string) (OutsideButtons, error) {
	linked, err := d.Social.Linked(r.Context(), accountID)
	if err != nil {
		return OutsideButtons{}, err
	}
	opens := map[string]bool{}
	for _, l := range linked {
		opens[l.Provider] = l.Offered
	}
	return d.outsideButtons(w, func(id string) bool { return opens[id] }), nil
}

// postJoin checks the password, and links at once where there is no second step; who is signed in to the account already only presses.
func (d *Door) postJoin(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	if v, err := d.visit(r); err == nil && v.AccountID == a.Account.ID {
		next, err := d.join(w, r, v.Found)
		if err != nil {
			return d.outsideFailed(w, r, social.Landing{Purpose: social.ToLink, Provider: a.Provider}, err)
		}
		return to(w, r, next)
	}
	var form Form
	show := func(status int) error { return d.joinPage(w, r, status, a, form) }
	password := secret.TokenOf(r.PostFormValue("password"))
	if password.Empty() {
		form.Refuse("password", "Enter your password.")
		return show(http.StatusUnprocessableEntity)
	}
	// A browser where the code is not asked for is asked all the same.
	out, err := d.SignIn.Start(r.Context(), signin.Request{Login: a.Address, Password: password, Known: d.cookie(r, cookieKnown), Client: d.client(r)})
	if err != nil {
		switch {
		case errors.Is(err, signin.ErrWrong):
			form.Refuse("password", "That password isn’t right.")
		case errors.As(err, new(credential.Exhausted)):
			form.Problem = "There were too many wrong passwords for this account, so its password is turned off. Choose a new one by e-mail with “Forgot?”."
		}
		return d.again(w, r, &form, err, show)
	}
	switch out.Step {
	case signin.Locked:
		return d.lockedPage(w, r, SignInPage{})
	case signin.ResetRequired:
		return d.resetRequiredPage(w, r, d.resetRequired(a.Address), out.Account)
	case signin.CodeNeeded:
		d.setCookie(w, cookieCode, out.Ticket, credential.Rules[credential.SecondStep].Life)
		return to(w, r, pathWith("/sign-in/code", "next", joinPath))
	case signin.ConfirmNeeded, signin.Open:
	}
	return d.letIn(w, r, out, joinPath)
}

// join links who has arrived to the account that a sign-in belongs to, and returns where they wanted to go.
func (d *Door) join(w http.ResponseWriter, r *http.Request, f credential.Found) (next string, err error) {
	next, err = d.Social.JoinAccount(r.Context(), f, d.cookie(r, cookieArrival), d.client(r))
	switch {
	case errors.Is(err, credential.ErrStale):
		return "", errAskAgain
	case errors.Is(err, social.ErrGone), errors.Is(err, social.ErrOther):
		return "/account/sign-in-ways", nil
	case errors.Is(err, identity.ErrLinked):
		err = nil
	}
	if err != nil {
		return "", err
	}
	d.dropCookie(w, cookieArrival)
	return localPath(next, "/account/sign-in-ways?done=linked"), nil
}

// joinedBy is where a sign-in goes on to that was to link who has arrived: that is done on the way.
func (d *Door) joinedBy(w http.ResponseWriter, r *http.Request, token secret.Token, next string) (string, error) {
	if next != joinPath {
		return next, nil
	}
	f, err := d.Resolver.Resolve(r.Context(), credential.Browser, token)
	if err != nil {
		return "", err
	}
	after, err := d.join(w, r, f)
	if errors.Is(err, errAskAgain) || errors.Is(err, identity.ErrTaken) || errors.Is(err, identity.ErrTooMany) {
		return joinPath, nil // which asks again, and says why
	}
	return after, err
}
