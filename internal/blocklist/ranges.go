package blocklist

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A download in a folder has one file for each prefix of the hash.
const (
	prefixDigits = 5
	rangeCount   = 1 << 20
)

// rangeName says how a range file is written; the prefix itself says the rest. A byte each, for a million of them.
type rangeName byte

const (
	absent rangeName = iota
	upper
	lower
	upperText
	lowerText
)

func (n rangeName) of(prefix uint64) string {
	switch n {
	case upper:
		return fmt.Sprintf("%05X", prefix)
	case lower:
		return fmt.Sprintf("%05x", prefix)
	case upperText:
		return fmt.Sprintf("%05X.txt", prefix)
	default:
		return fmt.Sprintf("%05x.txt", prefix)
	}
}

// list notes which ranges a folder has. A name that is not a range is an error: the folder is then probably another one.
func (s *source) list() error {
	folder, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer folder.Close()
	s.names = make([]rangeName, rangeCount)
	for {
		names, err := folder.Readdirnames(4096)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", s.name, err)
		}
		for _, name := range names {
			if err := s.note(name); err != nil {
				return err
			}
		}
	}
	if s.total == 0 {
		return fmt.Errorf("%w: %s has no range files", ErrSource, s.name)
	}
	return nil
}

func (s *source) note(name string) error {
	if strings.HasPrefix(name, ".") {
		return nil
	}
	stem, text := strings.CutSuffix(name, ".txt")
	prefix := uint64(0)
	for i := range len(stem) {
		value := hexValue(stem[i])
		if value > 15 || len(stem) != prefixDigits {
			return fmt.Errorf("%w: %s is not a range file", ErrSource, filepath.Join(s.name, name))
		}
		prefix = prefix<<4 | uint64(value)
	}
	form := upper
	if text {
		form = upperText
	}
	if form.of(prefix) != name {
		form++
	}
	if form.of(prefix) != name || s.names[prefix] != absent {
		return fmt.Errorf("%w: %s is a range file twice over or oddly named", ErrSource, filepath.Join(s.name, name))
	}
	s.names[prefix] = form
	s.total++
	return nil
}
