package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/signing"
)

// forgeries are a signed token with other headers and signatures, by what is forged; public are the published halves of the keys.
func forgeries(t *testing.T, token string, public [][]byte) map[string]string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	var names struct{ Alg, Kid, Typ string }
	if err == nil {
		err = json.Unmarshal(raw, &names)
	}
	if err != nil || names.Alg == "" || names.Kid == "" || names.Typ == "" {
		t.Fatalf("%s %v", raw, err)
	}
	_, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := map[string]string{}
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"none","kid":"KID","typ":"TYP"}`, `{"alg":"HS256","kid":"KID","typ":"TYP"}`, `{"alg":"ALG","kid":"other","typ":"TYP"}`, `{"alg":"ALG","typ":"TYP"}`,
		`{"alg":"ALG","kid":"KID","typ":"JWT"}`, `{"alg":"ALG","kid":"KID","typ":"at+jwt"}`, `{"alg":"ALG","kid":"KID","typ":"device+jwt"}`, `{"alg":"ALG","kid":"KID","typ":"logout+jwt"}`, `{"alg":"ALG","kid":"KID"}`,
		`{"alg":"ALG","kid":"KID","typ":"TYP","jku":"https://evil.example/keys"}`, `{"alg":"ALG","kid":"KID","typ":"TYP","crit":["exp"]}`, string(raw),
	} {
		header = strings.NewReplacer("ALG", names.Alg, "KID", names.Kid, "TYP", names.Typ).Replace(header)
		text := encode([]byte(header)) + "." + parts[1]
		forged[header+", without a signature"] = text + "."
		forged[header+", signed by whoever"] = text + "." + encode(ed25519.Sign(own, []byte(text)))
		for _, key := range public {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(text))
			forged[header+", by a public key as a secret "+encode(key[:4])] = text + "." + encode(mac.Sum(nil))
		}
		if header != string(raw) {
			forged[header+", as it was signed"] = text + "." + parts[2]
		}
	}
	return forged
}

// Attack S9 at the doors: no forged algorithm, key or type of a token, and no token of ours that was made for something else, is taken where one is shown.
func TestForgedTokensOpenNoDoor(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.newHolder("forged")
		d.unlimited()
		var published struct{ Keys []struct{ X, N string } }
		d.must(json.Unmarshal(d.send(http.MethodGet, "/oauth/keys", request{}).Body.Bytes(), &published))
		var public [][]byte
		for _, key := range published.Keys {
			raw, err := base64.RawURLEncoding.DecodeString(key.X + key.N)
			d.must(err)
			public = append(public, raw)
		}
		tokens := h.tokensFor(h.app, h.signedIn(h.anna), "openid", "player", "offline_access")
		access, device := tokens.AccessToken, h.tokens[credential.DeviceToken]
		places := map[string]struct {
			show func(token string) *httptest.ResponseRecorder
			own  string // what opens it
			no   int
		}{
			"userinfo": {func(token string) *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/oauth/userinfo", asBearer(token))
			}, access, http.StatusUnauthorized},
			"introspection": {func(token string) *httptest.ResponseRecorder {
				return h.app.asks("/oauth/introspect", url.Values{"token": {token}})
			}, access, 0},
			"/api/v1/me": {func(token string) *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/api/v1/me", asBearer(token))
			}, "", http.StatusUnauthorized},
			"/api/v1/servers": {func(token string) *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/api/v1/servers", asBearer(token))
			}, access, http.StatusUnauthorized},
			"/api/v2/user": {func(token string) *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/api/v2/user", asPlex(token))
			}, device, http.StatusUnauthorized},
			"auth/token": {func(token string) *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/api/v2/auth/token", request{object: map[string]string{"jwt": token}, header: asPlex("").header})
			}, "", 1},
		}
		opens := func(w *httptest.ResponseRecorder, no int) bool {
			switch no {
			case 0:
				return strings.TrimSpace(w.Body.String()) != `{"active":false}`
			case 1: // several numbers, for who is asked about what
				return w.Code < 400
			}
			return w.Code != no
		}
		claims := map[string]any{
			"iss": origin, "sub": h.anna.ID, "aud": []string{h.app.ID, origin, "plex.tv"}, "client_id": h.app.ID, "scope": "openid player", "jti": secret.NewToken().Reveal(),
			"iat": d.at.Unix(), "exp": d.at.Add(time.Hour).Unix(), "sid": h.anna.ID, "thumbprint": "one",
		}
		all := map[string]string{"an ID token": tokens.Extra("id_token").(string)}
		for name, kind := range map[string]signing.Kind{"a logout token": signing.Logout, "a signal": signing.Event, "no grant's": signing.Access, "no device's": signing.Device} {
			signed, err := d.signing.Sign(kind, claims)
			d.must(err)
			all[name] = signed
		}
		for _, token := range []string{access, device, all["an ID token"]} {
			maps.Copy(all, forgeries(t, token, public))
		}
		for place, p := range places {
			if p.own != "" && !opens(p.show(p.own), p.no) {
				d.Errorf("%s: the right token does not open it", place)
			}
			for what, token := range all {
				if w := p.show(token); opens(w, p.no) {
					d.Errorf("%s takes %s: %d %s", place, what, w.Code, w.Body)
				}
			}
			for _, other := range []string{access, device} {
				if other != p.own && opens(p.show(other), p.no) {
					d.Errorf("%s takes another kind's", place)
				}
			}
		}
	})
}
