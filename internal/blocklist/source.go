package blocklist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	linesPerLook = 1 << 14 // between two looks at the context
	filesPerTell = 1 << 8  // between two reports of progress
)

// source reads a download in the order of the hash, one shard of the filter at a time.
type source struct {
	name     string
	minCount int
	progress func(done, total int64)
	total    int64
	done     int64

	lines  uint64
	ranges uint32

	buffer  []byte      // serves every file
	file    *lineReader // of a single file; nil for a folder
	close   func() error
	pending *entry // read, but of a later shard
	last    entry
	names   []rangeName // of a folder, by prefix
}

func openSource(path string, minCount int, progress func(done, total int64)) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &source{name: path, minCount: minCount, progress: progress, buffer: make([]byte, 64<<10)}
	if info.IsDir() {
		return s, s.list()
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s.file, s.total = newLineReader(path, file, s.buffer), info.Size()
	s.close = file.Close
	return s, nil
}

// Close lets go of the file; a folder's files are closed as they are read.
func (s *source) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// shard appends the keys that begin with first. Shards are asked for in rising order.
func (s *source) shard(ctx context.Context, first byte, keys []uint64) ([]uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.file != nil {
		return s.shardOfFile(ctx, first, keys)
	}
	return s.shardOfFolder(ctx, first, keys)
}

func (s *source) shardOfFile(ctx context.Context, first byte, keys []uint64) ([]uint64, error) {
	for {
		if s.pending == nil {
			next, err := s.nextInOrder(ctx)
			if errors.Is(err, io.EOF) {
				return keys, nil
			}
			if err != nil {
				return nil, err
			}
			s.pending = &next
		}
		if byte(s.pending.key>>56) != first {
			return keys, nil
		}
		var err error
		if keys, err = s.keep(keys, *s.pending); err != nil {
			return nil, err
		}
		s.pending = nil
	}
}

func (s *source) nextInOrder(ctx context.Context) (entry, error) {
	line, err := s.file.next()
	if err != nil {
		return entry{}, err
	}
	next, err := parseLine(line, 0, 0)
	if err != nil {
		return entry{}, s.file.malformed(err)
	}
	if next.key < s.last.key {
		return entry{}, s.file.malformed(errors.New("the hashes are not in rising order; the list ordered by hash is needed"))
	}
	if s.lines == 0 || next.key>>44 != s.last.key>>44 {
		s.ranges++
	}
	s.last = next
	s.lines++
	s.done += int64(len(line)) + 1
	if s.lines%linesPerLook == 0 {
		s.progress(min(s.done, s.total), s.total)
		return next, ctx.Err()
	}
	return next, nil
}

func (s *source) shardOfFolder(ctx context.Context, first byte, keys []uint64) ([]uint64, error) {
	const perShard = rangeCount / shardCount
	for prefix := int(first) * perShard; prefix < (int(first)+1)*perShard; prefix++ {
		if s.names[prefix] == absent {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if keys, err = s.readRange(ctx, uint64(prefix), keys); err != nil {
			return nil, err
		}
		s.ranges++
		if s.done++; s.done%filesPerTell == 0 {
			s.progress(s.done, s.total)
		}
	}
	return keys, nil
}

func (s *source) readRange(ctx context.Context, prefix uint64, keys []uint64) ([]uint64, error) {
	path := filepath.Join(s.name, s.names[prefix].of(prefix))
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for lines := newLineReader(path, file, s.buffer); ; {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		next, err := parseLine(line, prefix, prefixDigits)
		if err != nil {
			return nil, lines.malformed(err)
		}
		s.lines++
		if s.lines%linesPerLook == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if keys, err = s.keep(keys, next); err != nil {
			return nil, err
		}
	}
}

func (s *source) keep(keys []uint64, e entry) ([]uint64, error) {
	if e.count < int64(s.minCount) {
		return keys, nil
	}
	if len(keys) == maxShardKeys {
		return nil, fmt.Errorf("%w: %s has more than %d hashes that begin with %02x", ErrSource, s.name, maxShardKeys, e.key>>56)
	}
	return append(keys, e.key), nil
}
