package oidc

import (
	"net/http"

	"usher/internal/grant"
	"usher/internal/secret"
)

// introspect is the introspection endpoint (RFC 7662 §2).
func (d *Door) introspect(w http.ResponseWriter, r *http.Request) error {
	token := secret.TokenOf(r.PostForm.Get("token"))
	if token.Empty() {
		return &grant.Refusal{Code: "invalid_request", Text: "token is missing"}
	}
	status, err := d.introspected(r, token)
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, status)
	return nil
}

// introspected asks about a token for a client that proves itself, or shows an access token of its own (RFC 7662 §2.1).
func (d *Door) introspected(r *http.Request, token secret.Token) (grant.Status, error) {
	if bearer := secret.Bearer(r.Header["Authorization"]); !bearer.Empty() {
		return d.Grants.IntrospectFor(r.Context(), bearer, token)
	}
	p, err := proof(r)
	if err != nil {
		return grant.Status{}, err
	}
	return d.Grants.Introspect(r.Context(), p, token)
}

// revoke is the revocation endpoint: 200 also for what nobody knows (RFC 7009 §2.2).
func (d *Door) revoke(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(r)
	if err != nil {
		return err
	}
	token := secret.TokenOf(r.PostForm.Get("token"))
	if token.Empty() {
		return &grant.Refusal{Code: "invalid_request", Text: "token is missing"}
	}
	if err := d.Grants.RevokeToken(r.Context(), p, token); err != nil {
		return err
	}
	open(w)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

// userInfo is the userinfo endpoint (OpenID Connect Core §5.3).
func (d *Door) userInfo(w http.ResponseWriter, r *http.Request) error {
	token := secret.Bearer(r.Header["Authorization"])
	if token.Empty() {
		return errNoToken
	}
	info, err := d.Grants.UserInfo(r.Context(), token)
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, info)
	return nil
}
