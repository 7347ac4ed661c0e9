package accounts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

const (
	testIssuer = "https://accounts.example"
	testServer = "srv-1"
	testEvent  = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
)

// signSET signs claims as the service does, but for what is said otherwise.
func signSET(t testing.TB, key any, alg jose.SignatureAlgorithm, kid, typ string, claims map[string]any) string {
	t.Helper()
	how := &jose.SignerOptions{}
	if typ != "" {
		how = how.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, how)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func user(sub string) map[string]any {
	return map[string]any{"format": "iss_sub", "iss": testIssuer, "sub": sub}
}

func opaque(id string) map[string]any { return map[string]any{"format": "opaque", "id": id} }

// claimsOf are those of a security event token with another subject or event, or whatever else.
func claimsOf(more map[string]any) map[string]any {
	all := map[string]any{
		"iss": testIssuer, "aud": testServer, "iat": 1, "jti": "01A", "txn": "t", "sub_id": user("acc-ann"),
		"events": map[string]any{testEvent: map[string]any{"event_timestamp": 1}},
	}
	maps.Copy(all, more)
	return all
}

func newRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatASignalSays(t *testing.T) {
	key := newRSA(t)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}
	event := func(name string) map[string]any { return map[string]any{name: map[string]any{}} }
	for name, c := range map[string]struct {
		more map[string]any
		want Signal
	}{
		"account":       {nil, Signal{Revokes: true, Whose: Whose{Account: "acc-ann"}}},
		"list of one":   {map[string]any{"aud": []string{testServer}}, Signal{Revokes: true, Whose: Whose{Account: "acc-ann"}}},
		"session":       {map[string]any{"sub_id": map[string]any{"format": "complex", "user": user("acc-ann"), "session": opaque("sid")}}, Signal{Revokes: true, Whose: Whose{Account: "acc-ann", Session: "sid"}}},
		"server":        {map[string]any{"sub_id": map[string]any{"format": "complex", "user": user("acc-ann"), "device": opaque("srv-1")}}, Signal{Revokes: true, Whose: Whose{Account: "acc-ann", Server: "srv-1"}}},
		"everybody":     {map[string]any{"sub_id": map[string]any{"format": "uri", "uri": testIssuer}}, Signal{Revokes: true, Everybody: true}},
		"locked":        {map[string]any{"events": event("https://schemas.openid.net/secevent/risc/event-type/account-disabled")}, Signal{Revokes: true, Whose: Whose{Account: "acc-ann"}}},
		"unlocked":      {map[string]any{"events": event("https://schemas.openid.net/secevent/risc/event-type/account-enabled")}, Signal{Whose: Whose{Account: "acc-ann"}}},
		"unknown event": {map[string]any{"events": event("https://example.org/new")}, Signal{Whose: Whose{Account: "acc-ann"}}},
		"verification":  {map[string]any{"events": event(verificationEvent), "sub_id": opaque("stream")}, Signal{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.ID = "01A"
			got, err := readSET(signSET(t, key, jose.RS256, "k1", "secevent+jwt", claimsOf(c.more)), keys, testIssuer, testServer)
			if err != nil || got != c.want {
				t.Errorf("read %+v, %v", got, err)
			}
		})
	}
}

func TestWhatIsNoSignal(t *testing.T) {
	key, other := newRSA(t), newRSA(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}, {Key: ec.Public(), KeyID: "k2", Use: "sig"}, {Key: other.Public(), KeyID: "enc", Use: "enc"},
	}}
	set := func(more map[string]any) string {
		return signSET(t, key, jose.RS256, "k1", "secevent+jwt", claimsOf(more))
	}
	good := set(nil)
	for name, c := range map[string]struct{ text, code string }{
		"nothing":             {"", "invalid_request"},
		"an ID token":         {signSET(t, key, jose.RS256, "k1", "JWT", claimsOf(nil)), "invalid_request"},
		"no typ":              {signSET(t, key, jose.RS256, "k1", "", claimsOf(nil)), "invalid_request"},
		"a logout token":      {signSET(t, key, jose.RS256, "k1", "logout+jwt", claimsOf(nil)), "invalid_request"},
		"another algorithm":   {signSET(t, key, jose.PS256, "k1", "secevent+jwt", claimsOf(nil)), "invalid_request"},
		"a curve":             {signSET(t, ec, jose.ES256, "k2", "secevent+jwt", claimsOf(nil)), "invalid_request"},
		"the key as a secret": {signSET(t, public, jose.HS256, "k1", "secevent+jwt", claimsOf(nil)), "invalid_request"},
		"unsigned":            {"eyJhbGciOiJub25lIiwidHlwIjoic2VjZXZlbnQrand0In0.e30.", "invalid_request"},
		"a stranger's key":    {signSET(t, other, jose.RS256, "k1", "secevent+jwt", claimsOf(nil)), "authentication_failed"},
		"an unknown key":      {signSET(t, key, jose.RS256, "k9", "secevent+jwt", claimsOf(nil)), "invalid_key"},
		"a key with no name":  {signSET(t, key, jose.RS256, "", "secevent+jwt", claimsOf(nil)), "invalid_key"},
		"a key for secrets":   {signSET(t, other, jose.RS256, "enc", "secevent+jwt", claimsOf(nil)), "invalid_key"},
		"cut":                 {good[:len(good)-8], "authentication_failed"},
		"another service":     {set(map[string]any{"iss": "https://evil.example"}), "invalid_issuer"},
		"another server":      {set(map[string]any{"aud": "srv-2"}), "invalid_audience"},
		"two servers":         {set(map[string]any{"aud": []string{testServer, "srv-2"}}), "invalid_audience"},
		"no audience":         {set(map[string]any{"aud": nil}), "invalid_audience"},
		"no number":           {set(map[string]any{"jti": ""}), "invalid_request"},
		"a subject":           {set(map[string]any{"sub": "acc-ann"}), "invalid_request"},
		"an end":              {set(map[string]any{"exp": 1 << 40}), "invalid_request"},
		"no event":            {set(map[string]any{"events": map[string]any{}}), "invalid_request"},
		"two events":          {set(map[string]any{"events": map[string]any{testEvent: 1, verificationEvent: 1}}), "invalid_request"},
		"nobody":              {set(map[string]any{"sub_id": map[string]any{}}), "invalid_request"},
		"a foreign account":   {set(map[string]any{"sub_id": map[string]any{"format": "iss_sub", "iss": "https://evil.example", "sub": "acc-ann"}}), "invalid_request"},
		"a foreign everybody": {set(map[string]any{"sub_id": map[string]any{"format": "uri", "uri": "https://evil.example"}}), "invalid_request"},
		"an empty session":    {set(map[string]any{"sub_id": map[string]any{"format": "complex", "user": user("acc-ann"), "session": opaque("")}}), "invalid_request"},
		"no user":             {set(map[string]any{"sub_id": map[string]any{"format": "complex", "session": opaque("sid")}}), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSET(c.text, keys, testIssuer, testServer)
			if w := new(wrongSET); !errors.As(err, &w) || w.Code != c.code {
				t.Errorf("read with %v, want %s", err, c.code)
			}
		})
	}
}

func TestEverybodyGoesFirst(t *testing.T) {
	got := inOrder(map[string]string{"0B": "", "missed.1": "", "0A": "", "everybody.7": ""})
	if len(got) != 4 || got[0] != "everybody.7" || got[1] != "missed.1" || got[2] != "0A" || got[3] != "0B" {
		t.Error(got)
	}
}

func FuzzReadSET(f *testing.F) {
	key := newRSA(f)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}
	good := signSET(f, key, jose.RS256, "k1", "secevent+jwt", claimsOf(nil))
	said, err := readSET(good, keys, testIssuer, testServer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := readSET(text, keys, testIssuer, testServer); err == nil && got != said {
			t.Fatal("something that the service has not signed is believed")
		}
	})
}
