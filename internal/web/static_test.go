package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"usher/internal/look"
)

func TestStaticFilesAreKeptOnlyUnderTheirHash(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	for name, kind := range map[string]string{"usher.css": "text/css; charset=utf-8", "usher.js": "text/javascript; charset=utf-8", "favicon.svg": "image/svg+xml"} {
		address, err := rd.assetPath(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, cache := range map[string]string{
			address:                   "public, max-age=31536000, immutable",
			"/static/" + name:         "no-cache",
			"/static/" + name + "?v=": "no-cache",
			"/static/" + name + "?v=0000000000000000": "no-cache",
		} {
			w := httptest.NewRecorder()
			rd.Static().ServeHTTP(w, newTestRequest("GET", path))
			if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != cache || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
		again := newTestRequest("GET", "/static/"+name)
		again.Header.Set("If-None-Match", `"`+rd.assets[name].hash+`"`)
		w := httptest.NewRecorder()
		rd.Static().ServeHTTP(w, again)
		if w.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", name, w.Code)
		}
	}
}

func TestStaticRefusals(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	for path, want := range map[string]int{
		"GET /static/": 404, "GET /static/none.css": 404, "GET /static/x/usher.css": 404,
		"GET /static/../render.go": 404, "HEAD /static/usher.css": 200,
	} {
		method, target, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		rd.Static().ServeHTTP(w, newTestRequest(method, target))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestHelpStandsAlone(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	for path, want := range map[string]int{
		"/help": 200, "/help/": 200, "/help/index": 404, "/help/none": 404, "/help/devices/": 404, "/help/../sign-in": 404,
	} {
		w := httptest.NewRecorder()
		rd.Help().ServeHTTP(w, newTestRequest("GET", path))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	for _, h := range helpPages {
		w := httptest.NewRecorder()
		rd.Help().ServeHTTP(w, newTestRequest("GET", h.Path()))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h1>"+h.Title+"</h1>") {
			t.Errorf("%s: %d", h.Path(), w.Code)
		}
	}
}

// Colours are named once, as tokens, so that the measured contrast holds everywhere.
func TestOnlyTokensNameColours(t *testing.T) {
	css := stylesheet(t)
	body := css[strings.Index(css, "/* Ground */"):]
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(rgb|hsl|oklch)a?\(`).FindAllString(body, -1); len(found) > 0 {
		t.Errorf("colours outside the tokens: %q", found)
	}
	if strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the stylesheet fetches something")
	}
}

// An unknown name draws a clock, so a slip of the pen would show nowhere else.
func TestOurOwnIconsExist(t *testing.T) {
	var names []string
	for _, item := range append(append([]sideItem{}, accountSide...), adminSide...) {
		names = append(names, item.Icon)
	}
	for _, h := range helpPages {
		names = append(names, h.Icon)
	}
	for _, words := range statusWords {
		names = append(names, words.icon)
	}
	for _, words := range refusalWords {
		names = append(names, words.icon)
	}
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		for _, m := range regexp.MustCompile(`template "icon" "([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, "browser", "phone", "tv", "server", "app")
	for _, name := range names {
		if !look.Drawn(name) {
			t.Errorf("there is no icon %q", name)
		}
	}
}
