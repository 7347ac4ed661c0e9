package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newRing(t testing.TB) *Ring {
	t.Helper()
	r, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIsClientSecret(t *testing.T) {
	good := NewToken()
	for _, text := range []string{good.Reveal(), strings.Repeat("a", 32), strings.Repeat("~", 128), "AZaz09-._~" + strings.Repeat("x", 30)} {
		if !TokenOf(text).IsClientSecret() {
			t.Errorf("%d characters are refused", len(text))
		}
	}
	for _, text := range []string{"", strings.Repeat("a", 31), strings.Repeat("a", 129), good.Reveal() + " ", good.Reveal() + "\n", good.Reveal() + "%", good.Reveal() + ":", good.Reveal() + "ü", good.Reveal() + "\x00"} {
		if TokenOf(text).IsClientSecret() {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestTokenNeverPrints(t *testing.T) {
	tok := TokenOf("hunter2hunter2")
	raw, err := json.Marshal(map[string]any{"t": tok})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{
		fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v %s %q %x %d", tok, tok, tok, tok, tok, tok, tok),
		fmt.Sprintf("%v", struct{ T Token }{tok}), fmt.Sprintf("%+v", &tok), string(raw), tok.LogValue().String(),
	} {
		if strings.Contains(got, "hunter2") || !strings.Contains(got, redacted) {
			t.Errorf("a token printed as %q", got)
		}
	}
}

func TestWellFormedHasOneSpelling(t *testing.T) {
	tok := NewToken()
	if !tok.WellFormed() || len(tok.Reveal()) != TokenLength {
		t.Fatalf("a new token is not well formed")
	}
	v := tok.Reveal()
	for _, bad := range []string{"", v[1:], v + "0", v + "=", strings.ToUpper(v), " " + v[1:], v[:51] + "w", v[:51] + "\x00"} {
		if bad != v && TokenOf(bad).WellFormed() {
			t.Errorf("well formed though changed: length %d", len(bad))
		}
	}
}

func TestSealedValuesOpenOnlyInTheirCell(t *testing.T) {
	r := newRing(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.String().Draw(t, "plain")
		at := Place{"account", rapid.StringMatching(`[a-v0-9]{26}`).Draw(t, "row"), "email"}
		key, wrapped, err := r.NewAccountKey(at.Row)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.AccountKey(at.Row, wrapped)
		if err != nil {
			t.Fatal(err)
		}
		sealed := key.Seal(plain, at)
		if got, err := again.Open(sealed, at); err != nil || got != plain {
			t.Fatalf("opened %q, %v", got, err)
		}
		for _, other := range []Place{{"account", at.Row, "name"}, {"device", at.Row, "email"}, {"account", at.Row + "0", "email"}} {
			if _, err := key.Open(sealed, other); !errors.Is(err, ErrOpen) {
				t.Fatalf("opened in %v", other)
			}
		}
		if _, err := r.AccountKey(at.Row+"0", wrapped); !errors.Is(err, ErrOpen) {
			t.Fatal("an account's key unwrapped for another account")
		}
	})
}

func TestRotation(t *testing.T) {
	r := newRing(t)
	at := Place{"mail", "x", "body"}
	sealed, err := r.Seal("hello", at)
	if err != nil {
		t.Fatal(err)
	}
	tok := NewToken()
	oldHash, oldIndex, oldTag := r.HashToken("browser", tok), r.Index("email", "a@b"), r.Tag([]byte("row"))
	if len(oldHash) != 1 || len(oldIndex) != 1 {
		t.Fatalf("a fresh ring gives %d hashes and %d indexes", len(oldHash), len(oldIndex))
	}

	mid, err := r.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	if !mid.Rotating() || r.Rotating() || mid.Generation() != r.Generation()+1 {
		t.Error("the rotation is not marked")
	}
	if got, err := mid.Open(sealed, at); err != nil || got != "hello" {
		t.Errorf("an old value opened as %q, %v", got, err)
	}
	if sealed[:SealPrefixLength] != r.SealPrefix() || mid.SealPrefix() == r.SealPrefix() {
		t.Error("the seal's prefix does not tell the keys apart")
	}
	if idx := mid.Index("email", "a@b"); len(idx) != 2 || idx[0] != oldIndex[0] {
		t.Error("the old index is not first while rotating")
	}
	if h := mid.HashToken("browser", tok); len(h) != 2 || h[1] != oldHash[0] {
		t.Error("the new token key is not first")
	}
	if _, err := mid.BeginRotation(); err == nil {
		t.Error("a second rotation began inside the first")
	}

	end, err := mid.FinishRotation()
	if err != nil {
		t.Fatal(err)
	}
	if idx := end.Index("email", "a@b"); len(idx) != 1 || idx[0] == oldIndex[0] || idx[0] != mid.Index("email", "a@b")[1] {
		t.Error("the new index key did not take over")
	}
	if _, err := end.Open(sealed, at); !errors.Is(err, ErrOpen) {
		t.Error("the old seal key is still there")
	}
	if h := end.HashToken("browser", tok); len(h) != 2 || h[1] != oldHash[0] {
		t.Error("an old token is not found any more")
	}
	if !end.VerifyTag([]byte("row"), oldTag) {
		t.Error("an old audit tag does not verify any more")
	}
}

func TestKeeper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	if _, err := OpenKeeper(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an absent ring: %v", err)
	}
	k, err := CreateKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if _, err := CreateKeeper(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing ring: %v", err)
	}
	again, err := OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	if k.Ring().Index("email", "x")[0] != again.Ring().Index("email", "x")[0] {
		t.Error("the ring read back is another one")
	}
	next, err := k.Ring().BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Replace(next); err != nil {
		t.Fatal(err)
	}
	if err := again.Reload(); err != nil || again.Ring().Generation() != next.Generation() {
		t.Errorf("reloaded generation %d, %v", again.Ring().Generation(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeeper(path); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a ring readable by others: %v", err)
	}
}

func TestTwoRingsDiffer(t *testing.T) {
	a, b := newRing(t), newRing(t)
	if a.Index("email", "x")[0] == b.Index("email", "x")[0] || a.SealPrefix() == b.SealPrefix() {
		t.Error("two installations share keys")
	}
}

func FuzzParseRing(f *testing.F) {
	r := newRing(f)
	raw, err := r.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"version":1,"key_sets":{}}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := parseRing(raw); err == nil && r.seal == nil {
			t.Error("a ring without keys was accepted")
		}
	})
}

func FuzzOpen(f *testing.F) {
	r := newRing(f)
	at := Place{"a", "b", "c"}
	sealed, _ := r.Seal("x", at)
	key, wrapped, _ := r.NewAccountKey("b")
	f.Add(sealed)
	f.Add(wrapped)
	f.Add(key.Seal("x", at))
	f.Fuzz(func(t *testing.T, v string) {
		if plain, err := r.Open(v, at); err == nil && plain != "x" {
			t.Errorf("opened %q", plain)
		}
		_, _ = key.Open(v, at)
	})
}

// What systemd hands over by LoadCredential= shows an access list in the group's bits; the folder guards it.
func TestKeeperTakesASystemdCredential(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyring.json")
	if _, err := CreateKeeper(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeeper(path); err == nil {
		t.Error("a ring that a group may read was taken outside the credentials' folder")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if _, err := OpenKeeper(path); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeeper(path); err == nil {
		t.Error("a ring that everybody may read was taken")
	}
}

// Counters keep their names through a rotation, or rotating would give every guesser a fresh start.
func TestObscureSurvivesRotation(t *testing.T) {
	r := newRing(t)
	name := r.Obscure("failure", "x")
	mid, err := r.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	end, err := mid.FinishRotation()
	if err != nil {
		t.Fatal(err)
	}
	again, err := end.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []*Ring{mid, end, again} {
		if later.Obscure("failure", "x") != name {
			t.Error("a counter got another name")
		}
	}
}

func TestCheckCode(t *testing.T) {
	r, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	code := r.CheckCode("incident", "account")
	if !regexp.MustCompile(`^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$`).MatchString(code.Reveal()) {
		t.Errorf("the code is %q", code.Reveal())
	}
	for _, other := range []Token{r.CheckCode("incident", "other"), r.CheckCode("other", "account"), r.CheckCode("incident\x00account", "")} {
		if other.Reveal() == code.Reveal() {
			t.Error("two have one code")
		}
	}
	next, err := r.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	if next.CheckCode("incident", "account").Reveal() != code.Reveal() {
		t.Error("a rotation changes the codes in people's mailboxes")
	}
}
