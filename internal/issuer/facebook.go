package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"usher/internal/identity"
	"usher/internal/secret"
	"usher/internal/social"
)

// FacebookIssuer is the issuer of everybody whom Facebook tells of, wherever its endpoints are.
const FacebookIssuer = "https://www.facebook.com"

// Facebook is what is configured for it. It speaks OAuth 2 and has no ID token, so a call of its own asks who it is.
type Facebook struct {
	ClientID string
	Secret   secret.Token
	Dialog   string // address of the page that asks people
	Graph    string // address of the Graph API, with its version
}

type facebook struct {
	Facebook
	setup  Setup
	client *http.Client
}

func (s Setup) facebook(f Facebook) *facebook { return &facebook{f, s, newClient()} }

func (f *facebook) about() social.Provider {
	return social.Provider{ID: "facebook", Name: "Facebook", Logo: true, Origins: []string{originOf(f.Dialog)}}
}

func (f *facebook) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: f.ClientID, ClientSecret: f.Secret.Reveal(), RedirectURL: f.setup.redirect("facebook"), Scopes: []string{"public_profile,email"},
		Endpoint: oauth2.Endpoint{AuthURL: f.Dialog, TokenURL: f.Graph + "/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

func (f *facebook) ask(_ context.Context, q social.Question) (string, error) {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(q.Verifier.Reveal())}
	if q.Afresh {
		options = append(options, oauth2.SetAuthURLParam("auth_type", "reauthenticate"))
	}
	return f.config().AuthCodeURL(q.State.Reveal(), options...), nil
}

// read exchanges the code, and asks who it is. Facebook tells no address as proved.
func (f *facebook) read(ctx context.Context, q social.Question, a social.Answer) (identity.Told, error) {
	if a.Issuer != "" && a.Issuer != FacebookIssuer {
		return identity.Told{}, refused("the answer is not this issuer's")
	}
	if err := saidNo(a); err != nil {
		return identity.Told{}, err
	}
	ctx = with(ctx, f.client)
	token, err := f.config().Exchange(ctx, a.Code, oauth2.VerifierOption(q.Verifier.Reveal()))
	if err != nil {
		return identity.Told{}, failed("exchanging the code", err)
	}
	return f.profile(ctx, token.AccessToken)
}

// profile is the call that tells who it is. The proof shows that the token is used by the app's own server.
func (f *facebook) profile(ctx context.Context, token string) (told identity.Told, err error) {
	proof := hmac.New(sha256.New, []byte(f.Secret.Reveal()))
	proof.Write([]byte(token))
	address := f.Graph + "/me?" + url.Values{"fields": {"id,name,email"}, "appsecret_proof": {hex.EncodeToString(proof.Sum(nil))}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return told, failed("asking who it is", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := f.client.Do(request)
	if err != nil {
		return told, failed("asking who it is", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		if response.StatusCode >= http.StatusInternalServerError {
			return told, social.ErrUnreachable
		}
		return told, refused("asked who it is, it answers %d", response.StatusCode)
	}
	var said struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		return told, failed("reading who it is", err)
	}
	if !plausibleSubject(said.ID) {
		return told, refused("it does not say who")
	}
	return Claims{Subject: said.ID, Name: said.Name, Email: said.Email}.told(FacebookIssuer, func(Claims) bool { return false }), nil
}
