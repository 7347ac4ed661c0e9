package web

import (
	"errors"
	"net/http"

	"usher/internal/identity"
	"usher/internal/social"
)

// getSignInWays lists by what the account opens.
func (d *Door) getSignInWays(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.signInWaysPage(w, r, http.StatusOK, SignInWaysPage{}, v)
}

func (d *Door) signInWaysPage(w http.ResponseWriter, r *http.Request, status int, p SignInWaysPage, v visitor) error {
	linked, err := d.Social.Linked(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, l := range linked {
		has[l.Provider] = true
		shown := LinkedService{ID: l.ID, Address: l.Email, Since: l.LinkedAt, Used: l.UsedAt, Offered: l.Offered, Service: OutsideService{ID: l.Provider, Name: l.Name}}
		if l.Offered {
			shown.Service = d.outsideService(d.offered(l.Provider))
		}
		p.Linked = append(p.Linked, shown)
	}
	p.Buttons = d.outsideButtons(w, func(id string) bool { return !has[id] })
	p.Buttons.Before, p.Buttons.Verb, p.Buttons.Alone = "/account/sign-in-ways/link/", "Add", true
	p.NoPassword, p.SecondStep, p.Unproved = v.Account.NoPassword, v.Account.SecondFactor, !v.Person.EmailProved
	passkeys, err := d.hasPasskeys(r, v.AccountID)
	if err != nil {
		return err
	}
	p.Last = p.NoPassword && !passkeys && len(linked) == 1
	d.Pages.Page(w, r, status, "sign-in-ways", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// postSignInWaysLink sends the browser away to link what somebody has at another service.
func (d *Door) postSignInWaysLink(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return d.askAgainForWays(w, r)
	}
	if !v.Person.EmailProved {
		return d.outsideFailed(w, r, social.Landing{Purpose: social.ToLink}, social.ErrUnproved)
	}
	return d.sendAway(w, r, social.Start{Purpose: social.ToLink, Held: v.Found})
}

func (d *Door) postSignInWaysUnlink(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return d.askAgainForWays(w, r)
	}
	err := d.Social.Unlink(r.Context(), v.Found, r.PostFormValue("id"), d.client(r))
	switch {
	case errors.Is(err, identity.ErrLastWay):
		p := SignInWaysPage{}
		p.Problem = "This is the only way into your account. Choose a password or make a passkey first."
		return d.signInWaysPage(w, r, http.StatusConflict, p, v)
	case errors.Is(err, identity.ErrNotFound):
		return errNotFound
	case err != nil:
		return err
	}
	return to(w, r, "/account/sign-in-ways?done=unlinked")
}

// askAgainForWays asks for a proof, and comes back to the list.
func (d *Door) askAgainForWays(w http.ResponseWriter, r *http.Request) error {
	return to(w, r, pathWith("/sign-in/again", "next", "/account/sign-in-ways"))
}
