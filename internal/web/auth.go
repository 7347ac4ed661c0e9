package web

import "net/http"

// getAuth is where addresses of the form /auth#?resetPassword and /auth#?code=…&forwardUrl=… lead. What stands behind the # never reaches a server,
// so the page offers every way, and the script takes the one that is meant.
func (d *Door) getAuth(w http.ResponseWriter, r *http.Request) error {
	d.Pages.Page(w, r, http.StatusOK, "auth", Page{Data: struct{}{}})
	return nil
}
