package web

import (
	"errors"
	"net/http"
	"strconv"

	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/id"
)

// pictureOf is the picture that a form chooses; the first where it chooses none.
func pictureOf(r *http.Request) int {
	n, err := strconv.Atoi(r.PostFormValue("picture"))
	if err != nil || n < 0 || n >= household.Pictures {
		return 0
	}
	return n
}

func (d *Door) getHomeMember(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.homeMemberPage(w, r, http.StatusOK, HomeMemberPage{}, v)
}

// homeMemberPage shows what may be changed about a member: by the owner, or by the member itself.
func (d *Door) homeMemberPage(w http.ResponseWriter, r *http.Request, status int, p HomeMemberPage, v visitor) error {
	if !id.Valid(r.PathValue("id")) {
		return errNotFound
	}
	h, err := d.Home.Members(r.Context(), v.Found)
	if err != nil {
		return homeGone(err)
	}
	m, is := h.Find(r.PathValue("id"))
	own := h.ID == v.AccountID
	if !is || !own && m.AccountID != v.AccountID {
		return errNotFound
	}
	p.HomeMember, p.Pictures = d.memberShown(m, v.AccountID), pictures()
	p.Waits = m.Waits()
	p.MayPIN, p.MayRemove = !m.Waits() && (m.Managed || m.AccountID == v.AccountID), own && !m.IsOwner()
	if status == http.StatusOK {
		p.Typed = p.Name
	}
	d.Pages.Page(w, r, status, "home-member", Page{Person: v.header(), Nav: "home", Notice: done(r, homeDone), Data: p})
	return nil
}

func (d *Door) postHomeMember(w http.ResponseWriter, r *http.Request, v visitor) error {
	memberID := r.PathValue("id")
	if !id.Valid(memberID) {
		return errNotFound
	}
	p := HomeMemberPage{Typed: r.PostFormValue("name")}
	next, said := HomeMember{ID: memberID}.Path(), r.PathValue("act")
	var err error
	switch said {
	case "change":
		err = d.Home.ChangeManaged(r.Context(), v.Found, memberID, p.Typed, pictureOf(r), d.client(r))
	case "pin":
		err = d.Home.SetPIN(r.Context(), v.Found, home.NewPIN{Member: memberID, PIN: r.PostFormValue("pin"), Client: d.client(r)})
		if r.PostFormValue("pin") == "" && err == nil {
			said = "no-pin"
		}
	case "unlock":
		err = d.Home.Unlock(r.Context(), v.Found, memberID, d.client(r))
	case "remove":
		next = home.Path
		if d.isInvited(r, v, memberID) {
			said = "taken-back"
		}
		if err = d.Home.Remove(r.Context(), v.Found, v.Person, memberID, d.client(r)); errors.Is(err, household.ErrNotFound) { // pressed twice is done once
			err = nil
		}
	default:
		return errNotFound
	}
	switch {
	case errors.Is(err, home.ErrName):
		p.Refuse("name", nameNeeded)
	case errors.Is(err, household.ErrBadPIN):
		p.Refuse("pin", "A PIN is four digits.")
	}
	if err != nil {
		return d.againHome(w, r, &p.Form, err, func(status int) error { return d.homeMemberPage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(next, "done", said))
}

// isInvited reports whether a member of the visitor's Home has not answered yet, for what is said when it is taken out.
func (d *Door) isInvited(r *http.Request, v visitor, memberID string) bool {
	h, err := d.Home.Members(r.Context(), v.Found)
	if err != nil {
		return false
	}
	m, is := h.Find(memberID)
	return is && m.Waits()
}
