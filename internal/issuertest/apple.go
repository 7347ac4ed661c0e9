package issuertest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// appleTeam is what Apple gives to a member of its program, and whom it has told a name of.
type appleTeam struct {
	team, key string
	private   *ecdsa.PrivateKey
	named     map[string]bool
}

// longestSecret is how far ahead the end of a client's secret may be: six months, in Apple's seconds.
const longestSecret = 15777000 * time.Second

func newTeam(t Test) appleTeam {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	return appleTeam{team: "TEAM" + rand.Text()[:6], key: "KEY" + rand.Text()[:7], private: private, named: map[string]bool{}}
}

// AppleTeam is the team's id.
func (i *Issuer) AppleTeam() string { return i.apple.team }

// AppleKeyID is the name of the key.
func (i *Issuer) AppleKeyID() string { return i.apple.key }

// AppleKey is the key as Apple hands it out: a file with PKCS #8 in PEM.
func (i *Issuer) AppleKey(t Test) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.apple.private)
	if err != nil {
		t.Fatalf("writing a key: %v", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// ForgetConsent has Apple tell the person's name once more, as it does after they removed the app in their settings.
func (i *Issuer) ForgetConsent(subject string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.apple.named, subject)
}

// appleAsked refuses what Apple refuses.
func appleAsked(asked url.Values) error {
	scopes := strings.Fields(asked.Get("scope"))
	if (slices.Contains(scopes, "name") || slices.Contains(scopes, "email")) && asked.Get("response_mode") != "form_post" {
		return errors.New("invalid_request: response_mode must be form_post when name or email scope is requested")
	}
	return nil
}

// checkAppleSecret checks the secret that a client has made itself, and puts the one in its place that oidc-provider knows.
func (i *Issuer) checkAppleSecret(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if _, _, basic := r.BasicAuth(); basic {
		return errors.New("the secret belongs into the form")
	}
	if err := i.judgeAppleSecret(r.PostForm); err != nil {
		return err
	}
	r.PostForm.Set("client_secret", i.ClientSecret)
	text := r.PostForm.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return nil
}

func (i *Issuer) judgeAppleSecret(form url.Values) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	token, err := jwt.ParseSigned(form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return fmt.Errorf("the secret is no token signed with ES256: %w", err)
	}
	if kid := token.Headers[0].KeyID; kid != i.apple.key {
		return fmt.Errorf("the secret names the key %q", kid)
	}
	var claims jwt.Claims
	if err := token.Claims(&i.apple.private.PublicKey, &claims); err != nil {
		return fmt.Errorf("the secret's signature: %w", err)
	}
	now := i.now()
	if claims.Expiry == nil || claims.IssuedAt == nil || claims.Expiry.Time().After(now.Add(longestSecret)) {
		return errors.New("the secret lives for more than six months, or says not how long")
	}
	if form.Get("client_id") != i.ClientID {
		return fmt.Errorf("the client is %q", form.Get("client_id"))
	}
	return claims.Validate(jwt.Expected{Issuer: i.apple.team, Subject: i.ClientID, AnyAudience: jwt.Audience{i.URL}, Time: now})
}

// hidden finds the fields of the page by which oidc-provider has a browser post its answer, and posts where it leads.
var (
	hidden  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"/>`)
	posting = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// readForm reads an answer that is a page with a form.
func readForm(page []byte) (action string, values url.Values, found bool) {
	to := posting.FindSubmatch(page)
	if to == nil {
		return "", nil, false
	}
	values = url.Values{}
	for _, field := range hidden.FindAllSubmatch(page, -1) {
		values.Add(html.UnescapeString(string(field[1])), html.UnescapeString(string(field[2])))
	}
	return html.UnescapeString(string(to[1])), values, true
}

// rewriteForm makes the page that posts an answer Apple's: with the name the first time, without the issuer, with its own word for a no.
func (i *Issuer) rewriteForm(r *http.Response, who Account) error {
	page, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_, values, found := readForm(page)
	if !found {
		replaceBody(r, page)
		return nil
	}
	values.Del("iss")
	if values.Get("error") == "access_denied" {
		values = url.Values{"error": {"user_cancelled_authorize"}, "state": values["state"]}
		r.StatusCode = http.StatusOK
	}
	if values.Has("code") {
		if user := i.appleUser(who); user != "" {
			values.Set("user", user)
		}
	}
	i.trick.answer(values)
	var fields strings.Builder
	for name, all := range values {
		for _, value := range all {
			fmt.Fprintf(&fields, `<input type="hidden" name="%s" value="%s"/>`, html.EscapeString(name), html.EscapeString(value))
		}
	}
	first := hidden.FindIndex(page)
	page = hidden.ReplaceAll(page, nil)
	replaceBody(r, bytes.Join([][]byte{page[:first[0]], []byte(fields.String()), page[first[0]:]}, nil))
	return nil
}

// appleUser is what Apple tells of a person the first time, and never again.
func (i *Issuer) appleUser(who Account) string {
	if i.apple.named[who.Subject] || who.Name() == "" {
		return ""
	}
	i.apple.named[who.Subject] = true
	text, err := json.Marshal(map[string]any{"name": map[string]string{"firstName": who.GivenName, "lastName": who.FamilyName}, "email": who.Email})
	if err != nil {
		return ""
	}
	return string(text)
}
