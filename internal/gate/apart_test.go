package gate

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/config"
)

// The gate's folder stands in the working directory where nothing else is said, and people start programs among their films.
func TestTheKeyIsNotAmongTheFilms(t *testing.T) {
	films := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(films, link); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		media, folder string
		refused       bool
	}{
		"inside":         {films, filepath.Join(films, "usher-gate"), true},
		"deep inside":    {films, filepath.Join(films, "a", "b", "gate"), true},
		"the same":       {films, films, true},
		"by a link":      {link, filepath.Join(films, "usher-gate"), true},
		"through a link": {films, filepath.Join(link, "usher-gate"), true},
		"beside":         {films, filepath.Join(t.TempDir(), "usher-gate"), false},
		"around":         {filepath.Join(films, "a"), films + "-gate", false},
	} {
		if err := os.MkdirAll(filepath.Join(films, "a", "b"), 0o700); err != nil {
			t.Fatal(err)
		}
		err := Run(ended, Settings{Config: config.Gate{Service: "http://127.0.0.1:1", Media: c.media, Folder: c.folder, Listen: "127.0.0.1:0"}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
		if refused := err != nil && strings.Contains(err.Error(), "could read the server's key"); refused != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
