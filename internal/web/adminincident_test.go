package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/notice"
)

// written saves a draft and returns its page.
func (o *office) written(pairs ...string) *answer {
	o.t.Helper()
	a := o.root.get("/admin/incidents/new").is(200).submit("/admin/incidents/new", pairs...)
	a.is(http.StatusSeeOther)
	return o.root.get(a.header.Get("Location"))
}

// pathOf is the page's path without what was done.
func (a *answer) pathOf() string { p, _, _ := strings.Cut(a.path, "?"); return p }

// declared declares an incident for everybody and returns the page that watches it.
func (o *office) declared() *answer {
	o.t.Helper()
	draft := o.written()
	return draft.submit(draft.pathOf()+"/declare", "count", "2").leadsTo("/incident?done=declared").is(200)
}

func TestDeclareFromTheBrowser(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		o.root.get("/admin/incidents").is(200).shows("main", "No incidents")
		draft := o.written("happened", "See http://evil.example", "names", "ann", "whom", "all")
		draft.shows("main", "Leave links out").has(0, "form[action="+draft.pathOf()+"/declare]")
		draft = draft.submit(draft.pathOf()+"/draft", "happened", "A copy was taken.\n\nOf all of it.").leadsTo(draft.pathOf() + "?done=saved").is(200)
		draft.shows("main", "Of all of it.").has(1, "form[action="+draft.pathOf()+"/declare]")
		for _, typed := range []string{"", "1", "two", "-2"} {
			draft.submit(draft.pathOf()+"/declare", "count", typed).is(422).shows("details[open] #count-error", "Nothing was declared").has(1, "details[open] input[aria-invalid=true][aria-describedby=count-error]").has(0, "p.problem")
		}
		ann.get("/account").is(200)
		draft.submit(draft.pathOf()+"/draft", "happened", "Something else.").leadsTo(draft.pathOf() + "?done=saved").is(200)
		draft.submit(draft.pathOf()+"/declare", "count", "2").is(409).shows("p.problem", "changed after you looked at it")
		draft = o.root.get(draft.pathOf()).submit(draft.pathOf()+"/draft", "happened", "A copy was taken.\n\nOf all of it.").leadsTo(draft.pathOf() + "?done=saved")
		console := draft.submit(draft.pathOf()+"/declare", "count", "2").leadsTo("/incident?done=declared").is(200)
		console.shows("main", "The incident is declared.")
		ann.get("/account").is(303)
		if o.root.cookies["__Host-"+cookieBrowser] != "" || o.root.cookies["__Host-"+cookieConsole] == "" {
			t.Error("the declaring browser did not change its ticket")
		}
		o.root.post(draft.pathOf()+"/declare", "count", "2").is(303) // nobody is signed in there any more
		if o.recorded("", audit.IncidentAlone) != 1 {
			t.Error("not recorded")
		}
		o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(403).shows("main", "A copy was taken.").shows("main", "Of all of it.")
		o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", "wrong password here").is(422)
	})
}

// A console ticket watches its incident and opens nothing else, through no door, in no place of any request.
func TestAConsoleOpensNothingElse(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.declared()
		token := o.root.cookies["__Host-"+cookieConsole]
		before := []account.Account{o.reload(o.self.ID), o.reload(o.ann.ID)}
		incidents, err := o.db.ListIncidents(t.Context(), "", 10)
		o.must(err)
		var cookies []string
		for _, name := range []string{cookieBrowser, cookieKnown, cookieSignUp, cookieConsole, linkConfirm.cookie, linkChange.cookie, linkReset.cookie, linkNotMe.cookie,
			linkUndo.cookie, linkInvitation.cookie, linkSetUp.cookie, linkRemove.cookie, cookieLink, cookieTV} {
			cookies = append(cookies, "__Host-"+name)
		}
		for _, rt := range o.door.routes() {
			if strings.Contains(rt.pattern, " /incident") {
				continue
			}
			thief := o.browser()
			for _, name := range cookies {
				thief.cookies[name] = token
			}
			method, path := parts(rt.pattern, strings.NewReplacer("{token}", token, "{id}", incidents[0].ID, "{act}", "withdraw"))
			a := thief.send(method, path, map[string][]string{"ticket": {token}, "token": {token}, "code": {token}, "password": {newPassword}, "current": {token}})
			if where := a.header.Get("Location"); !slices.Contains(open, rt.pattern) && (a.status != http.StatusSeeOther || !strings.HasPrefix(where, "/sign-in")) {
				t.Errorf("%s answers %d %s", rt.pattern, a.status, where)
			}
			if strings.Contains(a.body, annMail) || strings.Contains(a.body, rootMail) {
				t.Errorf("%s shows somebody's address", rt.pattern)
			}
		}
		after := []account.Account{o.reload(o.self.ID), o.reload(o.ann.ID)}
		still, err := o.db.ListIncidents(t.Context(), "", 10)
		o.must(err)
		if !slices.Equal(before, after) || !slices.Equal(incidents, still) {
			t.Error("something has changed")
		}
		o.root.post("/incident/withdraw").is(404)
		o.root.post("/incident/declare").is(404)
	})
}

func TestConsole(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.browser().get("/incident").leadsTo("/sign-in?next=%2Fadmin%2Fincidents")
		console := o.declared()
		console.has(1, "svg.segments").has(1, "form[action=/incident/pause]").has(0, "form[action=/incident/withdraw]")
		console = console.submit("/incident/pause").leadsTo("/incident?done=paused").is(200).shows("main", "paused")
		o.root.post("/incident/pause").leadsTo("/incident") // again does nothing
		console.submit("/incident/resume").leadsTo("/incident?done=resumed").is(200)
		o.root.get("/incident").submit("/incident/own-reset").leadsTo("/incident?done=sent").is(200)
		o.mail(notice.KindReset, rootMail)
		for range 3 {
			o.root.post("/incident/own-reset").is(303) // limits of one account are kept silently
		}
		if n := o.mails(notice.KindReset); n != 3 {
			t.Errorf("%d mails", n)
		}
		o.pass(credential.Rules[credential.Console].Life)
		o.root.get("/incident").leadsTo("/sign-in?next=%2Fadmin%2Fincidents")
		if o.root.cookies["__Host-"+cookieConsole] != "" {
			t.Error("the dead ticket is kept")
		}
	})
}

// What was written over a proof that has become too old is kept, and nothing but that.
func TestNothingWrittenIsLost(t *testing.T) {
	eachOffice(t, func(o *office) {
		form := o.root.get("/admin/incidents/new")
		o.pass(credential.AdminFresh)
		a := form.submit("/admin/incidents/new", "happened", "Kept words.")
		next := strings.ReplaceAll(strings.TrimPrefix(a.header.Get("Location"), "/sign-in/again?next="), "%2F", "/")
		o.root.get(a.header.Get("Location")).submit("/sign-in/again", "password", rootPassword, "code", o.authenticator(rootMail)).leadsTo(next).is(200).shows("main", "Kept words.")
		o.root.get("/admin/incidents").shows("main", "draft")
		o.root.get(next).submit(next + "/discard").leadsTo("/admin/incidents?done=discarded")
		o.root.get(next).is(404)
	})
}

func TestIncidentOfAList(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		o.written("whom", "list").shows("main", "names nobody")
		draft := o.written("whom", "list", "names", annMail+"\nnobody@example.org\n")
		draft.shows("main", "1 name in the list is nobody’s. Line: 2.")
		page := draft.submit(draft.pathOf()+"/declare", "count", "1").leadsTo(draft.pathOf() + "?done=declared").is(200)
		page.shows("main", annMail).has(1, "form[action="+draft.pathOf()+"/withdraw]")
		ann.get("/account").is(303)
		o.root.get("/account").is(200)
		o.root.get("/admin/incidents").shows("main", "the accounts of a list")
		page = page.submit(draft.pathOf() + "/pause").leadsTo(draft.pathOf() + "?done=paused").submit(draft.pathOf() + "/resume").leadsTo(draft.pathOf() + "?done=resumed")
		page.submit(draft.pathOf()+"/withdraw", "count", "2").is(422).shows("#count-error", "Nothing was withdrawn").has(1, "details[open] input[name=count][aria-invalid]")
		page.submit(draft.pathOf()+"/withdraw", "count", "1").leadsTo(draft.pathOf() + "?done=withdrawn").is(200)
		o.root.post(draft.pathOf() + "/pause").is(409)
		o.root.post(draft.pathOf() + "/lock").is(404)
		ann.signIn(annMail, annPassword)
	})
}

func TestSecondWord(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.administrator("bea@example.org", boPassword)
		bea := o.signedIn("bea@example.org", boPassword)
		draft := o.written()
		proposed := draft.submit(draft.pathOf()+"/declare", "count", "3").leadsTo(draft.pathOf() + "?done=proposed").is(200)
		proposed.has(0, "form[action="+draft.pathOf()+"/confirm]").shows("main", "Nothing has happened so far")
		o.root.post(draft.pathOf()+"/confirm").is(409).shows("p.problem", "another administrator")
		bea.get(draft.pathOf()).submit(draft.pathOf() + "/confirm").leadsTo("/incident?done=declared").is(200)
		o.root.get("/account").is(303)

		o.pass(time.Second)
		lapsed, err := o.door.Incident.Declare(t.Context(), audit.CLI, incident.Draft{Action: incident.Advise, Scope: incident.All, Notice: o.door.Incident.Parts()})
		o.must(err)
		o.pass(incident.ProposalLife)
		o.must(o.db.WithdrawIncident(t.Context(), strings.TrimPrefix(draft.pathOf(), "/admin/incidents/"), incident.Open, audit.Act{At: o.clock()}))
		bea.signIn("bea@example.org", boPassword)
		bea.get("/admin/incidents/"+lapsed.ID).is(200).shows("main", "lapsed").has(0, "form[action=/admin/incidents/"+lapsed.ID+"/confirm]")
		bea.post("/admin/incidents/"+lapsed.ID+"/confirm").is(409).shows("p.problem", "older than 24 hours")
	})
}

func TestAdviceStandsOnTheAccountPage(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		draft := o.written("action", "advise")
		draft.submit(draft.pathOf()+"/declare", "count", "2").leadsTo(draft.pathOf() + "?done=declared").is(200)
		ann.get("/account").is(200).shows(".panel.look", "Choose a new password").has(1, ".panel.look a[href=/account/password]")
		ann.get("/account/password").submit("/account/password", "current", annPassword, "password", newPassword, "sign_out", "").leadsTo("/account?done=password").
			is(200).has(0, ".panel.look")
		ann.get("/account").has(0, ".panel.look")
	})
}

func TestNotice(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.declared()
		o.must(o.door.Incident.Tell(t.Context()))
		check := o.mail(notice.KindIncident, annMail).Data[notice.DataCheck]
		roots := o.mail(notice.KindIncident, rootMail).Data[notice.DataCheck]
		b := o.browser()
		b.get("/notice").is(200).submit("/notice").is(422).shows("main", "Enter the code")
		b.get("/notice").submit("/notice", "email", annMail, "check", strings.ToLower(check)).is(200).shows("h1", "This e-mail is ours").shows("main", "no payment data")
		var wrong []string
		for _, typed := range [][2]string{{annMail, roots}, {"bob@example.org", check}, {"ann@example.com", check}} {
			a := b.get("/notice").submit("/notice", "email", typed[0], "check", typed[1]).is(422)
			wrong = append(wrong, strings.ReplaceAll(a.says("main"), typed[0], "…"))
		}
		if wrong[0] != wrong[1] || wrong[0] != wrong[2] {
			t.Errorf("refusals differ: %q", wrong)
		}
		incidents, err := o.db.ListIncidents(t.Context(), "", 1)
		o.must(err)
		o.must(o.door.Incident.Withdraw(t.Context(), audit.CLI, incidents[0].ID))
		b.get("/notice").submit("/notice", "email", annMail, "check", check).is(200).shows(".note", "Old passwords count again").
			shows("main", "no payment data").has(0, "main a[href=/reset]").has(1, "main a.button[href=/sign-in]")
	})
}

// The button comes first; the notice's way to this page is left out, while an operator's own words of what to do are not.
func TestResetRequiredBeginsWithTheButton(t *testing.T) {
	for name, own := range map[string]string{"our words": "", "own words": "Come to the library, and bring your card."} {
		t.Run(name, func(t *testing.T) {
			eachOffice(t, func(o *office) {
				var changes []string
				if own != "" {
					changes = []string{notice.DataToDo, own}
				}
				draft := o.written(changes...)
				draft.submit(draft.pathOf()+"/declare", "count", "2").leadsTo("/incident?done=declared")
				page := o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(403).shows(".notice-parts", "no payment data")
				button, told := strings.Index(page.body, "/reset/required"), strings.Index(page.body, "notice-parts")
				if button < 0 || button > told {
					o.t.Errorf("the button stands at %d, the notice at %d", button, told)
				}
				says := page.says(".notice-parts")
				if strings.Contains(says, "Forgot?") || strings.Contains(says, "What to do") != (own != "") || !strings.Contains(says, own) {
					o.t.Errorf("the notice says %q", says)
				}
			})
		})
	}
}
