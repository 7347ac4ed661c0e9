package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/registration"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

const newClient = "/admin/clients/new"

// registered is an app that the administrator registered in the browser, and its secret.
func (o *office) registered(pairs ...string) (id, shown string) {
	o.t.Helper()
	page := o.root.get(newClient).is(200).submit(newClient, append([]string{"name", "Jellyfin", "redirect_uris", "https://jf.example.org/cb"}, pairs...)...).is(200)
	return page.says("output#client-id"), page.says("output#client-secret")
}

// proves is the app that a secret proves.
func (o *office) proves(shown string) string {
	o.t.Helper()
	r := credential.Resolver{Store: o.db, Now: o.clock}
	f, err := r.Resolve(o.t.Context(), credential.ClientSecret, secret.TokenOf(shown))
	if err != nil && !credential.IsDead(err) {
		o.t.Fatal(err)
	}
	return f.Subject
}

func (o *office) client(id string) relyingparty.Client {
	o.t.Helper()
	c, err := o.db.FindClient(o.t.Context(), id)
	o.must(err)
	return c
}

func TestAnAppIsRegistered(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.get("/admin/clients").is(200).shows(".empty", "No apps yet")
		id, shown := o.registered("id", "jellyfin", "redirect_uris", " https://jf.example.org/cb\r\n\r\nhttps://jf.example.org/cb2 ", "first_party", "yes", "grants-refresh_token", "yes")
		if id != "jellyfin" || o.proves(shown) != "jellyfin" {
			t.Errorf("%q is shown, %q is proved", id, o.proves(shown))
		}
		c := o.client("jellyfin")
		if len(c.RedirectURIs) != 2 || c.RedirectURIs[1] != "https://jf.example.org/cb2" || !c.FirstParty || !c.MayUse(relyingparty.Refresh) || !c.MayAsk(relyingparty.Email) || c.MayAsk(relyingparty.Player) || c.Auth != relyingparty.Basic {
			t.Errorf("%+v", c)
		}
		page := o.root.get("/admin/clients/jellyfin").is(200).shows("h1", "Jellyfin").shows(".facts", "https://jf.example.org/cb2").shows(".tag", "belongs to the house").has(1, ".list li")
		if strings.Contains(page.body, shown) || strings.Contains(o.log.String(), shown) {
			t.Error("the secret is shown again, or logged")
		}
		o.root.get("/admin/clients").is(200).has(1, "tbody tr").shows("tbody .main", "Jellyfin")
		if o.recorded("", audit.ClientRegistered) != 1 {
			t.Error("it is not recorded")
		}
		o.root.get("/admin/audit").is(200).shows("tbody", "Jellyfin (jellyfin)")
	})
}

func TestAPublicAppHasNoSecret(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.get(newClient).submit(newClient, "name", "TV", "id", "tv", "auth", "none", "grants-authorization_code", "", "grants-urn-ietf-params-oauth-grant-type-device_code", "yes").
			leadsTo("/admin/clients/tv?done=registered").shows("p.notice", "registered").has(0, ".list").shows(".facts", "on a screen that shows a code")
		o.root.post("/admin/clients/tv/secret").is(http.StatusConflict).shows(".problem", "without a secret")
	})
}

func TestAppsThatAreRefused(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.registered("id", "jellyfin")
		page := o.root.get(newClient).submit(newClient, "name", "", "redirect_uris", "https://*.example.org/", "logout_uri", "http://10.0.0.7/", "scopes-openid", "", "scopes-profile", "", "scopes-email", "").
			is(http.StatusUnprocessableEntity).has(4, "p.error").has(1, "input#name[autofocus]").shows("fieldset p.error", "Tick at least one.")
		if page.says("textarea#redirect_uris") != "https://*.example.org/" || page.value("input#logout_uri") != "http://10.0.0.7/" {
			t.Error("what was typed is lost")
		}
		o.root.get(newClient).submit(newClient, "name", "Odd", "redirect_uris", "", "grants-authorization_code", "", "grants-refresh_token", "yes").is(422).shows("fieldset p.error", "has to sign them in first")
		o.root.get(newClient).submit(newClient, "name", "Odd", "redirect_uris", "https://a.example/", "grants-client_credentials", "yes").is(422).shows("fieldset p.error", "by a signature")
		o.root.get(newClient).submit(newClient, "name", "Odd", "auth", "none", "redirect_uris", "http://127.0.0.1/cb", "first_party", "yes").is(422).shows(".check p.error", "could pass for it").has(1, "input#first_party[checked][aria-invalid]")
		o.root.get(newClient).submit(newClient, "name", "Twice", "id", "jellyfin", "redirect_uris", "https://jf.example.org/cb").is(http.StatusUnprocessableEntity).shows("p.error", "has this id")
		if o.recorded("", audit.ClientRegistered) != 1 {
			t.Error("one was registered")
		}
		for _, path := range []string{"/admin/clients/none", "/admin/clients/none/change", "/admin/clients/%C3%A9"} {
			o.root.get(path).is(http.StatusNotFound)
		}
		for _, act := range []string{"change", "secret", "retire", "remove", "nothing"} {
			o.root.post("/admin/clients/none/" + act).is(http.StatusNotFound)
		}
		o.root.post("/admin/clients/jellyfin/nothing").is(http.StatusNotFound)
	})
}

func TestAnAppIsChanged(t *testing.T) {
	eachOffice(t, func(o *office) {
		_, shown := o.registered("id", "jellyfin", "first_party", "yes")
		const change = "/admin/clients/jellyfin/change"
		o.root.get(change).is(200).has(0, "input#id").submit(change, "name", "Jellyfin 2", "first_party", "", "scopes-player", "yes").
			leadsTo("/admin/clients/jellyfin?done=changed").shows("p.notice", "changed").shows("h1", "Jellyfin 2")
		if c := o.client("jellyfin"); c.FirstParty || !c.MayAsk(relyingparty.Player) || len(c.RedirectURIs) != 1 || o.proves(shown) != "jellyfin" {
			t.Errorf("%+v", c)
		}
		o.root.get(change).submit(change, "redirect_uris", "http://localhost/cb").is(http.StatusUnprocessableEntity).has(1, "p.error").has(1, "form[action="+change+"]")
		o.root.get(change).submit(change, "auth", "none").leadsTo("/admin/clients/jellyfin?done=changed")
		if o.proves(shown) != "" {
			t.Error("a public app has a secret")
		}
	})
}

func TestSecretsOfAnAppOverlap(t *testing.T) {
	eachOffice(t, func(o *office) {
		_, first := o.registered("id", "jellyfin")
		o.root.get("/admin/clients/jellyfin").has(0, "form[action=/admin/clients/jellyfin/retire]")
		o.pass(time.Second)
		second := o.root.get("/admin/clients/jellyfin").submit("/admin/clients/jellyfin/secret").is(200).says("output#client-secret")
		if o.proves(first) != "jellyfin" || o.proves(second) != "jellyfin" {
			t.Error("one does not count during the change")
		}
		for range 2 { // pressed twice is done once
			o.root.post("/admin/clients/jellyfin/retire").leadsTo("/admin/clients/jellyfin?done=retired").has(1, ".list li")
		}
		if o.proves(first) != "" || o.proves(second) != "jellyfin" {
			t.Error("the wrong one counts")
		}
		for range relyingparty.MostSecrets - 1 {
			o.root.post("/admin/clients/jellyfin/secret").is(200)
		}
		o.root.get("/admin/clients/jellyfin").has(0, "form[action=/admin/clients/jellyfin/secret]")
		o.root.post("/admin/clients/jellyfin/secret").is(http.StatusConflict).shows(".problem", "End the older ones first")
	})
}

func TestAnAppIsRemoved(t *testing.T) {
	eachOffice(t, func(o *office) {
		_, shown := o.registered("id", "jellyfin")
		o.root.get("/admin/clients/jellyfin").submit("/admin/clients/jellyfin/remove").leadsTo("/admin/clients?done=removed").shows("p.notice", "removed").has(0, "tbody tr")
		if o.proves(shown) != "" {
			t.Error("its secret counts")
		}
		o.root.get("/admin/clients/jellyfin").is(http.StatusNotFound)
	})
}

func TestAnAppOfTheConfigurationIsOnlyShown(t *testing.T) {
	eachOffice(t, func(o *office) {
		c := relyingparty.Client{ID: "tv", Name: "TV", Auth: relyingparty.None, Scopes: []relyingparty.Scope{relyingparty.OpenID}, Grants: []relyingparty.Grant{relyingparty.DeviceCode}}
		o.must(o.door.Clients.Apply(t.Context(), []registration.Configured{{Client: c}}))
		o.root.get("/admin/clients").shows("tbody .sub", "from the configuration file")
		o.root.get("/admin/clients/tv").is(200).shows(".muted", "stands in the configuration file").has(0, "main form")
		o.root.get("/admin/clients/tv/change").leadsTo("/admin/clients/tv").is(200)
		for _, act := range []string{"secret", "retire", "remove", "change"} {
			o.root.post("/admin/clients/tv/"+act, "name", "Other").is(http.StatusConflict).shows(".problem", "stands in the configuration file")
		}
	})
}

func TestAppsInPages(t *testing.T) {
	eachOffice(t, func(o *office) {
		for i := range registration.PageSize + 2 {
			o.must(o.db.RegisterClient(t.Context(), relyingparty.Client{ID: fmt.Sprintf("c%03d", i), Name: "App", Auth: relyingparty.None}, nil, audit.Act{At: o.clock()}))
		}
		first := o.root.get("/admin/clients").has(registration.PageSize, "tbody tr")
		next, _ := attr(pick(first.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(2, "tbody tr").has(0, "a[rel=next]").has(1, "a[href=/admin/clients].button")
		for _, strange := range []string{"%27", "zzz", "%00", "%C3%A9"} {
			if a := o.root.get("/admin/clients?after=" + strange); a.status >= 500 {
				t.Errorf("%s answers %d", strange, a.status)
			}
		}
	})
}
