package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
)

// aSignedToken is the spelling of one.
var aSignedToken = regexp.MustCompile(`[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}`)

// keyed is software with a key of its own, made from a token, which is what it presents.
type keyed struct {
	*doors
	software string
	seed     secret.Token
}

// private is the key that a token makes; any text makes one.
func (k keyed) private() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, k.seed.Reveal())
	return ed25519.NewKeyFromSeed(seed)
}

func (k keyed) kid() string { return hex.EncodeToString(k.private().Public().(ed25519.PublicKey)) }

// keyedDevice signs software in to an account and registers a key for it.
func (d *doors) keyedDevice(a account.Account, software string) keyed {
	d.Helper()
	clock, err := d.db.ReadClock(d.Context())
	d.must(err)
	in := credential.NewSignIn(a.ID, "password", device.Client{}, d.at)
	in.Kind, in.Device.Kind, in.Device.Claim.Identifier, in.FreshAt, in.Stamp = credential.App, device.App, software, time.Time{}, credential.StampNow(clock, a.Standing)
	d.must(d.db.AddDevice(d.Context(), in, audit.Act{At: d.at}))
	k := keyed{d, software, secret.NewToken()}
	x := base64.RawURLEncoding.EncodeToString(k.private().Public().(ed25519.PublicKey))
	q := asPlex(in.Token.Reveal())
	q.json = `{"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"` + k.kid() + `"}}`
	if w := d.send(http.MethodPost, "/api/v2/auth/jwk", q); w.Code != http.StatusNoContent {
		d.Fatalf("registering a key: %d %s", w.Code, w.Body)
	}
	return k
}

// nonce is something new to sign.
func (k keyed) nonce() string {
	k.Helper()
	k.unlimited()
	q := asPlex("")
	q.header.Set("X-Plex-Client-Identifier", k.software)
	return aToken.FindString(k.send(http.MethodGet, "/api/v2/auth/nonce", q).Body.String())
}

// exchanges signs a nonce and asks for a token.
func (k keyed) exchanges(nonce string) *httptest.ResponseRecorder {
	k.Helper()
	raw, err := json.Marshal(map[string]any{"nonce": nonce, "aud": "plex.tv", "iss": k.software, "iat": k.at.Unix(), "exp": k.at.Unix() + 300})
	k.must(err)
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"`+k.kid()+`"}`)) + "." + base64.RawURLEncoding.EncodeToString(raw)
	signed := text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private(), []byte(text)))
	return k.send(http.MethodPost, "/api/v2/auth/token", request{object: map[string]string{"jwt": signed}})
}

// deviceKeys makes two devices with keys, one whose key is held and one whose token is, and a nonce.
func (h *holder) deviceKeys() {
	h.Helper()
	a, err := h.db.LoadAccount(h.Context(), h.anna.ID)
	h.must(err)
	h.tokens[credential.DeviceKey] = h.keyedDevice(a, "key of "+h.name).seed.Reveal()
	k := h.keyedDevice(a, "token of "+h.name)
	h.tokens[credential.DeviceToken] = aSignedToken.FindString(h.is(k.exchanges(k.nonce()), http.StatusOK).Body.String())
	h.tokens[credential.DeviceNonce] = keyed{doors: h.doors, software: "nonce of " + h.name}.nonce()
}
