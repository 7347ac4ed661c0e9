package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"usher/internal/openapi"
)

var errNotFound = errors.New("api: there is nothing here")

//go:embed openapi.yaml
var openAPI []byte

// Description is what programs can ask for (OpenAPI 3.1).
func Description() []byte { return bytes.Clone(openAPI) }

// description serves what programs can ask for, as OpenAPI.
func description(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
	return nil
}

// explain says in words what the type of a problem means, for who follows it.
func (d *Door) explain(w http.ResponseWriter, r *http.Request) error {
	p, known := problems[r.PathValue("name")]
	if !known {
		return errNotFound
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(p.title + " (" + strconv.Itoa(p.status) + ")\n\n" + d.spell(p.detail) + "\n"))
	return nil
}

// Problems are all kinds of refusals by status and name, as people read them.
func Problems(origin string) (all []openapi.Problem) {
	for _, p := range problems {
		all = append(all, openapi.Problem{Name: p.name, Status: p.status, Title: p.title, Text: strings.ReplaceAll(p.detail, "ORIGIN", origin)})
	}
	slices.SortFunc(all, func(a, b openapi.Problem) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), strings.Compare(a.Name, b.Name))
	})
	return all
}

func (d *Door) spell(detail string) string {
	return strings.ReplaceAll(detail, "ORIGIN", d.Origin.String())
}
