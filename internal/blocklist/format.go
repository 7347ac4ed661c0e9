package blocklist

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// The filter file, all numbers little-endian:
//
//	 0  magic "usherblk"
//	 8  version, 4 bytes            12  number of shards, 4 bytes
//	16  keys, 8 bytes               24  lines read, 8 bytes
//	32  ranges seen, 4 bytes        36  least count kept, 4 bytes
//	40  SHA-256 of the fingerprints
//	72  shard table: seed 8, keys 4, segment length 4, segments 4, zero 4
//	 …  SHA-256 of all the above
//	 …  fingerprints, 2 bytes each, shard after shard
//
// A shard holds the keys with one first byte as a binary fuse filter (Graf and Lemire 2022), three probes, 16 bits.
const (
	magic          = "usherblk"
	version        = 1
	shardCount     = 256
	tableStart     = 72
	shardEntrySize = 24
	headerEnd      = tableStart + shardCount*shardEntrySize
	dataStart      = headerEnd + sha256.Size

	maxSegment = 1 << 18
)

// ErrFilter marks a file that is not a whole, unaltered filter.
var ErrFilter = errors.New("not a usable filter file")

type shard struct {
	seed          uint64
	keys          uint32
	segmentLength uint32
	segments      uint32
	start         int // byte offset in the file
}

type header struct {
	stats   Stats
	content [sha256.Size]byte
	shards  [shardCount]shard
}

// Stats tells what a filter was built from.
type Stats struct {
	Keys     uint64 // different passwords held
	Lines    uint64 // lines read, those below the least count included
	Ranges   uint32 // five-digit prefixes seen; a whole download has all 1,048,576
	MinCount uint32
}

// fingerprints counts the 16-bit cells of a shard.
func (s shard) fingerprints() int {
	if s.keys == 0 {
		return 0
	}
	return int((uint64(s.segments) + 2) * uint64(s.segmentLength))
}

func (h *header) encode() []byte {
	b := make([]byte, 0, dataStart)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, shardCount)
	b = binary.LittleEndian.AppendUint64(b, h.stats.Keys)
	b = binary.LittleEndian.AppendUint64(b, h.stats.Lines)
	b = binary.LittleEndian.AppendUint32(b, h.stats.Ranges)
	b = binary.LittleEndian.AppendUint32(b, h.stats.MinCount)
	b = append(b, h.content[:]...)
	for _, s := range h.shards {
		b = binary.LittleEndian.AppendUint64(b, s.seed)
		b = binary.LittleEndian.AppendUint32(b, s.keys)
		b = binary.LittleEndian.AppendUint32(b, s.segmentLength)
		b = binary.LittleEndian.AppendUint32(b, s.segments)
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decodeHeader trusts nothing in b; size is that of the whole file.
func decodeHeader(b []byte, size int64) (*header, error) {
	if len(b) < dataStart || string(b[:8]) != magic {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrFilter)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrFilter, v, version)
	}
	if sum := sha256.Sum256(b[:headerEnd]); !bytes.Equal(sum[:], b[headerEnd:dataStart]) {
		return nil, fmt.Errorf("%w: its header is damaged", ErrFilter)
	}
	if n := binary.LittleEndian.Uint32(b[12:]); n != shardCount {
		return nil, fmt.Errorf("%w: %d shards instead of %d", ErrFilter, n, shardCount)
	}
	h := &header{stats: Stats{
		Keys:     binary.LittleEndian.Uint64(b[16:]),
		Lines:    binary.LittleEndian.Uint64(b[24:]),
		Ranges:   binary.LittleEndian.Uint32(b[32:]),
		MinCount: binary.LittleEndian.Uint32(b[36:]),
	}}
	copy(h.content[:], b[40:tableStart])
	return h, h.decodeShards(b[tableStart:headerEnd], size)
}

func (h *header) decodeShards(table []byte, size int64) error {
	next, keys := int64(dataStart), uint64(0)
	for i := range h.shards {
		entry := table[i*shardEntrySize:]
		s := shard{
			seed:          binary.LittleEndian.Uint64(entry),
			keys:          binary.LittleEndian.Uint32(entry[8:]),
			segmentLength: binary.LittleEndian.Uint32(entry[12:]),
			segments:      binary.LittleEndian.Uint32(entry[16:]),
			start:         int(next),
		}
		if !s.sane() {
			return fmt.Errorf("%w: shard %d makes no sense", ErrFilter, i)
		}
		next += 2 * int64(s.fingerprints())
		if next > size {
			return fmt.Errorf("%w: it is cut short", ErrFilter)
		}
		keys += uint64(s.keys)
		h.shards[i] = s
	}
	if next != size || keys != h.stats.Keys {
		return fmt.Errorf("%w: its sizes do not add up", ErrFilter)
	}
	return nil
}

// sane holds what probing relies on: every index it can compute lies inside the shard.
func (s shard) sane() bool {
	if s.keys == 0 {
		return s.seed == 0 && s.segmentLength == 0 && s.segments == 0
	}
	powerOfTwo := bits.OnesCount32(s.segmentLength) == 1
	cells := (uint64(s.segments) + 2) * uint64(s.segmentLength)
	return powerOfTwo && s.segmentLength <= maxSegment && s.segments > 0 && cells < 1<<32 && uint64(s.keys) <= cells
}
