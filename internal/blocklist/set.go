package blocklist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of an operator's list of lines.
const (
	MaxLine  = 1024       // bytes; no longer password can be chosen
	MaxLines = 10_000_000 // 80 MB of memory; beyond it a filter is the right form
)

// ErrList marks an operator's list that cannot be used; the message names the file and the line.
var ErrList = errors.New("block list is malformed")

// Set holds passwords without regard to case, eight bytes each. A nil *Set is empty.
type Set struct {
	seed maphash.Seed
	sums []uint64 // sorted

	once sync.Once
	fill func() // when it is first asked; nil when it is full from the start
}

// shortest is the least length, in bytes of the built-in list's ASCII, that any policy lets through.
const shortest = 8

// Builtin returns the ranked lists that come with zxcvbn: leaked passwords first of all, and the words and names that are
// guessed next. Entries under eight characters are left out, since no policy accepts them. The set is made by its first question, some
// milliseconds that starting need not wait for.
func Builtin() *Set {
	set := &Set{seed: maphash.MakeSeed()}
	set.fill = set.addBuiltin
	return set
}

func (s *Set) addBuiltin() {
	for _, list := range frequency.FrequencyLists {
		for _, entry := range list {
			if len(entry) >= shortest {
				s.add(entry)
			}
		}
	}
	s.sort()
}

// all returns the sums, sorted.
func (s *Set) all() []uint64 {
	if s.fill != nil {
		s.once.Do(s.fill)
	}
	return s.sums
}

// ReadFile reads an operator's list: UTF-8, one password per line, no comments, since any line may be a password.
func ReadFile(path string) (*Set, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening block list: %w", err)
	}
	defer file.Close()
	return Read(path, file)
}

// Read is ReadFile for an open stream; name stands in its errors.
func Read(name string, lines io.Reader) (*Set, error) {
	set := &Set{seed: maphash.MakeSeed()}
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(make([]byte, 0, 64<<10), MaxLine+3) // a byte order mark or "\r\n" may come on top
	number := 0
	for scanner.Scan() {
		number++
		line := scanner.Bytes()
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		switch {
		case len(line) > MaxLine:
			return nil, fmt.Errorf("%w: %s line %d is longer than %d bytes", ErrList, name, number, MaxLine)
		case number > MaxLines:
			return nil, fmt.Errorf("%w: %s has more than %d lines", ErrList, name, MaxLines)
		case !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0:
			return nil, fmt.Errorf("%w: %s line %d is not UTF-8 text", ErrList, name, number)
		case len(line) > 0:
			set.add(string(line))
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("%w: %s line %d is longer than %d bytes", ErrList, name, number+1, MaxLine)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("reading block list %s: %w", name, err)
	}
	set.sort()
	return set, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Len counts the different entries.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.all())
}

// Contains looks the whole password up, NFC and without regard to case.
func (s *Set) Contains(password string) bool { return s.has(fold(password)) }

func (s *Set) has(folded string) bool {
	if s == nil {
		return false
	}
	_, found := slices.BinarySearch(s.all(), maphash.String(s.seed, folded))
	return found
}

func (s *Set) add(entry string) {
	s.sums = append(s.sums, maphash.String(s.seed, fold(entry)))
}

func (s *Set) sort() {
	slices.Sort(s.sums)
	s.sums = slices.Clip(slices.Compact(s.sums))
}

// fold brings two spellings that differ only in case or normal form to the same string.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	// Folding can take a string out of its normal form, so it is normalised before and after.
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
