package argon2id

import "math/bits"

const (
	wordsPerBlock = 128
	blockBytes    = 8 * wordsPerBlock
)

// block is the unit of argon2's memory: 1 KiB, read as an 8 × 8 matrix of 16-byte cells.
type block [wordsPerBlock]uint64

// kernel is one implementation of the compression function G of RFC 9106 §3.5.
type kernel struct {
	name string
	over mixer // dst = G(prev, ref)
	into mixer // dst ^= G(prev, ref)
}

// mixer computes G in two steps, because the first word of a block says where the next one's reference lies: after begin that word of dst is final, and
// while end computes the rest it may fetch next, a hint and nothing more. Both steps get the same dst, prev, ref and scratch. dst may be ref; scratch is
// none of the others, holds the state between the steps, and is left dirty.
type mixer struct {
	begin func(dst, prev, ref, scratch *block)
	end   func(dst, prev, ref, scratch, next *block)
}

func (m mixer) mix(dst, prev, ref, scratch *block) {
	m.begin(dst, prev, ref, scratch)
	m.end(dst, prev, ref, scratch, ref)
}

func portable() kernel {
	rest := func(_, _, _, _, _ *block) {}
	return kernel{name: "portable", over: mixer{begin: mixOver, end: rest}, into: mixer{begin: mixInto, end: rest}}
}

func mixOver(dst, prev, ref, scratch *block) {
	mix(prev, ref, scratch)
	for i := range dst {
		dst[i] = prev[i] ^ ref[i] ^ scratch[i]
	}
}

func mixInto(dst, prev, ref, scratch *block) {
	mix(prev, ref, scratch)
	for i := range dst {
		dst[i] ^= prev[i] ^ ref[i] ^ scratch[i]
	}
}

// mix leaves G without its last feed-forward in z: the permutation P over the rows of prev ^ ref, then over the columns.
func mix(prev, ref, z *block) {
	for i := range z {
		z[i] = prev[i] ^ ref[i]
	}
	for i := 0; i < wordsPerBlock; i += 16 {
		permute(z, i, 2)
	}
	for i := 0; i < 16; i += 2 {
		permute(z, i, 16)
	}
}

// permute is P of RFC 9106 §3.6 over the eight cells that begin at word first and lie step words apart.
func permute(z *block, first, step int) {
	var cell [8]*[2]uint64
	for i := range cell {
		at := (first + i*step) & (wordsPerBlock - 2)
		cell[i] = (*[2]uint64)(z[at : at+2])
	}
	v0, v1, v2, v3 := cell[0][0], cell[0][1], cell[1][0], cell[1][1]
	v4, v5, v6, v7 := cell[2][0], cell[2][1], cell[3][0], cell[3][1]
	v8, v9, v10, v11 := cell[4][0], cell[4][1], cell[5][0], cell[5][1]
	v12, v13, v14, v15 := cell[6][0], cell[6][1], cell[7][0], cell[7][1]

	v0, v4, v8, v12 = halfGB(v0, v4, v8, v12, 32, 24)
	v0, v4, v8, v12 = halfGB(v0, v4, v8, v12, 16, 63)
	v1, v5, v9, v13 = halfGB(v1, v5, v9, v13, 32, 24)
	v1, v5, v9, v13 = halfGB(v1, v5, v9, v13, 16, 63)
	v2, v6, v10, v14 = halfGB(v2, v6, v10, v14, 32, 24)
	v2, v6, v10, v14 = halfGB(v2, v6, v10, v14, 16, 63)
	v3, v7, v11, v15 = halfGB(v3, v7, v11, v15, 32, 24)
	v3, v7, v11, v15 = halfGB(v3, v7, v11, v15, 16, 63)
	v0, v5, v10, v15 = halfGB(v0, v5, v10, v15, 32, 24)
	v0, v5, v10, v15 = halfGB(v0, v5, v10, v15, 16, 63)
	v1, v6, v11, v12 = halfGB(v1, v6, v11, v12, 32, 24)
	v1, v6, v11, v12 = halfGB(v1, v6, v11, v12, 16, 63)
	v2, v7, v8, v13 = halfGB(v2, v7, v8, v13, 32, 24)
	v2, v7, v8, v13 = halfGB(v2, v7, v8, v13, 16, 63)
	v3, v4, v9, v14 = halfGB(v3, v4, v9, v14, 32, 24)
	v3, v4, v9, v14 = halfGB(v3, v4, v9, v14, 16, 63)

	cell[0][0], cell[0][1], cell[1][0], cell[1][1] = v0, v1, v2, v3
	cell[2][0], cell[2][1], cell[3][0], cell[3][1] = v4, v5, v6, v7
	cell[4][0], cell[4][1], cell[5][0], cell[5][1] = v8, v9, v10, v11
	cell[6][0], cell[6][1], cell[7][0], cell[7][1] = v12, v13, v14, v15
}

// halfGB is one half of GB of RFC 9106 §3.6, BLAKE2b's mixing with a multiplication added; the whole would be too large for the compiler to inline.
func halfGB(a, b, c, d uint64, turnD, turnB int) (uint64, uint64, uint64, uint64) {
	a += b + 2*uint64(uint32(a))*uint64(uint32(b))
	d = bits.RotateLeft64(d^a, -turnD)
	c += d + 2*uint64(uint32(c))*uint64(uint32(d))
	b = bits.RotateLeft64(b^c, -turnB)
	return a, b, c, d
}
