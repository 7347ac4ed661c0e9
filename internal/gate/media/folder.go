// Package media owns the folder that a gate shows where there is no media server behind it: a list, and films, music and pictures played in the page. It
// refuses to know who gets in.
package media

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"usher/internal/gate/page"
	"usher/internal/response"
)

//go:embed *.html
var files embed.FS

// Folder serves the files of one folder, to be looked at and never changed. What leads out of it, and what begins with a dot, is not there.
type Folder struct {
	root  *os.Root
	name  string
	log   *slog.Logger
	list  *template.Template
	watch *template.Template
}

// Open opens the folder at a path; name is what its pages call it.
func Open(dir, name string, log *slog.Logger) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of films: %w", err)
	}
	f := &Folder{root: root, name: name, log: log}
	if f.list, err = page.Parse(files, "list.html"); err == nil {
		f.watch, err = page.Parse(files, "watch.html")
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// Close gives the folder free.
func (f *Folder) Close() error { return f.root.Close() }

// mostEntries is how many files a list shows.
const mostEntries = 5000

// entry is one line of a list.
type entry struct {
	Name, Path, Icon, What string
	folder                 bool
}

// kind is how a file is shown in the page: video, audio or image; empty when it is only handed out.
func kind(name string) (shown, contentType string) {
	contentType, known := types[strings.ToLower(path.Ext(name))]
	if !known {
		return "", "application/octet-stream"
	}
	shown, _, _ = strings.Cut(contentType, "/")
	if shown == "text" {
		shown = ""
	}
	return shown, contentType
}

// types are the files that a browser may show by itself. Everything else is handed out as a file: a page or a drawing with script in it would run as ours.
var types = map[string]string{
	".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".ogv": "video/ogg", ".avi": "video/x-msvideo", ".ts": "video/mp2t",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".flac": "audio/flac", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif",
	".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8", ".srt": "text/plain; charset=utf-8",
}

// ServeHTTP serves the list of a folder, a file, or, with ?watch, the page in which it plays.
func (f *Folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	name, ok := inside(r.URL.Path)
	if !ok {
		f.nothing(w, r)
		return
	}
	info, err := f.root.Stat(name)
	switch {
	case err != nil || !info.IsDir() && !info.Mode().IsRegular():
		f.nothing(w, r)
		err = nil // that something is not there is no error of ours
	case info.IsDir() && !strings.HasSuffix(r.URL.Path, "/"):
		http.Redirect(w, r, folderAt(name), http.StatusSeeOther)
	case !info.IsDir() && strings.HasSuffix(r.URL.Path, "/"):
		http.Redirect(w, r, fileAt(name), http.StatusSeeOther)
	case info.IsDir():
		err = f.showList(w, r, name)
	case r.URL.Query().Has("watch"): // who signed in on the way comes back to ?watch=
		err = f.showFile(w, r, name)
	default:
		err = f.hand(w, r, name)
	}
	if err != nil && !response.Left(w, r) {
		f.log.Error("a file of the folder could not be shown", "error", withoutName(err))
	}
}

// inside is the name below the root that a path stands for.
func inside(p string) (string, bool) {
	name := strings.Trim(p, "/")
	if name == "" {
		return ".", true
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' {
			return "", false
		}
	}
	return name, fs.ValidPath(name)
}

// fileAt is the path of the page of a file below the root.
func fileAt(name string) string { return (&url.URL{Path: "/" + name}).EscapedPath() }

// folderAt is the path of a folder's page.
func folderAt(name string) string {
	if name == "." {
		return "/"
	}
	return fileAt(name) + "/"
}

func (f *Folder) nothing(w http.ResponseWriter, r *http.Request) {
	data := map[string]any{"Title": "There is nothing here", "Up": "/", "Entries": nil, "More": false, "Lost": true}
	if err := page.Show(w, r, http.StatusNotFound, f.list, data); err != nil {
		f.log.Error("page not rendered", "error", err)
	}
}

func (f *Folder) showList(w http.ResponseWriter, r *http.Request, name string) error {
	entries, more, err := f.entries(name)
	if err != nil {
		f.nothing(w, r)
		return err
	}
	title, up := f.name, ""
	if name != "." {
		title, up = path.Base(name), folderAt(path.Dir(name))
	}
	return page.Show(w, r, http.StatusOK, f.list, map[string]any{"Title": title, "Up": up, "Entries": entries, "More": more, "Lost": false})
}

// entries are the files of a folder, folders first, as people sort them.
func (f *Folder) entries(name string) (all []entry, more bool, err error) {
	dir, err := f.root.Open(name)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = dir.Close() }()
	found, err := dir.ReadDir(mostEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	for _, one := range found[:min(len(found), mostEntries)] {
		full := path.Join(name, one.Name())
		if _, ok := inside(full); !ok {
			continue
		}
		info, err := f.root.Stat(full) // follows links, but not out of the folder
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		all = append(all, line(one.Name(), full, info))
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.folder != b.folder {
			return map[bool]int{true: -1, false: 1}[a.folder]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return all, len(found) > mostEntries, nil
}

var words = map[string]struct{ icon, word string }{"video": {"film", "Film"}, "audio": {"sound", "Sound"}, "image": {"picture", "Picture"}}

func line(name, full string, info fs.FileInfo) entry {
	if info.IsDir() {
		return entry{name, folderAt(full), "folder", "Folder", true}
	}
	e := entry{Name: name, Path: fileAt(full), Icon: "file", What: size(info.Size())}
	shown, _ := kind(name)
	if shown != "" {
		e.Path += "?watch"
	}
	if what, plays := words[shown]; plays {
		e.Icon, e.What = what.icon, what.word+", "+e.What
	}
	return e
}

// size is as people say it.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KB", (bytes+1023)/1024)
}

func (f *Folder) showFile(w http.ResponseWriter, r *http.Request, name string) error {
	shown, contentType := kind(name)
	if shown == "" {
		return f.hand(w, r, name)
	}
	return page.Show(w, r, http.StatusOK, f.watch, map[string]any{"Title": path.Base(name), "Up": folderAt(path.Dir(name)), "Shown": shown, "File": fileAt(name), "Type": contentType})
}

// hand hands a file out, or a range of it (RFC 9110 §14).
func (f *Folder) hand(w http.ResponseWriter, r *http.Request, name string) error {
	file, err := f.root.Open(name)
	if err != nil {
		f.nothing(w, r)
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.nothing(w, r)
		return err
	}
	_, contentType := kind(name)
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // a page of a neighbour learns nothing by showing it
	h.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox")
	h.Set("Cache-Control", "private, no-cache")
	if contentType == "application/octet-stream" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	}
	http.ServeContent(w, r, "", info.ModTime(), file)
	return nil
}

// withoutName leaves out what people watch.
func withoutName(err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		return where.Err
	}
	return err
}
