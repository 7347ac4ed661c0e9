package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/credential"
	"usher/internal/identity"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/social"
)

// What a browser keeps while somebody signs in by another service.
const (
	cookieOutside = "usher-outside" // shows that it is the browser that was sent away
	cookieArrival = "usher-arrival" // who came back, and has no account here yet
)

// joinPath is where the owner of an account links who has arrived to it.
const joinPath = "/sign-in/join"

// outsideButtons are the buttons of what can be used now, for a page whose forms may then lead there.
func (d *Door) outsideButtons(w http.ResponseWriter, only func(id string) bool) (b OutsideButtons) {
	for _, p := range d.Social.Providers.Offered() {
		if only != nil && !only(p.ID) {
			continue
		}
		b.Services = append(b.Services, d.outsideService(p))
		for _, origin := range p.Origins {
			allowForm(w, origin)
		}
	}
	b.Before, b.Verb = "/sign-in/with/", "Continue with"
	return b
}

func (d *Door) outsideService(p social.Provider) OutsideService {
	s := OutsideService{ID: p.ID, Name: p.Name}
	if _, has := d.Logos[p.ID]; has {
		s.Logo = "/sign-in/with/" + p.ID + "/logo"
	}
	return s
}

// servicesNamed lists services by what people call them.
func (d *Door) servicesNamed(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		if names[i] = id; slices.ContainsFunc(d.Social.Providers.Offered(), func(p social.Provider) bool { return p.ID == id }) {
			names[i] = d.offered(id).Name
		}
	}
	return strings.Join(names, ", ")
}

// Logo is the picture of a service, as an operator has configured it.
type Logo struct {
	Type string
	Body []byte
}

func (d *Door) getOutsideLogo(w http.ResponseWriter, r *http.Request) error {
	logo, has := d.Logos[r.PathValue("provider")]
	if !has {
		return errNotFound
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	write(w, http.StatusOK, logo.Type, logo.Body)
	return nil
}

// postOutside sends a browser away to sign in.
func (d *Door) postOutside(w http.ResponseWriter, r *http.Request) error {
	return d.sendAway(w, r, social.Start{Purpose: social.ToSignIn, Next: localPath(r.PostFormValue("next"), ""), Invitation: secret.TokenOf(r.PostFormValue("ticket"))})
}

// postOutsideAgain sends the browser of who has no password away to prove afresh who it is.
func (d *Door) postOutsideAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.sendAway(w, r, social.Start{Purpose: social.ToProve, Next: localPath(r.PostFormValue("next"), "/account"), Held: v.Found})
}

func (d *Door) sendAway(w http.ResponseWriter, r *http.Request, s social.Start) error {
	s.Provider, s.Browser, s.Client = r.PathValue("provider"), d.cookie(r, cookieOutside), d.client(r)
	begun, err := d.Social.Begin(r.Context(), s)
	if err != nil {
		return d.outsideFailed(w, r, social.Landing{Purpose: s.Purpose, Provider: d.offered(s.Provider)}, err)
	}
	d.setCookie(w, cookieOutside, begun.Browser, credential.Rules[credential.Outside].Life)
	return to(w, r, begun.URL)
}

func (d *Door) offered(id string) social.Provider {
	for _, p := range d.Social.Providers.Offered() {
		if p.ID == id {
			return p
		}
	}
	return social.Provider{ID: id, Name: "That service"}
}

// postOutsideReturn takes what another site's page posts. No cookie comes along, so it is kept until the browser comes for it by the redirect.
func (d *Door) postOutsideReturn(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	state := secret.TokenOf(r.PostFormValue("state"))
	if !state.WellFormed() {
		return to(w, r, social.ReturnPath(provider))
	}
	if err := d.Social.Park(r.Context(), provider, state, answerOf(r.PostForm)); err != nil {
		return err
	}
	return to(w, r, social.ReturnPath(provider)+"?state="+url.QueryEscape(state.Reveal()))
}

// longestAnswer bounds each part of an answer, in bytes.
const longestAnswer = 4096

// answerOf reads an answer. A part that stands there twice, or is longer than any that is meant, is no answer (RFC 6749 §3.1).
func answerOf(form url.Values) social.Answer {
	one := func(name string) string {
		if all := form[name]; len(all) == 1 && len(all[0]) <= longestAnswer {
			return all[0]
		}
		return ""
	}
	return social.Answer{Code: one("code"), Issuer: one("iss"), User: one("user"), Error: one("error")}
}

// getOutsideReturn is where a browser comes back to. It is the one GET that does something: the answer it carries counts once, and in the browser that asked only.
func (d *Door) getOutsideReturn(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if len(q["state"]) != 1 {
		return d.outsideFailed(w, r, social.Landing{}, social.ErrGone)
	}
	back := social.Return{
		Provider: r.PathValue("provider"), State: secret.TokenOf(q.Get("state")), Answer: answerOf(q), Browser: d.cookie(r, cookieOutside), Held: d.held(r), Client: d.client(r),
	}
	l, err := d.Social.Finish(r.Context(), back)
	if err != nil {
		return d.outsideFailed(w, r, l, err)
	}
	switch l.Purpose {
	case social.ToLink:
		return to(w, r, "/account/sign-in-ways?done=linked")
	case social.ToProve:
		d.keepSignIn(w, r, l.Token, secret.Token{})
		return to(w, r, l.Next)
	case social.ToConfirm:
		d.dropCookie(w, linkReset.cookie)
		return to(w, r, "/sign-in?why="+whyConfirmed)
	case social.ToSignIn:
	}
	if l.Account.ID == "" {
		d.setCookie(w, cookieArrival, l.Arrival, credential.Rules[credential.Arrival].Life)
		return to(w, r, "/sign-in/arrival")
	}
	out, err := d.SignIn.Enter(r.Context(), signin.Entry{
		Account: l.Account, Clock: l.Clock, Way: credential.ByOutside, Proved: l.Proved, Method: l.Provider.Name, AskCode: d.Social.AskCode,
		Known: d.cookie(r, cookieKnown), Remembered: d.cookie(r, cookieRemembered), Client: back.Client,
	})
	if err != nil {
		return err
	}
	return d.entered(w, r, out, l.Next)
}

// held is what the browser may have been sent away with: the ticket of a confirmation, and its sign-in.
func (d *Door) held(r *http.Request) (all []credential.Found) {
	for kind, name := range map[credential.Kind]string{credential.Restricted: linkReset.cookie, credential.Browser: cookieBrowser} {
		if f, err := d.Resolver.Resolve(r.Context(), kind, d.cookie(r, name)); err == nil {
			all = append(all, f)
		}
	}
	return all
}

// outsideFailed says why signing in by another service went no further, and leads back to where it began.
func (d *Door) outsideFailed(w http.ResponseWriter, r *http.Request, l social.Landing, err error) error {
	back := map[social.Purpose]Link{
		social.ToLink: {"Back to the ways to sign in", "/account/sign-in-ways"}, social.ToProve: {"Back", pathWith("/sign-in/again", "next", l.Next)}, social.ToConfirm: {"Back", "/sign-in/confirm"},
	}[l.Purpose]
	if back.Path == "" {
		back = Link{"Back to signing in", pathWith("/sign-in", "next", l.Next)}
	}
	page, status := MessagePage{Icon: "alert", Action: &back, Back: &Link{"About other ways to sign in", "/help/other-services"}}, http.StatusForbidden
	name := l.Provider.Name
	switch {
	case errors.Is(err, credential.ErrStale), errors.Is(err, errAskAgain):
		return errAskAgain
	case errors.Is(err, social.ErrNotOffered):
		return errNotFound
	case errors.Is(err, identity.ErrLinked):
		return to(w, r, "/account/sign-in-ways?done=linked")
	case errors.Is(err, social.ErrGone):
		status, page.Icon, page.Title = http.StatusGone, "clock", "Begin once more"
		page.Paragraphs = []string{"This sign-in took over ten minutes, was finished already, or began in another browser. Nothing was changed."}
	case errors.Is(err, social.ErrCancelled):
		status, page.Title = http.StatusOK, "Nothing has happened"
		page.Paragraphs = []string{"You came back from " + name + " without signing in there. Nothing was changed."}
	case errors.Is(err, social.ErrUnreachable):
		status, page.Title = http.StatusServiceUnavailable, name+" does not answer"
		page.Paragraphs = []string{"Nothing was changed. Try it again in a minute, or sign in another way."}
	case errors.Is(err, social.ErrRefused):
		page.Title = "We could not be sure"
		page.Paragraphs = []string{"What " + name + " answered does not show who you are, so nobody was signed in. Try it again. If that does not help, tell the person who runs this service: the reason stands in its log."}
	case errors.Is(err, social.ErrOther):
		page.Title = "That is another account"
		page.Paragraphs = []string{"You signed in at " + name + " with an account that does not open this one here. Take the one that you always use."}
	case errors.Is(err, identity.ErrTaken):
		page.Title = "It opens another account here"
		page.Paragraphs = []string{"That account at " + name + " opens another account here already. Take it away there first, or use it to sign in."}
	case errors.Is(err, identity.ErrTooMany):
		page.Title = "There is no room"
		page.Paragraphs = []string{"Your account has as many other services as there can be. Take one away first."}
	case errors.Is(err, social.ErrUnproved):
		page.Title = "Confirm your address first"
		page.Paragraphs = []string{"The e-mail address of your account was never confirmed. Before another service can open the account, enter it under E-mail once more."}
		page.Action = &Link{"E-mail", "/account/email"}
	case errors.Is(err, social.ErrNoUse):
		return to(w, r, pathWith("/sign-in/again", "next", l.Next))
	default:
		return err
	}
	d.Pages.Page(w, r, status, "message", Page{Data: page})
	return nil
}
