package signing

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/secret"
)

// fixedKey is the same in every process: the workers of a fuzz test change a token of the process that started them.
var fixedKey = ed25519.NewKeyFromSeed(slices.Repeat([]byte{7}, ed25519.SeedSize))

// respelled is a token whose last symbol carries a bit that nothing reads. Signatures of 64 and 256 bytes leave four such bits, those of 96 none.
func respelled(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

// badSignatures are spellings and forgeries of a right token, in the manner of the Wycheproof cases (attack S9).
func badSignatures(t *testing.T, token string) map[string]string {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	signed, right := token[:dot+1], token[dot+1:]
	raw, err := encoding.DecodeString(right)
	if err != nil {
		t.Fatal(err)
	}
	half := len(raw) / 2
	zeros := make([]byte, half)
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"spare bits": respelled(token), "padding": token + "==", "a blank": token + " ", "the other alphabet": signed + strings.NewReplacer("-", "+", "_", "/").Replace(right) + "+",
		"a break in the head": token[:9] + "\n" + token[9:], "a break in the payload": signed[:dot-2] + "\r" + signed[dot-2:] + right, "a break before the signature": signed + "\r\n" + right,
		"a break in it": token[:len(token)-5] + "\n" + token[len(token)-5:], "a break after": token + "\n", "NUL": token + "\x00",
	}
	for what, signature := range map[string][]byte{
		"nothing": nil, "DER": der, "all zero": slices.Concat(zeros, zeros), "r zero": slices.Concat(zeros, raw[half:]), "s zero": slices.Concat(raw[:half], zeros),
		"a byte more": append(slices.Clone(raw), 0), "a byte before": append([]byte{0}, raw...), "a byte less": raw[:len(raw)-1], "the first less": raw[1:],
		"halves changed": slices.Concat(raw[half:], raw[:half]), "twice": slices.Concat(raw, raw), "all ones": slices.Repeat([]byte{0xff}, len(raw)),
		"a flipped bit": append([]byte{raw[0] ^ 1}, raw[1:]...),
	} {
		bad[what] = signed + encoding.EncodeToString(signature)
	}
	if len(raw)%3 == 0 { // no spare bits
		delete(bad, "spare bits")
	}
	return bad
}

// Only the signature we gave, in the spelling we gave it, makes a token of ours count, before and after it was found right once.
func TestSignaturesOfOurs(t *testing.T) {
	k, _ := keysOf(t, &clock{now})
	for name, kind := range allKinds {
		token := sign(t, k, kind, map[string]any{"iss": "us"})
		bad := badSignatures(t, token)
		if kind.use == secret.SignsAccess {
			bad["s over the order"] = overOrder(t, token)
		}
		for range 2 {
			for what, forged := range bad {
				if _, err := k.Open(kind, forged); !errors.Is(err, ErrInvalid) {
					t.Errorf("%s, %s is taken: %v", name, what, err)
				}
			}
			if _, err := k.Open(kind, token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// overOrder adds the order of the group to an Ed25519 signature's second half, which then solves the same equation (RFC 8032 §8.4).
func overOrder(t *testing.T, token string) string {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	raw, err := encoding.DecodeString(token[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := slices.Clone(raw[32:])
	slices.Reverse(s)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	more := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(more)
	return token[:dot+1] + encoding.EncodeToString(slices.Concat(raw[:32], more))
}

// The same for what clients sign, with every algorithm they may use.
func TestSignaturesOfClients(t *testing.T) {
	all := signers(t)
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all["ES384"] = signer{jose.ES384, jose.JSONWebKey{Key: curve, KeyID: "one"}}
	if len(all) != len(ClientAlgorithms) {
		t.Errorf("%d algorithms are tried", len(all))
	}
	for name, s := range all {
		token := s.sign(t, `{"sub":"me!"}`, nil)
		if _, err := OpenClient(token, s.set()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		bad := badSignatures(t, token)
		switch key := s.key.Key.(type) {
		case ed25519.PrivateKey:
			bad["s over the order"] = overOrder(t, token)
		case *ecdsa.PrivateKey:
			bad["the order as r and s"] = token[:strings.LastIndexByte(token, '.')+1] + encoding.EncodeToString(slices.Concat(key.Params().N.Bytes(), key.Params().N.Bytes()))
		}
		head, rest, _ := strings.Cut(s.sign(t, `{"sub":"you"}`, nil), ".") // 13 bytes: four spare bits
		body, tail, _ := strings.Cut(rest, ".")
		bad["spare bits in the payload"] = head + "." + respelled(body) + "." + tail
		for what, forged := range bad {
			if _, err := OpenClient(forged, s.set()); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %s is taken: %v", name, what, err)
			}
		}
	}
}
