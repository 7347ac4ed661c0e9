package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"usher/internal/registration"
	"usher/internal/relyingparty"
)

// What the parts of an app are called.
var (
	authWords = map[relyingparty.Auth]string{
		relyingparty.Basic:      "By a secret in the header (client_secret_basic)",
		relyingparty.Post:       "By a secret in the form (client_secret_post)",
		relyingparty.None:       "Not at all: it runs on phones, televisions or in the browser (none)",
		relyingparty.PrivateKey: "By a signature (private_key_jwt)",
	}
	scopeWords = map[relyingparty.Scope]string{
		relyingparty.OpenID:        "Who somebody is (openid)",
		relyingparty.Profile:       "Their names (profile)",
		relyingparty.Email:         "Their e-mail address (email)",
		relyingparty.OfflineAccess: "To stay signed in (offline_access)",
		relyingparty.Player:        "To play at media servers (player)",
		relyingparty.Servers:       "To be a media server (servers)",
		relyingparty.Signals:       "To be told of sign-outs and locked accounts (ssf.read)",
		relyingparty.ManageSignals: "To set that up for itself (ssf.manage)",
	}
	grantWords = map[relyingparty.Grant]string{
		relyingparty.Code:        "Sign people in in a browser",
		relyingparty.Refresh:     "Keep people signed in beyond ten minutes",
		relyingparty.DeviceCode:  "Sign people in on a screen that shows a code",
		relyingparty.Credentials: "Act for itself, as a media server does",
	}
)

// fieldOf is the form's field for a choice: one field, one value.
func fieldOf(group relyingparty.Field, value string) string {
	return string(group) + "-" + strings.NewReplacer(":", "-", ".", "-").Replace(value)
}

// clientForm fills the form with a client.
func clientForm(c relyingparty.Client) AdminClientFormPage {
	p := AdminClientFormPage{
		ID: c.ID, Name: c.Name, RedirectURIs: strings.Join(c.RedirectURIs, "\n"), PostLogoutURIs: strings.Join(c.PostLogoutURIs, "\n"), Auth: string(c.Auth),
		Keys: c.Keys, LogoutURI: c.LogoutURI, TrustedPrivate: c.TrustedPrivate, FirstParty: c.FirstParty,
	}
	for _, a := range []relyingparty.Auth{relyingparty.Basic, relyingparty.Post, relyingparty.None, relyingparty.PrivateKey} {
		p.Auths = append(p.Auths, ActChoice{string(a), authWords[a]})
	}
	for _, s := range relyingparty.Scopes() {
		p.Scopes = append(p.Scopes, Choice{fieldOf(relyingparty.FieldScopes, string(s)), scopeWords[s], c.MayAsk(s)})
	}
	for _, g := range relyingparty.Grants() {
		p.Grants = append(p.Grants, Choice{fieldOf(relyingparty.FieldGrants, string(g)), grantWords[g], c.MayUse(g)})
	}
	return p
}

func changeForm(c relyingparty.Client) AdminClientFormPage {
	p := clientForm(c)
	p.Back = "/admin/clients/" + c.ID
	p.Path = p.Back + "/change"
	return p
}

func newForm(c relyingparty.Client) AdminClientFormPage {
	p := clientForm(c)
	p.New, p.Path, p.Back = true, "/admin/clients/new", "/admin/clients"
	return p
}

// typedClient reads the form.
func typedClient(r *http.Request) relyingparty.Client {
	text := func(f relyingparty.Field) string { return strings.TrimSpace(r.PostFormValue(string(f))) }
	c := relyingparty.Client{
		ID: text(relyingparty.FieldID), Name: text(relyingparty.FieldName), RedirectURIs: typedLines(text(relyingparty.FieldRedirectURIs)),
		PostLogoutURIs: typedLines(text(relyingparty.FieldPostLogoutURIs)), Auth: relyingparty.Auth(text(relyingparty.FieldAuth)), Keys: text(relyingparty.FieldKeys),
		LogoutURI: text(relyingparty.FieldLogoutURI), TrustedPrivate: text(relyingparty.FieldTrustedPrivate) != "", FirstParty: text(relyingparty.FieldFirstParty) != "",
	}
	for _, s := range relyingparty.Scopes() {
		if r.PostFormValue(fieldOf(relyingparty.FieldScopes, string(s))) != "" {
			c.Scopes = append(c.Scopes, s)
		}
	}
	for _, g := range relyingparty.Grants() {
		if r.PostFormValue(fieldOf(relyingparty.FieldGrants, string(g))) != "" {
			c.Grants = append(c.Grants, g)
		}
	}
	return c
}

func typedLines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// refuse puts each problem beside its field, in the order of the page.
func (p *AdminClientFormPage) refuse(why *registration.Refused) {
	order := []relyingparty.Field{relyingparty.FieldName, relyingparty.FieldID, relyingparty.FieldRedirectURIs, relyingparty.FieldAuth, relyingparty.FieldKeys}
	place := func(problem relyingparty.Problem) int {
		if at := slices.Index(order, problem.Field); at >= 0 {
			return at
		}
		return len(order)
	}
	problems := slices.Clone(why.Problems)
	slices.SortStableFunc(problems, func(a, b relyingparty.Problem) int { return place(a) - place(b) })
	for _, problem := range problems {
		p.Refuse(string(problem.Field), problemWords(problem.Err))
	}
}

// problemWords says in the words of the page what is said elsewhere in those of the protocol.
func problemWords(err error) string {
	switch {
	case errors.Is(err, relyingparty.ErrScopes), errors.Is(err, relyingparty.ErrGrants):
		return "Tick at least one."
	case errors.Is(err, relyingparty.ErrRefreshAlone):
		return "To keep people signed in, it has to sign them in first: tick “Sign people in in a browser” or “Sign people in on a screen that shows a code” as well."
	case errors.Is(err, relyingparty.ErrCredentials):
		return "To act for itself, it has to prove itself by a signature."
	case errors.Is(err, relyingparty.ErrOffline):
		return "To stay signed in, it needs “Keep people signed in beyond ten minutes” as well: tick it below."
	case errors.Is(err, relyingparty.ErrKeysMissing):
		return "Who proves itself by a signature needs its public keys here: a JWK Set, which begins with {\"keys\":[ ."
	case errors.Is(err, relyingparty.ErrKeysUseless):
		return "Keys are only for an app that proves itself by a signature. Empty this, or choose “By a signature” above."
	case errors.Is(err, relyingparty.ErrLogoutPrivate):
		return "This address is in a private network. Tick the box below, if you run the app yourself."
	case errors.Is(err, relyingparty.ErrLogout):
		return "It begins with https://, and has no user and no #. In your own network it may begin with http://: tick the box below."
	}
	return err.Error()
}

func (d *Door) clientFormPage(w http.ResponseWriter, r *http.Request, status int, p AdminClientFormPage, v visitor) error {
	d.Pages.Page(w, r, status, "admin-client-form", Page{Person: v.header(), Nav: "admin-clients", Data: p})
	return nil
}

func (d *Door) getAdminClientNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) { // before anything is typed that would be lost
		return errAskAgain
	}
	usual := relyingparty.Client{
		Auth: relyingparty.Basic, Grants: []relyingparty.Grant{relyingparty.Code}, Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email},
	}
	return d.clientFormPage(w, r, http.StatusOK, newForm(usual), v)
}

// postAdminClientNew answers with the app's secret, if it has one, this once.
func (d *Door) postAdminClientNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	typed := typedClient(r)
	c, made, err := d.Clients.Register(r.Context(), v.AccountID, typed)
	p := newForm(typed)
	refused := new(registration.Refused)
	switch {
	case errors.As(err, &refused):
		p.refuse(refused)
	case errors.Is(err, relyingparty.ErrTaken):
		p.Refuse(string(relyingparty.FieldID), "An app has this id, or one was removed a moment ago and is still being signed out.")
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.clientFormPage(w, r, status, p, v) })
	}
	if made.Empty() {
		return to(w, r, "/admin/clients/"+c.ID+"?done=registered")
	}
	d.clientSecretPage(w, r, v, AdminClientSecretPage{ID: c.ID, Name: c.Name, Secret: made.Reveal(), First: true})
	return nil
}
