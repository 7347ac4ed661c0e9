package secret

import (
	"errors"
	"fmt"
	"maps"

	"github.com/tink-crypto/tink-go/v2/keyset"
)

// A rotation has two steps, with the re-sealing of the database between them:
//
//	BeginRotation   new keys in every set. Seal, token and audit use theirs at once; the new index key stands beside the
//	                primary, so rows are written and looked up under both.
//	FinishRotation  the new index key becomes the primary; the old seal and index keys are dropped. Old token keys stay,
//	                because a token's hash cannot be made again; old audit keys stay, so that old entries verify.

// Rotating reports whether a rotation has begun and not finished: only then does the index set hold two keys.
func (r *Ring) Rotating() bool { return len(r.index.PRFs) > 1 }

// BeginRotation returns a ring with fresh keys in every set and the next generation.
func (r *Ring) BeginRotation() (*Ring, error) {
	if r.Rotating() {
		return nil, errors.New("a rotation of the key ring has begun already; finish it first")
	}
	sets := map[string]*keyset.Handle{}
	for _, purpose := range purposes {
		m := keyset.NewManagerFromHandle(r.sets[purpose])
		added, err := m.Add(templateOf(purpose))
		if err != nil {
			return nil, fmt.Errorf("adding a %s key: %w", purpose, err)
		}
		if purpose != setIndex {
			if err := m.SetPrimary(added); err != nil {
				return nil, fmt.Errorf("choosing the new %s key: %w", purpose, err)
			}
		}
		if sets[purpose], err = m.Handle(); err != nil {
			return nil, fmt.Errorf("making the %s key set: %w", purpose, err)
		}
	}
	next, err := ringOf(r.generation+1, sets, r.signing)
	if err == nil && next.SealPrefix() == r.SealPrefix() { // 1 in 2^28: the two could not be told apart
		return r.BeginRotation()
	}
	return next, err
}

// FinishRotation returns a ring without the keys that BeginRotation replaced. Call it only when nothing in the database needs them.
func (r *Ring) FinishRotation() (*Ring, error) {
	if !r.Rotating() {
		return nil, errors.New("no rotation of the key ring has begun")
	}
	sets := maps.Clone(r.sets)
	for _, purpose := range []string{setSeal, setIndex} {
		h := r.sets[purpose]
		newest, err := h.Entry(h.Len() - 1) // keysets keep their keys in the order they were added
		if err != nil {
			return nil, fmt.Errorf("finding the newest %s key: %w", purpose, err)
		}
		m := keyset.NewManagerFromHandle(h)
		if err := m.SetPrimary(newest.KeyID()); err != nil {
			return nil, fmt.Errorf("choosing the new %s key: %w", purpose, err)
		}
		for i := range h.Len() - 1 {
			old, err := h.Entry(i)
			if err != nil {
				return nil, fmt.Errorf("finding an old %s key: %w", purpose, err)
			}
			if err := m.Delete(old.KeyID()); err != nil {
				return nil, fmt.Errorf("dropping an old %s key: %w", purpose, err)
			}
		}
		if sets[purpose], err = m.Handle(); err != nil {
			return nil, fmt.Errorf("making the %s key set: %w", purpose, err)
		}
	}
	return ringOf(r.generation+1, sets, r.signing)
}
