package plexapi

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/teststore"
)

// keyed is a client with a key of its own.
type keyed struct {
	*house
	name, kid string
	private   ed25519.PrivateKey
}

func (h *house) keyed(name, kid string) keyed {
	h.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	h.must(err)
	return keyed{h, name, kid, private}
}

func (k keyed) jwk() string {
	x := base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
	return `{"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + x + `","use":"sig","alg":"EdDSA","kid":"` + k.kid + `"}}`
}

func (k keyed) register(token string) answer {
	k.Helper()
	return k.ask(http.MethodPost, "/api/v2/auth/jwk", k.jwk(), "Content-Type", "application/json", "X-Plex-Token", token)
}

func (h *house) nonce(name string) string {
	h.Helper()
	nonce, _ := h.ask(http.MethodGet, "/api/v2/auth/nonce", "", "X-Plex-Client-Identifier", name, "Accept", "application/json").is(200).jsonBody()["nonce"].(string)
	return nonce
}

// signs writes what a client signs; change may spoil the claims.
func (k keyed) signs(nonce string, change func(claims map[string]any)) string {
	k.Helper()
	claims := map[string]any{"nonce": nonce, "scope": "username,email", "aud": "plex.tv", "iss": k.name, "iat": k.now.Unix(), "exp": k.now.Add(5 * time.Minute).Unix()}
	change(claims)
	raw, err := json.Marshal(claims)
	k.must(err)
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","typ":"JWT","kid":"`+k.kid+`"}`)) + "." + base64.RawURLEncoding.EncodeToString(raw)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, []byte(text)))
}

func asTheyAre(map[string]any) {}

func (k keyed) exchanges(signed string) answer {
	k.Helper()
	return k.ask(http.MethodPost, "/api/v2/auth/token", `{"jwt":"`+signed+`"}`, "Content-Type", "application/json", "Accept", "application/json", "X-Plex-Client-Identifier", k.name)
}

// renews gets a token by the key.
func (k keyed) renews() string {
	k.Helper()
	token, _ := k.exchanges(k.signs(k.nonce(k.name), asTheyAre)).is(200).jsonBody()["auth_token"].(string)
	return token
}

// claimsOf checks a token as clients do: by the published keys, for themselves, with more than a day to go, and by the name of their key.
func (k keyed) claimsOf(token string) map[string]any {
	k.Helper()
	var published struct {
		Keys []struct{ Kty, Crv, Alg, Kid, X string }
	}
	k.must(json.Unmarshal(k.ask(http.MethodGet, "/api/v2/auth/keys", "").is(200).Body.Bytes(), &published))
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	k.must(err)
	verified := false
	for _, key := range published.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		k.must(err)
		if key.Kty != "OKP" || key.Crv != "Ed25519" || key.Alg != "EdDSA" || key.Kid == "" {
			k.Errorf("a key %+v", key)
		}
		verified = verified || ed25519.Verify(x, []byte(parts[0]+"."+parts[1]), signature)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	k.must(err)
	var claims map[string]any
	k.must(json.Unmarshal(raw, &claims))
	aud, _ := claims["aud"].([]any)
	if !verified || claims["thumbprint"] != k.kid || len(aud) != 2 || aud[0] != "plex.tv" || aud[1] != k.name || claims["iss"] != "plex.tv" ||
		claims["exp"].(float64)-float64(k.now.Unix()) < 6.9*24*3600 {
		k.Errorf("verified %t: %v", verified, claims)
	}
	return claims
}

func TestDeviceKey(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		old := h.signIn("ann", annPassword, "attic")
		k := h.keyed("attic", strings.Repeat("ab", 32))
		k.register(old).is(204)
		if h.recorded(audit.DeviceKeySet) != 1 {
			t.Error("not recorded")
		}
		h.get("/api/v2/user", old).is(200) // until the key is used
		token := k.renews()
		user, _ := k.claimsOf(token)["user"].(map[string]any)
		if user["username"] != "ann" || user["email"] != "ann@example.org" || user["uuid"] != ann.ID || user["friendly_name"] != nil {
			t.Errorf("it tells %v", user)
		}
		h.get("/api/v2/user", old).is(401)
		h.get("/api/v2/user", token).is(200, ` authToken="`+token+`"`)
		h.get("/api/claim/token", token).is(200)
		next := k.renews()
		h.get("/api/v2/user", token).is(401)
		h.get("/api/v2/user", next).is(200)
		if got := len(h.apps(ann.ID)); got != 1 {
			t.Errorf("%d devices", got)
		}
		h.now = h.now.Add(7*24*time.Hour - time.Minute)
		h.get("/users/account", next).is(200)
		h.now = h.now.Add(time.Minute)
		h.get("/users/account", next).is(422, "Invalid token")
		h.must(h.door.Touches.Flush(h.Context(), h.db))
		next = k.renews() // the key goes on
		h.Log("without a name of its own, the key's thumbprint is its name")
		unnamed := h.keyed("attic", "")
		unnamed.register(next).is(204)
		k.exchanges(k.signs(h.nonce("attic"), asTheyAre)).is(401, `"code":1001`) // one key for each device
	})
}

// The rules of python-plexapi, kept by the library that it relies on: from the key to a token that it takes for a good one. The account has no user
// name: its address stands in the token as it does at /api/v2/user.
func TestDeviceKeyOfPython(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.now = time.Now() // that library has no other clock
		h.person("ann", false)
		phc, err := h.pool.Hash(h.Context(), []byte(annPassword))
		h.must(err)
		teststore.Person(h, h.db, "bob", h.now, func(a *account.Account) { a.UserName, a.Password = "", phc })
		for _, login := range []string{"ann", "bob@example.org"} {
			service := httptest.NewServer(h.handler)
			t.Cleanup(service.Close)
			given, err := json.Marshal(map[string]string{"at": service.URL, "host": "usher.example.org", "client": "python", "token": h.signIn(login, annPassword, "python")})
			h.must(err)
			client := exec.CommandContext(h.Context(), "/usr/bin/python3", "testdata/keyclient.py")
			client.Stdin, client.Stderr = bytes.NewReader(given), os.Stderr
			out, err := client.Output()
			h.must(err)
			var got struct {
				Token  string
				Claims struct{ User map[string]any }
			}
			h.must(json.Unmarshal(out, &got))
			if got.Claims.User["username"] != login {
				t.Errorf("called %v", got.Claims.User)
			}
			h.get("/api/v2/user", got.Token).is(200, ` username="`+login+`"`)
		}
	})
}

// Attack S18: another's nonce, one that was used or is too old, another's key, a name that is taken, a signature that is none; and a device that was
// signed out renews nothing.
func TestDeviceKeyIsBound(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bob := h.person("ann", false), h.person("bob", false)
		anns, bobs := h.signIn("ann", annPassword, "attic"), h.signIn("bob", annPassword, "shed")
		k, other := h.keyed("attic", "one"), h.keyed("shed", "two")
		k.register(anns).is(204)
		other.register(bobs).is(204)
		h.Log("nonces")
		nonce := h.nonce("attic")
		signed := k.signs(nonce, asTheyAre)
		k.exchanges(k.signs(h.nonce("shed"), asTheyAre)).is(422, `"code":1097`)
		k.exchanges(k.signs("", asTheyAre)).is(498)
		k.exchanges(k.signs(anns, asTheyAre)).is(498)
		k.exchanges(signed).is(200)
		k.exchanges(signed).is(498, `"code":1069`)
		late := h.nonce("attic")
		h.now = h.now.Add(5 * time.Minute)
		k.exchanges(k.signs(late, asTheyAre)).is(498)
		h.Log("claims and signatures")
		for _, change := range []func(map[string]any){
			func(c map[string]any) { c["aud"] = "evil.example" }, func(c map[string]any) { delete(c, "aud") }, func(c map[string]any) { delete(c, "exp") },
			func(c map[string]any) { delete(c, "iat") }, func(c map[string]any) { c["iat"] = h.now.Add(time.Hour).Unix() },
		} {
			k.exchanges(k.signs(h.nonce("attic"), change)).is(422, `"code":1008`)
		}
		k.exchanges(k.signs(h.nonce("attic"), func(c map[string]any) { c["exp"] = h.now.Add(-2 * time.Minute).Unix() })).is(498)
		for _, other := range []string{"shed", "nobody", "ATTIC"} { // a device's whose key has another name, no device's, and one like it
			k.exchanges(k.signs(h.nonce("attic"), func(c map[string]any) { c["iss"] = other })).is(422, `"code":1097`)
		}
		(keyed{h, "", "one", k.private}).exchanges(k.signs(h.nonce("attic"), func(c map[string]any) { c["iss"] = "nobody" })).is(401, `"code":1001`)
		thief := keyed{h, "attic", "one", other.private}
		thief.exchanges(thief.signs(h.nonce("attic"), asTheyAre)).is(422)
		for _, bad := range []string{"", "x", "a.b.c", signed + ".x", signed[:len(signed)-4] + "AAAA", strings.Replace(signed, ".", "", 1)} {
			if code := k.exchanges(bad).Code; code < 400 || code >= 500 {
				t.Errorf("%.30q: %d", bad, code)
			}
		}
		h.Log("forged headers")
		good := k.signs(h.nonce("attic"), asTheyAre)
		_, rest, _ := strings.Cut(good, ".")
		body, tail, _ := strings.Cut(rest, ".")
		for _, header := range []string{
			`{"alg":"none","typ":"JWT","kid":"one"}`, `{"alg":"HS256","typ":"JWT","kid":"one"}`, `{"alg":"EdDSA","typ":"JWT","kid":"two"}`, `{"alg":"EdDSA","typ":"JWT"}`, `{"alg":"RS256","typ":"JWT","kid":"one"}`,
		} {
			text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + body
			mac := hmac.New(sha256.New, k.private.Public().(ed25519.PublicKey))
			mac.Write([]byte(text))
			for _, signature := range []string{"", tail, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), base64.RawURLEncoding.EncodeToString(ed25519.Sign(other.private, []byte(text)))} {
				if code := k.exchanges(text + "." + signature).Code; code < 400 || code >= 500 {
					t.Errorf("%s is taken: %d", header, code)
				}
			}
		}
		k.exchanges(good).is(200) // the nonce was spent by none of them
		h.Log("names and keys")
		h.signIn("ann", annPassword, "shed2")
		h.Log("a name that is another's")
		(keyed{h, "shed", "two", k.private}).register(h.signIn("ann", annPassword, "shed")).is(422, `code="1014"`)
		app := h.signIn("ann", annPassword, "cellar")
		for _, bad := range []string{`{}`, `{"jwk":{}}`, strings.Replace(k.jwk(), "Ed25519", "X25519", 1), strings.Replace(k.jwk(), "OKP", "RSA", 1), strings.Replace(k.jwk(), `"x":"`, `"x":"AA`, 1), strings.Replace(k.jwk(), `"sig"`, `"enc"`, 1),
			strings.Replace(k.jwk(), `"x":`, `"d":"`+base64.RawURLEncoding.EncodeToString(k.private.Seed())+`","x":`, 1)} {
			h.ask(http.MethodPost, "/api/v2/auth/jwk", bad, "Content-Type", "application/json", "X-Plex-Token", app).is(400)
		}
		k.register("").is(401)
		k.register(h.appPassword(ann)).is(403)
		h.Log("signed out")
		token := other.renews()
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", token).is(204)
		h.get("/api/v2/ping", token).is(401)
		other.exchanges(other.signs(h.nonce("shed"), asTheyAre)).is(401)
		_ = bob
	})
}

// What ends an account's devices ends their keys, and what these have got.
func TestDeviceKeyDies(t *testing.T) {
	eachHouse(t, func(h *house) {
		for name, end := range map[string]func(a account.Account) error{
			"locked":   h.lock,
			"deleting": h.beginDeletion,
			"required": func(a account.Account) error { return h.db.RequireReset(h.Context(), a.ID, "", audit.Act{At: h.now}) },
			"out":      func(a account.Account) error { return h.db.EndEverything(h.Context(), a.ID, nil, audit.Act{At: h.now}) },
		} {
			a := h.person(name, false)
			k := h.keyed(name, "key of "+name)
			k.register(h.signIn(name, annPassword, name)).is(204)
			token := k.renews()
			h.get("/api/v2/ping", token).is(200)
			h.must(end(a))
			h.get("/api/v2/ping", token).is(401, `code="1001"`)
			k.exchanges(k.signs(h.nonce(name), asTheyAre)).is(401, `"code":1001`)
		}
	})
}

// A player stays one with a key.
func TestDeviceKeyOfAPlayer(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.pin("tv", "")
		h.letIn(ann, w.code, true)
		k := h.keyed("tv", "key of the tv")
		k.register(w.polls()).is(204)
		token := k.renews()
		h.get("/api/v2/user", token).is(200)
		h.get("/api/claim/token", token).is(403)
		w.dead()       // the token that was told is not told again
		for range 60 { // a page of another website uses up those of pages, and keeps no player from one
			h.ask(http.MethodGet, "/api/v2/auth/nonce", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
		}
		h.ask(http.MethodGet, "/api/v2/auth/nonce", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").is(429, `code="1003"`)
		k.renews()
		for range 60 {
			h.ask(http.MethodGet, "/api/v2/auth/nonce", "")
		}
		h.ask(http.MethodGet, "/api/v2/auth/nonce", "").is(429, `code="1003"`)
	})
}

// A key that comes along with a PIN: the token is told only to who signs for it, as what that gets; and showing the same again before spends nothing.
func TestPinWithAKey(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		k := h.keyed("tv", "key of the tv")
		made := h.ask(http.MethodPost, "/api/v2/pins", k.jwk()[:len(k.jwk())-1]+`,"strong":true}`, "Content-Type", "application/json", "X-Plex-Client-Identifier", "tv", "Accept", "application/json").is(201).jsonBody()
		w := waiting{h, strconv.FormatInt(int64(made["id"].(float64)), 10), made["code"].(string), "tv"}
		signed := k.signs(h.nonce("tv"), asTheyAre)
		shows := func(signed string) answer {
			return h.ask(http.MethodGet, "/api/v2/pins/"+w.id+"?deviceJWT="+signed, "", "X-Plex-Client-Identifier", "tv", "Accept", "application/json")
		}
		for range 3 {
			shows(signed).is(200, `"authToken":null`)
		}
		h.letIn(ann, w.code, true)
		if w.polls() != "" || len(h.apps(ann.ID)) != 0 {
			t.Error("let in without its key")
		}
		token, _ := shows(signed).is(200).jsonBody()["authToken"].(string)
		k.claimsOf(token)
		h.get("/api/v2/user", token).is(200, ` username="ann"`)
		h.get("/api/claim/token", token).is(403) // a player
		w.dead()
		h.get("/api/v2/ping", k.renews()).is(200)
		h.ask(http.MethodPost, "/api/v2/pins", strings.Replace(k.jwk(), `"x":`, `"d":"AAAA","x":`, 1), "Content-Type", "application/json").is(400, `code="1004"`)
		h.ask(http.MethodPost, "/api/v2/pins", `{"jwk":{"kty":"RSA"}}`, "Content-Type", "application/json").is(400)

		h.Log("a signature that is none gets nothing; the right one, within the minute, does")
		other := h.keyed("shed", "key of the shed")
		made = h.ask(http.MethodPost, "/api/v2/pins", other.jwk(), "Content-Type", "application/json", "X-Plex-Client-Identifier", "shed", "Accept", "application/json").is(201).jsonBody()
		w = waiting{h, strconv.FormatInt(int64(made["id"].(float64)), 10), made["code"].(string), "shed"}
		h.letIn(ann, w.code, true)
		poll := func(signed string) answer {
			return h.ask(http.MethodGet, "/api/v2/pins/"+w.id+"?deviceJWT="+signed, "", "X-Plex-Client-Identifier", "shed", "Accept", "application/json")
		}
		if code := poll("x").Code; code != http.StatusUnprocessableEntity {
			t.Errorf("nothing signed: %d", code)
		}
		w.dead()
		got, _ := poll(other.signs(h.nonce("shed"), asTheyAre)).is(200).jsonBody()["authToken"].(string)
		h.get("/api/v2/ping", got).is(200)
	})
}
