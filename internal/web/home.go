package web

import (
	"cmp"
	"errors"
	"net/http"
	"unicode"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/id"
)

// getHome shows the Home: in a browser that is switched, who may be watching, and nothing of the account.
func (d *Door) getHome(w http.ResponseWriter, r *http.Request) error {
	a, err := d.away(w, r)
	switch {
	case err != nil:
		return err
	case a.is():
		return d.watchPage(w, r, http.StatusOK, a, Form{})
	}
	return d.person(d.getOwnHome)(w, r)
}

func (d *Door) getOwnHome(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := HomePage{}
	h, err := d.Home.Members(r.Context(), v.Found)
	if err != nil && !errors.Is(err, household.ErrNone) {
		return err
	}
	p.In, p.Own = err == nil, h.ID == v.AccountID
	for _, m := range h.Members {
		shown := d.memberShown(m, v.AccountID)
		switch {
		case m.Waits() && p.Own:
			p.Waiting = append(p.Waiting, shown)
		case !m.Waits():
			p.Members = append(p.Members, shown)
		}
		if m.IsOwner() {
			p.Owner = shown.Name
		}
		p.Nameless = p.Nameless || shown.You && m.Name == ""
	}
	p.Full = len(h.Members) > household.MostMembers
	invited, err := d.Home.Invitations(r.Context(), v.Person)
	if err != nil {
		return err
	}
	for _, i := range invited {
		p.Invited = append(p.Invited, HomeInvitation{i.ID, i.Owner})
	}
	if p.Own {
		if p.Devices, err = d.homeDevices(r, v, h); err != nil {
			return err
		}
	}
	d.Pages.Page(w, r, http.StatusOK, "home", Page{Person: v.header(), Nav: "home", Notice: done(r, homeDone), Data: p})
	return nil
}

// memberShown is a member for a page of somebody of the Home.
func (d *Door) memberShown(m household.Member, accountID string) HomeMember {
	name := cmp.Or(m.Name, m.Label, household.Nameless)
	letter, _ := utf8.DecodeRuneInString(name)
	return HomeMember{
		ID: m.ID, Name: name, Label: m.Label, Letter: string(unicode.ToUpper(letter)), Picture: m.Picture, Managed: m.Managed, Owner: m.IsOwner(), You: m.AccountID == accountID && !m.Waits(),
		Asks: m.Protected, Locked: m.Failures.Locked(), Lapsed: m.Lapsed(d.Now()), Said: m.InvitedAt,
	}
}

func (d *Door) homeDevices(r *http.Request, v visitor, h household.Home) (shown []HomeDevice, err error) {
	all, err := d.Home.Devices(r.Context(), v.Found)
	for _, one := range all {
		as, _ := h.Find(one.Member)
		by, is := h.Find(one.By)
		s := HomeDevice{Device: devicesShown([]device.Device{one.Device}, "")[0], As: d.memberShown(as, "").Name}
		if is {
			s.By = d.memberShown(by, "").Name
		}
		shown = append(shown, s)
	}
	return shown, err
}

func (d *Door) postHomeDevice(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Home.EndDevice(r.Context(), v.Found, r.PostFormValue("id"), d.client(r)); err != nil && !errors.Is(err, device.ErrNotFound) {
		return homeGone(err)
	}
	return to(w, r, pathWith(home.Path, "done", "signed-out"))
}

func (d *Door) postHomeLeave(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Home.Leave(r.Context(), v.Found, v.Person, d.client(r))
	if err != nil && !errors.Is(err, household.ErrNone) && !errors.Is(err, household.ErrNotFound) {
		return err
	}
	return to(w, r, pathWith(home.Path, "done", "left"))
}

func (d *Door) postHomeEnd(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Home.End(r.Context(), v.Found, v.Person, d.client(r))
	switch {
	case errors.Is(err, credential.ErrStale):
		return errAskAgain
	case errors.Is(err, home.ErrMayNot):
		return errNotFound
	case err != nil && !errors.Is(err, household.ErrNone): // pressed twice is done once
		return err
	}
	return to(w, r, pathWith(home.Path, "done", "ended"))
}

// getHomeInvite asks whom the owner means.
func (d *Door) getHomeInvite(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.homeInvitePage(w, r, http.StatusOK, HomeInvitePage{}, v)
}

func (d *Door) homeInvitePage(w http.ResponseWriter, r *http.Request, status int, p HomeInvitePage, v visitor) error {
	d.Pages.Page(w, r, status, "home-invite", Page{Person: v.header(), Nav: "home", Data: p})
	return nil
}

// postHomeInvite invites somebody. What it answers does not depend on whether there is such an account.
func (d *Door) postHomeInvite(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := HomeInvitePage{Who: r.PostFormValue("who")}
	if p.Who == "" {
		p.Refuse("who", "Enter an e-mail address or a user name.")
		return d.homeInvitePage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	err := d.Home.Invite(r.Context(), v.Found, v.Person, p.Who, d.client(r))
	switch {
	case errors.Is(err, account.ErrBadAddress):
		p.Refuse("who", account.ErrBadAddress.Error())
	case errors.Is(err, account.ErrBadUserName):
		p.Refuse("who", account.ErrBadUserName.Error())
	case errors.Is(err, household.ErrSelf):
		p.Refuse("who", "That is you. You are in your Home already.")
	}
	if err != nil {
		return d.againHome(w, r, &p.Form, err, func(status int) error { return d.homeInvitePage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(home.Path, "done", "invited"))
}

// againHome is again for what is wrong with anything about a Home.
func (d *Door) againHome(w http.ResponseWriter, r *http.Request, form *Form, err error, show func(status int) error) error {
	switch {
	case errors.Is(err, credential.ErrStale):
		return errAskAgain
	case errors.Is(err, household.ErrTooMany):
		form.Problem = "Fifteen people besides you belong to a Home at most, invitations included. Take somebody out first."
	case errors.Is(err, household.ErrInOne):
		form.Problem = "You can be in one Home only. Leave the other one first, or take everybody out of yours."
	}
	return d.again(w, r, form, homeGone(err), show)
}

// homeGone says of what is not in the Home, or not this person's to do, that there is no such page.
func homeGone(err error) error {
	if errors.Is(err, household.ErrNotFound) || errors.Is(err, household.ErrNone) || errors.Is(err, home.ErrMayNot) {
		return errNotFound
	}
	return err
}

func pictures() (all []int) {
	for i := range household.Pictures {
		all = append(all, i)
	}
	return all
}

func (d *Door) getHomeAdd(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.homeAddPage(w, r, http.StatusOK, HomeAddPage{}, v)
}

func (d *Door) homeAddPage(w http.ResponseWriter, r *http.Request, status int, p HomeAddPage, v visitor) error {
	p.Pictures = pictures()
	d.Pages.Page(w, r, status, "home-add", Page{Person: v.header(), Nav: "home", Data: p})
	return nil
}

func (d *Door) postHomeAdd(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := HomeAddPage{Name: r.PostFormValue("name"), Picture: pictureOf(r)}
	_, err := d.Home.AddManaged(r.Context(), v.Found, p.Name, p.Picture, d.client(r))
	if errors.Is(err, home.ErrName) {
		p.Refuse("name", nameNeeded)
	}
	if err != nil {
		return d.againHome(w, r, &p.Form, err, func(status int) error { return d.homeAddPage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(home.Path, "done", "added"))
}

const nameNeeded = "Write a name of at most 64 characters."

// getHomeJoin shows what joining a Home means, before anybody says yes.
func (d *Door) getHomeJoin(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.homeJoinPage(w, r, http.StatusOK, HomeJoinPage{}, v)
}

func (d *Door) homeJoinPage(w http.ResponseWriter, r *http.Request, status int, p HomeJoinPage, v visitor) error {
	if !id.Valid(r.PathValue("id")) {
		return errNotFound
	}
	i, err := d.Home.Invitation(r.Context(), v.Person, r.PathValue("id"))
	if err != nil {
		return homeGone(err)
	}
	p.HomeInvitation, p.Called, p.Address = HomeInvitation{i.ID, i.Owner}, v.Person.Called(), v.Person.Email
	d.Pages.Page(w, r, status, "home-join", Page{Person: v.header(), Data: p})
	return nil
}

func (d *Door) postHomeJoin(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !id.Valid(r.PathValue("id")) {
		return errNotFound
	}
	var err error
	next := "joined"
	switch r.PathValue("act") {
	case "accept":
		err = d.Home.Join(r.Context(), v.Found, v.Person, r.PathValue("id"), d.client(r))
	case "decline":
		next = "declined"
		err = d.Home.Decline(r.Context(), v.Found, v.Person, r.PathValue("id"), d.client(r))
	default:
		return errNotFound
	}
	switch {
	case errors.Is(err, household.ErrNotFound): // taken back meanwhile, or pressed twice
		return to(w, r, home.Path)
	case errors.Is(err, credential.ErrStale):
		return to(w, r, pathWith("/sign-in/again", "next", HomeInvitation{ID: r.PathValue("id")}.Path()))
	case err != nil:
		p := HomeJoinPage{}
		return d.againHome(w, r, &p.Form, err, func(status int) error { return d.homeJoinPage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(home.Path, "done", next))
}
