package web

import "net/http"

func (d *Door) getProfile(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.profilePage(w, r, http.StatusOK, ProfilePage{DisplayName: v.Person.Name, UserName: v.Person.UserName}, v)
}

func (d *Door) profilePage(w http.ResponseWriter, r *http.Request, status int, p ProfilePage, v visitor) error {
	d.Pages.Page(w, r, status, "profile", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

func (d *Door) postProfile(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := ProfilePage{DisplayName: r.PostFormValue("display_name"), UserName: r.PostFormValue("user_name")}
	if p.UserName == "" && v.Person.UserName != "" {
		p.Refuse("user_name", "A user name can be changed, but not taken away.")
		return d.profilePage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	if err := d.Profile.Rename(r.Context(), v.Found, p.DisplayName, p.UserName, d.client(r)); err != nil {
		p.refuseAccount(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.profilePage(w, r, status, p, v) })
	}
	return to(w, r, "/account/profile?done=profile")
}
