package argon2id

import (
	"encoding/binary"
	"testing"
)

// blocksFrom spreads foreign bytes over three blocks: as they are, rotated, and multiplied.
func blocksFrom(seed []byte) (dst, prev, ref block) {
	word := func(i int) uint64 {
		var b [8]byte
		if len(seed) > 0 {
			copy(b[:], seed[i*8%len(seed):])
		}
		return binary.LittleEndian.Uint64(b[:])
	}
	for i := range prev {
		prev[i] = word(i)
		ref[i] = word(i+37) * 0x9e3779b97f4a7c15 * uint64(i+1)
		dst[i] = ^word(i+91) + uint64(i)
	}
	return dst, prev, ref
}

func FuzzMix(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte("\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add([]byte("the quick brown fox jumps over the lazy dog, and back again"))
	f.Fuzz(func(t *testing.T, seed []byte) {
		dst, prev, ref := blocksFrom(seed)
		for _, step := range []struct {
			name      string
			want, got mixer
		}{
			{"over", portable().over, fastest().over},
			{"into", portable().into, fastest().into},
		} {
			want, got := dst, dst
			var scratch block
			step.want.mix(&want, &prev, &ref, &scratch)
			step.got.mix(&got, &prev, &ref, &scratch)
			if got != want {
				t.Errorf("%s: the kernels disagree", step.name)
			}

			// dst may be ref, as it is where addresses are computed.
			want, got = ref, ref
			step.want.mix(&want, &prev, &want, &scratch)
			step.got.mix(&got, &prev, &got, &scratch)
			if got != want {
				t.Errorf("%s with dst = ref: the kernels disagree", step.name)
			}
		}
	})
}

// The promise fill rests on: the first word is final between the steps.
func TestFirstWordIsFinalAfterBegin(t *testing.T) {
	for _, k := range kernels() {
		for _, m := range []mixer{k.over, k.into} {
			dst, prev, ref := blocksFrom([]byte("any bytes will do here"))
			var scratch block
			m.begin(&dst, &prev, &ref, &scratch)
			early := dst[0]
			m.end(&dst, &prev, &ref, &scratch, &ref)
			if dst[0] != early {
				t.Errorf("%s: word 0 was %x between the steps and %x after", k.name, early, dst[0])
			}
		}
	}
}
