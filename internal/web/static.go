package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"

	"usher/internal/look"
)

// asset is one file of static/ or of look, read once, with the hash that names its content.
type asset struct {
	body        []byte
	contentType string
	hash        string
}

// hashLength is in hex digits: 64 bits tell the few versions of a file apart.
const hashLength = 16

// readAssets reads what every page of ours has in common, and what only those of the service need.
func readAssets() (map[string]asset, error) {
	assets := map[string]asset{}
	for pattern, from := range map[string]fs.FS{"*": look.Files, "static/*": files} {
		names, err := fs.Glob(from, pattern)
		if err != nil {
			return nil, fmt.Errorf("listing static files: %w", err)
		}
		for _, name := range names {
			body, err := fs.ReadFile(from, name)
			if err != nil {
				return nil, fmt.Errorf("reading static file: %w", err)
			}
			sum := sha256.Sum256(body)
			assets[path.Base(name)] = asset{body, assetType(name), hex.EncodeToString(sum[:])[:hashLength]}
		}
	}
	return assets, nil
}

// assetType does not ask the machine's own MIME table first for what we ship,
// because nosniff turns a wrong answer there into a page without style.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// assetPath is the address of a static file with its content's hash, so that a
// browser may keep it for good.
func (rd *Renderer) assetPath(name string) (string, error) {
	a, ok := rd.assets[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + name + "?v=" + a.hash, nil
}

// Static serves /static/{name}. Only an address that carries the hash of the
// content we hold is cacheable for good: a node still running the version before
// must not pin its own file under the new address.
func (rd *Renderer) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := rd.assets[path.Base(r.URL.Path)]
		if !ok || path.Dir(r.URL.Path) != "/static" {
			rd.Error(w, r, ErrorPage{Status: http.StatusNotFound})
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("ETag", `"`+a.hash+`"`)
		h.Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == a.hash {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	})
}
