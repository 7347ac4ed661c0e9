package blocklist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	longestLine = 128 // bytes; 40 digits, a colon and a count are 60 at most
	countDigits = 18
)

// entry is what is kept of a line: the first eight bytes of the hash, and how often the password was seen.
type entry struct {
	key   uint64
	count int64
}

// parseLine reads "HASH:COUNT"; the first digits of the hash are already known from the file's name.
func parseLine(line []byte, prefix uint64, known int) (entry, error) {
	digits := 40 - known
	if len(line) <= digits || line[digits] != ':' {
		return entry{}, fmt.Errorf("%d hexadecimal digits, a colon and a count are expected", digits)
	}
	key := prefix
	for i, c := range line[:digits] {
		value := hexValue(c)
		if value > 15 {
			return entry{}, fmt.Errorf("%d hexadecimal digits, a colon and a count are expected", digits)
		}
		if i < 16-known {
			key = key<<4 | uint64(value)
		}
	}
	count := int64(0)
	number := line[digits+1:]
	if len(number) == 0 || len(number) > countDigits {
		return entry{}, errors.New("the count is not a number")
	}
	for _, c := range number {
		if c < '0' || c > '9' {
			return entry{}, errors.New("the count is not a number")
		}
		count = count*10 + int64(c-'0')
	}
	return entry{key: key, count: count}, nil
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// lineReader hands out lines without their ends, and knows where it stands.
type lineReader struct {
	name    string
	scanner *bufio.Scanner
	number  int
}

// newLineReader borrows the buffer: a download can have a million files.
func newLineReader(name string, file io.Reader, buffer []byte) *lineReader {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(buffer, len(buffer))
	return &lineReader{name: name, scanner: scanner}
}

func (r *lineReader) next() ([]byte, error) {
	r.number++
	if !r.scanner.Scan() {
		err := r.scanner.Err()
		switch {
		case errors.Is(err, bufio.ErrTooLong):
			return nil, r.malformed(errors.New("the line is too long"))
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", r.name, err)
		}
		return nil, io.EOF
	}
	line := r.scanner.Bytes()
	if r.number == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) > longestLine {
		return nil, r.malformed(errors.New("the line is too long"))
	}
	return line, nil
}

// malformed never quotes the line.
func (r *lineReader) malformed(cause error) error {
	return fmt.Errorf("%w: %s line %d: %w", ErrSource, r.name, r.number, cause)
}
