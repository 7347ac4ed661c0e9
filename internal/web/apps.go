package web

import (
	"errors"
	"net/http"

	"usher/internal/grant"
)

// getApps lists the apps that the person lets in with the account (OpenID Connect).
func (d *Door) getApps(w http.ResponseWriter, r *http.Request, v visitor) error {
	all, err := d.Grants.Allowed(r.Context(), v.Found)
	if err != nil {
		return err
	}
	var p AppsPage
	for _, a := range all {
		p.Apps = append(p.Apps, ConnectedApp{ID: a.ClientID, Name: a.Client.Name, Since: a.At, Gets: getsOf(a.Scopes)})
	}
	d.Pages.Page(w, r, http.StatusOK, "apps", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// postAppsRemove takes a consent back, with everything that was made by it.
func (d *Door) postAppsRemove(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Grants.Revoke(r.Context(), v.Found, r.PostFormValue("id"), d.client(r))
	if errors.Is(err, grant.ErrNoConsent) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return to(w, r, "/account/apps?done=app")
}
