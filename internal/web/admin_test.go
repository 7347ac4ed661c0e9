package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/look"
	"usher/internal/notice"
	"usher/internal/relyingparty"
)

const rootMail, rootPassword = "root@example.org", "twelve amber lanterns glow"

// office is a house with an administrator, who is signed in, and ann.
type office struct {
	*house
	root *browser
	self account.Account
	ann  account.Account
}

func eachOffice(t *testing.T, test func(o *office)) {
	t.Helper()
	eachHouse(t, func(h *house) {
		o := &office{house: h, self: h.administrator(rootMail, rootPassword)}
		h.pass(time.Second) // so that ann is newer
		o.ann = h.account(annMail, "ann", annPassword)
		o.root = h.signedIn(rootMail, rootPassword)
		test(o)
	})
}

func (o *office) page(a account.Account) string { return "/admin/accounts/" + a.ID }

// adminRoutes lists the administration's routes, with numbers filled in.
func (o *office) adminRoutes() (all [][2]string) {
	draft, err := o.door.Incident.Save(context.Background(), o.self.ID, incident.Incident{Action: incident.Advise, Scope: incident.All})
	o.must(err)
	client := relyingparty.Client{ID: "app", Name: "App", Auth: relyingparty.Basic}
	if err := o.db.RegisterClient(context.Background(), client, nil, audit.Act{At: o.clock()}); !errors.Is(err, relyingparty.ErrTaken) {
		o.must(err)
	}
	for _, r := range o.door.routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		if path != "/admin" && !strings.HasPrefix(path, "/admin/") {
			continue
		}
		if strings.HasPrefix(path, "/admin/incidents/") {
			path = strings.ReplaceAll(path, "{id}", draft.ID)
		}
		if strings.HasPrefix(path, "/admin/clients/") {
			path = strings.NewReplacer("{id}", client.ID, "{act}", "secret").Replace(path)
		}
		path = strings.NewReplacer("{id}", o.ann.ID, "{act}", "lock").Replace(path)
		all = append(all, [2]string{method, path})
	}
	return all
}

func TestAdministrationIsForAdministrators(t *testing.T) {
	eachOffice(t, func(o *office) {
		nobody, ann := o.browser(), o.signedIn(annMail, annPassword)
		routes := o.adminRoutes()
		if len(routes) < 10 {
			t.Fatalf("only %d routes are tried", len(routes))
		}
		for _, r := range routes {
			form := url.Values{}
			if r[0] == http.MethodGet {
				form = nil
			}
			if a := nobody.send(r[0], r[1], form).is(http.StatusSeeOther); !strings.HasPrefix(a.header.Get("Location"), "/sign-in") {
				t.Errorf("%s %s leads nobody to %s", r[0], r[1], a.header.Get("Location"))
			}
			ann.send(r[0], r[1], form).is(http.StatusNotFound)
		}
		if got := o.reload(o.ann.ID).State; got != account.Active {
			t.Errorf("ann is %s", got)
		}
	})
}

func TestAdministrationAsksForAFreshPassword(t *testing.T) {
	eachOffice(t, func(o *office) {
		asked := func(r [2]string) string {
			form := url.Values{}
			if r[0] == http.MethodGet {
				form = nil
			}
			if a := o.root.send(r[0], r[1], form); a.status == http.StatusSeeOther {
				return a.header.Get("Location")
			}
			return ""
		}
		o.pass(credential.Fresh)
		for _, r := range o.adminRoutes() {
			searches := r[0] == http.MethodPost && (r[1] == "/admin/accounts" || r[1] == "/admin/audit")
			keeps := r[0] == http.MethodGet && (r[1] == "/admin/clients/new" || r[1] == "/admin/clients/app/change") // what is typed there
			touches := r[0] == http.MethodPost && !searches || keeps
			if again := strings.HasPrefix(asked(r), "/sign-in/again?"); again != touches {
				t.Errorf("after five minutes %s %s asks: %t", r[0], r[1], again)
			}
		}
		o.pass(credential.AdminFresh - credential.Fresh)
		for _, r := range o.adminRoutes() {
			if where := asked(r); !strings.HasPrefix(where, "/sign-in/again?next=%2Fadmin") {
				t.Errorf("after fifteen minutes %s %s leads to %q", r[0], r[1], where)
			}
		}
		if got := o.reload(o.ann.ID).State; got != account.Active {
			t.Errorf("ann is %s", got)
		}

		o.root.post(o.page(o.ann)+"/lock").leadsTo("/sign-in/again?next="+url.QueryEscape(o.page(o.ann))).is(200).
			submit("/sign-in/again", "password", rootPassword, "code", o.authenticator(rootMail)).leadsTo(o.page(o.ann)).is(200)
	})
}

func TestNoPasswordFieldInTheAdministration(t *testing.T) {
	eachOffice(t, func(o *office) {
		for _, r := range o.adminRoutes() {
			if r[0] == http.MethodGet {
				o.root.get(r[1]).is(200).has(0, "input[type=password]").has(0, "input[name=password]")
			}
		}
	})
}

func TestAdminOverview(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.door.Admin.Version, o.door.Admin.Database, o.door.Admin.Started = "1.2.3", "SQLite", sampleNow
		checks := []admin.Check{{Name: "Database", OK: true, Text: "It answers."}, {Name: "Mail", OK: false, Text: "The mail server does not answer."}}
		o.door.Admin.Health = func(context.Context) []admin.Check { return checks }
		page := o.root.get("/admin").is(200).shows(".panel.look h2", "Something needs you").shows("li.bad .where", "The mail server does not answer.").
			shows("li.good .what", "Database").shows("p.muted", "Usher 1.2.3 on SQLite").has(1, "nav a[aria-current=page]")
		for path, count := range map[string]string{"/admin/accounts?state=active": "2", "/admin/accounts?state=locked": "0", "/admin/mail": "1"} {
			page.has(1, "dl.figures a[href="+path+"]")
			found := false
			for _, box := range pick(page.doc, "dl.figures div") {
				if len(pick(box, "a[href="+path+"]")) == 1 {
					found = strings.TrimSpace(text(first(box, "dd"))) == count
				}
			}
			if !found {
				t.Errorf("the figure of %s is not %s", path, count)
			}
		}
		checks = checks[:1]
		o.root.get("/admin").shows(".panel.ok h2", "Everything works")
	})
}

func TestEveryActHasWords(t *testing.T) {
	for _, a := range audit.Actions() {
		if actWords[a].text == "" || !look.Drawn(actWords[a].icon) {
			t.Errorf("%s has no words, or no picture", a)
		}
	}
	if len(actWords) != len(audit.Actions()) {
		t.Errorf("%d acts have words, there are %d", len(actWords), len(audit.Actions()))
	}
}

func TestEveryMailHasWords(t *testing.T) {
	for _, k := range notice.Kinds() {
		if mailWords[k] == "" {
			t.Errorf("%s has no words", k)
		}
	}
	if len(mailWords) != len(notice.Kinds()) {
		t.Errorf("%d kinds have words, there are %d", len(mailWords), len(notice.Kinds()))
	}
}

func TestEveryFormOfTheAdministrationSaysThatItIsDone(t *testing.T) {
	for key := range (&Door{Admin: &admin.Service{}}).accountActs() {
		if adminDone[key] == "" {
			t.Errorf("%s is done without a word", key)
		}
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.0/24", "::ffff:203.0.113.7": "203.0.113.0/24", "2001:db8:1:2345::7": "2001:db8:1:2300::/56",
		"fe80::1%eth0": "fe80::/56", "": "", "nonsense": "", "invalid IP": "",
	} {
		if got := network(address); got != want {
			t.Errorf("network(%q) is %q, want %q", address, got, want)
		}
	}
}

func TestPathWith(t *testing.T) {
	for _, test := range []struct {
		pairs []string
		want  string
	}{
		{nil, "/x"}, {[]string{"a", ""}, "/x"}, {[]string{"a", "1"}, "/x?a=1"}, {[]string{"a", "", "b", "2"}, "/x?b=2"}, {[]string{"a", "1&b=2", "c", "é"}, "/x?a=1%26b%3D2&c=%C3%A9"},
	} {
		if got := pathWith("/x", test.pairs...); got != test.want {
			t.Errorf("%v make %s, want %s", test.pairs, got, test.want)
		}
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	eachOffice(t, func(o *office) {
		gone := id.New(o.clock())
		for _, path := range []string{
			"/admin/accounts/" + gone, "/admin/accounts/x", "/admin/accounts/%00", "/admin/accounts/" + strings.ToUpper(o.ann.ID),
			"/admin/accounts?state=unconfirmed", "/admin/accounts?before=x", "/admin/mail?state=x", "/admin/mail?before=%27", "/admin/audit?act=x",
			"/admin/audit?account=ann", "/admin/audit?before=1",
		} {
			if a := o.root.get(path); a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
				t.Errorf("%s: %d", path, a.status)
			}
		}
		for _, path := range []string{"/admin/accounts/" + gone + "/lock", "/admin/accounts/x/lock", o.page(o.ann) + "/promote", o.page(o.ann) + "/"} {
			o.root.post(path).is(http.StatusNotFound)
		}
		o.root.get(o.page(o.ann) + "/lock").is(http.StatusMethodNotAllowed)
	})
}
