package blocklist

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/FastFilter/xorfilter"
	"golang.org/x/sys/unix"
)

// What stops a build beside a cancelled context and a failing disk.
var (
	// ErrSource marks a download that is not in the Pwned Passwords form; the message names the file and the line.
	ErrSource = errors.New("not a Pwned Passwords download")
	// ErrBusy means that another build is writing the same filter.
	ErrBusy = errors.New("another build is writing this filter")
)

// maxShardKeys bounds the memory of a build: a filter under construction takes about 35 bytes a key. Today's whole
// download has about five million keys in each shard.
const maxShardKeys = 1 << 25

// Build makes the filter dst from an operator's Pwned Passwords download: src is one file of "SHA1:COUNT" lines in the
// order of the hash, or a folder of range files. Entries with a count below minCount are left out, and so is the padding
// (count 0). Progress may be nil; it counts bytes of a file, or range files of a folder. Dst appears at once and whole, or
// stays what it was; until then the work stands in dst+".partial", which the next build takes over after a kill.
func Build(ctx context.Context, src, dst string, minCount int, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	source, err := openSource(src, min(max(minCount, 1), math.MaxInt32), progress)
	if err != nil {
		return fmt.Errorf("building filter: %w", err)
	}
	defer source.Close()
	if err := apart(src, dst); err != nil {
		return fmt.Errorf("building filter: %w", err)
	}
	partial, err := lockPartial(dst + ".partial")
	if err != nil {
		return fmt.Errorf("building filter: %w", err)
	}
	defer partial.Close()
	if err := fill(ctx, source, partial); err != nil {
		// Removed before the lock goes, so that it cannot be another build's.
		return fmt.Errorf("building filter: %w", errors.Join(err, os.Remove(partial.Name())))
	}
	if err := publish(partial, dst); err != nil {
		return fmt.Errorf("building filter: %w", err)
	}
	progress(source.total, source.total)
	return nil
}

// apart refuses to write the filter over the download.
func apart(src, dst string) error {
	from, err := os.Stat(src)
	if err != nil {
		return err
	}
	to, err := os.Stat(dst)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && os.SameFile(from, to) {
		return fmt.Errorf("%w: %s is the download itself", os.ErrExist, dst)
	}
	return err
}

// lockPartial opens the work file for this build alone.
func lockPartial(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %s", ErrBusy, path), file.Close())
		}
		// Another build may have published or removed the file between our opening and our locking it.
		ours, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(ours, named) {
			return file, file.Truncate(0)
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
}

// fill writes header and fingerprints of everything the source has, and syncs.
func fill(ctx context.Context, source *source, file *os.File) error {
	if _, err := file.Seek(dataStart, io.SeekStart); err != nil {
		return err
	}
	w := &shardWriter{file: bufio.NewWriterSize(file, 1<<20), hash: sha256.New()}
	var keys []uint64
	for i := range shardCount {
		var err error
		if keys, err = source.shard(ctx, byte(i), keys[:0]); err != nil {
			return err
		}
		if err := w.write(i, keys); err != nil {
			return err
		}
	}
	if err := w.file.Flush(); err != nil {
		return err
	}
	if w.header.stats.Keys == 0 {
		return fmt.Errorf("%w: %s has no password with a count of %d or more", ErrSource, source.name, source.minCount)
	}
	w.header.stats.Lines = source.lines
	w.header.stats.Ranges = source.ranges
	w.header.stats.MinCount = uint32(source.minCount)
	w.hash.Sum(w.header.content[:0])
	if _, err := file.WriteAt(w.header.encode(), 0); err != nil {
		return err
	}
	return file.Sync()
}

type shardWriter struct {
	header  header
	file    *bufio.Writer
	hash    hash.Hash
	builder xorfilter.BinaryFuseBuilder // its memory serves every shard
	cells   []byte
}

func (w *shardWriter) write(i int, keys []uint64) error {
	if len(keys) == 0 {
		return nil
	}
	// The construction is slow on doubled keys, and a folder's files may be in any order inside.
	if !slices.IsSorted(keys) {
		slices.Sort(keys)
	}
	keys = slices.Compact(keys)
	filter, err := xorfilter.BuildBinaryFuse[uint16](&w.builder, keys)
	if err != nil {
		return fmt.Errorf("shard %d: %w", i, err)
	}
	w.header.shards[i] = shard{
		seed:          filter.Seed,
		keys:          uint32(len(keys)),
		segmentLength: filter.SegmentLength,
		segments:      filter.SegmentCount,
	}
	w.header.stats.Keys += uint64(len(keys))
	w.cells = w.cells[:0]
	for _, cell := range filter.Fingerprints {
		w.cells = binary.LittleEndian.AppendUint16(w.cells, cell)
	}
	w.hash.Write(w.cells)
	_, err = w.file.Write(w.cells)
	return err
}

// publish gives the finished file its name, and makes the name last.
func publish(file *os.File, dst string) error {
	if err := os.Rename(file.Name(), dst); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(dst))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
