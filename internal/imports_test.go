package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// Doors call flows, flows use things, things stand on the ground. What doors share of HTTP is their sill. Store and mail plug in from behind. A wing knows the
// service only by its protocols. Only cmd sees everything. A new package is a new row here; a package that goes takes its row along.
var rooms = map[layer][]string{
	door:   {"api", "middleware", "oidc", "operations", "plexapi", "signals", "web"},
	flow:   {"admin", "devicekey", "factor", "grant", "home", "incident", "mediaserver", "password", "profile", "registration", "signin", "signup", "social", "transmitter", "tvlink"},
	thing:  {"account", "audit", "credential", "device", "household", "identity", "linkcode", "mfa", "notice", "passkey", "relyingparty", "server", "stream"},
	sill:   {"response"},
	ground: {"argon2id", "blocklist", "config", "even", "forwarded", "id", "look", "openapi", "outage", "passwordpolicy", "place", "ratelimit", "request", "secret", "signing"},
	behind: {"backchannel", "issuer", "mail", "store"},
	wing:   {"demo", "demo/film", "gate", "gate/accounts", "gate/directory", "gate/doctor", "gate/door", "gate/keep", "gate/local", "gate/media", "gate/neighbours", "gate/openid", "gate/page", "gate/watch", "player"},
	tests:  {"certtest", "gate/proxytest", "issuertest", "loadtest", "loadtest/crowd", "mail/mailtest", "passkey/passkeytest", "testdb", "teststore"},
}

// between lists which things build on which others; Go itself refuses circles.
var between = map[string][]string{
	"audit":      {"account", "credential", "device", "notice"},
	"credential": {"account", "device"},
	"household":  {"account", "credential", "device"},
	"identity":   {"account", "credential"},
	"linkcode":   {"credential", "device"},
	"mfa":        {"account", "audit", "credential", "device", "notice"},
	"passkey":    {"account", "audit", "credential", "device", "notice"},
	"server":     {"account", "credential", "device", "relyingparty"},
	"stream":     {"audit"},
}

// leaving are packages about to go, which the rule does not look at.
var leaving []string

type layer string

const (
	door   layer = "door"
	flow   layer = "flow"
	thing  layer = "thing"
	sill   layer = "sill"
	ground layer = "ground"
	behind layer = "behind"
	wing   layer = "wing"
	tests  layer = "tests"
	cmd    layer = "cmd"
)

// mayUse says which layers a layer may import. Code for tests may import anything.
var mayUse = map[layer][]layer{
	door:   {flow, thing, sill, ground},
	flow:   {thing, ground},
	thing:  {thing, ground},
	sill:   {ground},
	ground: {ground},
	behind: {flow, thing, ground},
	wing:   {wing, sill, ground},
	cmd:    {door, flow, thing, ground, behind, wing},
}

// ownProtocols are the packages that tie code to a protocol, which only doors, their sill, wings, what is behind, and cmd may be.
var ownProtocols = []string{"net/http", "database/sql", "html/template"}

func TestImportRule(t *testing.T) {
	for _, violation := range violations(t, os.DirFS("..")) {
		t.Error(violation)
	}
}

func TestImportRuleBites(t *testing.T) {
	tests := map[string]struct{ importer, imported, want string }{
		"thing with http":         {"internal/account/a.go", "net/http", "internal/account (thing) may not import net/http"},
		"thing with a driver":     {"internal/account/a.go", "database/sql/driver", "internal/account (thing) may not import database/sql/driver"},
		"ground with templates":   {"internal/secret/a.go", "html/template", "internal/secret (ground) may not import html/template"},
		"thing on unlisted thing": {"internal/account/a.go", "usher/internal/notice", "internal/account may not import internal/notice: between does not list it"},
		"ground on thing":         {"internal/secret/a.go", "usher/internal/account", "internal/secret (ground) may not import internal/account (thing)"},
		"wing on another wing":    {"internal/player/a.go", "usher/internal/gate/door", "internal/player may not import internal/gate/door, which is of another wing"},
		"anyone on tests":         {"cmd/usher/a.go", "usher/internal/testdb", "cmd/usher (cmd) may not import internal/testdb (tests)"},
		"anyone on cmd":           {"internal/account/a.go", "usher/cmd/usher", "internal/account (thing) may not import cmd/usher (cmd)"},
		"package without a row":   {"internal/helper/a.go", "fmt", "internal/helper has no row in the table"},
		"row for a nested one":    {"internal/account/inner/a.go", "fmt", "internal/account/inner has no row in the table"},
		"code in other places":    {"pkg/a.go", "fmt", "pkg: Go code stands under cmd or internal"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree := furnished()
			tree[test.importer] = &fstest.MapFile{Data: fmt.Appendf(nil, "package a\nimport %q\n", test.imported)}
			if got := violations(t, tree); !slices.Contains(got, test.want) {
				t.Errorf("got %q, want %q among them", got, test.want)
			}
		})
	}
	t.Run("row without a package", func(t *testing.T) {
		tree := furnished()
		delete(tree, "internal/account/ok.go")
		want := "internal/account has a row in the table and no code"
		if got := violations(t, tree); !slices.Contains(got, want) {
			t.Errorf("got %q, want %q among them", got, want)
		}
	})
	t.Run("doors, flows and what is behind", func(t *testing.T) {
		for _, refused := range [][2]layer{{door, door}, {flow, flow}, {door, behind}, {flow, door}, {flow, behind}, {thing, flow}, {behind, behind}, {behind, door}, {flow, sill}, {sill, flow}} {
			if slices.Contains(mayUse[refused[0]], refused[1]) {
				t.Errorf("a %s may import a %s", refused[0], refused[1])
			}
		}
	})
}

// furnished is a tree in which every row of the table has an innocent package.
func furnished() fstest.MapFS {
	tree := fstest.MapFS{}
	for name := range layers() {
		tree[path.Join("internal", name, "ok.go")] = &fstest.MapFile{Data: []byte("package a\n")}
	}
	for from, all := range between {
		var text strings.Builder
		text.WriteString("package a\n")
		for _, to := range all {
			fmt.Fprintf(&text, "import %q\n", "usher/internal/"+to)
		}
		tree[path.Join("internal", from, "ok.go")] = &fstest.MapFile{Data: []byte(text.String())}
	}
	return tree
}

func layers() map[string]layer {
	all := map[string]layer{}
	for where, names := range rooms {
		for _, name := range names {
			all[name] = where
		}
	}
	return all
}

func violations(t *testing.T, tree fs.FS) []string {
	t.Helper()
	imports := imports(t, tree)
	var found []string
	for name := range layers() {
		if _, exists := imports["internal/"+name]; !exists {
			found = append(found, "internal/"+name+" has a row in the table and no code")
		}
	}
	for from, all := range between {
		for _, to := range all {
			if !slices.Contains(imports["internal/"+from], "usher/internal/"+to) {
				found = append(found, fmt.Sprintf("between lists %s importing %s, which it does not", from, to))
			}
		}
	}
	for from, all := range imports {
		where, known := layerOf(from)
		switch {
		case !known && strings.HasPrefix(from, "internal/"):
			found = append(found, from+" has no row in the table")
			continue
		case !known:
			found = append(found, from+": Go code stands under cmd or internal")
			continue
		case where == tests:
			continue
		}
		for _, to := range all {
			if complaint := judge(from, where, to); complaint != "" {
				found = append(found, complaint)
			}
		}
	}
	slices.Sort(found)
	return found
}

func judge(from string, where layer, to string) string {
	inner, ours := strings.CutPrefix(to, "usher/")
	if !ours {
		tied := slices.ContainsFunc(ownProtocols, func(p string) bool { return to == p || strings.HasPrefix(to, p+"/") })
		if tied && (where == flow || where == thing || where == ground) {
			return fmt.Sprintf("%s (%s) may not import %s", from, where, to)
		}
		return ""
	}
	target, known := layerOf(inner)
	if !known || !slices.Contains(mayUse[where], target) {
		return fmt.Sprintf("%s (%s) may not import %s (%s)", from, where, inner, target)
	}
	if where == wing && target == wing && wingOf(from) != wingOf(inner) {
		return fmt.Sprintf("%s may not import %s, which is of another wing", from, inner)
	}
	thingName, otherName := strings.TrimPrefix(from, "internal/"), strings.TrimPrefix(inner, "internal/")
	if where == thing && target == thing && !slices.Contains(between[thingName], otherName) {
		return fmt.Sprintf("%s may not import %s: between does not list it", from, inner)
	}
	return ""
}

// wingOf is the first name below internal: what stands in one folder is one wing.
func wingOf(folder string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(folder, "internal/"), "/")
	return name
}

func layerOf(folder string) (layer, bool) {
	if strings.HasPrefix(folder, "cmd/") {
		return cmd, true
	}
	where, known := layers()[strings.TrimPrefix(folder, "internal/")]
	return where, known && strings.HasPrefix(folder, "internal/")
}

// imports maps each folder with Go code to what that code imports, whatever the platform; test files are left out.
func imports(t *testing.T, tree fs.FS) map[string][]string {
	t.Helper()
	all := map[string]map[string]bool{}
	eachGoFile(t, tree, func(name string, text []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Errorf("reading the imports: %v", err)
			return
		}
		folder := path.Dir(name)
		if all[folder] == nil {
			all[folder] = map[string]bool{}
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			all[folder][imported] = true
		}
	})
	sorted := map[string][]string{}
	for folder, set := range all {
		sorted[folder] = slices.Sorted(maps.Keys(set))
	}
	return sorted
}

// eachGoFile calls f with every Go file of the tree that is neither a test nor outside the build.
func eachGoFile(t *testing.T, tree fs.FS, f func(name string, text []byte)) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			outside := base == "testdata" || base == "node_modules" || (base != "." && strings.ContainsAny(base[:1], "._"))
			if outside || slices.Contains(leaving, strings.TrimPrefix(name, "internal/")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f(name, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
