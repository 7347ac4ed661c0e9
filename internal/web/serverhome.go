package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/household"
)

// getServerHome asks to whom of the Home a server is open.
func (d *Door) getServerHome(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverHomePage(w, r, http.StatusOK, ServerHomePage{}, v)
}

func (d *Door) serverHomePage(w http.ResponseWriter, r *http.Request, status int, p ServerHomePage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	h, err := d.Home.Members(r.Context(), v.Found)
	if err != nil {
		return homeGone(err)
	}
	open, err := d.Home.Sharing(r.Context(), v.Found, k.ID)
	if err != nil {
		return err
	}
	if p.Problem != "" {
		open = household.Shared{With: household.WithChosen}
	}
	p.ID, p.Name, p.With = k.ID, k.Name, withOf(open.With)
	for _, m := range h.Joined() {
		if m.AccountID != v.AccountID {
			shown := d.memberShown(m, v.AccountID)
			p.Members = append(p.Members, HomeChoice{shown, open.With == household.WithChosen && slices.Contains(open.Members, m.ID)})
		}
	}
	d.Pages.Page(w, r, status, "server-home", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// withOf is what a form calls a way to share.
func withOf(with household.Sharing) string {
	if with == household.WithNobody {
		return "nobody"
	}
	return string(with)
}

func (d *Door) postServerHome(w http.ResponseWriter, r *http.Request, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	open := household.Shared{}
	switch r.PostFormValue("with") {
	case "all":
		open.With = household.WithAll
	case "chosen":
		open.With, open.Members = household.WithChosen, chosenMembers(r.PostForm)
	case "nobody":
	default:
		return errNotFound
	}
	if !v.IsFresh(d.Now()) {
		return errAskAgain
	}
	if open.With == household.WithChosen && len(open.Members) == 0 {
		p := ServerHomePage{Form: Form{Problem: "Choose at least one of them, or nobody."}}
		return d.serverHomePage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	err = d.Home.Open(r.Context(), v.Found, k.ID, k.Name, open, d.client(r))
	if errors.Is(err, household.ErrNotFound) { // somebody left meanwhile
		p := ServerHomePage{Form: Form{Problem: "Somebody has left the Home meanwhile. Choose again."}}
		return d.serverHomePage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	if err != nil {
		return homeGone(err)
	}
	return to(w, r, pathWith("/servers/"+k.ID, "done", "home"))
}

// chosenMembers are those whose box is ticked. Each box has a name of its own, since no form may have two fields of one name.
func chosenMembers(form url.Values) (ids []string) {
	for name := range form {
		if id, ok := strings.CutPrefix(name, "member-"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// homeAtServer fills in who of the owner's Home a server lets in.
func (d *Door) homeAtServer(r *http.Request, v visitor, serverID string, p *ServerPage) error {
	h, err := d.Home.Members(r.Context(), v.Found)
	if errors.Is(err, household.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	open, err := d.Home.Sharing(r.Context(), v.Found, serverID)
	p.InHome, p.HomeAll = true, open.With == household.WithAll
	for _, one := range open.Members {
		if m, is := h.Find(one); is {
			p.Home = append(p.Home, d.memberShown(m, v.AccountID))
		}
	}
	return err
}
