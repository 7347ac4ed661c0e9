package web

import "net/http"

func (d *Door) getDeleting(w http.ResponseWriter, r *http.Request, v visitor) error {
	d.Pages.Page(w, r, http.StatusOK, "deleting", Page{Data: DeletingPage{On: v.Person.DeleteAt}})
	return nil
}

func (d *Door) postKeep(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Profile.Keep(r.Context(), v.Found, d.client(r)); err != nil {
		return err
	}
	return to(w, r, "/account?done=kept")
}
