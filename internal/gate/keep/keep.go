// Package keep owns the gate's folder: the key of the server, whose server it is, the window in which it may be claimed, and what else has to outlive the
// program. A write happens as a whole or not at all. A file that cannot be read is set aside, and never a reason not to start. It refuses to know the
// service and HTTP.
package keep

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The files of the folder. Key and identity stand in it twice, so that one of them torn by somebody else's hand costs nothing.
const (
	keyFile    = "server-key.pem"
	serverFile = "server.json"
	windowFile = "window.json"
	lockFile   = "lock"
)

// Folder is the open folder of one gate. Nobody else can open it meanwhile.
type Folder struct {
	disk       disk
	lock       *os.File
	key        ed25519.PrivateKey
	thumbprint string
	aside      []string

	saving sync.Mutex
	server atomic.Pointer[Server]
	window window
}

// Open opens the folder at path for this process alone, and makes it with a fresh key when there is none. ErrInUse.
func Open(path string, now time.Time) (*Folder, error) { return open(disk{path: path}, now) }

func open(d disk, now time.Time) (f *Folder, err error) {
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("making the gate's folder: %w", err)
	}
	f = &Folder{disk: d}
	if f.lock, err = d.claim(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := d.sweep(now); err != nil {
		return nil, fmt.Errorf("clearing the gate's folder: %w", err)
	}
	if err := f.loadKey(now); err != nil {
		return nil, fmt.Errorf("the server's key: %w", err)
	}
	if err := f.loadServer(now); err != nil {
		return nil, fmt.Errorf("whose server it is: %w", err)
	}
	return f, nil
}

// Close gives the folder free.
func (f *Folder) Close() error { return f.lock.Close() }

// Aside names the files that could not be read and were set aside under another name.
func (f *Folder) Aside() []string { return f.aside }

// Key is the server's key. Who has it is the server.
func (f *Folder) Key() ed25519.PrivateKey { return f.key }

// Thumbprint names the key (RFC 7638).
func (f *Folder) Thumbprint() string { return f.thumbprint }

// Derive returns 32 bytes that only this key gives for a purpose.
func (f *Folder) Derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, f.key.Seed(), nil, "usher gate: "+purpose, 32)
	if err != nil {
		panic("keep: deriving a key: " + err.Error()) // only for lengths beyond what SHA-256 gives
	}
	return out
}

// loadKey reads the key, or makes one: a server that has lost its key is a new server, which may be claimed.
func (f *Folder) loadKey(now time.Time) error {
	raw, err := f.readTwice(keyFile, now, func(raw []byte) error { _, err := parseKey(raw); return err })
	if err != nil {
		return err
	}
	if raw == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		if raw, err = formatKey(key); err != nil {
			return err
		}
		if err := f.writeTwice(keyFile, raw); err != nil {
			return err
		}
	}
	if f.key, err = parseKey(raw); err != nil {
		return err
	}
	f.thumbprint = thumbprint(f.key)
	return nil
}

func (f *Folder) loadServer(now time.Time) error {
	raw, err := f.readTwice(serverFile, now, func(raw []byte) error { _, err := parseServer(raw, f.thumbprint); return err })
	if err != nil || raw == nil {
		return err
	}
	s, err := parseServer(raw, f.thumbprint)
	if err != nil {
		return err
	}
	f.server.Store(&s)
	return nil
}

// Server returns whose server it is; false while it belongs to nobody.
func (f *Folder) Server() (Server, bool) {
	s := f.server.Load()
	if s == nil {
		return Server{}, false
	}
	return *s, true
}

// SaveServer writes whose server it is. It is on the disk when SaveServer returns.
func (f *Folder) SaveServer(s Server) error {
	f.saving.Lock()
	defer f.saving.Unlock()
	raw, err := formatServer(s, f.thumbprint)
	if err != nil {
		return err
	}
	if err := f.writeTwice(serverFile, raw); err != nil {
		return fmt.Errorf("writing whose server it is: %w", err)
	}
	f.server.Store(&s)
	return nil
}

// Forget makes the server nobody's. The key stays.
func (f *Folder) Forget() error {
	f.saving.Lock()
	defer f.saving.Unlock()
	for _, name := range []string{serverFile + copySuffix, serverFile} { // in this order: half done is not done
		if err := f.disk.remove(name); err != nil {
			return fmt.Errorf("forgetting whose server it is: %w", err)
		}
	}
	f.server.Store(nil)
	return nil
}

// Write puts a whole file of the gate's own into the folder, for Read after the next start.
func (f *Folder) Write(name string, raw []byte) error { return f.disk.write(name, raw) }

// Read has parse read what Write wrote last; what it refuses is set aside. Nothing to read is no error.
func (f *Folder) Read(name string, now time.Time, parse func([]byte) error) (set bool, err error) {
	raw, err := f.disk.read(name)
	switch {
	case err == nil && raw == nil:
		return false, nil
	case err == nil && parse(raw) == nil:
		return true, nil
	}
	aside, err := f.disk.setAside(name, now)
	f.aside = append(f.aside, aside)
	return false, err
}

// Look opens the folder at path only to read in it, whether a gate uses it or not; running says that one does. fs.ErrNotExist when no gate was ever started
// there. Nothing is changed: what cannot be read is not there.
func Look(path string) (f *Folder, running bool, err error) {
	d := disk{path: path}
	f = &Folder{disk: d}
	f.lock, err = os.Open(d.at(lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		f.lock, err = os.Open(path) // a backup may come without the lock; no gate has the folder itself
	}
	if err != nil {
		return nil, false, fmt.Errorf("looking into the gate's folder: %w", err)
	}
	running = locked(f.lock)
	for _, name := range []string{keyFile, keyFile + copySuffix} {
		raw, err := d.read(name)
		if err != nil || f.key != nil {
			continue
		}
		if f.key, err = parseKey(raw); err == nil {
			f.thumbprint = thumbprint(f.key)
		}
	}
	if f.key == nil {
		return nil, running, errors.Join(fmt.Errorf("%s: no key of a server: %w", path, fs.ErrNotExist), f.Close())
	}
	for _, name := range []string{serverFile, serverFile + copySuffix} {
		raw, err := d.read(name)
		if err != nil {
			continue
		}
		if s, err := parseServer(raw, f.thumbprint); err == nil && f.server.Load() == nil {
			f.server.Store(&s)
		}
	}
	return f, running, nil
}

// Peek returns what Write wrote last, as it is; nil when there is nothing.
func (f *Folder) Peek(name string) ([]byte, error) { return f.disk.read(name) }
