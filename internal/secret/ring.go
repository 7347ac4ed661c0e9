// Package secret owns the key ring and everything made with it: sealed values, blind indexes, keyed token hashes, and the Token
// type that never prints. It refuses to know what is sealed, where it is stored, and who asks.
package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// The ring's key sets. Each has one purpose and never serves another.
const (
	setSeal  = "seal"  // wraps account keys and seals rows that belong to no account
	setIndex = "index" // blind indexes: whole address, user name
	setToken = "token" // keyed hashes of bearer tokens; kept by id, never re-hashed
	setAudit = "audit" // row tags and the chain of the audit log
)

// purposes in the order the file lists them.
var purposes = []string{setSeal, setIndex, setToken, setAudit}

// Ring holds the keys that live outside the database. It is immutable: rotation makes a new one.
type Ring struct {
	generation int64
	sets       map[string]*keyset.Handle
	seal       tink.AEAD
	sealID     uint32
	index      prf.Set
	token      prf.Set
	audit      prf.Set
}

// NewRing makes a ring with one fresh key for each purpose.
func NewRing() (*Ring, error) {
	sets := map[string]*keyset.Handle{}
	for _, purpose := range purposes {
		h, err := keyset.NewHandle(templateOf(purpose))
		if err != nil {
			return nil, fmt.Errorf("making the %s key: %w", purpose, err)
		}
		sets[purpose] = h
	}
	return ringOf(1, sets)
}

func templateOf(purpose string) *tinkpb.KeyTemplate {
	if purpose == setSeal {
		return aead.XChaCha20Poly1305KeyTemplate()
	}
	return prf.HMACSHA256PRFKeyTemplate()
}

func ringOf(generation int64, sets map[string]*keyset.Handle) (*Ring, error) {
	r := &Ring{generation: generation, sets: sets}
	seal, err := aead.New(sets[setSeal])
	if err != nil {
		return nil, fmt.Errorf("reading the seal keys: %w", err)
	}
	primary, err := sets[setSeal].Primary()
	if err != nil {
		return nil, fmt.Errorf("reading the seal keys: %w", err)
	}
	r.seal, r.sealID = seal, primary.KeyID()
	for purpose, into := range map[string]*prf.Set{setIndex: &r.index, setToken: &r.token, setAudit: &r.audit} {
		s, err := prf.NewPRFSet(sets[purpose])
		if err != nil {
			return nil, fmt.Errorf("reading the %s keys: %w", purpose, err)
		}
		*into = *s
	}
	return r, nil
}

// Generation grows by one with each rotation step; the database remembers the newest it has seen, so a node with an older ring
// notices.
func (r *Ring) Generation() int64 { return r.generation }

// Seal returns plain as sealed text for a row that belongs to no account.
func (r *Ring) Seal(plain string, at Place) (string, error) {
	raw, err := r.seal.Encrypt([]byte(plain), at.bytes())
	if err != nil {
		return "", fmt.Errorf("sealing %s.%s: %w", at.Table, at.Column, err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Open returns what Seal was given, or ErrOpen.
func (r *Ring) Open(sealed string, at Place) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", ErrOpen
	}
	plain, err := r.seal.Decrypt(raw, at.bytes())
	if err != nil {
		return "", ErrOpen
	}
	return string(plain), nil
}

// SealPrefixLength is the number of characters of SealPrefix.
const SealPrefixLength = 6

// SealPrefix is how every value sealed by the newest key begins, for finding those that were not. Tink's output starts with one
// version byte and the key's id; six base64 characters hold the byte and 28 bits of the id.
func (r *Ring) SealPrefix() string {
	var b [5]byte
	b[0] = 1
	binary.BigEndian.PutUint32(b[1:], r.sealID)
	return base64.RawURLEncoding.EncodeToString(b[:])[:SealPrefixLength]
}

// Index returns the blind indexes of a value that is looked up: one for each index key, the primary's first. Outside a rotation
// there is exactly one.
func (r *Ring) Index(kind, value string) []string {
	return evaluate(&r.index, kind+"\x00"+value)
}

// IndexPrefixes returns how indexes begin that were made with each key, the primary's first.
func (r *Ring) IndexPrefixes() []string {
	ids := ids(&r.index)
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = prefix(id)
	}
	return out
}

// HashToken returns the keyed hashes under which a presented token may be stored, the newest key's first.
func (r *Ring) HashToken(kind string, t Token) []string {
	return evaluate(&r.token, kind+"\x00"+t.text)
}

// HashShort is HashToken for a short code that is only ever compared within the row it belongs to.
func (r *Ring) HashShort(row string, code Token) []string {
	return evaluate(&r.token, "short\x00"+row+"\x00"+code.text)
}

// Tag returns the audit key's tag over data; VerifyTag checks it, also for tags of older keys.
func (r *Ring) Tag(data []byte) string { return one(&r.audit, r.audit.PrimaryID, string(data)) }

// VerifyTag reports whether a tag was made over data by a key of this ring.
func (r *Ring) VerifyTag(data []byte, tag string) bool {
	return slices.Contains(evaluate(&r.audit, string(data)), tag)
}

// Obscure returns a keyed name for a counter (an address, an account), so that the limits' table tells nothing to a thief.
func (r *Ring) Obscure(kind, value string) string {
	return one(&r.token, r.token.PrimaryID, "limit\x00"+kind+"\x00"+value)
}

func evaluate(set *prf.Set, data string) []string {
	ids := ids(set)
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = one(set, id, data)
	}
	return out
}

func one(set *prf.Set, id uint32, data string) string {
	sum, err := set.PRFs[id].ComputePRF([]byte(data), 20)
	if err != nil {
		panic("secret: HMAC-SHA-256 cannot give 20 bytes: " + err.Error()) // a broken build, not an input
	}
	return prefix(id) + encoding.EncodeToString(sum)
}

func prefix(id uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], id)
	return hex.EncodeToString(b[:])
}

// ids lists a set's key ids, the primary first and the others in a fixed order.
func ids(set *prf.Set) []uint32 {
	out := make([]uint32, 0, len(set.PRFs))
	for id := range set.PRFs {
		if id != set.PrimaryID {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Insert(out, 0, set.PrimaryID)
}
