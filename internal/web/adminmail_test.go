package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
)

func TestMailQueueTellsNoText(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.browser().post("/reset", "login", annMail).is(http.StatusSeeOther)
		link := o.mail(notice.KindReset, annMail).Data[notice.DataLink]
		page := o.root.get("/admin/mail").is(200).has(2, "tbody tr").shows("tbody .main", "Choose a new password").shows("tbody .sub", "to a…@example.org").
			has(1, "tbody a[href="+o.page(o.ann)+"]").has(2, "form[action=/admin/mail/retry]").shows("tbody td", "now")
		if strings.Contains(page.body, link) || strings.Contains(page.body, annMail) {
			t.Error("the queue tells a link or a whole address")
		}
	})
}

func TestMailIsTriedAgain(t *testing.T) {
	eachOffice(t, func(o *office) {
		due, err := o.db.LeaseMail(t.Context(), o.clock(), time.Minute, 10)
		o.must(err)
		o.must(o.db.MailFailed(t.Context(), due[0].ID, o.clock().Add(time.Hour), "451 greylisted"))
		page := o.root.get("/admin/mail").shows("tbody .sub", "451 greylisted").shows("tbody td[data-label=Tries]", "1").has(2, "tbody time")
		page.submit("/admin/mail/retry").leadsTo("/admin/mail?done=retried").shows("p.notice", "tried again").shows("tbody td", "now")
		if o.recorded(o.self.ID, audit.MailRetried) != 1 {
			t.Error("it is not recorded")
		}
		o.must(o.db.MailRefused(t.Context(), due[0].ID, "550 no such user", o.clock()))
		for _, id := range []string{due[0].ID, "", "x"} {
			o.root.post("/admin/mail/retry", "id", id).leadsTo("/admin/mail?done=nothing-waits").shows("p.notice", "No e-mail waits")
		}
		o.root.get("/admin/mail").shows(".empty", "Nothing waits")
		o.root.get("/admin/mail?state=refused").shows("h2", "Refused").has(1, "tbody tr").shows("tbody .sub", "550 no such user").has(0, "form[action=/admin/mail/retry]")
	})
}

func TestMailInPagesAndWithoutAServer(t *testing.T) {
	eachOffice(t, func(o *office) {
		act := audit.Act{At: o.clock()}
		for range 51 {
			act = act.Telling(notice.Test("zed@example.org"))
		}
		o.must(o.db.Record(t.Context(), act))
		first := o.root.get("/admin/mail").has(50, "tbody tr").has(0, ".note")
		next, _ := attr(pick(first.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(2, "tbody tr").has(1, ".paging a[href=/admin/mail?state=waiting]")
		o.door.Admin.Outbox = true
		o.root.get("/admin/mail").shows(".note", "No mail server is set up").has(0, "form[action=/admin/mail/retry]")
	})
}
