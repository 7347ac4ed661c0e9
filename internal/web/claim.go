package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"usher/internal/credential"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/tvlink"
)

// getClaim shows where the code of a server is typed. One that is typed at /link is found as well, and leads here.
func (d *Door) getClaim(w http.ResponseWriter, r *http.Request, v visitor) error {
	if r.URL.Query().Get("done") == "denied" {
		d.Pages.Page(w, r, http.StatusOK, "message", Page{Data: MessagePage{
			Title: "It stays nobody’s", Icon: "shield",
			Paragraphs: []string{"That server was sent away, and its code is dead. Nothing in your account has changed."},
			Action:     &Link{"Your servers", "/servers"}, Back: &Link{"What we never do", "/help/what-we-never-do"},
		}})
		return nil
	}
	p := ClaimPage{Code: filledIn(r)}
	if r.URL.Query().Get("why") == "late" {
		p.Problem = "That request is over. Let the server show a new code, and type it here."
	}
	return d.claimPage(w, r, http.StatusOK, p, v)
}

func (d *Door) claimPage(w http.ResponseWriter, r *http.Request, status int, p ClaimPage, v visitor) error {
	d.Pages.Page(w, r, status, "claim", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// postClaim takes the code that a server shows.
func (d *Door) postClaim(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := ClaimPage{Code: r.PostFormValue(fieldCode)}
	if err := d.enter(w, r, v, &p.Form); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.claimPage(w, r, status, p, v) })
	}
	return to(w, r, "/claim/confirm")
}

// postClaimToken answers with the claim token itself, this once: it travels in no address and no cookie.
func (d *Door) postClaimToken(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) { // it adds to the account what outlives the sign-in
		return errAskAgain
	}
	made, err := d.Servers.OfferHere(r.Context(), v.Found, d.client(r))
	if err != nil {
		p := ClaimPage{}
		if errors.Is(err, credential.ErrTooMany) {
			p.Problem = "Five claim tokens wait already. Use one of them, or come back when the oldest has ended: none works longer than four minutes."
		}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.claimPage(w, r, status, p, v) })
	}
	now := d.Now()
	p := ClaimTokenPage{Token: made.Reveal(), Until: now.Add(mediaserver.OfferLife()), Arrival: Arrival{Since: now.Unix(), Going: true}}
	d.Pages.Page(w, r, http.StatusOK, "claim-token", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

func (d *Door) getClaimConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.Links.Open(r.Context(), v.Found, d.cookie(r, cookieLink))
	switch {
	case err != nil:
		return d.claimOver(w, r, err)
	case !asked.Claims():
		return to(w, r, "/link/confirm")
	}
	return d.claimConfirmPage(w, r, http.StatusOK, Form{}, asked, v)
}

func (d *Door) claimConfirmPage(w http.ResponseWriter, r *http.Request, status int, f Form, a tvlink.Asked, v visitor) error {
	now := d.Now()
	p := ClaimConfirmPage{
		Form: f, Request: a.ID, Server: a.Name, Code: a.Code.Reveal(), Place: whereSeen(a.Seen), Asked: a.CreatedAt, Minutes: minutesLeft(a.ExpiresAt, now),
		Elsewhere: a.Elsewhere, Wait: now.Before(a.Opens), SecondStep: v.Account.SecondFactor, Login: v.Person.Email, Owner: v.Person.Called(),
	}
	if p.First = !v.IsFresh(now); !p.First {
		p.AskProof = a.AsksProof(v.Found)
	}
	if a.Product != a.Name {
		p.Product = a.Product
	}
	if p.Wait {
		w.Header().Set("Refresh", refreshIn(a.Opens.Sub(now))) // it comes back by itself when the pause is over
	}
	d.Pages.Page(w, r, status, "claim-confirm", Page{Data: p})
	return nil
}

// claimOver goes back to the page with the code's form when what was asked is over.
func (d *Door) claimOver(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, tvlink.ErrGone) {
		return err
	}
	d.dropCookie(w, cookieLink)
	return to(w, r, "/claim?why=late")
}

func (d *Door) postClaimConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.answered(r, v)
	f := Form{}
	switch {
	case err == nil && !asked.Claims():
		return to(w, r, "/link/confirm")
	case err == nil:
		err = d.approve(r, v, asked, &f)
	}
	switch {
	case errors.Is(err, tvlink.ErrGone):
		return d.claimOver(w, r, err)
	case err != nil:
		return d.again(w, r, &f, err, func(status int) error { return d.claimConfirmPage(w, r, status, f, asked, v) })
	}
	d.dropCookie(w, cookieLink)
	return to(w, r, arrivalPath(d.Now().Unix()))
}

func (d *Door) postClaimDeny(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.answered(r, v)
	if err == nil {
		err = d.Links.Deny(r.Context(), asked, d.client(r))
	}
	if err != nil {
		return d.claimOver(w, r, err)
	}
	d.dropCookie(w, cookieLink)
	return to(w, r, "/claim?done=denied")
}

// How long the page that waits for a server looks for it, and how often.
const (
	arrivalLife  = 5 * time.Minute
	arrivalEvery = 4 * time.Second
)

func arrivalPath(since int64) string {
	return "/claim/arrival?" + url.Values{"since": {strconv.FormatInt(since, 10)}}.Encode()
}

// getArrival shows what has been claimed since a moment that its address names. Until something is, it loads itself anew.
func (d *Door) getArrival(w http.ResponseWriter, r *http.Request, v visitor) error {
	now := d.Now()
	seconds, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil || seconds > now.Unix() || time.Unix(seconds, 0).Before(now.Add(-linkcode.Life)) {
		return to(w, r, "/servers")
	}
	all, err := d.Servers.List(r.Context(), v.Found)
	if err != nil {
		return err
	}
	since := time.Unix(seconds, 0)
	p := ArrivalPage{Arrival{Since: seconds, Going: now.Before(since.Add(arrivalLife))}}
	for _, k := range all {
		if !k.Arrived().Before(since) {
			p.Servers = append(p.Servers, arrived(k, now))
		}
	}
	if p.Going = p.Going && len(p.Servers) == 0; p.Going {
		w.Header().Set("Refresh", refreshIn(arrivalEvery))
	}
	d.Pages.Page(w, r, http.StatusOK, "claim-arrival", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// arrived is a server that was claimed a moment ago.
func arrived(k mediaserver.Kept, now time.Time) Newcomer {
	return Newcomer{Server: serverShown(k, now), Again: !k.Again.IsZero()}
}
