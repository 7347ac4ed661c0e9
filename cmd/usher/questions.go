package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"usher/internal/secret"
)

// questions are asked one after the other of whoever runs a command: at a terminal, or by lines of whatever stands in its place.
type questions struct {
	out   io.Writer
	lines *bufio.Reader
	// terminal is its number; -1 where there is none.
	terminal int
}

func newQuestions(w world) questions {
	q := questions{out: w.Err, lines: bufio.NewReader(w.In), terminal: -1}
	if file, is := w.In.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		q.terminal = int(file.Fd())
	}
	return q
}

// shown asks for something that may be seen.
func (q questions) shown(ctx context.Context, question string) (secret.Token, error) {
	if _, err := fmt.Fprint(q.out, question); err != nil {
		return secret.Token{}, err
	}
	line, err := q.lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Token{}, fmt.Errorf("reading what was typed: %w", err)
	}
	if line == "" { // there is nobody to press Enter
		if _, err := fmt.Fprintln(q.out); err != nil {
			return secret.Token{}, err
		}
	}
	return secret.TokenOf(strings.TrimSpace(line)), ctx.Err()
}

// hidden asks for a password, which a terminal does not show.
func (q questions) hidden(ctx context.Context, question string) (secret.Token, error) {
	if _, err := fmt.Fprint(q.out, question); err != nil {
		return secret.Token{}, err
	}
	if q.terminal < 0 {
		line, err := q.lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return secret.Token{}, fmt.Errorf("reading the password: %w", err)
		}
		return secret.TokenOf(strings.TrimRight(line, "\r\n")), nil
	}
	raw, err := readHidden(ctx, q.terminal)
	if err != nil {
		return secret.Token{}, fmt.Errorf("reading the password: %w", err)
	}
	_, err = fmt.Fprintln(q.out)
	return secret.TokenOf(string(raw)), err
}
