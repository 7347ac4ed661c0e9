package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/registration"
	"usher/internal/relyingparty"
)

func (d *Door) getAdminClient(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.adminClientPage(w, r, http.StatusOK, v, "")
}

func (d *Door) adminClientPage(w http.ResponseWriter, r *http.Request, status int, v visitor, problem string) error {
	sheet, err := d.Clients.Show(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	p := AdminClientPage{
		ClientRow: clientRow(sheet.Client), Problem: problem, Proof: authWords[sheet.Auth], RedirectURIs: sheet.RedirectURIs, PostLogoutURIs: sheet.PostLogoutURIs,
		LogoutURI: sheet.LogoutURI, TrustedPrivate: sheet.TrustedPrivate, Untold: sheet.Untold, ManyUntold: sheet.Untold >= registration.MostUntold,
		FirstParty: sheet.FirstParty, HasSecret: sheet.HasSecret(), Secrets: sheet.Secrets,
		Full: len(sheet.Secrets) >= relyingparty.MostSecrets,
	}
	for _, s := range sheet.Scopes {
		p.MayAsk = append(p.MayAsk, scopeWords[s])
	}
	for _, g := range sheet.Grants {
		p.MayDo = append(p.MayDo, grantWords[g])
	}
	d.Pages.Page(w, r, status, "admin-client", Page{Person: v.header(), Nav: "admin-clients", Notice: done(r, clientDone), Data: p})
	return nil
}

// postAdminClient does what the last part of the form's address says.
func (d *Door) postAdminClient(w http.ResponseWriter, r *http.Request, v visitor) error {
	clientID := r.PathValue("id")
	page, err := "/admin/clients/"+clientID, errNotFound
	switch r.PathValue("act") {
	case "secret":
		return d.postAdminClientSecret(w, r, v)
	case "retire":
		page += "?done=retired"
		err = d.Clients.RetireSecrets(r.Context(), v.AccountID, clientID)
	case "remove":
		page = "/admin/clients?done=removed"
		err = d.Clients.Remove(r.Context(), v.AccountID, clientID)
	}
	if err != nil && !errors.Is(err, credential.ErrSpent) { // pressed twice is done once
		return d.clientProblem(w, r, v, err)
	}
	return to(w, r, page)
}

// clientProblem shows the app with why something cannot be done to it.
func (d *Door) clientProblem(w http.ResponseWriter, r *http.Request, v visitor, err error) error {
	switch {
	case errors.Is(err, relyingparty.ErrConfigured):
		return d.adminClientPage(w, r, http.StatusConflict, v, "This app stands in the configuration file. Change it there, and start the service again.")
	case errors.Is(err, relyingparty.ErrManySecrets):
		return d.adminClientPage(w, r, http.StatusConflict, v, "The app has as many secrets as there can be. End the older ones first.")
	case errors.Is(err, relyingparty.ErrNoSecret):
		return d.adminClientPage(w, r, http.StatusConflict, v, "This app proves itself without a secret.")
	}
	return err
}

// postAdminClientSecret answers with the secret itself, this once: it travels in no address and no cookie.
func (d *Door) postAdminClientSecret(w http.ResponseWriter, r *http.Request, v visitor) error {
	c, made, err := d.Clients.NewSecret(r.Context(), v.AccountID, r.PathValue("id"))
	if err != nil {
		return d.clientProblem(w, r, v, err)
	}
	d.clientSecretPage(w, r, v, AdminClientSecretPage{ID: c.ID, Name: c.Name, Secret: made.Reveal()})
	return nil
}

func (d *Door) clientSecretPage(w http.ResponseWriter, r *http.Request, v visitor, p AdminClientSecretPage) {
	d.Pages.Page(w, r, http.StatusOK, "admin-client-secret", Page{Person: v.header(), Nav: "admin-clients", Data: p})
}

func (d *Door) getAdminClientChange(w http.ResponseWriter, r *http.Request, v visitor) error {
	sheet, err := d.Clients.Show(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		return err
	case sheet.Configured:
		return to(w, r, "/admin/clients/"+sheet.ID)
	case !v.IsFresh(d.Now()): // before anything is typed that would be lost
		return errAskAgain
	}
	return d.clientFormPage(w, r, http.StatusOK, changeForm(sheet.Client), v)
}

func (d *Door) postAdminClientChange(w http.ResponseWriter, r *http.Request, v visitor) error {
	sheet, err := d.Clients.Show(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	c := typedClient(r)
	c.ID = sheet.ID
	err = d.Clients.Change(r.Context(), v.AccountID, c)
	p := changeForm(c)
	if refused := new(registration.Refused); errors.As(err, &refused) {
		p.refuse(refused)
		return d.clientFormPage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	if err != nil {
		return d.clientProblem(w, r, v, err)
	}
	return to(w, r, "/admin/clients/"+sheet.ID+"?done=changed")
}
