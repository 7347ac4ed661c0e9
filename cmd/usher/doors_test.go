package main

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/mfa"
	"usher/internal/operations"
	"usher/internal/place"
	"usher/internal/secret"
	"usher/internal/signup"
	"usher/internal/testdb"
	"usher/internal/transmitter"
)

// doors is the service with every door, mounted as serve does it, and with a clock that the test moves.
type doors struct {
	*testing.T
	*service
	every http.Handler
	raw   *sql.DB // the database behind the store's back
	at    time.Time
	keys  map[string]secret.Token // authenticators, by account
}

// eachDoors runs a test on both databases.
func eachDoors(t *testing.T, test func(d *doors)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) { test(openDoors(t, databaseURL, func(*config.Config) {})) })
}

// onSQLite reports which of the two databases is behind the doors, for what the database makes no difference to.
func (d *doors) onSQLite() bool { return strings.HasPrefix(d.cfg.Database.Reveal(), "sqlite:") }

// openDoors opens them with what change makes of the settings.
func openDoors(t *testing.T, databaseURL string, change func(*config.Config)) *doors {
	t.Helper()
	d := &doors{T: t, at: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), keys: map[string]secret.Token{}}
	cfg := config.Default()
	cfg.Data, cfg.Database, cfg.Origin = t.TempDir(), secret.TokenOf(databaseURL), "https://usher.example.org"
	cfg.Argon2Memory, cfg.Argon2Passes = 8, 1
	cfg.FacebookClientID, cfg.FacebookClientSecret = "1234", secret.TokenOf("of the app") // it is asked nothing before somebody comes back
	change(&cfg)
	d.service, d.every = openService(t, cfg, func() time.Time { return d.at })
	d.raw = behind(t, databaseURL)
	return d
}

// behind opens a database behind the store's back.
func behind(tb testing.TB, databaseURL string) *sql.DB {
	tb.Helper()
	driver, name := "pgx", databaseURL
	if path, is := strings.CutPrefix(databaseURL, "sqlite:"); is {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)"
	}
	raw, err := sql.Open(driver, name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = raw.Close() })
	return raw
}

// openService wires the service as serve does, without its jobs.
func openService(tb testing.TB, cfg config.Config, now func() time.Time) (*service, http.Handler) {
	tb.Helper()
	s := &service{log: newLog(cfg.LogLevel, cfg.LogFormat, world{Err: io.Discard}), metrics: operations.NewMetrics(), room: &transmitter.Room{}}
	var err error
	if s.stack, err = openStack(tb.Context(), cfg, now, func(string) {}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	if s.places, err = place.Open(""); err != nil {
		tb.Fatal(err)
	}
	_, others, err := configured(cfg)
	if err == nil {
		err = s.openOutside(others)
	}
	if err != nil {
		tb.Fatal(err)
	}
	handler, err := s.handler()
	if err != nil {
		tb.Fatal(err)
	}
	return s, handler
}

func (d *doors) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// do runs a statement behind the store's back.
func (d *doors) do(text string, args ...any) {
	d.Helper()
	_, err := d.raw.ExecContext(d.Context(), text, args...)
	d.must(err)
}

// rows reads rows behind the store's back, each as one text.
func (d *doors) rows(text string) (all []string) {
	d.Helper()
	rows, err := d.raw.QueryContext(d.Context(), text)
	d.must(err)
	for rows.Next() {
		var row string
		d.must(rows.Scan(&row))
		all = append(all, row)
	}
	d.must(errors.Join(rows.Err(), rows.Close()))
	return all
}

// person makes an account with the address name@example.org.
func (d *doors) person(name, password string, admin bool) account.Account {
	d.Helper()
	a, err := d.founding().Add(d.Context(), signup.NewAccount{Email: name + "@example.org", UserName: name, Password: secret.TokenOf(password), Admin: admin})
	d.must(err)
	return a
}

// turnOnFactor gives an account a second factor.
func (d *doors) turnOnFactor(a account.Account) {
	d.Helper()
	d.keys[a.ID] = mfa.NewKey()
	d.must(d.db.TurnOnFactor(d.Context(), credential.NewFactor{AccountID: a.ID, Key: d.keys[a.ID]}, audit.Act{At: d.at}))
}

// code is what an account's authenticator shows, after the code before it has gone.
func (d *doors) code(a account.Account) string {
	d.at = d.at.Add(30 * time.Second)
	return mfa.Code(d.keys[a.ID], mfa.Step(d.at)).Reveal()
}

// unlimited forgets every limit and every failure, so that one request does not stand in another's way.
func (d *doors) unlimited() {
	d.Helper()
	d.do("DELETE FROM failure")
	d.do("DELETE FROM rate")
}

// request is what a browser or a program sends.
type request struct {
	cookies map[string]string // without their prefix
	form    url.Values
	object  map[string]string // sent as JSON
	json    string            // the same, as it stands
	header  http.Header
	from    string // address and port; empty: 203.0.113.7
	away    bool   // what it depends on may be away: 503 is no fault
}

// send sends a request to whatever door it is for.
func (d *doors) send(method, path string, q request) *httptest.ResponseRecorder {
	d.Helper()
	d.at = d.at.Add(time.Millisecond) // so that what happens later has the greater number
	body, contentType := "", ""
	switch {
	case q.json != "":
		body, contentType = q.json, "application/json"
	case q.object != nil:
		raw, err := json.Marshal(q.object)
		d.must(err)
		body, contentType = string(raw), "application/json"
	case method == http.MethodPost:
		body, contentType = q.form.Encode(), "application/x-www-form-urlencoded"
	}
	r := httptest.NewRequest(method, d.cfg.Origin+path, strings.NewReader(body))
	r.TLS, r.RemoteAddr = nil, cmp.Or(q.from, "203.0.113.7:4711")
	if q.header != nil {
		r.Header = q.header.Clone()
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if contentType != "application/json" && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range q.cookies {
		r.AddCookie(&http.Cookie{Name: "__Host-" + name, Value: value})
	}
	w := httptest.NewRecorder()
	d.every.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError && !(q.away && w.Code == http.StatusServiceUnavailable) {
		d.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

// cookie returns what an answer gives the browser to keep under a name; empty when nothing.
func cookie(w *httptest.ResponseRecorder, name string) string {
	for _, c := range w.Result().Cookies() {
		if c.Name == "__Host-"+name {
			return c.Value
		}
	}
	return ""
}

func asBearer(token string) request {
	return request{header: http.Header{"Authorization": {"Bearer " + token}}}
}

// asPlex is what a client of the plex.tv wire API sends.
func asPlex(token string) request {
	return request{header: http.Header{"X-Plex-Client-Identifier": {"attic"}, "X-Plex-Token": {token}}}
}

func asBasic(login, password string) request {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(login, password)
	return request{header: r.Header}
}

// sources are the Go files of the packages under internal, by package; tests are left out.
func sources(t *testing.T) map[string][]*ast.File {
	t.Helper()
	all := map[string][]*ast.File{}
	err := fs.WalkDir(os.DirFS("../../internal"), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"testdata", "node_modules", "loadtest", "teststore"}, entry.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../../internal", path), nil, parser.SkipObjectResolution)
		all[filepath.ToSlash(filepath.Dir(path))] = append(all[filepath.ToSlash(filepath.Dir(path))], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// literal is what a literal in the source says; empty for anything else.
func literal(n ast.Node) string {
	lit, is := n.(*ast.BasicLit)
	if !is || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// nameOf is the last word of what is called or named: Linking, for act.Linking.
func nameOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	case *ast.CallExpr:
		return nameOf(n.Fun)
	}
	return ""
}

// route is one line of a door's table.
type route struct {
	door         string // its package
	method, path string
	handler      string // what answers it, or what wraps what answers it
}

func (rt route) pattern() string { return strings.TrimSpace(rt.method + " " + rt.path) }

// routes reads the tables of every door out of the source, and what a door mounts beside its table.
func routes(t *testing.T) (all []route) {
	t.Helper()
	for name, files := range sources(t) {
		if strings.HasPrefix(name, "gate/") {
			continue // another program, which holds nothing of the service's
		}
		var found []route
		tables, isDoor := 0, false
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					isDoor = isDoor || n.Name.Name == "Door"
				case *ast.FuncDecl:
					if n.Name.Name == "routes" {
						tables++
						found = append(found, tableOf(n)...)
					}
				case *ast.CallExpr:
					if x, is := n.Fun.(*ast.SelectorExpr); is && strings.HasPrefix(x.Sel.Name, "Handle") && len(n.Args) == 2 && literal(n.Args[0]) != "" {
						found = append(found, routeOf(literal(n.Args[0]), n.Args[1]))
					}
				}
				return true
			})
		}
		if isDoor != (tables == 1) {
			t.Errorf("internal/%s has %d tables of routes; each door has one, which this test reads", name, tables)
		}
		for _, rt := range found {
			if rt.door = name; isDoor {
				all = append(all, rt)
			}
		}
	}
	return all
}

func tableOf(table *ast.FuncDecl) (all []route) {
	ast.Inspect(table, func(n ast.Node) bool {
		if row, is := n.(*ast.CompositeLit); is && len(row.Elts) == 2 && literal(row.Elts[0]) != "" {
			all = append(all, routeOf(literal(row.Elts[0]), row.Elts[1]))
		}
		return true
	})
	return all
}

func routeOf(pattern string, handler ast.Node) route {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	return route{method: method, path: path, handler: nameOf(handler)}
}
