package web

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"usher/internal/request"
)

const sampleNonce = "abcdefghijklmnop+/=="

func newTestRenderer(t *testing.T, change func(*Site)) (*Renderer, *bytes.Buffer) {
	t.Helper()
	site := sampleSite()
	if change != nil {
		change(&site)
	}
	var log bytes.Buffer
	rd, err := NewRenderer(site, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return rd, &log
}

func newTestRequest(method, path string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	return r.WithContext(request.With(r.Context(), request.Facts{ID: "k3v9q2m8x1ab", Nonce: sampleNonce}))
}

func eachSample(t *testing.T, check func(t *testing.T, s sample, doc *html.Node)) {
	for _, s := range samples() {
		t.Run(strings.Trim(s.name+" "+s.state, " "), func(t *testing.T) {
			rd, log := newTestRenderer(t, s.site)
			status := s.status
			if status == 0 {
				status = http.StatusOK
			}
			w := httptest.NewRecorder()
			rd.Page(w, newTestRequest("GET", "/"), status, s.name, s.page)
			if w.Code != status || log.Len() > 0 {
				t.Fatalf("status %d, want %d; log: %s", w.Code, status, log)
			}
			doc, err := html.Parse(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, doc)
		})
	}
}

func TestEveryTemplateHasASample(t *testing.T) {
	sampled := map[string]bool{}
	for _, s := range samples() {
		sampled[s.name] = true
	}
	found := 0
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "page/layout/") {
			return err
		}
		found++
		if short := strings.TrimSuffix(strings.TrimPrefix(name, "page/"), ".html"); !sampled[short] {
			t.Errorf("%s is never rendered in a test", name)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("%d pages, %v", found, err)
	}
}

func TestPartsAndPagesHaveTheirOwnNames(t *testing.T) {
	defined := map[string]string{}
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		names := []string{strings.TrimSuffix(strings.TrimPrefix(name, "page/"), ".html")}
		for _, piece := range strings.Split(string(text), `{{define "`)[1:] {
			names = append(names, piece[:strings.Index(piece, `"`)])
		}
		for _, n := range names {
			if other, taken := defined[n]; taken {
				t.Errorf("%q is defined in %s and in %s", n, other, name)
			}
			defined[n] = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPagesAreWhole(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		for tag, want := range map[string]int{"h1": 1, "main": 1, "title": 1, "footer": 1} {
			if got := len(all(doc, tag)); got != want {
				t.Errorf("%d <%s>, want %d", got, tag, want)
			}
		}
		if title := text(first(doc, "title")); strings.HasPrefix(title, " ") || !strings.HasSuffix(title, " · Usher") {
			t.Errorf("title %q", title)
		}
		if strings.TrimSpace(text(first(doc, "h1"))) == "" {
			t.Error("the heading is empty")
		}
		if lang, _ := attr(first(doc, "html"), "lang"); lang != "en" {
			t.Errorf("lang %q", lang)
		}
		ids := map[string]bool{}
		for _, n := range elements(doc) {
			id, ok := attr(n, "id")
			if ok && (id == "" || ids[id]) {
				t.Errorf("id %q is empty or used twice", id)
			}
			ids[id] = true
		}
		for _, n := range elements(doc) {
			for _, name := range []string{"for", "aria-describedby", "aria-labelledby"} {
				value, _ := attr(n, name)
				for _, id := range strings.Fields(value) {
					if !ids[id] {
						t.Errorf("%s=%q names no element", name, id)
					}
				}
			}
		}
	})
}

// The policy forbids inline style, script and handlers; markup in people's text stays text.
func TestPagesFitTheContentSecurityPolicy(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		for _, n := range elements(doc) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
				}
				if strings.Contains(a.Val, "ZgotmplZ") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
				}
				if s.name == "return" && a.Key == "action" || s.name == "link-allowed" && a.Key == "href" && strings.HasPrefix(a.Val, "https://attic.example.org/") {
					continue // back to an app, which asked for it
				}
				if s.name == "servers" || s.name == "server-invitation" {
					if shared := []string{"https://media.example.org", "http://192.168.1.20:32400"}; n.Data == "a" && slices.Contains(shared, a.Val) {
						continue // to a server, at an address that its owner confirmed
					}
				}
				if address := a.Key == "href" || a.Key == "src" || a.Key == "action"; address &&
					!strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
					t.Errorf("<%s> leads elsewhere: %s=%q", n.Data, a.Key, a.Val)
				}
			}
		}
		if n := len(all(doc, "style")); n > 0 {
			t.Errorf("%d <style>", n)
		}
		scripts := all(doc, "script")
		if s.name == "tv" { // for browsers without any
			if len(scripts) != 0 {
				t.Errorf("%d <script>", len(scripts))
			}
			return
		}
		if len(scripts) != 1 {
			t.Fatalf("%d <script>, want one", len(scripts))
		}
		src, _ := attr(scripts[0], "src")
		nonce, _ := attr(scripts[0], "nonce")
		if !strings.HasPrefix(src, "/static/usher.js?v=") || nonce != sampleNonce || text(scripts[0]) != "" {
			t.Errorf("script src %q nonce %q", src, nonce)
		}
	})
}

func TestPagesAreNoDeadEnds(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		ways, help := 0, false
		for _, a := range all(doc, "a") {
			href, _ := attr(a, "href")
			ways++
			help = help || strings.HasPrefix(href, "/help")
		}
		if ways == 0 || !help {
			t.Errorf("%d links, help: %v", ways, help)
		}
		primary := 0
		for _, n := range elements(first(doc, "main")) {
			if class, _ := attr(n, "class"); strings.Contains(" "+class+" ", " primary ") {
				primary++
			}
		}
		onStage := strings.Contains(" "+class(first(doc, "body"))+" ", " stage ")
		if onStage && primary != 1 {
			t.Errorf("%d primary actions on a stage, want one", primary)
		}
	})
}

func TestFormErrorsStandBesideTheirFields(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	data := SignUpPage{Email: `ann@"><b>`}
	data.Refuse("password", "This one is easy to guess.")
	w := httptest.NewRecorder()
	rd.Page(w, newTestRequest("POST", "/sign-up"), http.StatusUnprocessableEntity, "sign-up", Page{Data: data})
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	email, password := byID(doc, "email"), byID(doc, "password")
	if value, _ := attr(email, "value"); value != data.Email {
		t.Errorf("the address typed came back as %q", value)
	}
	if _, kept := attr(password, "value"); kept {
		t.Error("a password was sent back")
	}
	if invalid, _ := attr(password, "aria-invalid"); invalid != "true" {
		t.Error("the refused field is not marked")
	}
	if _, marked := attr(email, "aria-invalid"); marked {
		t.Error("a field that is right is marked")
	}
	_, there := attr(password, "autofocus")
	if _, elsewhere := attr(email, "autofocus"); !there || elsewhere {
		t.Errorf("focus on the error: %v, elsewhere: %v", there, elsewhere)
	}
	described, _ := attr(password, "aria-describedby")
	if got := strings.TrimSpace(text(byID(doc, strings.Fields(described)[0]))); got != "This one is easy to guess." {
		t.Errorf("described by %q", got)
	}
}

func TestSideListMarksThePage(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	for name, want := range map[string]string{"": "Devices", "email": "E-mail"} {
		w := httptest.NewRecorder()
		rd.Page(w, newTestRequest("GET", "/"), http.StatusOK, "devices", Page{Nav: name, Person: &Person{Name: "Ann"}, Data: DevicesPage{}})
		doc, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		var current []string
		admin := false
		for _, a := range all(doc, "a") {
			if _, ok := attr(a, "aria-current"); ok {
				current = append(current, text(a))
			}
			href, _ := attr(a, "href")
			admin = admin || href == "/admin"
		}
		if len(current) != 1 || current[0] != want || admin {
			t.Errorf("Nav %q marks %q; the way to /admin: %v", name, current, admin)
		}
	}
}

func TestABrokenPageIsAWholeErrorPage(t *testing.T) {
	rd, log := newTestRenderer(t, nil)
	for _, broken := range []struct {
		name string
		data any
	}{
		{"sign-in", nil}, {"devices", 7}, {"no-such-page", nil},
		{"message", struct{ Title, Icon string }{"Half a page", "check"}}, // fails after the heading was written
	} {
		log.Reset()
		w := httptest.NewRecorder()
		rd.Page(w, newTestRequest("GET", "/"), http.StatusOK, broken.name, Page{Data: broken.data})
		doc, err := html.Parse(strings.NewReader(w.Body.String()))
		if err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusInternalServerError || len(all(doc, "h1")) != 1 || strings.Contains(w.Body.String(), "Half a page") {
			t.Errorf("%s: status %d, %d headings", broken.name, w.Code, len(all(doc, "h1")))
		}
		if !strings.Contains(w.Body.String(), "k3v9q2m8x1ab") || !strings.Contains(log.String(), "request_id=k3v9q2m8x1ab") {
			t.Errorf("%s: the number is not on the page and in the log: %s", broken.name, log)
		}
	}
}

func TestFieldsSayWhatTheyNeed(t *testing.T) {
	for _, pairs := range [][]string{
		{"name"}, {"name", "a", "label", "A"}, {"label", "A", "autocomplete", "off"}, {"nmae", "a"},
	} {
		if _, err := newInput(Form{}, pairs...); err == nil {
			t.Errorf("newInput(%q) gave no error", pairs)
		}
	}
}

func TestRefusalsNameTheProxy(t *testing.T) {
	rd, _ := newTestRenderer(t, nil)
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(request.With(r.Context(), request.Facts{ID: "x", Client: mustAddr("10.1.2.3")}))
	w := httptest.NewRecorder()
	rd.Refused(w, r, http.StatusInternalServerError, request.RefusedProxy)
	if body := w.Body.String(); !strings.Contains(body, "10.1.2.3") || !strings.Contains(body, "trusted_proxies") {
		t.Error("the page names neither the proxy nor the setting")
	}
	w = httptest.NewRecorder()
	rd.Refused(w, r, http.StatusForbidden, request.RefusedCrossOrigin)
	if strings.Contains(w.Body.String(), "10.1.2.3") || w.Code != http.StatusForbidden {
		t.Errorf("status %d, or the page shows an address for no reason", w.Code)
	}
}

type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("the reader is gone") }

func TestAReaderWhoLeftIsNoFailure(t *testing.T) {
	rd, log := newTestRenderer(t, nil)
	rd.Error(brokenWriter{httptest.NewRecorder()}, newTestRequest("GET", "/"), ErrorPage{Status: http.StatusNotFound})
	if log.Len() > 0 {
		t.Errorf("logged: %s", log)
	}
}

// The TV's sheet is for browsers of ten years ago: nothing in it that those do not know and that anything rests on.
func TestTheTVsSheetIsForOldBrowsers(t *testing.T) {
	raw, err := files.ReadFile("static/tv.css")
	if err != nil {
		t.Fatal(err)
	}
	sheet := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(raw), "")
	for _, young := range []string{
		"var(", "--", "grid", "flex", "clamp(", "min(", "max(", "gap:", "inset", "aspect-ratio", "@layer", "@container", "@supports", "@import", ":is(", ":where(", ":has(", ":not(", ":focus-visible", "&", "oklch", "color-mix",
	} {
		if strings.Contains(sheet, young) {
			t.Errorf("it has %q", young)
		}
	}
	if !strings.Contains(sheet, "h1.code") {
		t.Error("it is not the sheet")
	}
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		for _, link := range all(doc, "link") {
			href, _ := attr(link, "href")
			if rel, _ := attr(link, "rel"); s.name == "tv" && rel == "stylesheet" && !strings.HasPrefix(href, "/static/tv.") {
				t.Errorf("another sheet: %s", href)
			}
		}
	})
}
