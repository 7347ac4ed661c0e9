package argon2id

import (
	"bytes"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// tagOf runs one derivation in an arena of its own.
func tagOf(t testing.TB, k kernel, p Params, in input, length int) []byte {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	a := new(arena)
	defer func() { a.release() }()
	if err := a.reserve(p.blocks()); err != nil {
		t.Fatal(err)
	}
	tag := make([]byte, length)
	derive(k, a, p, in, tag)
	return tag
}

func kernels() []kernel { return []kernel{portable(), fastest()} }

// RFC 9106 §5.3.
func TestDeriveRFC9106(t *testing.T) {
	want, _ := hex.DecodeString("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659")
	in := input{
		password: bytes.Repeat([]byte{1}, 32),
		salt:     bytes.Repeat([]byte{2}, 16),
		secret:   bytes.Repeat([]byte{3}, 8),
		data:     bytes.Repeat([]byte{4}, 12),
	}
	for _, k := range kernels() {
		if got := tagOf(t, k, Params{MemoryKiB: 32, Passes: 3, Lanes: 4}, in, 32); !bytes.Equal(got, want) {
			t.Errorf("%s: tag %x, want %x", k.name, got, want)
		}
	}
}

// Several cases a check, and every kernel on each: some four hundred combinations a run.
func TestDeriveEqualsXCrypto(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 4 {
			lanes := rapid.Uint8Range(1, 6).Draw(t, "lanes")
			p := Params{
				MemoryKiB: rapid.Uint32Range(8*uint32(lanes), 700).Draw(t, "memory"),
				Passes:    rapid.Uint32Range(1, 4).Draw(t, "passes"),
				Lanes:     lanes,
			}
			password := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "password")
			salt := rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt")
			length := rapid.IntRange(4, 140).Draw(t, "tag length")

			want := argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, p.Lanes, uint32(length))
			for _, k := range kernels() {
				a := new(arena)
				if err := a.reserve(p.blocks()); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, length)
				derive(k, a, p, input{password: password, salt: salt}, got)
				a.release()
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, %+v: tag %x, want %x", k.name, p, got, want)
				}
			}
		}
	})
}
