package keep

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	tempMark   = ".next-"
	asideMark  = ".unreadable-"
	copySuffix = ".copy"

	// longestFile bounds what is read, in bytes.
	longestFile = 16 << 20
	// tempLife is how old a file left half-written must be before it is cleared away: a command beside the gate may be writing one.
	tempLife = time.Minute
)

// ErrInUse says that another gate has the folder.
var ErrInUse = errors.New("another usher gate uses this folder")

// disk writes files of one folder as a whole.
type disk struct {
	path string
	// step, if set, is called after everything that changes the disk. Tests end the process there.
	step func()
}

func (d disk) at(name string) string { return filepath.Join(d.path, name) }

func (d disk) stepped() {
	if d.step != nil {
		d.step()
	}
}

// prepare makes the folder, for its owner alone.
func (d disk) prepare() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrPermission) { // a volume may be somebody else's; the files are ours
		return err
	}
	return nil
}

// claim takes the lock, which the kernel frees when the process ends, however it ends. Who only looks has it for a moment (locked), and keeps no gate out.
func (d disk) claim() (*os.File, error) {
	f, err := os.OpenFile(d.at(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the gate's folder: %w", err)
	}
	for tries := 20; ; tries-- {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil || tries == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s; stop that one, or give this one a folder of its own with --folder", ErrInUse, d.path), f.Close())
	}
	return f, nil
}

// locked reports whether another process has the lock.
func locked(f *os.File) bool {
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return true
	}
	return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) != nil
}

// sweep removes what a process left that was killed while it wrote.
func (d disk) sweep(now time.Time) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), tempMark) || now.Sub(info.ModTime()) < tempLife {
			continue
		}
		if err := os.Remove(d.at(entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// write puts a whole new file in place, mode 0600: whoever reads finds the old one or this one, after a power cut too.
func (d disk) write(name string, raw []byte) error {
	f, err := os.CreateTemp(d.path, tempMark) // created with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // nothing is there once renamed
	d.stepped()
	_, err = f.Write(raw)
	d.stepped()
	if err == nil {
		err = f.Sync()
		d.stepped()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.at(name)); err != nil {
		return err
	}
	d.stepped()
	return d.settle()
}

// settle has the folder's own entries written.
func (d disk) settle() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	err = errors.Join(f.Sync(), f.Close())
	d.stepped()
	return err
}

// read returns a file's bytes, nil when there is none. Others may not read it from then on, where that can be helped. errForeign when it is longer than
// any of ours.
func (d disk) read(name string) ([]byte, error) {
	f, err := os.Open(d.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		_ = f.Chmod(0o600) // a restored backup; where it is somebody else's file, the folder guards it
	}
	raw, err := io.ReadAll(io.LimitReader(f, longestFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(raw) > longestFile {
		return nil, errForeign
	}
	return append([]byte{}, raw...), nil // an empty file is a file
}

func (d disk) remove(name string) error {
	if err := os.Remove(d.at(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.stepped()
	return d.settle()
}

// setAside gives a file another name, so that somebody may look at it and nothing stands in the way.
func (d disk) setAside(name string, now time.Time) (string, error) {
	aside := name + asideMark + strconv.FormatInt(now.UnixNano(), 36)
	if err := os.Rename(d.at(name), d.at(aside)); err != nil {
		return aside, fmt.Errorf("setting %s aside: %w", name, err)
	}
	d.stepped()
	return aside, d.settle()
}

// readTwice returns the file that right accepts, or else its copy, or else nil. What is wrong is set aside, and what is missing is written again.
func (f *Folder) readTwice(name string, now time.Time, right func([]byte) error) ([]byte, error) {
	found := map[string][]byte{}
	for _, n := range []string{name, name + copySuffix} {
		raw, err := f.disk.read(n)
		switch {
		case err == nil && raw == nil:
			continue
		case err == nil && right(raw) == nil:
			found[n] = raw
			continue
		}
		aside, err := f.disk.setAside(n, now) // also what cannot be read at all: a folder in its place, a wrong owner
		if err != nil {
			return nil, err
		}
		f.aside = append(f.aside, aside)
	}
	raw := found[name]
	if raw == nil {
		raw = found[name+copySuffix]
	}
	if raw == nil || string(found[name]) == string(found[name+copySuffix]) {
		return raw, nil
	}
	return raw, f.writeTwice(name, raw)
}

func (f *Folder) writeTwice(name string, raw []byte) error {
	if err := f.disk.write(name, raw); err != nil {
		return err
	}
	return f.disk.write(name+copySuffix, raw)
}
