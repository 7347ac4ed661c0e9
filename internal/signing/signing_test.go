package signing

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func keysOf(t testing.TB, c *clock) (*Keys, *secret.Keeper) {
	t.Helper()
	ring, err := secret.NewRing()
	if err == nil {
		ring, err = ring.NextSigning(c.at)
	}
	if err != nil {
		t.Fatal(err)
	}
	keeper := secret.KeeperOf(ring)
	return &Keys{Ring: keeper.Ring, Now: func() time.Time { return c.at }}, keeper
}

func sign(t testing.TB, k *Keys, kind Kind, claims any) string {
	t.Helper()
	text, err := k.Sign(kind, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var allKinds = map[string]Kind{"identity": Identity, "logout": Logout, "access": Access, "device": Device}

// A token counts as its own kind and as no other, and only in the spelling we gave it.
func TestOpen(t *testing.T) {
	k, _ := keysOf(t, &clock{now})
	foreign, _ := keysOf(t, &clock{now})
	for name, kind := range allKinds {
		token := sign(t, k, kind, map[string]any{"iss": "us", "n": 7})
		for other, as := range allKinds {
			c, err := k.Open(as, token)
			if (err == nil) != (name == other) || err == nil && c.Text("iss") != "us" {
				t.Errorf("%s as %s: %v %v", name, other, c, err)
			}
		}
		parts := strings.Split(token, ".")
		for what, bad := range map[string]string{
			"nothing": "", "dots": "..", "two parts": parts[0] + "." + parts[1], "four": token + ".x", "no signature": parts[0] + "." + parts[1] + ".",
			"padding": token + "=", "blank": token + " ", "line break": token + "\n", "long": parts[0] + "." + strings.Repeat("a", longest) + "." + parts[2],
			"another payload": parts[0] + "." + encoding.EncodeToString([]byte(`{"iss":"them"}`)) + "." + parts[2],
			"cut":             token[:len(token)-1], "foreign": sign(t, foreign, kind, map[string]any{}),
		} {
			if _, err := k.Open(kind, bad); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// Attack S9, in the manner of the Wycheproof cases: headers that talk a reader into another check.
func TestForgedHeadersAreRefused(t *testing.T) {
	k, _ := keysOf(t, &clock{now})
	for name, kind := range allKinds {
		public := k.published(kind.use)[0].public
		der, err := x509.MarshalPKIXPublicKey(public.Key)
		if err != nil {
			t.Fatal(err)
		}
		token := sign(t, k, kind, map[string]any{"iss": "us"})
		_, rest, _ := strings.Cut(token, ".")
		body, tail, _ := strings.Cut(rest, ".")
		alg := string(algorithms[kind.use])
		for _, header := range []string{
			`{"alg":"none"}`, `{"alg":"none","kid":"KID","typ":"TYP"}`, `{"alg":"HS256","kid":"KID","typ":"TYP"}`, `{"alg":"ALG","kid":"KID"}`,
			`{"alg":"ALG","kid":"other","typ":"TYP"}`, `{"alg":"ALG","typ":"TYP"}`, `{"typ":"TYP","kid":"KID","alg":"ALG"}`, `{"alg":"ALG","kid":"KID","typ":"TYP","crit":["exp"]}`,
			`{"alg":"ALG","kid":"KID","typ":"TYP","jku":"https://evil.example/keys"}`, `{"alg":"ALG","alg":"none","kid":"KID","typ":"TYP"}`,
			`{"alg":"ALG","kid":"KID","typ":"TYP","x5u":"https://evil.example/"}`, `{"alg":"ALG","kid":"KID","typ":"TYP" }`, `{"alg":"alg","kid":"KID","typ":"typ"}`,
			`{"alg":"ALG","kid":"KID","typ":"application/TYP"}`, `{"alg":"PS256","kid":"KID","typ":"TYP"}`, `{"alg":"ES256","kid":"KID","typ":"TYP"}`, `null`, `[]`, ``,
		} {
			header = strings.NewReplacer("ALG", alg, "KID", public.KeyID, "TYP", kind.typ).Replace(header)
			head := encoding.EncodeToString([]byte(header))
			mac := hmac.New(sha256.New, der)
			mac.Write([]byte(head + "." + body))
			for _, signature := range []string{tail, "", encoding.EncodeToString(mac.Sum(nil))} {
				if _, err := k.Open(kind, head+"."+body+"."+signature); !errors.Is(err, ErrInvalid) {
					t.Errorf("%s: %s is taken", name, header)
				}
			}
		}
	}
}

// A new key is known to everybody before it signs, and an old one for as long as what it signed lives.
func TestRotationOverlaps(t *testing.T) {
	c := &clock{now}
	k, keeper := keysOf(t, c)
	first := sign(t, k, Access, map[string]any{})
	rotate := func() {
		next, err := keeper.Ring().NextSigning(c.at)
		if err == nil {
			err = keeper.Replace(next)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	head := func(token string) string { return token[:strings.Index(token, ".")] }
	published := func(n int) {
		t.Helper()
		if got := len(k.Published().Keys); got != n {
			t.Errorf("%d keys are published, want %d", got, n)
		}
	}
	published(2)
	rotate()
	published(4)
	if head(sign(t, k, Access, map[string]any{})) != head(first) {
		t.Error("the new key signs before anybody knows it")
	}
	c.at = c.at.Add(secret.SigningLead)
	second := sign(t, k, Access, map[string]any{})
	if head(second) == head(first) {
		t.Error("the new key does not sign")
	}
	c.at = c.at.Add(secret.SigningOverlap - time.Second)
	if _, err := k.Open(Access, first); err != nil {
		t.Error("the old key is forgotten too early")
	}
	c.at = c.at.Add(time.Second)
	published(2)
	if _, err := k.Open(Access, first); err == nil {
		t.Error("the old key counts for ever")
	}
	if _, err := k.Open(Access, second); err != nil {
		t.Error(err)
	}
	rotate()
	published(4) // and the first ones are gone from the ring
	if n := len(keeper.Ring().Signing(secret.SignsAccess, time.Time{})); n != 2 {
		t.Errorf("the ring keeps %d keys", n)
	}
}

// What a leaked key has signed, or will, counts for nothing from the moment it is replaced, though it was found right before.
func TestLeakedKeysAreReplacedAtOnce(t *testing.T) {
	k, keeper := keysOf(t, &clock{now})
	first := sign(t, k, Access, map[string]any{})
	if _, err := k.Open(Access, first); err != nil {
		t.Fatal(err)
	}
	next, err := keeper.Ring().ReplaceSigning(now)
	if err == nil {
		err = keeper.Replace(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(Access, first); err == nil {
		t.Error("what the leaked key signed counts")
	}
	if n := len(k.Published().Keys); n != 2 {
		t.Errorf("%d keys are published", n)
	}
	if _, err := k.Open(Access, sign(t, k, Access, map[string]any{})); err != nil {
		t.Errorf("the new key does not sign: %v", err)
	}
}

// What was found right once is remembered as a whole, and no longer than its key counts.
func TestRightSignaturesAreRemembered(t *testing.T) {
	c := &clock{now}
	k, keeper := keysOf(t, c)
	var m memory
	for i := range mostVerified + 10 {
		m.learn(sha256.Sum256(fmt.Append(nil, i)), Claims{})
	}
	if len(m.now)+len(m.before) > 2*mostVerified || m.knows(sha256.Sum256(fmt.Append(nil, 0))) == nil || m.knows(sha256.Sum256([]byte("x"))) != nil {
		t.Errorf("%d and %d are remembered", len(m.now), len(m.before))
	}
	token := sign(t, k, Access, map[string]any{"iss": "us"})
	for range 2 {
		if _, err := k.Open(Access, token); err != nil {
			t.Fatal(err)
		}
	}
	parts := strings.Split(token, ".")
	for _, bad := range []string{parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), parts[0] + "." + encoding.EncodeToString([]byte(`{}`)) + "." + parts[2]} {
		if _, err := k.Open(Access, bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	next, err := keeper.Ring().NextSigning(c.at)
	if err == nil {
		err = keeper.Replace(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(secret.SigningLead + secret.SigningOverlap)
	if _, err := k.Open(Access, token); err == nil {
		t.Error("it counts longer than its key")
	}
}

func TestNoKeys(t *testing.T) {
	ring, err := secret.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	k := &Keys{Ring: func() *secret.Ring { return ring }, Now: func() time.Time { return now }}
	if _, err := k.Sign(Access, map[string]any{}); !errors.Is(err, ErrNoKeys) {
		t.Errorf("%v", err)
	}
	if raw, err := json.Marshal(k.Published()); err != nil || string(raw) != `{"keys":[]}` {
		t.Errorf("%s %v", raw, err)
	}
}

// A library that is not ours finds the published keys, their names and the signatures right.
func TestForeignReader(t *testing.T) {
	k, _ := keysOf(t, &clock{now})
	raw, err := json.Marshal(k.Published())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"d"`) {
		t.Fatal("a private key is published")
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	for name, kind := range allKinds {
		parsed, err := jose.ParseSignedCompact(sign(t, k, kind, map[string]any{"sub": "x"}), []jose.SignatureAlgorithm{algorithms[kind.use]})
		if err != nil {
			t.Fatal(err)
		}
		h := parsed.Signatures[0].Header
		keys := set.Key(h.KeyID)
		if len(keys) != 1 || h.ExtraHeaders["typ"] != kind.typ {
			t.Fatalf("%s: %+v", name, h)
		}
		if payload, err := parsed.Verify(keys[0]); err != nil || string(payload) != `{"sub":"x"}` {
			t.Errorf("%s: %s %v", name, payload, err)
		}
		print, err := keys[0].Thumbprint(crypto.SHA256)
		if err != nil || encoding.EncodeToString(print) != h.KeyID {
			t.Errorf("%s: the name is not the thumbprint", name)
		}
	}
}

func TestClaimsCheck(t *testing.T) {
	sec := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	for payload, good := range map[string]bool{
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                              true,
		`{"iss":"us","aud":["x","a"],"iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                        true,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `.5,"exp":` + sec(time.Minute) + `.5}`:                          true,
		`{"iss":"us","aud":"a","iat":` + sec(time.Minute) + `,"exp":` + sec(time.Hour) + `}`:                      true,
		`{"iss":"us","aud":"a","iat":` + sec(time.Minute+time.Second) + `,"exp":` + sec(time.Hour) + `}`:          false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":` + sec(0) + `}`:                                        false,
		`{"iss":"us","aud":"a","exp":` + sec(time.Minute) + `}`:                                                   false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `}`:                                                             false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":"` + sec(time.Minute) + `"}`:                            false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":1e300}`:                                                 false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":null}`:                                                  false,
		`{"iss":"them","aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                            false,
		`{"aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                                         false,
		`{"iss":"us","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                                        false,
		`{"iss":"us","aud":[],"iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                               false,
		`{"iss":"us","aud":"A","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                              false,
		`{"ISS":"us","Aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Minute) + `}`:                              false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Hour) + `,"nbf":` + sec(time.Hour) + `}`:   false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Hour) + `,"nbf":"soon"}`:                   false,
		`{"iss":"us","aud":"a","iat":` + sec(0) + `,"exp":` + sec(time.Hour) + `,"nbf":` + sec(time.Second) + `}`: true,
	} {
		c, err := members([]byte(payload))
		if err == nil {
			err = c.Check(Expected{Issuer: "us", Audience: []string{"a"}, Now: now})
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// Claims are read as encoding/json reads them, however they are spelled.
func TestClaimsAreReadAsJSON(t *testing.T) {
	for _, raw := range []string{
		`""`, `"us"`, `"a b~"`, `"\u0075s"`, `"u\"s"`, `"\\"`, `"ü"`, "\"\xff\"", `"\ud800"`, `1`, `true`, `null`, `["us"]`, `{"a":"b"}`,
		`0`, `1700000000`, `1700000000.25`, `1.7e9`, `-1`, `1099511627775`, `1099511627776`, `1e300`, `"1700000000"`,
	} {
		c, err := members([]byte(`{"c":` + raw + `}`))
		if err != nil {
			t.Fatal(raw, err)
		}
		var want any
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		text, _ := want.(string)
		if got := c.Text("c"); got != text {
			t.Errorf("%s: read as %q, want %q", raw, got, text)
		}
		var at time.Time
		if n, _ := want.(float64); n > 0 && n < 1<<40 {
			at = time.UnixMilli(int64(n * 1000)).UTC()
		}
		if got := c.Time("c"); got != at {
			t.Errorf("%s: read as %v, want %v", raw, got, at)
		}
	}
}

func TestMembersStandOnce(t *testing.T) {
	for text, good := range map[string]bool{
		`{"a":1,"b":{"a":2}}`: true, `{}`: true, `{"a":[{"b":1},{"b":2}]}`: true,
		`{"a":1,"a":1}`: false, `{"a":{"b":1,"b":2}}`: false, `{"a":[{"b":1,"b":2}]}`: false, `{"a":1,"\u0061":2}`: false,
		`{} {}`: false, `{}x`: false, `[]`: false, `null`: false, `"a"`: false, ``: false, `{"a":`: false, `{"a":1`: false,
		strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20): false,
	} {
		if _, err := members([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzAccessToken looks for a text that counts and that we did not sign.
func FuzzAccessToken(f *testing.F) {
	k, keeper := keysOf(f, &clock{now})
	fixed := secret.SigningKey{Use: secret.SignsAccess, Key: fixedKey}
	have := known{keeper.Ring(), map[secret.SigningUse][]ready{secret.SignsAccess: {{fixed, publicHalf(fixed, jose.EdDSA)}}, secret.SignsIdentity: k.published(secret.SignsIdentity)}}
	k.known.Store(&have)
	good := sign(f, k, Access, map[string]any{"iss": "us"})
	for _, seed := range []string{good, good + "=", good[:20] + "\n" + good[20:], good + "\r\n", "", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", good[:len(good)-4] + "AAAA", sign(f, k, Identity, map[string]any{"iss": "us"})} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := k.Open(Access, token); (err == nil) != (token == good) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
