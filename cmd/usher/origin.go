package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"usher/internal/config"
)

// originNote is the file in the data folder in which the service leaves its address, for the commands beside it.
func originNote(cfg config.Config) string { return filepath.Join(cfg.Data, "origin") }

// noteOrigin leaves the service's address in the data folder. Where keys and database are both elsewhere there may be no such folder, and then
// nothing is left.
func noteOrigin(cfg config.Config) error {
	next, err := os.CreateTemp(cfg.Data, ".origin-*") // created with mode 0600
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = next.WriteString(cfg.Origin + "\n")
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), originNote(cfg))
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}

// beside loads the settings for a command beside the service: where nothing says the address, it is the one that the service noted.
func (s settings) beside(w world) (config.Config, error) {
	cfg, err := s.load(w)
	if err != nil {
		return cfg, err
	}
	noted, err := os.ReadFile(originNote(cfg))
	if err != nil { // no service was started here, or none that could leave a note
		return cfg, nil
	}
	return cfg.Noted(strings.TrimSpace(string(noted)), originNote(cfg)), nil
}
