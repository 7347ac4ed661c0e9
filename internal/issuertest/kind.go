package issuertest

import (
	"strconv"
	"strings"
)

// kind is what tells one company's issuer from another's.
type kind struct {
	algorithm string
	method    string // how a client proves itself
	routes    map[string]string
	scopes    []string
	claims    map[string][]string // by scope
	lacks     []string            // what its discovery does not name
	tell      func(a Account, client string) map[string]any
}

func paths(authorization, token, keys, userInfo string) map[string]string {
	return map[string]string{"authorization": authorization, "token": token, "jwks": keys, "userinfo": userInfo}
}

// google knows people as Google does: with the domain of a Workspace, and the client named twice.
var google = &kind{
	algorithm: "RS256",
	method:    "client_secret_post",
	routes:    paths("/o/oauth2/v2/auth", "/token", "/oauth2/v3/certs", "/v1/userinfo"),
	scopes:    []string{"email", "profile"},
	claims: map[string][]string{
		"openid": {"sub", "azp", "hd"}, "email": {"email", "email_verified"}, "profile": {"name", "given_name", "family_name", "picture"},
	},
	tell: func(a Account, client string) map[string]any {
		claims := usual(a)
		claims["azp"] = client
		if a.HostedDomain != "" {
			claims["hd"] = a.HostedDomain
		}
		return claims
	},
}

// apple tells a name never in a token, an address's proof as a word, and has no place to ask for more.
var apple = &kind{
	algorithm: "RS256",
	method:    "client_secret_post",
	routes:    paths("/auth/authorize", "/auth/token", "/auth/keys", "/no-userinfo"),
	scopes:    []string{"email", "name"},
	claims:    map[string][]string{"openid": {"sub", "nonce_supported"}, "email": {"email", "email_verified", "is_private_email"}},
	lacks:     []string{"userinfo_endpoint", "authorization_response_iss_parameter_supported", "code_challenge_methods_supported", "claims_parameter_supported"},
	tell: func(a Account, _ string) map[string]any {
		claims := map[string]any{"nonce_supported": true}
		if a.Email != "" {
			claims["email"], claims["email_verified"] = a.Email, strconv.FormatBool(a.Verified)
		}
		if a.Private {
			claims["is_private_email"] = "true"
		}
		return claims
	},
}

// plain is any other issuer, with keys on a curve.
var plain = &kind{
	algorithm: "ES256",
	method:    "client_secret_basic",
	routes:    paths("/authorize", "/token", "/keys", "/me"),
	scopes:    []string{"email", "profile"},
	claims:    map[string][]string{"email": {"email", "email_verified"}, "profile": {"name", "given_name", "family_name", "preferred_username"}},
	tell:      func(a Account, _ string) map[string]any { return usual(a) },
}

func usual(a Account) map[string]any {
	claims := map[string]any{}
	if a.Email != "" {
		claims["email"], claims["email_verified"] = a.Email, a.Verified
	}
	for name, text := range map[string]string{"name": a.Name(), "given_name": a.GivenName, "family_name": a.FamilyName} {
		if strings.TrimSpace(text) != "" {
			claims[name] = text
		}
	}
	return claims
}
