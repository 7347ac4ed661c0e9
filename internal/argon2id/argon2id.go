// Package argon2id owns the password hash: argon2id (RFC 9106) version 0x13, its text form, and a bounded pool that computes it in memory kept from one
// hash to the next. It refuses to know what a password belongs to, how long one may be, where a hash is stored, or what a refusal looks like to a person.
package argon2id

import (
	"errors"
	"fmt"
)

// ErrParams says that costs are outside what RFC 9106 allows or this package accepts.
var ErrParams = errors.New("argon2id: costs out of range")

const (
	DefaultMemoryKiB = 19456 // the OWASP floor together with two passes and one lane
	DefaultPasses    = 2
	DefaultLanes     = 1

	// MaxMemoryKiB, MaxPasses and MaxLanes bound every hash, own or foreign, before anything is allocated for it.
	MaxMemoryKiB = 1 << 20
	MaxPasses    = 64
	MaxLanes     = 64
	// MaxWorkKiB bounds memory × passes, so that no stored hash holds a slot for more than a second or so.
	MaxWorkKiB = 4 << 20

	saltLength = 16
	tagLength  = 32

	slicesPerLane = 4 // RFC 9106 §3.4, "SL"
)

// Params are the costs of one hash (RFC 9106 §3.1: m, t and p).
type Params struct {
	MemoryKiB uint32 // at least 8 × Lanes
	Passes    uint32
	Lanes     uint8
}

// DefaultParams returns 19 MiB, two passes, one lane.
func DefaultParams() Params {
	return Params{MemoryKiB: DefaultMemoryKiB, Passes: DefaultPasses, Lanes: DefaultLanes}
}

// Check returns an error wrapping ErrParams that names the first cost out of range.
func (p Params) Check() error {
	switch {
	case p.Lanes < 1 || p.Lanes > MaxLanes:
		return fmt.Errorf("%w: %d lanes, allowed 1 to %d", ErrParams, p.Lanes, MaxLanes)
	case p.Passes < 1 || p.Passes > MaxPasses:
		return fmt.Errorf("%w: %d passes, allowed 1 to %d", ErrParams, p.Passes, MaxPasses)
	case p.MemoryKiB < 8*uint32(p.Lanes) || p.MemoryKiB > MaxMemoryKiB:
		return fmt.Errorf("%w: %d KiB of memory, allowed %d to %d", ErrParams, p.MemoryKiB, 8*uint32(p.Lanes), MaxMemoryKiB)
	case p.work() > MaxWorkKiB:
		return fmt.Errorf("%w: %d KiB × %d passes, allowed %d in all", ErrParams, p.MemoryKiB, p.Passes, MaxWorkKiB)
	}
	return nil
}

func (p Params) work() uint64 { return uint64(p.MemoryKiB) * uint64(p.Passes) }

// blocks is m' of RFC 9106 §3.2: the memory in KiB rounded down to whole slices.
func (p Params) blocks() int {
	unit := slicesPerLane * uint32(p.Lanes)
	return int(p.MemoryKiB / unit * unit)
}
