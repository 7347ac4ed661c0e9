package browsertest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// routes reads the patterns of the door's table, so that a page cannot be added without these tests knowing.
func routes(t *testing.T) (patterns []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../web/routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if !ok || row.Type != nil || len(row.Elts) == 0 {
			return true
		}
		if text, ok := row.Elts[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
			if pattern, err := strconv.Unquote(text.Value); err == nil && strings.Contains(pattern, " /") {
				patterns = append(patterns, pattern)
			}
		}
		return true
	})
	if len(patterns) < 50 {
		t.Fatalf("found only %d routes in the door's table", len(patterns))
	}
	return patterns
}
