package mfa

import (
	"encoding/base32"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"usher/internal/secret"
)

// rfcKey is the key of both RFCs' tables: "12345678901234567890".
var rfcKey = secret.TokenOf(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))

// RFC 4226, appendix D.
func TestCodesOfRFC4226(t *testing.T) {
	for count, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := Code(rfcKey, int64(count)).Reveal(); got != want {
			t.Errorf("code %d is %s, want %s", count, got, want)
		}
	}
}

// RFC 6238, appendix B, whose codes have eight digits: the last six are ours.
func TestCodesOfRFC6238(t *testing.T) {
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := Code(rfcKey, Step(time.Unix(at, 0))).Reveal(); got != want[2:] {
			t.Errorf("at %d the code is %s, want %s", at, got, want[2:])
		}
	}
}

// A foreign program's codes count when its clock is up to half a minute off, and not when it is a whole one.
func TestCodesOfOathtool(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for range 5 {
		key := NewKey()
		for off, want := range map[time.Duration]bool{-61 * time.Second: false, -30 * time.Second: true, 0: true, 30 * time.Second: true, 61 * time.Second: false} {
			out, err := exec.Command("oathtool", "--totp", "-b", "--now", now.Add(off).Format("2006-01-02 15:04:05 UTC"), key.Reveal()).Output()
			if err != nil {
				t.Fatalf("oathtool: %v", err)
			}
			typed := secret.TokenOf(strings.TrimSpace(string(out)))
			step, ok := Match(key, typed, now)
			if ok != want || ok && step != Step(now.Add(off)) {
				t.Errorf("%v off: %v at step %d", off, ok, step)
			}
			if hint := ClockOff(key, typed, now); hint == want {
				t.Errorf("%v off: the hint about the clock is %v", off, hint)
			}
		}
	}
}

func TestMatchRefusesWhatIsNoCode(t *testing.T) {
	now := time.Unix(1111111109, 0)
	for _, typed := range []string{"", "08180", "0818044", "07081804", "08180a", "-81804", "０８１８０４"} {
		if _, ok := Match(rfcKey, secret.TokenOf(typed), now); ok || ClockOff(rfcKey, secret.TokenOf(typed), now) {
			t.Errorf("%q counts", typed)
		}
	}
	for _, key := range []string{"", "1", "not base32"} {
		if !Code(secret.TokenOf(key), 1).Empty() {
			t.Errorf("the key %q makes a code", key)
		}
		if _, ok := Match(secret.TokenOf(key), secret.TokenOf(""), now); ok {
			t.Errorf("nothing matches the key %q", key)
		}
	}
}

// Ten thousand keys: none twice, and each bit set about half the time.
func TestNewKey(t *testing.T) {
	const keys = 10_000
	seen := map[string]bool{}
	var ones [8 * keyBytes]int
	for range keys {
		key := NewKey()
		raw, err := keyText.DecodeString(key.Reveal())
		if err != nil || len(raw) != keyBytes || seen[key.Reveal()] {
			t.Fatalf("%d bytes, %v, or a key came twice", len(raw), err)
		}
		seen[key.Reveal()] = true
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
	}
	for i, n := range ones { // six standard deviations of 50 to either side
		if n < keys/2-300 || n > keys/2+300 {
			t.Errorf("bit %d is set in %d of %d keys", i, n, keys)
		}
	}
}

func TestAddress(t *testing.T) {
	key := NewKey()
	u, err := url.Parse(Address("Ann & Bo's place", "ann+tv@example.org", key).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Ann & Bo's place:ann+tv@example.org" || u.Query().Get("secret") != key.Reveal() || u.Query().Get("issuer") != "Ann & Bo's place" {
		t.Error("the parts of the address are others")
	}
	if strings.Contains(u.RawQuery, "+") { // some apps show it as it stands
		t.Error("a blank is written as a plus")
	}
}

func TestInFours(t *testing.T) {
	for text, want := range map[string]string{"": "", "abc": "abc", "abcd": "abcd", "abcde": "abcd e", "abcdefgh": "abcd efgh"} {
		if got := InFours(text); got != want {
			t.Errorf("InFours(%q) = %q", text, got)
		}
	}
}
