package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// endsGrants finds the statements that end what clients were given: a step of an epoch, the floor, a device that goes.
var endsGrants = regexp.MustCompile(`epoch = epoch \+|SET floor|DELETE FROM device`)

// untold are functions with such statements that have no client to tell.
var untold = []string{
	"endApp",       // of a client that was removed
	"endAtServer",  // an app password of a server, from which no client was given anything
	"sweepDevices", // what nobody ended, but only ran out
}

// Whatever ends grants has their clients told. A new way fails here until it does, too.
func TestWhateverEndsGrantsIsTold(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	ways := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			ends, tells := false, false
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					ends = ends || endsGrants.MatchString(n.Value)
				case *ast.Ident:
					tells = tells || slices.Contains([]string{"queueLogouts", "endDeadGrants", "logoutWalk"}, n.Name)
				}
				return true
			})
			if ends {
				ways++
			}
			if ends && tells == slices.Contains(untold, f.Name.Name) {
				t.Errorf("%s in %s ends grants; it tells their clients: %t", f.Name.Name, name, tells)
			}
		}
	}
	if ways < 7 {
		t.Errorf("only %d ways of ending grants were found", ways)
	}
}
