package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ringFile is the key ring on disk: Tink's own JSON for each key set. The keys in it are plain; what guards them is that the file
// lives apart from the database, is readable by its owner only, and can be any file the system provides (a systemd credential, a
// mounted secret).
type ringFile struct {
	Comment    string                     `json:"comment"`
	Version    int                        `json:"version"`
	Generation int64                      `json:"generation"`
	Sets       map[string]json.RawMessage `json:"key_sets"`
	Signing    []signingFile              `json:"signing_keys,omitempty"`
}

const ringComment = "Usher's key ring. Without it the database is worthless, also to you: keep a copy apart from the database's."

// Keeper holds the newest ring read from one file.
type Keeper struct {
	path string
	ring atomic.Pointer[Ring]
	seen atomic.Pointer[fs.FileInfo]
}

// OpenKeeper reads the ring at path. An absent file is fs.ErrNotExist; a file that others may read is refused.
func OpenKeeper(path string) (*Keeper, error) {
	k := &Keeper{path: path}
	if err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// CreateKeeper makes a fresh ring at path, mode 0600, and fails with fs.ErrExist when there is a file already.
func CreateKeeper(path string) (*Keeper, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("making the key ring: %s: %w", path, fs.ErrExist)
	}
	r, err := NewRing()
	if err != nil {
		return nil, err
	}
	if r, err = r.NextSigning(time.Time{}); err != nil {
		return nil, err
	}
	raw, err := r.marshal()
	if err != nil {
		return nil, err
	}
	if err := writeFile(path, raw, os.Link); err != nil { // a link, unlike a rename, never replaces what another process made meanwhile
		return nil, fmt.Errorf("making the key ring: %w", err)
	}
	return OpenKeeper(path)
}

// KeeperOf wraps a ring that lives in memory only, for tests and tools.
func KeeperOf(r *Ring) *Keeper {
	k := &Keeper{}
	k.ring.Store(r)
	return k
}

// Ring returns the newest ring read.
func (k *Keeper) Ring() *Ring { return k.ring.Load() }

// Reload reads the file again if it has changed.
func (k *Keeper) Reload() error {
	if k.path == "" {
		return nil
	}
	info, err := os.Stat(k.path)
	if err != nil {
		return fmt.Errorf("reading the key ring: %w", err)
	}
	if seen := k.seen.Load(); seen != nil && os.SameFile(*seen, info) && (*seen).ModTime().Equal(info.ModTime()) {
		return nil
	}
	if info.Mode().Perm()&forbiddenBits(k.path) != 0 {
		return fmt.Errorf("the key ring %s can be read by others (mode %04o); make it 0600", k.path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(k.path)
	if err != nil {
		return fmt.Errorf("reading the key ring: %w", err)
	}
	r, err := parseRing(raw)
	if err != nil {
		return fmt.Errorf("reading the key ring %s: %w", k.path, err)
	}
	k.seen.Store(&info)
	k.ring.Store(r)
	return nil
}

// forbiddenBits returns the permission bits that a ring may not have. What systemd hands over by LoadCredential= is guarded by its folder, and
// newer versions mark an access list in the group's bits.
func forbiddenBits(path string) fs.FileMode {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(path) == filepath.Clean(dir) {
		return 0o007
	}
	return 0o077
}

// Replace writes the ring in one step: the file holds either the old ring or the new one, also after a power cut.
func (k *Keeper) Replace(r *Ring) error {
	raw, err := r.marshal()
	if err != nil {
		return err
	}
	if k.path != "" {
		if err := writeFile(k.path, raw, os.Rename); err != nil {
			return fmt.Errorf("writing the key ring: %w", err)
		}
	}
	k.ring.Store(r)
	return nil
}

func (r *Ring) marshal() ([]byte, error) {
	f := ringFile{Comment: ringComment, Version: 1, Generation: r.generation, Sets: map[string]json.RawMessage{}}
	for purpose, h := range r.sets {
		var buf bytes.Buffer
		if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
			return nil, fmt.Errorf("writing the %s keys: %w", purpose, err)
		}
		f.Sets[purpose] = buf.Bytes()
	}
	var err error
	if f.Signing, err = r.signingFiles(); err != nil {
		return nil, err
	}
	return json.MarshalIndent(f, "", " ")
}

func parseRing(raw []byte) (*Ring, error) {
	var f ringFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, errors.New("it is not a key ring (no valid JSON)") // the parser's own words could quote key material
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("its version is %d; this program reads version 1", f.Version)
	}
	sets := map[string]*keyset.Handle{}
	for _, purpose := range purposes {
		h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.Sets[purpose])))
		if err != nil {
			return nil, fmt.Errorf("its %s keys cannot be read", purpose)
		}
		sets[purpose] = h
	}
	signing, err := readSigning(f.Signing)
	if err != nil {
		return nil, err
	}
	return ringOf(f.Generation, sets, signing)
}

// writeFile puts a whole new file in place, by os.Rename or os.Link.
func writeFile(path string, raw []byte, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".keyring-*") // created with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // a no-op once renamed
	if _, err := tmp.Write(raw); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
