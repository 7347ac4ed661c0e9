package argon2id

// position names a segment: one slice of one lane in one pass.
type position struct {
	pass, slice, lane int
}

// independent reports whether addresses come from a counter and not from memory: the half of the first pass that makes argon2id what it is (RFC 9106 §3.4.1.3).
func (at position) independent() bool { return at.pass == 0 && at.slice < slicesPerLane/2 }

// fill computes the blocks of one segment (RFC 9106 §3.2, steps 5 and 6).
func (d *derivation) fill(at position) {
	a, mixer, first := d.arena, d.kernel.over, 0
	if at.pass > 0 {
		mixer = d.kernel.into
	}
	if at.pass == 0 && at.slice == 0 {
		first = 2
		d.addresses(at, 0)
	}
	lane := a.blocks[at.lane*d.lane:][:d.lane]
	here := at.slice*d.segment + first
	prev := &lane[(here+d.lane-1)%d.lane]
	ref := d.reference(at, first, prev)

	for i := first; i < d.segment; i++ {
		dst := &lane[here]
		mixer.begin(dst, prev, ref, &a.scratch)
		next := ref
		if i+1 < d.segment {
			next = d.reference(at, i+1, dst)
		}
		mixer.end(dst, prev, ref, &a.scratch, next)
		prev, ref = dst, next
		here++
	}
}

// addresses computes the block of pseudo-random words for block i and those after it (RFC 9106 §3.4.1.2).
func (d *derivation) addresses(at position, i int) {
	a := d.arena
	counter := uint64(i/wordsPerBlock + 1)
	a.counter = block{uint64(at.pass), uint64(at.lane), uint64(at.slice), uint64(d.params.blocks()), uint64(d.params.Passes), typeID, counter}
	d.kernel.over.mix(&a.addresses, &a.zero, &a.counter, &a.draft)
	d.kernel.over.mix(&a.addresses, &a.zero, &a.addresses, &a.draft)
}

// reference finds the block that is mixed into block i of the segment; of prev, the block before it, only the first word need be there.
func (d *derivation) reference(at position, i int, prev *block) *block {
	if !at.independent() {
		return &d.arena.blocks[d.index(at, i, prev[0])]
	}
	if i%wordsPerBlock == 0 {
		d.addresses(at, i)
	}
	return &d.arena.blocks[d.index(at, i, d.arena.addresses[i%wordsPerBlock])]
}

// index maps a pseudo-random word to a block of the arena (RFC 9106 §3.4.2), for block i of the segment.
func (d *derivation) index(at position, i int, random uint64) int {
	lane := at.lane
	if d.params.Lanes > 1 && (at.pass > 0 || at.slice > 0) {
		lane = int((random >> 32) % uint64(d.params.Lanes))
	}

	// The window: everything finished in the last three slices, and in the own lane what this segment has so far without the block just before.
	area, start := at.slice*d.segment, 0
	if at.pass > 0 {
		area = d.lane - d.segment
		start = (at.slice + 1) % slicesPerLane * d.segment
	}
	switch {
	case lane == at.lane:
		area += i - 1
	case i == 0:
		area--
	}

	x := random & 0xffffffff
	x = x * x >> 32
	x = uint64(area) * x >> 32
	ref := start + area - 1 - int(x)
	if ref >= d.lane {
		ref -= d.lane
	}
	return lane*d.lane + ref
}
