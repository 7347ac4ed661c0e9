package storetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"usher/internal/store"
)

// Every verb has a test of its name, which calls it.
func TestEveryVerbHasATest(t *testing.T) {
	tests := map[string]map[string]bool{} // test → methods it calls
	files, err := fs.Glob(os.DirFS("."), "*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			calls := map[string]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					calls[s.Sel.Name] = true
				}
				return true
			})
			tests[f.Name.Name] = calls
		}
	}
	verbs := reflect.TypeFor[*store.DB]()
	if verbs.NumMethod() < 50 {
		t.Fatalf("only %d verbs were found", verbs.NumMethod())
	}
	for i := range verbs.NumMethod() {
		verb := verbs.Method(i).Name
		calls, has := tests["Test"+verb]
		switch {
		case !has:
			t.Errorf("%s has no test named Test%s", verb, verb)
		case !calls[verb] && !indirect[verb]:
			t.Errorf("Test%s does not call %s", verb, verb)
		}
	}
}

// indirect are verbs whose tests call them by a function beside them that others use as well.
var indirect = map[string]bool{
	"BeginFactor":   true, // begin
	"RedeemSignUp":  true, // signUp
	"RedeemEmail":   true, // rename
	"EnterLinkCode": true, // enter
	"OpenToHome":    true, // opens
	"Sweep":         true, // sweep
	"Unsealed":      true, // unsealed
}
