package blocklist

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrUnreadable is what Err reports once a page of the file could not be read: it was cut short under us, or the disk failed.
var ErrUnreadable = errors.New("filter file can no longer be read")

// Filter looks SHA-1 sums up in a file mapped into memory; only the pages touched are ever loaded. It never misses a
// password it was built from, and takes one stranger in 65,536 for one. Replace the file by renaming another over it, as
// Build does; a running process keeps the old one.
type Filter struct {
	header     *header
	unreadable atomic.Bool

	mu   sync.RWMutex
	data []byte // nil after Close
}

// Open maps a file that Build wrote. It checks the header and all sizes, and leaves the content to Verify.
func Open(path string) (*Filter, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening filter: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening filter: %w", err)
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size < dataStart || size != int64(int(size)) {
		return nil, fmt.Errorf("opening filter %s: %w: it does not begin like one", path, ErrFilter)
	}
	head := make([]byte, dataStart)
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("opening filter: %w", err)
	}
	header, err := decodeHeader(head, size)
	if err != nil {
		return nil, fmt.Errorf("opening filter %s: %w", path, err)
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping filter %s: %w", path, err)
	}
	// Probes are scattered; reading ahead would only push other pages out.
	_ = unix.Madvise(data, unix.MADV_RANDOM)
	return &Filter{header: header, data: data}, nil
}

// Contains takes the SHA-1 of a password as it is typed, NFC. After Close, or when the file cannot be read (see Err), it
// finds nothing.
func (f *Filter) Contains(sum [20]byte) (found bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.data == nil {
		return false
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer f.surviveFault()
	key := binary.BigEndian.Uint64(sum[:])
	return f.header.shards[sum[0]].contains(f.data, key)
}

// contains is the probe of a three-wise binary fuse filter; sane makes its indexes safe.
func (s *shard) contains(data []byte, key uint64) bool {
	if s.keys == 0 {
		return false
	}
	hash := mix(key + s.seed)
	high, _ := bits.Mul64(hash, uint64(s.segments)*uint64(s.segmentLength))
	mask := s.segmentLength - 1
	i0 := uint32(high)
	i1 := (i0 + s.segmentLength) ^ (uint32(hash>>18) & mask)
	i2 := (i0 + 2*s.segmentLength) ^ (uint32(hash) & mask)
	cell := func(i uint32) uint16 { return binary.LittleEndian.Uint16(data[s.start+2*int(i):]) }
	return uint16(hash^hash>>32) == cell(i0)^cell(i1)^cell(i2)
}

// mix is the finaliser of MurmurHash3, 64 bits.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// surviveFault, deferred, keeps a file that shrank under us from taking the process down.
func (f *Filter) surviveFault() {
	cause := recover()
	if cause == nil {
		return
	}
	if _, fault := cause.(interface{ Addr() uintptr }); !fault {
		panic(cause)
	}
	f.unreadable.Store(true)
}

// Err is ErrUnreadable once a lookup has failed for good, else nil; health checks ask it.
func (f *Filter) Err() error {
	if f.unreadable.Load() {
		return ErrUnreadable
	}
	return nil
}

// Stats tells what the filter was built from.
func (f *Filter) Stats() Stats { return f.header.stats }

// Verify reads the whole file and compares its SHA-256 with the one it was built with; ErrFilter when they differ.
func (f *Filter) Verify(ctx context.Context) (err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.data == nil {
		return os.ErrClosed
	}
	err = ErrUnreadable // what is returned when a fault ends the loop early
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer f.surviveFault()
	hash := sha256.New()
	for rest := f.data[dataStart:]; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("verifying filter: %w", err)
		}
		piece := rest[:min(len(rest), 1<<20)]
		hash.Write(piece)
		rest = rest[len(piece):]
	}
	if [sha256.Size]byte(hash.Sum(nil)) != f.header.content {
		return fmt.Errorf("%w: its content is damaged", ErrFilter)
	}
	return nil
}

// Close unmaps the file; a second Close does nothing.
func (f *Filter) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.data == nil {
		return nil
	}
	data := f.data
	f.data = nil
	if err := unix.Munmap(data); err != nil {
		return fmt.Errorf("closing filter: %w", err)
	}
	return nil
}
