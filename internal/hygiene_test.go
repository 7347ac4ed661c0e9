package internal_test

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const maxFileLines = 500

func TestFilesStayShort(t *testing.T) {
	eachGoFile(t, os.DirFS(".."), func(name string, text []byte) {
		if lines := bytes.Count(text, []byte("\n")); lines > maxFileLines {
			t.Errorf("%s has %d lines; at most %d", name, lines, maxFileLines)
		}
	})
}

func TestPackagesSayWhatTheyOwn(t *testing.T) {
	documented := map[string]bool{}
	eachGoFile(t, os.DirFS(".."), func(name string, text []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("reading the package comment: %v", err)
			return
		}
		opening := "Package " + file.Name.Name + " "
		if file.Name.Name == "main" {
			opening = "Command " + path.Base(path.Dir(name)) + " "
		}
		folder := path.Dir(name)
		documented[folder] = documented[folder] || strings.HasPrefix(file.Doc.Text(), opening)
	})
	if len(documented) == 0 {
		t.Error("no package was found")
	}
	for folder, is := range documented {
		if !is {
			t.Errorf("%s has no package comment (Package NAME … or, for a program, Command NAME …)", folder)
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	eachGoFile(t, os.DirFS(".."), func(name string, text []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("reading the functions: %v", err)
			return
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s has an init function", name)
			}
		}
	})
}

// callsOut finds what opens a connection or asks a name server.
var callsOut = regexp.MustCompile(`\bhttp\.(Get|Post|PostForm|Head|Client|DefaultClient|DefaultTransport|Transport|NewRequest(WithContext)?)\b|\bnet\.(Dial\w*|Dialer|Lookup\w+|Resolver|DefaultResolver)\b|\btls\.(Dial\w*|Dialer)\b`)

// Attack L9: nothing that a stranger sends can make the service call anywhere, because only mail opens connections, to the server its operator
// named, the database's own drivers, what tells clients of sign-outs, at the addresses their administrator registered, behind a guard of its own, and the services by
// which people sign in, which the operator named too. The player in the
// terminal and the gate are no part of the service, and neither is the demonstration, which calls its own doors.
func TestOnlyMailAndLogoutsCallOut(t *testing.T) {
	found := 0
	eachGoFile(t, os.DirFS(".."), func(name string, text []byte) {
		if !callsOut.Match(text) || strings.HasPrefix(name, "internal/loadtest/") || strings.HasPrefix(name, "internal/issuertest/") || strings.HasPrefix(name, "internal/player/") || strings.HasPrefix(name, "internal/gate/") || strings.HasPrefix(name, "internal/demo/") {
			return
		}
		found++
		if !strings.HasPrefix(name, "internal/mail/") && !strings.HasPrefix(name, "internal/backchannel/") && !strings.HasPrefix(name, "internal/issuer/") {
			t.Errorf("%s opens connections: %s", name, callsOut.Find(text))
		}
	})
	if found < 2 {
		t.Error("not even those two do: the pattern finds nothing")
	}
}

// namedProof finds the tests that the documentation names as proof of something.
var namedProof = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")

// Whoever looks up a test that the documentation names finds it.
func TestTheDocumentationNamesTestsThatExist(t *testing.T) {
	exists := map[string]bool{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "node_modules" {
			return cmp.Or(err, fs.SkipDir)
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				exists[function.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, pattern := range []string{"../docs/*.md", "../docs/decisions/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range namedProof.FindAllSubmatch(text, -1) {
				if named++; !exists[string(match[1])] {
					t.Errorf("%s names %s, which does not exist", page, match[1])
				}
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d names were found", named)
	}
}
