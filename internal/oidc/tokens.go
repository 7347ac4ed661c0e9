package oidc

import (
	"net/http"
	"strings"

	"usher/internal/grant"
	"usher/internal/secret"
)

// introspect is the introspection endpoint (RFC 7662 §2).
func (d *Door) introspect(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(r)
	if err != nil {
		return err
	}
	token := secret.TokenOf(r.PostForm.Get("token"))
	if token.Empty() {
		return &grant.Refusal{Code: "invalid_request", Text: "token is missing"}
	}
	status, err := d.Grants.Introspect(r.Context(), p, token)
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, status)
	return nil
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
	all := r.Header["Authorization"]
	if len(all) != 1 {
		return errNoToken
	}
	scheme, token, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return errNoToken
	}
	info, err := d.Grants.UserInfo(r.Context(), secret.TokenOf(strings.Trim(token, " ")))
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, info)
	return nil
}
