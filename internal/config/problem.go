package config

import (
	"fmt"
	"strings"
)

// Problem is one thing to put right.
type Problem struct {
	Key    string // the setting's key, or the unknown name as it was written; empty for a whole file
	Source string // where the value was given, such as "--listen", "USHER_LISTEN" or a file's name; empty when unknown
	Text   string // completes the sentence that Key begins; never carries a secret
}

// String is one line: key, source, sentence.
func (p Problem) String() string {
	var b strings.Builder
	switch {
	case p.Key == "":
		b.WriteString(p.Source)
	case p.Source == "":
		b.WriteString(p.Key)
	default:
		b.WriteString(p.Key + " (" + p.Source + ")")
	}
	b.WriteString(" " + p.Text)
	return b.String()
}

// Invalid is the error of Load and Validate: everything that is wrong, at once.
type Invalid struct{ Problems []Problem }

// Error is one line for one problem, and a headed list for more.
func (e *Invalid) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d things to put right", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// invalid returns the problems as an error, or nil when there are none.
func invalid(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return &Invalid{problems}
}
