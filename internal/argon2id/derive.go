package argon2id

import (
	"encoding/binary"
	"hash"
	"runtime"

	"golang.org/x/crypto/blake2b"
)

const (
	version     = 0x13
	typeID      = 2 // argon2id
	prefixBytes = blake2b.Size
)

// input is what is hashed. Secret and data exist for RFC 9106's own test vector; the pool leaves them empty.
type input struct {
	password, salt, secret, data []byte
}

// derivation is one run of RFC 9106 §3.2 over an arena's memory.
type derivation struct {
	kernel  kernel
	params  Params
	arena   *arena
	lane    int // blocks in a lane
	segment int // blocks in a slice of a lane
}

// derive fills tag. The arena must hold params.blocks(); afterwards nothing in it leads to the tag in one step.
func derive(k kernel, a *arena, params Params, in input, tag []byte) {
	d := derivation{kernel: k, params: params, arena: a, lane: params.blocks() / int(params.Lanes)}
	d.segment = d.lane / slicesPerLane
	defer a.wipe(params)

	d.seed(in, len(tag))
	for pass := range int(params.Passes) {
		for slice := range slicesPerLane {
			for lane := range int(params.Lanes) {
				d.fill(position{pass: pass, slice: slice, lane: lane})
			}
			// A hash holds its processor for milliseconds; here short requests get their turn.
			runtime.Gosched()
		}
	}
	d.finish(tag)
}

// seed writes the first two blocks of each lane (RFC 9106 §3.2, steps 1 to 4).
func (d *derivation) seed(in input, tagLength int) {
	var h0 [prefixBytes + 8]byte
	defer clear(h0[:])

	h, _ := blake2b.New512(nil) // fails only for a key
	for _, n := range []uint32{uint32(d.params.Lanes), uint32(tagLength), d.params.MemoryKiB, d.params.Passes, version, typeID} {
		writeUint32(h, n)
	}
	for _, field := range [][]byte{in.password, in.salt, in.secret, in.data} {
		writeUint32(h, uint32(len(field)))
		h.Write(field)
	}
	h.Sum(h0[:0])
	forget(h)

	var first [blockBytes]byte
	defer clear(first[:])
	for lane := range int(d.params.Lanes) {
		for i := range 2 {
			binary.LittleEndian.PutUint32(h0[prefixBytes:], uint32(i))
			binary.LittleEndian.PutUint32(h0[prefixBytes+4:], uint32(lane))
			stretch(first[:], h0[:])
			d.arena.blocks[lane*d.lane+i].load(&first)
		}
	}
}

// finish hashes the XOR of the lanes' last blocks into tag (RFC 9106 §3.2, steps 7 and 8).
func (d *derivation) finish(tag []byte) {
	last := &d.arena.scratch
	*last = block{}
	for lane := range int(d.params.Lanes) {
		for i, word := range d.arena.blocks[(lane+1)*d.lane-1] {
			last[i] ^= word
		}
	}
	var text [blockBytes]byte
	defer clear(text[:])
	for i, word := range last {
		binary.LittleEndian.PutUint64(text[8*i:], word)
	}
	stretch(tag, text[:])
}

func (b *block) load(text *[blockBytes]byte) {
	for i := range b {
		b[i] = binary.LittleEndian.Uint64(text[8*i:])
	}
}

// stretch is H' of RFC 9106 §3.3: BLAKE2b with an output of any length.
func stretch(out, in []byte) {
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(out)))
	if len(out) <= blake2b.Size {
		sum(out, length, in)
		return
	}
	var v [blake2b.Size]byte
	defer clear(v[:])
	sum(v[:], length, in)
	n := copy(out, v[:32])
	for len(out)-n > blake2b.Size {
		v = blake2b.Sum512(v[:])
		n += copy(out[n:], v[:32])
	}
	sum(out[n:], nil, v[:])
}

// sum fills out, 1 to 64 bytes, with BLAKE2b of exactly that length.
func sum(out, prefix, in []byte) {
	h, _ := blake2b.New(len(out), nil) // fails only for a key or a length out of range
	h.Write(prefix)
	h.Write(in)
	h.Sum(out[:0])
	forget(h)
}

// forget overwrites the input that a BLAKE2b state still buffers.
func forget(h hash.Hash) {
	h.Reset()
	h.Write(make([]byte, blake2b.BlockSize))
}

func writeUint32(h hash.Hash, n uint32) {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], n)
	h.Write(b[:])
}
