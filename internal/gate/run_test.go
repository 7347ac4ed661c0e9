package gate

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/config"
)

// What comes before anybody is known is bounded (WB-8).
func TestLongHeadersAreRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := Settings{Config: config.Gate{Service: "http://127.0.0.1:1", Folder: folder, Listen: l.Addr().String(), ShutdownWait: time.Second}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: io.Discard}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, s) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for length, want := range map[int]int{1 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Config.Listen+"/identity", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Long", strings.Repeat("x", length))
		answer, err := http.DefaultClient.Do(r)
		for range 500 { // it may not listen yet
			if err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
			answer, err = http.DefaultClient.Do(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%d bytes are answered %s", length, answer.Status)
		}
	}
}

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
