package web

import (
	"cmp"
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/secret"
	"usher/internal/signin"
)

// tvSignedIn greets who is watching, and in a Home asks first who that is.
func (d *Door) tvSignedIn(w http.ResponseWriter, r *http.Request) error {
	in, dead, err := d.tvHolder(w, r)
	switch {
	case err != nil:
		return err
	case dead:
		return to(w, r, "/tv?why=out")
	}
	all, err := d.tvMembers(r, in)
	if err != nil {
		return err
	}
	watching, switched, err := d.tvWatching(w, r, in)
	switch {
	case err != nil:
		return err
	case switched:
		return d.tvPage(w, r, http.StatusOK, TVPage{Person: household.NameOf(watching.Account), Home: true})
	case len(all) > 1:
		return d.tvPage(w, r, http.StatusOK, TVPage{Members: all})
	}
	return d.tvPage(w, r, http.StatusOK, TVPage{Person: in.Account.Called()})
}

// tvWatching is who of the Home was chosen on this TV. What was chosen on another one does not count here; what has ended goes.
func (d *Door) tvWatching(w http.ResponseWriter, r *http.Request, in signin.Admitted) (signin.Admitted, bool, error) {
	token := d.cookie(r, cookieTVHome)
	if token.Empty() {
		return signin.Admitted{}, false, nil
	}
	f, a, err := d.Resolver.ResolvePerson(r.Context(), credential.Switched, token)
	if credential.IsDead(err) || err == nil && f.Origin != in.Found.DeviceID {
		d.dropCookie(w, cookieTVHome)
		return signin.Admitted{}, false, nil
	}
	if err != nil {
		return signin.Admitted{}, false, err
	}
	f.NoteUse(d.Touches, d.Now(), func() device.Client { return d.client(r) })
	return signin.Admitted{Found: f, Account: a, Token: token}, true, nil
}

// tvMembers are who may be watching; none where nobody is in a Home.
func (d *Door) tvMembers(r *http.Request, in signin.Admitted) (all []HomeMember, err error) {
	h, err := d.Home.Members(r.Context(), in.Found)
	if errors.Is(err, household.ErrNone) {
		return nil, nil
	}
	for _, m := range h.Joined() {
		all = append(all, d.memberShown(m, in.Account.ID))
	}
	return all, err
}

// tvMember finds who is meant by what the TV sends.
func (d *Door) tvMember(r *http.Request, in signin.Admitted, id string) (household.Member, error) {
	h, err := d.Home.Members(r.Context(), in.Found)
	if err != nil {
		return household.Member{}, err
	}
	m, is := h.Find(id)
	if !is || m.Waits() {
		return m, household.ErrNotFound
	}
	return m, nil
}

// getTVPIN asks for somebody's PIN.
func (d *Door) getTVPIN(w http.ResponseWriter, r *http.Request) error {
	in, dead, err := d.tvHolder(w, r)
	if err != nil {
		return err
	}
	if dead {
		return to(w, r, "/tv?why=out")
	}
	m, err := d.tvMember(r, in, r.URL.Query().Get("member"))
	if errors.Is(err, household.ErrNotFound) || errors.Is(err, household.ErrNone) {
		return to(w, r, "/tv")
	}
	if err != nil {
		return err
	}
	return d.tvPage(w, r, http.StatusOK, d.tvAsks(m))
}

// tvAsks is the page that asks for a member's PIN, or says why none is asked now.
func (d *Door) tvAsks(m household.Member) TVPage {
	asked := d.memberShown(m, "")
	p := TVPage{Asked: &asked}
	if p.Locked = m.Failures.Locked(); p.Locked {
		p.Problem = "Too many wrong PINs."
	} else if m.Failures.Until.After(d.Now()) {
		p.RetryAt = m.Failures.Until
	}
	return p
}

// postTVSwitch makes somebody of the Home who is watching.
func (d *Door) postTVSwitch(w http.ResponseWriter, r *http.Request) error {
	in, dead, err := d.tvHolder(w, r)
	if err != nil {
		return err
	}
	if dead {
		return to(w, r, "/tv?why=out")
	}
	id := r.PostFormValue("member")
	watching, is, err := d.tvWatching(w, r, in)
	if err != nil {
		return err
	}
	name, product := d.tvCalled(r)
	asked := home.Asked{Member: id, PIN: secret.TokenOf(r.PostFormValue("pin")), Name: name, Product: product, Client: d.client(r)}
	become := func() (home.Switched, error) { return d.Home.Switch(r.Context(), in.Found, asked) }
	if is { // whoever was watching is not any more
		become = func() (home.Switched, error) { return d.Home.SwitchOn(r.Context(), watching.Found, asked) }
	}
	got, err := become()
	if err != nil {
		return d.tvRefuses(w, r, in, id, err)
	}
	d.setCookie(w, cookieTVHome, got.Token, credential.Rules[credential.Switched].Life)
	return to(w, r, "/tv")
}

// tvRefuses says why somebody is not watching.
func (d *Door) tvRefuses(w http.ResponseWriter, r *http.Request, in signin.Admitted, id string, err error) error {
	m, gone := d.tvMember(r, in, id)
	if gone != nil { // from the Home, or the Home itself
		return to(w, r, "/tv")
	}
	p := d.tvAsks(m)
	switch {
	case errors.Is(err, household.ErrPIN) && r.PostFormValue("pin") == "": // one was set meanwhile
		return to(w, r, "/tv/pin?member="+id)
	case errors.Is(err, household.ErrPIN):
		p.Problem = cmp.Or(p.Problem, "That isn’t the PIN.")
	}
	return d.again(w, r, &p.Form, err, func(status int) error { return d.tvPage(w, r, status, p) })
}

// postTVWho ends what was chosen, and asks again who is watching.
func (d *Door) postTVWho(w http.ResponseWriter, r *http.Request) error {
	f, err := d.Resolver.Resolve(r.Context(), credential.Switched, d.cookie(r, cookieTVHome))
	if err == nil {
		err = d.Devices.SignOut(r.Context(), f, f.DeviceID, d.client(r))
	}
	if err != nil && !credential.IsDead(err) {
		return err
	}
	d.dropCookie(w, cookieTVHome)
	return to(w, r, "/tv")
}
