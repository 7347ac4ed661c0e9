package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/secret"
)

// The cookies of a browser in which a member of a Home has switched: what it is switched to, and its own sign-in meanwhile. One with either has no cookieBrowser.
const (
	cookieHome = "usher-home"
	cookieAway = "usher-away"
)

// awayBrowser is a browser whose own sign-in is parked.
type awayBrowser struct {
	Away     credential.Found
	Switched credential.Found // zero where that has ended
	Person   account.Account  // that it is switched to
}

func (a awayBrowser) is() bool { return a.Away.Hash != "" }

// watching reports whether it is switched to somebody still.
func (a awayBrowser) watching() bool { return a.Switched.Hash != "" }

// source is what stands for the browser towards its Home.
func (a awayBrowser) source() credential.Found {
	if a.watching() {
		return a.Switched
	}
	return a.Away
}

// away finds out whether the browser's own sign-in is parked, and drops the cookies of what has ended. What it is switched to counts together with that alone.
func (d *Door) away(w http.ResponseWriter, r *http.Request) (a awayBrowser, err error) {
	token := d.cookie(r, cookieAway)
	if token.Empty() {
		return a, nil
	}
	a.Away, err = d.Resolver.Resolve(r.Context(), credential.Away, token)
	if credential.IsDead(err) {
		d.dropAway(w)
		return awayBrowser{}, nil
	}
	if err != nil {
		return awayBrowser{}, err
	}
	f, person, err := d.Resolver.ResolvePerson(r.Context(), credential.Switched, d.cookie(r, cookieHome))
	if credential.IsDead(err) || err == nil && f.Origin != a.Away.DeviceID {
		return a, nil
	}
	if err != nil {
		return awayBrowser{}, err
	}
	f.NoteUse(d.Touches, d.Now(), func() device.Client { return d.client(r) })
	a.Switched, a.Person = f, person
	return a, nil
}

func (d *Door) dropAway(w http.ResponseWriter) {
	d.dropCookie(w, cookieAway)
	d.dropCookie(w, cookieHome)
}

// watchPage is all that a switched browser shows of a Home: who is watching, and who may.
func (d *Door) watchPage(w http.ResponseWriter, r *http.Request, status int, a awayBrowser, form Form) error {
	p := HomeWatchPage{Form: form}
	h, err := d.Home.Members(r.Context(), a.Away)
	if err != nil && !errors.Is(err, household.ErrNone) {
		return err
	}
	for _, m := range h.Joined() {
		shown := d.memberShown(m, a.Switched.AccountID)
		switch {
		case m.AccountID == a.Away.AccountID:
			if p.Back = shown; m.Name == "" {
				p.Back.Name = "its owner"
			}
		case a.watching() && m.AccountID == a.Switched.AccountID:
			p.Who = shown.Name
		case a.watching():
			p.Members = append(p.Members, shown)
		}
	}
	d.Pages.Page(w, r, status, "home-watch", Page{Data: p})
	return nil
}

// getHomePIN asks for the PIN of a member; of whom the browser belongs to, to come back.
func (d *Door) getHomePIN(w http.ResponseWriter, r *http.Request) error {
	source, a, err := d.homeSource(w, r)
	if err != nil {
		return d.turnAway(w, r, err)
	}
	return d.homePINPage(w, r, http.StatusOK, HomePINPage{}, pinAsked{source, a, r.URL.Query().Get("member")})
}

// pinAsked is who asks to become whom.
type pinAsked struct {
	source credential.Found
	away   awayBrowser
	member string
}

func (d *Door) homePINPage(w http.ResponseWriter, r *http.Request, status int, p HomePINPage, q pinAsked) error {
	h, err := d.Home.Members(r.Context(), q.source)
	if err != nil {
		return homeGone(err)
	}
	m, is := h.Find(q.member)
	if !is || m.Waits() {
		return to(w, r, home.Path)
	}
	p.HomeMember, p.Action = d.memberShown(m, ""), "/home/switch"
	if q.away.is() && m.AccountID == q.away.Away.AccountID {
		p.Action = "/home/back"
	}
	d.Pages.Page(w, r, status, "home-pin", Page{Data: p})
	return nil
}

// homeSource is what switches in this browser: its own sign-in, or what it is switched to.
func (d *Door) homeSource(w http.ResponseWriter, r *http.Request) (credential.Found, awayBrowser, error) {
	a, err := d.away(w, r)
	if err != nil || a.is() {
		return a.source(), a, err
	}
	v, err := d.visit(r)
	return v.Found, a, err
}

// postHomeSwitch makes the browser another member's, and parks its own sign-in the first time.
func (d *Door) postHomeSwitch(w http.ResponseWriter, r *http.Request) error {
	source, a, err := d.homeSource(w, r)
	if err != nil {
		return d.turnAway(w, r, err)
	}
	q := home.Asked{Member: r.PostFormValue("member"), PIN: secret.TokenOf(r.PostFormValue("pin")), Client: d.client(r)}
	if !id.Valid(q.Member) || a.is() && !a.watching() {
		return to(w, r, home.Path)
	}
	if asks, err := d.asksPIN(r, source, q.Member, q.PIN); err != nil || asks {
		return orTo(w, r, err, pathWith("/home/pin", "member", q.Member))
	}
	flow := d.Home.Switch
	if a.is() {
		flow = d.Home.SwitchOn
	}
	in, err := flow(r.Context(), source, q)
	if err != nil {
		return d.refuseSwitch(w, r, pinAsked{source, a, q.Member}, err)
	}
	d.setCookie(w, cookieHome, in.Token, credential.Rules[credential.Switched].Life)
	if !in.Away.Empty() {
		d.setCookie(w, cookieAway, in.Away, credential.Rules[credential.Away].Life)
		d.dropCookie(w, cookieBrowser)
	}
	return to(w, r, home.Path)
}

// asksPIN reports whether a PIN has to be typed first: none is no wrong one.
func (d *Door) asksPIN(r *http.Request, source credential.Found, memberID string, typed secret.Token) (bool, error) {
	if !typed.Empty() {
		return false, nil
	}
	h, err := d.Home.Members(r.Context(), source)
	if errors.Is(err, household.ErrNone) {
		return false, nil
	}
	m, _ := h.Find(memberID)
	return m.Protected, err
}

// orTo sends the browser on, unless there is an error.
func orTo(w http.ResponseWriter, r *http.Request, err error, path string) error {
	if err != nil {
		return err
	}
	return to(w, r, path)
}

// refuseSwitch says why nobody became a member.
func (d *Door) refuseSwitch(w http.ResponseWriter, r *http.Request, q pinAsked, err error) error {
	p := HomePINPage{}
	switch {
	case errors.Is(err, household.ErrPIN):
		p.Refuse("pin", "That isn’t the PIN.")
	case errors.Is(err, household.ErrPINLocked):
		p.Problem = "Too many wrong PINs were typed. Whoever set it unlocks it on the page of the Home."
	case errors.Is(err, credential.ErrLocked), errors.Is(err, credential.ErrResetRequired), errors.Is(err, credential.ErrDeleting):
		p.Problem = "Nobody can switch there at the moment: that account is closed until its owner has been at it."
	case errors.Is(err, household.ErrNotFound), errors.Is(err, household.ErrNone), errors.Is(err, credential.ErrSpent), errors.Is(err, home.ErrSource):
		return to(w, r, home.Path)
	}
	return d.again(w, r, &p.Form, err, func(status int) error { return d.homePINPage(w, r, status, p, q) })
}

// postHomeBack gives the browser its own sign-in back.
func (d *Door) postHomeBack(w http.ResponseWriter, r *http.Request) error {
	a, err := d.away(w, r)
	if err != nil {
		return err
	}
	if !a.is() { // pressed twice is done once
		return d.person(func(w http.ResponseWriter, r *http.Request, _ visitor) error { return to(w, r, home.Path) })(w, r)
	}
	pin := secret.TokenOf(r.PostFormValue("pin"))
	own, err := d.Home.Members(r.Context(), a.Away)
	if err != nil && !errors.Is(err, household.ErrNone) {
		return err
	}
	m, _ := own.Of(a.Away.AccountID)
	if m.Protected && pin.Empty() {
		return to(w, r, pathWith("/home/pin", "member", m.ID))
	}
	token, err := d.Home.ComeBack(r.Context(), home.Back{Away: a.Away, Switched: a.Switched, PIN: pin, Client: d.client(r)})
	if err != nil {
		return d.refuseSwitch(w, r, pinAsked{a.Away, a, m.ID}, err)
	}
	d.dropAway(w)
	d.setCookie(w, cookieBrowser, token, credential.Rules[credential.Browser].Life)
	return to(w, r, home.Path)
}

// signOutAway signs a browser out whose own sign-in is parked: that, and with it what it is switched to.
func (d *Door) signOutAway(w http.ResponseWriter, r *http.Request, a awayBrowser) error {
	err := d.Devices.SignOut(r.Context(), a.Away, a.Away.DeviceID, d.client(r))
	if err != nil && !errors.Is(err, device.ErrNotFound) {
		return err
	}
	d.dropAway(w)
	return to(w, r, "/sign-in?why="+whyOut)
}

// consenting is who answers an app that asks: whoever is signed in, or, at a media server, whom the browser is switched to.
func (d *Door) consenting(w http.ResponseWriter, r *http.Request, p grant.Pending) (visitor, error) {
	a, err := d.away(w, r)
	switch {
	case err != nil:
		return visitor{}, err
	case a.watching() && p.AtServer():
		return visitor{a.Switched, a.Person}, nil
	}
	return d.visit(r)
}
