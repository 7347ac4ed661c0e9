package argon2id

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// mapping is anonymous memory outside the Go heap, so that it neither counts towards garbage collection nor outlives its use.
type mapping struct{ raw []byte }

// mapBlocks returns n zeroed blocks that begin on a huge page: argon2 jumps about in them, and with small pages each jump is a TLB miss besides.
func mapBlocks(n int) ([]block, mapping, error) {
	raw, err := unix.Mmap(-1, 0, n*blockBytes+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, mapping{}, err
	}
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (hugePage - 1)
	// Advice may be refused by a kernel built without it; the memory is as good, only slower. Dumps need not hold passwords half hashed.
	_ = unix.Madvise(raw, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(raw, unix.MADV_DONTDUMP)
	return unsafe.Slice((*block)(unsafe.Pointer(&raw[skip])), n), mapping{raw: raw}, nil
}

func (m mapping) unmap() {
	if m.raw != nil {
		_ = unix.Munmap(m.raw) // fails only for a range that was never mapped
	}
}
