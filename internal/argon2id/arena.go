package argon2id

import "fmt"

// arena is the memory of one hash slot. It is empty until reserve, and again after release.
type arena struct {
	scratch block // between the two steps of a mixer

	zero, counter, addresses, draft block // for addresses that do not depend on memory

	blocks  []block
	mapping mapping
}

// reserve makes room for at least n blocks; what the arena holds already is kept.
func (a *arena) reserve(n int) error {
	if len(a.blocks) >= n {
		return nil
	}
	a.release()
	blocks, m, err := mapBlocks(n)
	if err != nil {
		return fmt.Errorf("reserve %d KiB to hash in: %w", n, err)
	}
	a.blocks, a.mapping = blocks, m
	return nil
}

// release gives the blocks back to the operating system.
func (a *arena) release() {
	a.mapping.unmap()
	a.blocks, a.mapping = nil, mapping{}
}

func (a *arena) bytes() int64 { return int64(len(a.blocks)) * blockBytes }

// wipe clears what leads straight to the tag or came straight from the password: each lane's first two blocks and its last, and the working blocks. The
// rest is overwritten by the next hash or given back; clearing it would cost a seventh of a hash.
func (a *arena) wipe(params Params) {
	lane := params.blocks() / int(params.Lanes)
	for i := range int(params.Lanes) {
		a.blocks[i*lane], a.blocks[i*lane+1], a.blocks[(i+1)*lane-1] = block{}, block{}, block{}
	}
	a.scratch, a.addresses, a.draft = block{}, block{}, block{}
}
