// Package secret owns the key ring and everything made with it: sealed values, blind indexes, keyed token hashes, and the Token
// type that never prints. It refuses to know what is sealed, where it is stored, and who asks.
package secret

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	generation  int64
	sets        map[string]*keyset.Handle
	seal        tink.AEAD
	sealID      uint32
	index       keyed
	token       keyed
	audit       keyed
	oldestToken int // its place among the token keys
	signing     []SigningKey
}

// keyed is one set of keys for hashing, in the order in which hashes are given: the primary first, the others by their ids.
type keyed struct {
	prf.Set
	order    []prf.PRF
	prefixes []string // how the hashes of each begin
}

func keyedOf(set *prf.Set) keyed {
	k := keyed{Set: *set}
	for _, id := range ids(set) {
		k.order, k.prefixes = append(k.order, set.PRFs[id]), append(k.prefixes, prefix(id))
	}
	return k
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
	return ringOf(1, sets, nil)
}

func templateOf(purpose string) *tinkpb.KeyTemplate {
	if purpose == setSeal {
		return aead.XChaCha20Poly1305KeyTemplate()
	}
	return prf.HMACSHA256PRFKeyTemplate()
}

func ringOf(generation int64, sets map[string]*keyset.Handle, signing []SigningKey) (*Ring, error) {
	r := &Ring{generation: generation, sets: sets, signing: signing}
	seal, err := aead.New(sets[setSeal])
	if err != nil {
		return nil, fmt.Errorf("reading the seal keys: %w", err)
	}
	primary, err := sets[setSeal].Primary()
	if err != nil {
		return nil, fmt.Errorf("reading the seal keys: %w", err)
	}
	r.seal, r.sealID = seal, primary.KeyID()
	for purpose, into := range map[string]*keyed{setIndex: &r.index, setToken: &r.token, setAudit: &r.audit} {
		s, err := prf.NewPRFSet(sets[purpose])
		if err != nil {
			return nil, fmt.Errorf("reading the %s keys: %w", purpose, err)
		}
		*into = keyedOf(s)
	}
	oldest, err := sets[setToken].Entry(0) // keysets keep their keys in the order they were added
	if err != nil {
		return nil, fmt.Errorf("reading the token keys: %w", err)
	}
	r.oldestToken = slices.Index(r.token.prefixes, prefix(oldest.KeyID()))
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
	return r.index.all(kind + "\x00" + value)
}

// IndexPrefixes returns how indexes begin that were made with each key, the primary's first.
func (r *Ring) IndexPrefixes() []string {
	return slices.Clone(r.index.prefixes)
}

// HashToken returns the keyed hashes under which a presented token may be stored, the newest key's first.
func (r *Ring) HashToken(kind string, t Token) []string {
	return r.token.all(kind + "\x00" + t.text)
}

// HashShort is HashToken for a short code that is only ever compared within the row it belongs to.
func (r *Ring) HashShort(row string, code Token) []string {
	return r.token.all("short\x00" + row + "\x00" + code.text)
}

// Hashed reports whether a keyed hash of a token was made by a key of this ring. By another one it can only have been made by a newer ring: token keys are
// never dropped.
func (r *Ring) Hashed(hash string) bool {
	return slices.ContainsFunc(r.token.prefixes, func(p string) bool { return strings.HasPrefix(hash, p) })
}

// Tag returns the audit key's tag over data; VerifyTag checks it, also for tags of older keys.
func (r *Ring) Tag(data []byte) string { return r.audit.hash(0, data) }

// VerifyTag reports whether a tag was made over data by a key of this ring.
func (r *Ring) VerifyTag(data []byte, tag string) bool {
	return slices.Contains(r.audit.all(string(data)), tag)
}

// Obscure returns a keyed name for a counter (an address, an account), so that the limits' table tells nothing to a thief. It is made with
// the oldest token key, which the ring never drops, so that a rotation does not start every counter anew.
func (r *Ring) Obscure(kind, value string) string {
	return r.token.hash(r.oldestToken, []byte("limit\x00"+kind+"\x00"+value))
}

// Derive returns the one token that another turns into for a purpose: nobody can tell it without the ring. It is made with the oldest token key, like
// Obscure, so that a rotation does not lose what a token has turned into.
func (r *Ring) Derive(purpose string, from Token) Token {
	sum, err := r.token.order[r.oldestToken].ComputePRF([]byte("derive\x00"+purpose+"\x00"+from.text), 32)
	if err != nil {
		panic("secret: HMAC-SHA-256 cannot give 32 bytes: " + err.Error()) // as in hash
	}
	return Token{encoding.EncodeToString(sum)}
}

// checkAlphabet has no letters or digits that look alike.
const checkAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// CheckCode returns the code by which a mail about an incident shows an account's owner that it is ours: eight symbols, "ABCD-EFGH". It is made
// with the oldest token key, like Obscure, so that a rotation leaves the codes in people's mailboxes good.
func (r *Ring) CheckCode(incidentID, accountID string) Token {
	sum, err := r.token.order[r.oldestToken].ComputePRF([]byte("check\x00"+incidentID+"\x00"+accountID), hashBytes)
	if err != nil {
		panic("secret: HMAC-SHA-256 cannot give 20 bytes: " + err.Error()) // as in hash
	}
	code := make([]byte, 0, 9)
	for i := range 8 {
		if i == 4 {
			code = append(code, '-')
		}
		code = append(code, checkAlphabet[sum[i]%32])
	}
	return Token{string(code)}
}

// PollCode returns what a device polls with that knows itself by a number and a name only: nobody can make it without the ring. It is made with the
// oldest token key, like Obscure, so that a rotation leaves those good that wait.
func (r *Ring) PollCode(id int64, name string) Token {
	sum, err := r.token.order[r.oldestToken].ComputePRF([]byte("poll\x00"+strconv.FormatInt(id, 10)+"\x00"+name), tokenBytes)
	if err != nil {
		panic("secret: HMAC-SHA-256 cannot give 32 bytes: " + err.Error()) // as in hash
	}
	return Token{encoding.EncodeToString(sum)}
}

// all hashes data with every key, the primary's first.
func (k *keyed) all(data string) []string {
	out := make([]string, len(k.order))
	for i := range out {
		out[i] = k.hash(i, []byte(data))
	}
	return out
}

func (k *keyed) hash(i int, data []byte) string {
	sum, err := k.order[i].ComputePRF(data, hashBytes)
	if err != nil {
		panic("secret: HMAC-SHA-256 cannot give 20 bytes: " + err.Error()) // a broken build, not an input
	}
	var text [prefixLength + hashBytes*8/5]byte
	copy(text[:], k.prefixes[i])
	encoding.Encode(text[prefixLength:], sum)
	return string(text[:])
}

const (
	prefixLength = 8  // hexadecimal digits of a key's id
	hashBytes    = 20 // 32 characters
)

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
