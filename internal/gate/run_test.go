package gate

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"usher/internal/config"
	"usher/internal/secret"
)

// runs runs a gate until the test ends, and returns where it is.
func runs(t *testing.T, c config.Gate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Listen, c.ShutdownWait = l.Addr().String(), time.Second
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Settings{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for range 500 {
		conn, err := net.Dial("tcp", c.Listen)
		if err == nil {
			_ = conn.Close()
			return c.Listen
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the gate does not listen")
	return ""
}

// A folder that has all its files and cannot be written is named in plain words, with what helps, and not as a matter of claiming.
func TestAFolderThatCannotBeWritten(t *testing.T) {
	path := t.TempDir()
	if err := claimedFolder(t, path, "http://127.0.0.1:1").Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and this thread ends with it: it may not write everywhere, also where the tests are root's
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &new([2]unix.CapUserData)[0]); err != nil {
			ended <- err
			return
		}
		ended <- Run(t.Context(), Settings{Config: config.Gate{Service: "http://127.0.0.1:1", Folder: path, Listen: "127.0.0.1:0"}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	}()
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "nothing can be written into the gate's folder "+path+": permission denied; Give it to") || strings.Contains(err.Error(), "claim") {
		t.Errorf("it says %v", err)
	}
}

// What comes before anybody is known is bounded (WB-8), in both versions that the gate speaks.
func TestLongHeadersAreRefused(t *testing.T) {
	at := runs(t, config.Gate{Service: "http://127.0.0.1:1", Folder: t.TempDir()})
	for version, client := range map[int]*http.Client{1: http.DefaultClient, 2: speaksHTTP2(t)} {
		for length, want := range map[int]int{1 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+"/identity", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Long", strings.Repeat("x", length))
			answer, err := client.Do(r)
			if err != nil && version == 2 && length > mostHeader { // a client that has read the limit does not send it
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want || answer.ProtoMajor != version {
				t.Errorf("%d bytes are answered %s %s", length, answer.Proto, answer.Status)
			}
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

// Whoever has given a claim token need not hurry to the page.
func TestAGateWithAClaimTokenSaysSo(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for token, want := range map[string]bool{"": false, "claim-abc": true} {
		var said strings.Builder
		c := config.Gate{Service: "http://127.0.0.1:1", Folder: filepath.Join(t.TempDir(), "gate"), Listen: "127.0.0.1:0", Claim: secret.TokenOf(token)}
		if err := Run(ended, Settings{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: &said}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(said.String(), "about to be claimed"); got != want || token != "" && strings.Contains(said.String(), token) {
			t.Errorf("with the token %t: %s", want, said.String())
		}
	}
}
