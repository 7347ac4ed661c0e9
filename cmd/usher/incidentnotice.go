package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"usher/internal/notice"
)

type incidentTemplateCmd struct{ settings }

// Run prints the first words of a notice.
func (c incidentTemplateCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.warnOfOrigin(w); err != nil {
			return err
		}
		p := s.incidents().Parts()
		_, err := fmt.Fprintln(w.Out, "# What people are told about an incident. Plain text, an empty line between paragraphs, no links. Parts that you leave out keep these words.")
		for _, part := range p.List() {
			need := ""
			if part.Required {
				need = " (needed)"
			}
			if err == nil {
				_, err = fmt.Fprintf(w.Out, "\n# %s%s\n%s = \"\"\"\n%s\"\"\"\n", part.Title, need, part.Key, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part.Text))
			}
		}
		return err
	})
}

// readNotice reads a file as template prints it.
func readNotice(path string, p *notice.Parts) error {
	var parts map[string]string
	raw, err := os.ReadFile(path)
	if err == nil {
		_, err = toml.NewDecoder(bytes.NewReader(raw)).Decode(&parts)
	}
	if err != nil {
		return fmt.Errorf("reading the notice %s: %w", path, err)
	}
	for key, text := range parts {
		into := p.At(key)
		if into == nil {
			return fmt.Errorf("reading the notice %s: there is no part %q (see usher incident template)", path, key)
		}
		*into = strings.TrimSpace(text)
	}
	return nil
}
