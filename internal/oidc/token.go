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
	c, err := d.authenticated(r)
	if err != nil {
		return err
	}
	var t grant.Tokens
	switch relyingparty.Grant(r.PostForm.Get("grant_type")) {
	case relyingparty.Code:
		t, err = d.Grants.Redeem(r.Context(), c, grant.Exchange{
			Code: secret.TokenOf(r.PostForm.Get("code")), RedirectURI: r.PostForm.Get("redirect_uri"), Verifier: secret.TokenOf(r.PostForm.Get("code_verifier")),
		})
	case relyingparty.Refresh:
		t, err = d.Grants.Refresh(r.Context(), c, secret.TokenOf(r.PostForm.Get("refresh_token")), r.PostForm.Get("scope"))
	case relyingparty.DeviceCode:
		t, err = d.collect(r, c)
	case relyingparty.Credentials:
		t, err = d.Grants.ClientToken(r.Context(), c, r.PostForm.Get("scope"))
	case "":
		err = &grant.Refusal{Code: "invalid_request", Text: "grant_type is missing"}
	default:
		err = &grant.Refusal{Code: "unsupported_grant_type", Text: "there is no such grant"}
	}
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, tokens{t.Access, "Bearer", int64(t.Life.Seconds()), t.Refresh.Reveal(), t.Identity, relyingparty.JoinScopes(t.Scopes)})
	return nil
}

// authenticated returns the client that has proved itself by a request (RFC 6749 §2.3).
func (d *Door) authenticated(r *http.Request) (relyingparty.Client, error) {
	p := grant.Proof{
		ID: r.PostForm.Get("client_id"), Secret: secret.TokenOf(r.PostForm.Get("client_secret")),
		Assertion: secret.TokenOf(r.PostForm.Get("client_assertion")), AssertionType: r.PostForm.Get("client_assertion_type"),
	}
	broken := &grant.Refusal{Code: "invalid_client", Text: "the client proves itself in two ways, or in none that can be read"}
	if r.Header["Authorization"] == nil {
		return d.Grants.Authenticate(r.Context(), p)
	}
	id, password, ok := r.BasicAuth()
	name, nerr := url.QueryUnescape(id) // RFC 6749 §2.3.1
	word, werr := url.QueryUnescape(password)
	if !ok || nerr != nil || werr != nil || len(r.Header["Authorization"]) != 1 || !p.Secret.Empty() || p.ID != "" && p.ID != name || strings.ContainsRune(name, 0) {
		return relyingparty.Client{}, broken
	}
	p.ID, p.Secret, p.Header = name, secret.TokenOf(word), true
	return d.Grants.Authenticate(r.Context(), p)
}
