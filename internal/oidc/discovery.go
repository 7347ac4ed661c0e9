package oidc

import (
	"net/http"

	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/signing"
)

// metadata describes the provider (OpenID Connect Discovery §3, RFC 8414 §2).
type metadata struct {
	Issuer           string               `json:"issuer"`
	Authorize        string               `json:"authorization_endpoint"`
	Token            string               `json:"token_endpoint"`
	UserInfo         string               `json:"userinfo_endpoint"`
	Keys             string               `json:"jwks_uri"`
	Introspect       string               `json:"introspection_endpoint"`
	Revoke           string               `json:"revocation_endpoint"`
	EndSession       string               `json:"end_session_endpoint"`
	Device           string               `json:"device_authorization_endpoint"` // RFC 8628 §4
	Scopes           []relyingparty.Scope `json:"scopes_supported"`
	ResponseTypes    []string             `json:"response_types_supported"`
	ResponseModes    []string             `json:"response_modes_supported"`
	Grants           []relyingparty.Grant `json:"grant_types_supported"`
	ACRs             []string             `json:"acr_values_supported"`
	Prompts          []string             `json:"prompt_values_supported"`
	SubjectTypes     []string             `json:"subject_types_supported"`
	IdentityAlgs     []string             `json:"id_token_signing_alg_values_supported"`
	ClientAuths      []relyingparty.Auth  `json:"token_endpoint_auth_methods_supported"`
	ClientAlgs       []string             `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectAuths  []relyingparty.Auth  `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectAlgs   []string             `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevokeAuths      []relyingparty.Auth  `json:"revocation_endpoint_auth_methods_supported"`
	RevokeAlgs       []string             `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	ChallengeMethods []string             `json:"code_challenge_methods_supported"`
	Claims           []string             `json:"claims_supported"`
	ClaimsParameter  bool                 `json:"claims_parameter_supported"`
	RequestParameter bool                 `json:"request_parameter_supported"`
	RequestURI       bool                 `json:"request_uri_parameter_supported"`
	ToldOfLogout     bool                 `json:"backchannel_logout_supported"`
	ToldWithSession  bool                 `json:"backchannel_logout_session_supported"`
	Issued           bool                 `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
}

func (d *Door) discovery(w http.ResponseWriter, _ *http.Request) error {
	auths, algs := relyingparty.Auths(), make([]string, len(signing.ClientAlgorithms))
	for i, a := range signing.ClientAlgorithms {
		algs[i] = string(a)
	}
	w.Header().Set("Cache-Control", "public, max-age=900")
	d.write(w, http.StatusOK, metadata{
		Issuer: d.Origin, Authorize: d.Origin + pathAuthorize, Token: d.Origin + grant.TokenPath, UserInfo: d.Origin + pathUserInfo, Keys: d.Origin + KeysPath,
		Introspect: d.Origin + pathIntrospect, Revoke: d.Origin + pathRevoke, EndSession: d.Origin + pathEndSession, Device: d.Origin + pathDevice,
		Scopes: relyingparty.Scopes(), ResponseTypes: []string{"code"}, ResponseModes: []string{"query", "form_post"}, Grants: relyingparty.Grants(), ACRs: grant.ACRs(),
		Prompts: grant.Prompts(), SubjectTypes: []string{"public"}, IdentityAlgs: []string{"RS256"}, ClientAuths: auths, ClientAlgs: algs,
		IntrospectAuths: auths[1:], IntrospectAlgs: algs, RevokeAuths: auths, RevokeAlgs: algs, ChallengeMethods: []string{"S256"},
		Claims:       []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name", "preferred_username", "email", "email_verified", "groups"},
		ToldOfLogout: true, ToldWithSession: true, Issued: true,
	})
	return nil
}

// keys publishes the public keys (RFC 7517 §5). Nobody should keep them for longer than secret.SigningLead.
func (d *Door) keys(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=900")
	d.write(w, http.StatusOK, d.Keys.Published())
	return nil
}
