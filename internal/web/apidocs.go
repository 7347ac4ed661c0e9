package web

import (
	"net/http"

	"usher/internal/openapi"
)

// APIDocsPage is "api-docs".
type APIDocsPage struct{ openapi.Document }

// getAPIDocs shows developers what the JSON API can be asked, from the description that programs read.
func (d *Door) getAPIDocs(w http.ResponseWriter, r *http.Request) error {
	d.Pages.Page(w, r, http.StatusOK, "api-docs", Page{Title: d.API.Title, Data: APIDocsPage{d.API}})
	return nil
}
