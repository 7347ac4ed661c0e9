package crowd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Line is one kept connection (HTTP/1.1). It does next to nothing beside sending and reading, so that what is measured is the service; one
// caller at a time.
type Line struct {
	conn net.Conn
	in   *bufio.Reader
}

// patience is the longest an answer may take: a queue for hashes and a margin.
const patience = 30 * time.Second

// Dial connects.
func Dial(address string) (*Line, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &Line{conn, bufio.NewReaderSize(conn, 8<<10)}, nil
}

// Ask sends one request and reads the whole answer, of which it returns the status.
func (l *Line) Ask(request []byte) (status int, err error) {
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write(request); err != nil {
		return 0, fmt.Errorf("asking: %w", err)
	}
	line, err := l.line()
	if err != nil {
		return 0, err
	}
	status, err = statusOf(line)
	if err != nil {
		return 0, err
	}
	length := -1
	for {
		line, err := l.line()
		if err != nil {
			return status, err
		}
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return status, fmt.Errorf("reading an answer: %w", err)
			}
		}
	}
	if length < 0 {
		return status, errors.New("reading an answer: it tells no length")
	}
	if _, err := l.in.Discard(length); err != nil {
		return status, fmt.Errorf("reading an answer: %w", err)
	}
	return status, nil
}

// Close hangs up.
func (l *Line) Close() error { return l.conn.Close() }

func (l *Line) line() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// statusOf reads "HTTP/1.1 200 OK".
func statusOf(line []byte) (int, error) {
	const at = len("HTTP/1.1 ")
	if len(line) < at+3 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, errors.New("reading an answer: it is no HTTP/1.1")
	}
	status, err := strconv.Atoi(string(line[at : at+3]))
	if err != nil {
		return 0, errors.New("reading an answer: it has no status")
	}
	return status, nil
}
