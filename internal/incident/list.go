package incident

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
)

// Limits of a list.
const (
	longestLine  = 1000 // bytes; no address or user name is longer
	resolveChunk = 500
	listChunk    = 2000
	mostUnknown  = 1000 // lines that are named; more are only counted
)

// Named is what the names in a list have come to.
type Named struct {
	Accounts []string // sorted, each once
	Names    int64    // lines that name somebody
	Unknown  int64    // among them, those that nobody has
	Lines    []int    // numbers of the first unknown lines: never the names themselves
	Source   string   // tells this list from another
}

// Read resolves a list of addresses or user names, one a line, as a stream. Empty lines and those that begin with # are left out; a line that is
// no text or too long is nobody's.
func (s *Service) Read(ctx context.Context, r io.Reader) (Named, error) {
	var n Named
	var handles []account.Handle
	var lines []int
	sum := sha256.New()
	names := newNames(io.TeeReader(r, sum))
	for {
		name, err := names.next()
		if err == nil {
			n.Names++
			handles, lines = append(handles, account.LoginHandle(name)), append(lines, names.line)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, fmt.Errorf("reading the list, line %d: %w", names.line, err)
		}
		if len(handles) == resolveChunk || err != nil && len(handles) > 0 {
			if failed := s.resolve(ctx, &n, handles, lines); failed != nil {
				return n, failed
			}
			handles, lines = handles[:0], lines[:0]
		}
		if err != nil {
			break
		}
	}
	slices.Sort(n.Accounts)
	n.Accounts, n.Source = slices.Compact(n.Accounts), hex.EncodeToString(sum.Sum(nil))
	return n, nil
}

func (s *Service) resolve(ctx context.Context, n *Named, handles []account.Handle, lines []int) error {
	ids, err := s.Store.ResolveHandles(ctx, handles)
	if err != nil {
		return fmt.Errorf("looking the names up: %w", err)
	}
	for i, one := range ids {
		if one != "" {
			n.Accounts = append(n.Accounts, one)
			continue
		}
		n.Unknown++
		if len(n.Lines) < mostUnknown {
			n.Lines = append(n.Lines, lines[i])
		}
	}
	return nil
}

// names reads the lines of a list that name somebody.
type names struct {
	in   *bufio.Reader
	line int // number of the last one read
}

func newNames(r io.Reader) *names { return &names{in: bufio.NewReaderSize(r, longestLine)} }

// next returns the next name, or io.EOF. Of a line that is too long or no text it returns one that nobody can have.
func (n *names) next() (string, error) {
	for {
		text, err := n.whole()
		if err != nil {
			return "", err
		}
		n.line++
		if n.line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		text = strings.TrimSpace(text)
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
			continue
		case !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0:
			return "\ufffd", nil
		}
		return text, nil
	}
}

// whole reads one line, however long, keeping no more of it than longestLine.
func (n *names) whole() (string, error) {
	raw, more, err := n.in.ReadLine()
	text := string(raw)
	for more && err == nil {
		text = "\ufffd"
		_, more, err = n.in.ReadLine()
	}
	return text, err
}

// list covers the accounts of an incident that was begun, and opens it. It may be stopped anywhere, and called again.
func (s *Service) list(ctx context.Context, i Incident, accounts iter.Seq[string], progress func(done, total int64)) (Incident, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var done int64
	chunk := make([]string, 0, listChunk)
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		err := s.Store.ListIncident(ctx, i.ID, chunk)
		done += int64(len(chunk))
		chunk = chunk[:0]
		progress(done, i.Covered)
		return err
	}
	for one := range accounts {
		if chunk = append(chunk, one); len(chunk) < listChunk {
			continue
		}
		if err := flush(); err != nil {
			return i, stopped(i, err)
		}
	}
	if err := flush(); err != nil {
		return i, stopped(i, err)
	}
	opened, err := s.Store.OpenIncident(ctx, i.ID)
	if err != nil {
		return i, stopped(i, err)
	}
	return opened, nil
}

func stopped(i Incident, err error) error {
	return fmt.Errorf("incident %s is only partly listed (usher incident apply goes on with it): %w", i.ID, err)
}
