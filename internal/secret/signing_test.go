package secret

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A new ring's file holds signing keys, and hands back the very ones; a ring made without them goes on as it was, and can be given some.
func TestSigningKeysInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	made, err := CreateKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	next, err := made.Ring().NextSigning(now)
	if err == nil {
		err = made.Replace(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	read, err := OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range signingUses {
		was, is := next.Signing(use, now), read.Ring().Signing(use, now)
		if len(was) != 2 || len(is) != 2 || !was[0].From.IsZero() || !is[1].From.Equal(now.Add(SigningLead).Truncate(time.Second)) {
			t.Fatalf("%s: %d keys were written, %d read", use, len(was), len(is))
		}
		for i := range was {
			a, aerr := json.Marshal(was[i].Key.Public())
			b, berr := json.Marshal(is[i].Key.Public())
			if aerr != nil || berr != nil || string(a) != string(b) || !was[i].From.Equal(is[i].From) {
				t.Errorf("%s: key %d is another one", use, i)
			}
		}
	}
	rotated, err := next.BeginRotation()
	if err == nil {
		rotated, err = rotated.FinishRotation()
	}
	if err != nil || len(rotated.Signing(SignsAccess, now)) != 2 {
		t.Errorf("a rotation loses signing keys: %v", err)
	}
	old := newRing(t)
	if old.CanSign() || len(old.Signing(SignsIdentity, now)) != 0 || !next.CanSign() {
		t.Error("a ring from before can sign")
	}
	if gained, err := old.NextSigning(now); err != nil || !gained.Signing(SignsIdentity, now)[0].From.IsZero() || gained.Generation() != old.Generation() {
		t.Errorf("the first keys do not sign at once: %v", err)
	}
}

func TestBrokenSigningKeysAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	k, err := CreateKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := k.Ring().signingFiles()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(id, access *signingFile){
		"another use":    func(id, access *signingFile) { id.Use, access.Use = access.Use, id.Use },
		"an unknown use": func(id, _ *signingFile) { id.Use = "all" },
		"cut":            func(id, _ *signingFile) { id.PKCS8 = id.PKCS8[:40] },
		"no base64":      func(id, _ *signingFile) { id.PKCS8 = "!" + id.PKCS8 },
		"one use only":   func(id, access *signingFile) { *id = *access },
	} {
		id, access := files[0], files[1]
		change(&id, &access)
		var f ringFile
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		f.Signing = []signingFile{id, access}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseRing(text); err == nil || strings.Contains(err.Error(), files[0].PKCS8[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
