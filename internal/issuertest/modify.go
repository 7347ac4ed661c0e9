package issuertest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

type issuerKey struct{}

// through lets modify know whose answer it has before it.
func (i *Issuer) through(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), issuerKey{}, i))
}

// modify changes oidc-provider's answer where the issuer's kind differs from it, or the issuer misbehaves.
func modify(r *http.Response) error {
	i, is := r.Request.Context().Value(issuerKey{}).(*Issuer)
	if !is {
		return errors.New("an answer of nobody's")
	}
	who, err := i.before(r.Request)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch endpoint := i.endpoint(r.Request.URL.Path); {
	case endpoint == Discovery:
		return rewriteJSON(r, i.rewriteDiscovery)
	case endpoint == Tokens && r.StatusCode == http.StatusOK:
		return rewriteJSON(r, i.rewriteTokens)
	case endpoint == UserInfo && r.StatusCode == http.StatusOK && i.told != nil:
		return rewriteJSON(r, func(claims map[string]any) error { i.told(claims); return nil })
	case i.leaves(r.Header.Get("Location")):
		return i.rewriteRedirect(r)
	case i.kind == apple && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html"):
		return i.rewriteForm(r, who)
	}
	return nil
}

func (i *Issuer) rewriteDiscovery(metadata map[string]any) error {
	for _, name := range i.kind.lacks {
		delete(metadata, name)
	}
	i.trick.discovery(metadata)
	if i.document != nil {
		i.document(metadata)
	}
	return nil
}

// rewriteTokens leaves the token of an honest issuer as oidc-provider made it.
func (i *Issuer) rewriteTokens(answer map[string]any) error {
	if i.trick == NoToken {
		delete(answer, "id_token")
		return nil
	}
	token, _ := answer["id_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("oidc-provider gave no token")
	}
	claims, err := readJSON(base64.NewDecoder(base64.RawURLEncoding, strings.NewReader(parts[1])))
	if err != nil {
		return err
	}
	now := i.now()
	changed := shift(claims, time.Until(now)) || i.trick.signs()
	changed = i.trick.claims(claims, i.ClientID, now) || changed
	if i.rewrite != nil {
		i.rewrite(claims)
		changed = true
	}
	if changed {
		answer["id_token"], err = i.sign(claims)
	}
	return err
}

// shift moves the times of a token; seconds that pass while it is made are no difference.
func shift(claims map[string]any, ahead time.Duration) bool {
	if ahead.Abs() < 2*time.Second {
		return false
	}
	for _, name := range []string{"iat", "exp", "nbf", "auth_time"} {
		if at, is := claims[name].(json.Number); is {
			seconds, err := at.Int64()
			if err == nil {
				claims[name] = seconds + int64(ahead/time.Second)
			}
		}
	}
	return true
}

func (i *Issuer) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	key, err := i.trick.signer(i.key, i.ClientSecret)
	if err != nil {
		return "", err
	}
	if key == nil {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	signer, err := jose.NewSigner(*key, (&jose.SignerOptions{EmbedJWK: i.trick == BringsKey}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// leaves tells whether an address leads a browser away from the issuer, with an answer.
func (i *Issuer) leaves(location string) bool {
	to, err := url.Parse(location)
	return err == nil && to.Host != "" && to.Host != i.host
}

func (i *Issuer) rewriteRedirect(r *http.Response) error {
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		return err
	}
	values := to.Query()
	i.trick.answer(values)
	to.RawQuery = values.Encode()
	r.Header.Set("Location", to.String())
	return nil
}

func rewriteJSON(r *http.Response, change func(map[string]any) error) error {
	body, err := readJSON(r.Body)
	if err != nil {
		return err
	}
	if err := change(body); err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	replaceBody(r, text)
	return nil
}

func readJSON(from io.Reader) (map[string]any, error) {
	decoder := json.NewDecoder(from)
	decoder.UseNumber()
	var body map[string]any
	err := decoder.Decode(&body)
	return body, err
}

func replaceBody(r *http.Response, text []byte) {
	_ = r.Body.Close() // it has been read to its end
	r.Body = io.NopCloser(bytes.NewReader(text))
	r.ContentLength = int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
}
