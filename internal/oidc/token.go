package oidc

import (
	"net/http"
	"net/url"
	"strings"

	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// tokens is an answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
type tokens struct {
	Access   string `json:"access_token"`
	Type     string `json:"token_type"`
	Expires  int64  `json:"expires_in"`
	Refresh  string `json:"refresh_token,omitempty"`
	Identity string `json:"id_token,omitempty"`
	Scope    string `json:"scope"`
}

// token is the token endpoint (RFC 6749 §3.2).
func (d *Door) token(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(r)
	if err != nil {
		return err
	}
	t, err := d.exchange(r, p)
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, tokens{t.Access, "Bearer", int64(t.Life.Seconds()), t.Refresh.Reveal(), t.Identity, relyingparty.JoinScopes(t.Scopes)})
	return nil
}

// exchange gives a client tokens for what it shows.
func (d *Door) exchange(r *http.Request, p grant.Proof) (grant.Tokens, error) {
	kind := relyingparty.Grant(r.PostForm.Get("grant_type"))
	if kind == relyingparty.Refresh {
		return d.Grants.Refresh(r.Context(), p, secret.TokenOf(r.PostForm.Get("refresh_token")), r.PostForm.Get("scope"))
	}
	c, err := d.Grants.Authenticate(r.Context(), p)
	if err != nil {
		return grant.Tokens{}, err
	}
	switch kind {
	case relyingparty.Code:
		return d.Grants.Redeem(r.Context(), c, grant.Exchange{
			Code: secret.TokenOf(r.PostForm.Get("code")), RedirectURI: r.PostForm.Get("redirect_uri"), Verifier: secret.TokenOf(r.PostForm.Get("code_verifier")),
		})
	case relyingparty.DeviceCode:
		return d.collect(r, c)
	case relyingparty.Credentials:
		return d.Grants.ClientToken(r.Context(), c, r.PostForm.Get("scope"))
	case "":
		return grant.Tokens{}, &grant.Refusal{Code: "invalid_request", Text: "grant_type is missing"}
	}
	return grant.Tokens{}, &grant.Refusal{Code: "unsupported_grant_type", Text: "there is no such grant"}
}

// proof is how the client of a request proves itself (RFC 6749 §2.3).
func proof(r *http.Request) (grant.Proof, error) {
	p := grant.Proof{
		ID: r.PostForm.Get("client_id"), Secret: secret.TokenOf(r.PostForm.Get("client_secret")),
		Assertion: secret.TokenOf(r.PostForm.Get("client_assertion")), AssertionType: r.PostForm.Get("client_assertion_type"),
	}
	if r.Header["Authorization"] == nil {
		return p, nil
	}
	id, password, ok := r.BasicAuth()
	name, nerr := url.QueryUnescape(id) // RFC 6749 §2.3.1
	word, werr := url.QueryUnescape(password)
	if !ok || nerr != nil || werr != nil || len(r.Header["Authorization"]) != 1 || !p.Secret.Empty() || p.ID != "" && p.ID != name || strings.ContainsRune(name, 0) {
		return p, &grant.Refusal{Code: "invalid_client", Text: "the client proves itself in two ways, or in none that can be read"}
	}
	p.ID, p.Secret, p.Header = name, secret.TokenOf(word), true
	return p, nil
}

// authenticated returns the client that has proved itself by a request.
func (d *Door) authenticated(r *http.Request) (relyingparty.Client, error) {
	p, err := proof(r)
	if err != nil {
		return relyingparty.Client{}, err
	}
	return d.Grants.Authenticate(r.Context(), p)
}
