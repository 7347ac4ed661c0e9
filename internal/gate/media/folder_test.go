package media

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// house is a folder with films, and things beside it that are nobody's business.
func house(t *testing.T) (folder string, said *bytes.Buffer, f *Folder) {
	t.Helper()
	all := t.TempDir()
	folder = filepath.Join(all, "films")
	for name, text := range map[string]string{
		"secret.txt": "secret", "films/a film.mp4": "0123456789", "films/b;c#d?e%20.webm": "film", "films/Series/one.mp3": "sound", "films/page.html": "<script>alert(1)</script>", "films/drawing.svg": "<svg onload=alert(1)>",
		"films/.hidden.mp4": "secret", "films/.git/config": "secret", "films/<b>.png": "picture", "films/notes.txt": "notes",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(all, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(all, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out.txt": "../secret.txt", "outside": all, "up": "..", "inside.mp4": "a film.mp4", "again": "Series", "nowhere": "gone"} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe.mp4"), 0o600); err != nil {
		t.Fatal(err)
	}
	said = new(bytes.Buffer)
	f, err := Open(folder, "Films", slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return folder, said, f
}

func ask(f *Folder, method, path, query string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path, r.URL.RawQuery = path, query
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestWhatIsInTheFolder(t *testing.T) {
	_, said, f := house(t)
	for path, want := range map[string]string{"/a film.mp4": "0123456789", "/b;c#d?e%20.webm": "film", "/Series/one.mp3": "sound", "/inside.mp4": "0123456789", "/again/one.mp3": "sound", "/<b>.png": "picture"} {
		if w := ask(f, http.MethodGet, path, "", nil); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/out.txt", "/outside/secret.txt", "/outside/", "/up/secret.txt", "/up/", "/nowhere", "/pipe.mp4", "/.hidden.mp4", "/.git/config", "/.git/", "/Series/../.hidden.mp4", "/../secret.txt", "/..", "//secret.txt", "/a film.mp4/x",
		"/Series//one.mp3", "/a\x00", `/..\secret.txt`, "/" + strings.Repeat("x", 5000)} {
		if w := ask(f, http.MethodGet, path, "", nil); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%q: %d %s", path, w.Code, w.Body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "PROPFIND"} {
		if w := ask(f, method, "/a film.mp4", "", nil); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if strings.Contains(said.String(), "film") || strings.Contains(said.String(), "secret") {
		t.Errorf("the log says %s", said)
	}
}

func TestLists(t *testing.T) {
	_, _, f := house(t)
	w := ask(f, http.MethodGet, "/", "", nil)
	text := w.Body.String()
	for _, want := range []string{`href="/a%20film.mp4?watch"`, `href="/Series/"`, `href="/again/"`, `href="/inside.mp4?watch"`, `href="/notes.txt"`, `href="/b;c%23d%3Fe%2520.webm?watch"`, "&lt;b&gt;.png", "Film, 1 KB"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
	for _, not := range []string{".hidden", ".git", "secret", "out.txt", "outside", ">up<", "pipe", "nowhere", "<b>"} {
		if strings.Contains(text, not) {
			t.Errorf("%s is listed", not)
		}
	}
	if strings.Index(text, "Series") > strings.Index(text, "a film") {
		t.Error("folders do not come first")
	}
	for path, to := range map[string]string{"/Series": "/Series/", "/a film.mp4/": "/a%20film.mp4"} {
		if w := ask(f, http.MethodGet, path, "", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
			t.Errorf("%s: %d to %s", path, w.Code, w.Header().Get("Location"))
		}
	}
}

// Nothing that somebody put into the folder runs as a page of the gate's.
func TestFilesAreNoPages(t *testing.T) {
	_, _, f := house(t)
	for path, kind := range map[string]string{"/page.html": "application/octet-stream", "/drawing.svg": "application/octet-stream", "/notes.txt": "text/plain; charset=utf-8", "/a film.mp4": "video/mp4"} {
		h := ask(f, http.MethodGet, path, "", nil).Header()
		if h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") ||
			(kind == "application/octet-stream") != strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestRanges(t *testing.T) {
	_, _, f := house(t)
	for asked, want := range map[string]string{"bytes=2-4": "234", "bytes=-2": "89", "bytes=8-": "89"} {
		if w := ask(f, http.MethodGet, "/a film.mp4", "", http.Header{"Range": {asked}}); w.Code != http.StatusPartialContent || w.Body.String() != want {
			t.Errorf("%s: %d %s", asked, w.Code, w.Body)
		}
	}
	if w := ask(f, http.MethodGet, "/a film.mp4", "", http.Header{"Range": {"bytes=20-"}}); w.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: %d", w.Code)
	}
	for _, query := range []string{"watch", "watch="} {
		w := ask(f, http.MethodGet, "/b;c#d?e%20.webm", query, nil)
		if !strings.Contains(w.Body.String(), `<video class="film" controls preload="metadata" src="/b;c%23d%3Fe%2520.webm">`) {
			t.Errorf("it is watched by %s", w.Body)
		}
	}
}
