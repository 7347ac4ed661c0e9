package argon2id

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrMalformed says that a stored hash is not an argon2id PHC string in its one canonical spelling.
var ErrMalformed = errors.New("argon2id: malformed hash")

const (
	maxPHCLength  = 256
	minSaltLength = 8
	minTagLength  = 16
	maxPartLength = 64 // of the salt and of the tag, in bytes

	phcPrefix = "$argon2id$v=19$"
)

// encoded is a stored hash taken apart.
type encoded struct {
	params Params
	salt   []byte
	tag    []byte
}

func (e encoded) text() string {
	return fmt.Sprintf("%sm=%d,t=%d,p=%d$%s$%s", phcPrefix, e.params.MemoryKiB, e.params.Passes, e.params.Lanes,
		base64.RawStdEncoding.EncodeToString(e.salt), base64.RawStdEncoding.EncodeToString(e.tag))
}

// parse accepts exactly what text writes. Errors name the part at fault, never its content.
func parse(phc string) (encoded, error) {
	if len(phc) > maxPHCLength {
		return encoded{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxPHCLength)
	}
	rest, ok := strings.CutPrefix(phc, phcPrefix)
	if !ok {
		return encoded{}, fmt.Errorf("%w: does not begin with %s", ErrMalformed, phcPrefix)
	}
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return encoded{}, fmt.Errorf("%w: not made of costs, salt and tag", ErrMalformed)
	}
	params, err := parseParams(parts[0])
	if err != nil {
		return encoded{}, err
	}
	salt, err := parseBytes(parts[1], minSaltLength)
	if err != nil {
		return encoded{}, fmt.Errorf("salt: %w", err)
	}
	tag, err := parseBytes(parts[2], minTagLength)
	if err != nil {
		return encoded{}, fmt.Errorf("tag: %w", err)
	}
	e := encoded{params: params, salt: salt, tag: tag}
	// One comparison covers every other spelling: signs, leading zeros, line ends inside the base64, stray trailing bits.
	if e.text() != phc {
		return encoded{}, fmt.Errorf("%w: not in canonical form", ErrMalformed)
	}
	return e, nil
}

func parseParams(text string) (Params, error) {
	fields := strings.Split(text, ",")
	if len(fields) != 3 {
		return Params{}, fmt.Errorf("%w: costs are not m, t and p", ErrMalformed)
	}
	var costs [3]uint64
	for i, name := range [...]string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		if !ok {
			return Params{}, fmt.Errorf("%w: costs are not m, t and p in this order", ErrMalformed)
		}
		bits := 32
		if name == "p=" {
			bits = 8
		}
		n, err := strconv.ParseUint(digits, 10, bits)
		if errors.Is(err, strconv.ErrRange) {
			return Params{}, fmt.Errorf("%w: %s needs more than %d bits", ErrParams, name, bits)
		}
		if err != nil {
			return Params{}, fmt.Errorf("%w: %s is not followed by a number", ErrMalformed, name)
		}
		costs[i] = n
	}
	p := Params{MemoryKiB: uint32(costs[0]), Passes: uint32(costs[1]), Lanes: uint8(costs[2])}
	return p, p.Check()
}

func parseBytes(text string, shortest int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: not unpadded base64", ErrMalformed)
	}
	if len(b) < shortest || len(b) > maxPartLength {
		return nil, fmt.Errorf("%w: %d bytes, allowed %d to %d", ErrMalformed, len(b), shortest, maxPartLength)
	}
	return b, nil
}

// NeedsRehash reports whether a stored hash is weaker than one made now with params: less memory, less work (memory × passes), a shorter salt or tag, or
// not readable at all. A stronger hash is left alone.
func NeedsRehash(phc string, params Params) bool {
	e, err := parse(phc)
	if err != nil {
		return true
	}
	return e.params.MemoryKiB < params.MemoryKiB || e.params.work() < params.work() || len(e.salt) < saltLength || len(e.tag) < tagLength
}
