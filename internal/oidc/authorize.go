package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"usher/internal/grant"
	"usher/internal/request"
)

// authorize takes an authorization request (RFC 6749 §4.1.1), from the address or from a form that another site's page sent, keeps it, and sends the
// browser on to the page that asks. Nothing here looks at who the browser is. An error goes to the client only when it is certain that it is there.
func (d *Door) authorize(w http.ResponseWriter, r *http.Request) error {
	sent, readable := parameters(r)
	if !readable {
		return refused(w, r, reasonUnreadable)
	}
	asked := grant.Asked{
		ClientID: sent.Get("client_id"), RedirectURI: sent.Get("redirect_uri"), ResponseType: sent.Get("response_type"), ResponseMode: sent.Get("response_mode"),
		Scope: sent.Get("scope"), State: sent.Get("state"), Nonce: sent.Get("nonce"), Challenge: sent.Get("code_challenge"), ChallengeMethod: sent.Get("code_challenge_method"),
		Prompt: sent.Get("prompt"), MaxAge: sent.Get("max_age"), ACRValues: sent.Get("acr_values"),
	}
	for _, object := range []string{"request", "request_uri"} {
		if sent.Has(object) {
			asked.Object = object
		}
	}
	id, err := d.Grants.Begin(r.Context(), asked, d.client(r))
	refusal := new(grant.Refusal)
	switch {
	case errors.Is(err, grant.ErrUnknownClient):
		return refused(w, r, reasonClient)
	case errors.Is(err, grant.ErrRedirect):
		return refused(w, r, reasonRedirect)
	case errors.Is(err, grant.ErrUntold):
		return refused(w, r, reasonUnreadable)
	case errors.As(err, &refusal):
		request.Refuse(r.Context(), refusal.Code)
		return on(w, r, d.Grants.Refused(refusal).Location())
	case err != nil:
		return err
	}
	return on(w, r, pageConsent+"?request="+id.Reveal())
}

// parameters are what a browser brings, in the address or by a form, each of them once (RFC 6749 §3.1).
func parameters(r *http.Request) (sent url.Values, readable bool) {
	if r.Method == http.MethodPost {
		return r.PostForm, true // middleware.RequireForm has looked
	}
	sent, err := url.ParseQuery(r.URL.RawQuery)
	readable = err == nil
	for _, values := range sent {
		readable = readable && len(values) == 1
	}
	return sent, readable
}

// endSession takes the request of an app to sign its person out here too (OpenID Connect RP-Initiated Logout §2), keeps it, and sends the browser on to
// the page that does it or asks.
func (d *Door) endSession(w http.ResponseWriter, r *http.Request) error {
	sent, readable := parameters(r)
	if !readable {
		return refused(w, r, reasonUnreadable)
	}
	id, err := d.Grants.BeginLogout(r.Context(), grant.LogoutRequest{
		Hint: sent.Get("id_token_hint"), ClientID: sent.Get("client_id"), URI: sent.Get("post_logout_redirect_uri"), State: sent.Get("state"),
	}, d.client(r))
	if errors.Is(err, grant.ErrLogout) {
		return refused(w, r, reasonLogout)
	}
	if err != nil {
		return err
	}
	return on(w, r, pageSignOut+"?request="+id.Reveal())
}

// refused sends the browser on to the page that says why nothing happens: the app is not told, for it is not certain that it is there.
func refused(w http.ResponseWriter, r *http.Request, reason string) error {
	request.Refuse(r.Context(), reason)
	return on(w, r, pageRefused+"?reason="+reason)
}

// on sends the browser on by a GET, whatever it sent (RFC 9700 §4.12).
func on(w http.ResponseWriter, r *http.Request, where string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, where, http.StatusSeeOther)
	return nil
}
