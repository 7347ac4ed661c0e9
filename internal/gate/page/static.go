package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"sync"
	"time"

	"usher/internal/look"
)

//go:embed gate.js
var script embed.FS

// StaticPath is where the files are that pages refer to; their names follow it.
const StaticPath = "/.usher/static/"

// asset is such a file. Its address changes with what is in it.
type asset struct {
	body                []byte
	kind, hash, address string
}

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are the files by their names.
var assets = sync.OnceValues(func() (map[string]asset, error) {
	all := map[string]asset{}
	for name, from := range map[string]fs.FS{"usher.css": look.Files, "favicon.svg": look.Files, "gate.js": script} {
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("reading static file: %w", err)
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:8])
		all[name] = asset{body, kinds[path.Ext(name)], hash, StaticPath + name + "?v=" + hash}
	}
	return all, nil
})

// Static serves the file of that name, to anybody; false when there is none, and nothing was answered.
func Static(w http.ResponseWriter, r *http.Request, name string) bool {
	all, err := assets()
	a, known := all[name]
	if err != nil || !known {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", `"`+a.hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	return true
}
