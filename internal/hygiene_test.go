package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
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
// named, and the database's own drivers.
func TestOnlyMailCallsOut(t *testing.T) {
	found := 0
	eachGoFile(t, os.DirFS(".."), func(name string, text []byte) {
		if !callsOut.Match(text) || strings.HasPrefix(name, "internal/loadtest/") {
			return
		}
		found++
		if !strings.HasPrefix(name, "internal/mail/") {
			t.Errorf("%s opens connections: %s", name, callsOut.Find(text))
		}
	})
	if found == 0 {
		t.Error("not even mail does: the pattern finds nothing")
	}
}
