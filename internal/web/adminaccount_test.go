package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

func TestAccountSheet(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.signedIn(annMail, annPassword)
		page := o.root.get(o.page(o.ann)).is(200).shows("h1", "ann").shows("dl.facts dd", annMail).shows("dl.facts code", o.ann.ID).
			shows(".list .what", "Firefox on Linux").shows(".list .what", "Signed in").shows(".list .what", "New device signed in").
			has(1, "nav a[aria-current=page][href=/admin/accounts]")
		if strings.Contains(page.body, "203.0.113.7") || !strings.Contains(page.body, "203.0.113.0/24") {
			t.Error("the page does not tell the network alone")
		}
		for _, n := range o.waiting() {
			if link := n.Data[notice.DataLink]; link != "" && strings.Contains(page.body, link) {
				t.Error("the page tells a link of a mail")
			}
		}
		own := o.root.get(o.page(o.self)).is(200).shows("p.muted", "This is your own account").has(0, ".confirms")
		if len(pick(own.doc, "main form")) != 0 {
			t.Error("there is something to do to the own account")
		}
	})
}

func (h *house) waiting() []notice.Notice {
	h.t.Helper()
	all, err := h.db.WaitingMail(h.t.Context(), 1000)
	h.must(err)
	return all
}

// does presses a button of ann's page and reads what came of it.
func (o *office) does(act, done string) *answer {
	o.t.Helper()
	path := o.page(o.ann)
	return o.root.get(path).submit(path+"/"+act).leadsTo(path+"?done="+act).is(200).shows("p.notice", done)
}

func TestLockAndUnlock(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		o.does("lock", "The account is locked").shows("p .tag", "locked").has(0, "form[action="+o.page(o.ann)+"/lock]")
		ann.get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(http.StatusForbidden).shows("main", "locked")
		o.root.post(o.page(o.ann) + "/lock").leadsTo(o.page(o.ann) + "?done=lock")
		if n := o.recorded(o.ann.ID, audit.AccountLocked); n != 1 || o.mails(notice.KindLocked) != 1 {
			t.Errorf("pressed twice it is recorded %d times", n)
		}
		o.does("unlock", "The account is unlocked").shows(".list .where", "by you")
		o.signedIn(annMail, annPassword)
	})
}

func TestSignOutByAdministrator(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		o.does("sign-out", "Everything is signed out").shows(".empty .what", "Nothing is signed in")
		ann.get("/account").is(http.StatusSeeOther)
		if o.mails(notice.KindSignedOutByOperator) != 1 {
			t.Error("ann is not told")
		}
		o.root.get("/admin").is(200)
	})
}

func TestRequireANewPassword(t *testing.T) {
	eachOffice(t, func(o *office) {
		ann := o.signedIn(annMail, annPassword)
		o.does("require-reset", "A new password is required").shows("p .tag", "new password required").has(0, "form[action="+o.page(o.ann)+"/require-reset]")
		ann.get("/account").is(http.StatusSeeOther)
		o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(http.StatusForbidden).shows("h1", "new password")
		o.mail(notice.KindResetRequired, annMail)
		link := o.mail(notice.KindReset, annMail).Data[notice.DataLink]
		reset := o.browser()
		reset.get(link).leadsTo("/reset/new").is(200).submit("/reset/new", "password", newPassword).is(http.StatusSeeOther)
		o.signedIn(annMail, newPassword)
		if got := o.root.get(o.page(o.ann)).says("p .tag"); strings.Contains(got, "required") {
			t.Error("it is still required")
		}
	})
}

func TestALockedAccountGetsNoResetLink(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.does("lock", "locked")
		o.does("require-reset", "A new password is required")
		if o.mails(notice.KindReset) != 0 || o.mails(notice.KindResetRequired) != 1 {
			t.Errorf("%d reset mails, %d notices", o.mails(notice.KindReset), o.mails(notice.KindResetRequired))
		}
		o.does("unlock", "unlocked")
		o.browser().get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).is(http.StatusForbidden).shows("h1", "new password")
	})
}

func TestDeleteByAdministrator(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.does("delete", "will be erased").shows("p .tag", "deleting").shows("dl.facts dt", "Will be erased").has(0, "form[action="+o.page(o.ann)+"/delete]")
		if got := o.reload(o.ann.ID); o.clock().Add(account.GraceBeforeErasure).Sub(got.DeleteAt).Abs() > time.Second {
			t.Errorf("it goes on %s", got.DeleteAt)
		}
		o.does("lock", "locked").shows("p .tag", "being deleted")
		o.root.get("/admin/accounts?state=locked").shows("tbody .tag", "being deleted")
		o.does("unlock", "unlocked").shows("p .tag", "deleting")

		ann := o.browser()
		ann.get("/sign-in").submit("/sign-in", "login", annMail, "password", annPassword).leadsTo("/account").leadsTo("/account/deleting").
			submit("/account/keep").is(http.StatusSeeOther)
		if got := o.reload(o.ann.ID); got.State != account.Active || !got.DeleteAt.IsZero() {
			t.Errorf("kept, it is %s until %s", got.State, got.DeleteAt)
		}
	})
}

func TestResendToAPerson(t *testing.T) {
	eachOffice(t, func(o *office) {
		path := o.page(o.ann)
		o.root.get(path).has(0, "form[action="+path+"/resend]")
		o.root.post(path+"/resend").leadsTo(path+"?done=nothing-waits").shows("p.notice", "No e-mail waits")
		o.signedIn(annMail, annPassword)
		due, err := o.db.LeaseMail(t.Context(), o.clock(), time.Minute, 10)
		o.must(err)
		for _, n := range due {
			o.must(o.db.MailFailed(t.Context(), n.ID, o.clock().Add(time.Hour), "451 greylisted"))
		}
		o.root.get(path).shows(".list .where", "451 greylisted")
		o.does("resend", "tried again now")
		if due, err = o.db.LeaseMail(t.Context(), o.clock(), time.Minute, 10); err != nil || len(due) != 1 || due[0].To != annMail {
			t.Errorf("%d are due, %v", len(due), err)
		}
		o.door.Admin.Outbox = true
		o.root.get(path).has(0, "form[action="+path+"/resend]")
	})
}

func TestOwnAndLastAdministratorAreRefused(t *testing.T) {
	eachOffice(t, func(o *office) {
		for act := range o.door.accountActs() {
			if act != "resend" {
				o.root.post(o.page(o.self)+"/"+act).is(http.StatusForbidden).shows(".problem[role=alert]", "your own account").shows("h1", rootMail)
			}
		}
		o.root.get("/admin").is(200)

		o.must(o.db.GrantAdmin(t.Context(), o.ann.ID, audit.New(o.clock(), audit.AdminGranted, audit.CLI, o.ann.ID)))
		o.signedIn(annMail, annPassword).get("/admin").is(http.StatusForbidden)
		o.turnOnFactor(o.ann)
		ann := o.signedIn(annMail, annPassword)
		ann.post(o.page(o.self) + "/lock").leadsTo(o.page(o.self) + "?done=lock").is(200)
		o.root.get("/admin").is(http.StatusSeeOther)
		if got := o.reload(o.self.ID).State; got != account.Locked {
			t.Errorf("root is %s", got)
		}
		ann.post(o.page(o.self) + "/unlock").leadsTo(o.page(o.self) + "?done=unlock")
	})
}

// TestLastAdministrator: the one who asks is an administrator, so only a race or a lock just now makes the other one the last.
func TestLastAdministratorOfAnother(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.must(o.db.GrantAdmin(t.Context(), o.ann.ID, audit.New(o.clock(), audit.AdminGranted, audit.CLI, o.ann.ID)))
		d := *o.door
		v := visitor{Person: o.self}
		v.AccountID = o.self.ID
		o.must(o.db.SetState(t.Context(), o.self.ID, account.Active, account.Locked, time.Time{}, audit.New(o.clock(), audit.AccountLocked, audit.CLI, o.self.ID)))
		for _, act := range []string{"lock", "delete"} {
			w, r := recorded(http.MethodPost, o.page(o.ann)+"/"+act)
			r.SetPathValue("id", o.ann.ID)
			r.SetPathValue("act", act)
			o.must(d.postAdminAccount(w, r, v))
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Nobody else administers this service") {
				t.Errorf("%s answers %d", act, w.Code)
			}
		}
	})
}

func TestSheetTellsTooManyTries(t *testing.T) {
	eachOffice(t, func(o *office) {
		thief := o.browser()
		for range ratelimit.FreeFailures {
			thief.post("/sign-in", "login", annMail, "password", "wrong wrong wrong")
		}
		page := o.root.get(o.page(o.ann)).shows("dl.facts dt", "Too many tries").shows("dl.facts dd", "No sign-in until").shows(".list .what", "Wrong password").
			shows(".list .where", "by somebody not signed in")
		if strings.Contains(page.body, "wrong wrong wrong") {
			t.Error("a typed password is shown")
		}
	})
}

// recorded is a request to a handler itself, past the wrapper that would not let it in.
func recorded(method, path string) (*httptest.ResponseRecorder, *http.Request) {
	return httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
}
