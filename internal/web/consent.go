package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/household"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// consentPath is the page of one authorization request. What it is about stands in the request's row, never in the browser alone, so that two
// requests in two tabs stay two.
func consentPath(p grant.Pending) string { return "/authorize/consent?request=" + p.ID.Reveal() }

func (d *Door) getConsent(w http.ResponseWriter, r *http.Request) error {
	p, err := d.Grants.Look(r.Context(), secret.TokenOf(r.URL.Query().Get("request")))
	if err != nil {
		return d.noRequest(w, r, err)
	}
	if refused := p.Ended(); refused != nil {
		return d.refuseApp(w, r, p, refused)
	}
	v, err := d.consenting(w, r, p)
	if err != nil {
		_, out := whyOutside(err)
		if p.Silent() && !p.AtServer() && (out || errors.Is(err, credential.ErrDeleting)) {
			return d.refuseApp(w, r, p, &grant.Refusal{Code: "login_required", Text: "nobody is signed in"})
		}
		return d.turnAway(w, r, err)
	}
	step, answer, err := d.Grants.Decide(r.Context(), p, grant.Holder{Found: v.Found, Person: v.Person}, d.client(r))
	switch {
	case err != nil:
		return d.noRequest(w, r, err)
	case step == grant.Answered:
		return d.sendBack(w, r, answer)
	case step == grant.Prove && v.IsPlayer(): // there is nothing to prove it with
		return d.refuseApp(w, r, p, &grant.Refusal{Code: "login_required", Text: "the browser is switched to another member of its Home"})
	case step == grant.Prove:
		return to(w, r, pathWith("/sign-in/again", "next", consentPath(p)))
	}
	return d.consentPage(w, r, p, v, step)
}

func (d *Door) consentPage(w http.ResponseWriter, r *http.Request, p grant.Pending, v visitor, step grant.Step) error {
	allowForm(w, p.Origin())
	p = p.AskedOf(v.Found)
	page := ConsentPage{Request: p.ID.Reveal(), Account: v.AccountID, App: p.Client.Name, Called: v.Person.Called(), Address: v.Person.Email, Where: whereTo(p.Origin())}
	page.Server, page.Outside, page.Closed = p.AtServer(), step == grant.Outside, step == grant.Closed
	page.Gets, page.Stays = getsOf(p.Scopes), slices.Contains(p.Scopes, relyingparty.OfflineAccess)
	person := v.header()
	if v.IsPlayer() { // whose address is not for who sits there
		page.Switched, page.Called, page.Address = true, household.NameOf(v.Person), ""
		person = &Person{Name: page.Called}
	}
	d.Pages.Page(w, r, http.StatusOK, "consent", Page{Person: person, Data: page})
	return nil
}

// scopeTexts say what an app gets, as the end of "It".
var scopeTexts = map[relyingparty.Scope]string{
	relyingparty.OpenID:  "learns that it is you",
	relyingparty.Profile: "sees your name and your user name",
	relyingparty.Email:   "sees your e-mail address",
	relyingparty.Claim:   "becomes a media server of yours",
	relyingparty.Player:  "plays from media servers as you, and can change nothing in your account",
}

// getsOf says what an app gets by some scopes.
func getsOf[S ~string](scopes []S) (all []string) {
	for _, s := range scopes {
		if text := scopeTexts[relyingparty.Scope(s)]; text != "" {
			all = append(all, text)
		}
	}
	return all
}

// whereTo names an origin for people; an app on the same device has none.
func whereTo(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Host
}

// postConsent answers a request as its person decides. Who has become somebody else meanwhile, in another tab, decides again.
func (d *Door) postConsent(w http.ResponseWriter, r *http.Request) error {
	p, err := d.Grants.Look(r.Context(), secret.TokenOf(r.PostFormValue("request")))
	gone := err
	v, err := d.consenting(w, r, p)
	switch {
	case err != nil:
		return d.turnAway(w, r, err)
	case gone != nil:
		return d.noRequest(w, r, gone)
	}
	if r.PostFormValue("holder") != v.AccountID {
		return to(w, r, consentPath(p))
	}
	if r.PostFormValue("act") != "allow" {
		return d.refuseApp(w, r, p, &grant.Refusal{Code: "access_denied", Text: "the person said no"})
	}
	answer, err := d.Grants.Approve(r.Context(), p, grant.Holder{Found: v.Found, Person: v.Person}, d.client(r))
	switch {
	case errors.Is(err, credential.ErrStale) && v.IsPlayer():
		return d.refuseApp(w, r, p, &grant.Refusal{Code: "login_required", Text: "the browser is switched to another member of its Home"})
	case errors.Is(err, credential.ErrStale):
		return to(w, r, pathWith("/sign-in/again", "next", consentPath(p)))
	case err != nil:
		return d.noRequest(w, r, err)
	}
	return d.sendBack(w, r, answer)
}

func (d *Door) refuseApp(w http.ResponseWriter, r *http.Request, p grant.Pending, refused *grant.Refusal) error {
	answer, err := d.Grants.Refuse(r.Context(), p, refused.Code, refused.Text)
	if err != nil {
		return d.noRequest(w, r, err)
	}
	return d.sendBack(w, r, answer)
}

// sendBack brings the browser back to the app, by its address or, where the app asked for that, by a form.
func (d *Door) sendBack(w http.ResponseWriter, r *http.Request, a grant.Answer) error {
	w.Header().Set("Cache-Control", "no-store")
	if !a.Form {
		return to(w, r, a.Location())
	}
	allowForm(w, a.Origin())
	d.Pages.Page(w, r, http.StatusOK, "return", Page{Data: ReturnPage{Action: a.URI, Fields: a.Fields}})
	return nil
}

// noRequest tells that a request was answered, or has waited for too long.
func (d *Door) noRequest(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, grant.ErrGone) {
		return err
	}
	d.Pages.Page(w, r, http.StatusGone, "message", Page{Data: MessagePage{
		Title: "This took too long", Icon: "clock",
		Paragraphs: []string{"The app’s request was answered already, or has waited for more than ten minutes.", "Go back to the app and sign in there again."},
	}})
	return nil
}

// appRefusals are the sentences about requests that lead back to no app, by the reason in the address.
var appRefusals = map[string]string{
	"client":     "It is not registered here, or not any more.",
	"redirect":   "It wants you back at an address that is not registered for it. That may be a mistake of the app’s, or somebody who pretends to be the app.",
	"logout":     "It asks to sign you out with details that do not match. You are still signed in here.",
	"unreadable": "What it sent cannot be read, or asks for what there is not.",
}

// getAuthorizeRefused tells the person about an app that cannot be told itself: nobody knows yet that it is there.
func (d *Door) getAuthorizeRefused(w http.ResponseWriter, r *http.Request) error {
	why := appRefusals[r.URL.Query().Get("reason")]
	if why == "" {
		return errNotFound
	}
	d.Pages.Page(w, r, http.StatusBadRequest, "message", Page{Data: MessagePage{
		Title: "This app did something wrong", Icon: "alert", Paragraphs: []string{why, "Nothing was told to it. Ask the person who runs the app, or the one who runs this service."},
	}})
	return nil
}

// allowReturn lets a form on a page lead on to the app that waits behind next: browsers apply the page's policy to every redirect after the form.
func (d *Door) allowReturn(w http.ResponseWriter, r *http.Request, next string) {
	u, err := url.Parse(next)
	if err != nil || u.Path != "/authorize/consent" {
		return
	}
	if p, err := d.Grants.Look(r.Context(), secret.TokenOf(u.Query().Get("request"))); err == nil {
		allowForm(w, p.Origin())
	}
}

// allowForm lets the forms of the page lead to one more origin, which is registered for an app.
func allowForm(w http.ResponseWriter, origin string) {
	const own = "form-action 'self'"
	policy := w.Header().Get("Content-Security-Policy")
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, own, own+" "+origin, 1))
}
