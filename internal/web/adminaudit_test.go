package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
)

func TestAuditTellsWhoDidWhat(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.post(o.page(o.ann) + "/lock").is(http.StatusSeeOther)
		page := o.root.get("/admin/audit").is(200).shows("tbody .main", "Account locked").shows("tbody td[data-label=By]", "you").shows("tbody td[data-label=By]", "the command line").
			shows("tbody td[data-label=By]", "203.0.113.0/24")
		if strings.Contains(page.body, "203.0.113.7") {
			t.Error("a whole IP address is shown")
		}
	})
}

func TestAuditIsFiltered(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.post(o.page(o.ann) + "/lock").is(http.StatusSeeOther)
		o.root.get("/admin/audit?act=account.locked").has(1, "tbody tr").has(1, "option[value=account.locked][selected]")
		for _, typed := range []string{annMail, "ANN", " ann ", o.ann.ID} {
			o.root.get("/admin/audit").submit("/admin/audit", "account", typed).leadsTo("/admin/audit?account="+o.ann.ID).has(2, "tbody tr")
		}
		o.root.post("/admin/audit", "act", "account.locked", "account", "ann").leadsTo("/admin/audit?act=account.locked&account="+o.ann.ID).has(1, "tbody tr")
		o.root.post("/admin/audit", "act", "account.erased").leadsTo("/admin/audit?act=account.erased").shows(".empty", "Nothing fits")
		page := o.root.post("/admin/audit", "account", "zed@example.org").is(http.StatusUnprocessableEntity).shows(".problem", "Nobody has this").has(0, ".empty")
		if page.value("input#account") != "zed@example.org" {
			t.Error("what was typed is lost")
		}
	})
}

func TestAuditKeepsWhatErasedAccountsDid(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.post(o.page(o.ann) + "/delete").is(http.StatusSeeOther)
		o.pass(account.GraceBeforeErasure)
		if _, err := o.db.Erase(t.Context(), o.clock(), 10, func(account.Account) audit.Act { return audit.New(o.clock(), audit.AccountErased, audit.System, "") }, nil); err != nil {
			t.Fatal(err)
		}
		o.root = o.signedIn(rootMail, rootPassword)
		o.root.get("/admin/audit").submit("/admin/audit", "account", o.ann.ID).leadsTo("/admin/audit?account="+o.ann.ID).is(200).has(2, "tbody tr").
			shows("tbody bdi", o.ann.ID)
		o.root.get("/admin/audit?act=account.erased").has(1, "tbody tr").shows("tbody td[data-label=By]", "the service")
	})
}

func TestAuditInPages(t *testing.T) {
	eachOffice(t, func(o *office) {
		for range 51 {
			o.pass(time.Millisecond)
			o.must(o.db.Record(t.Context(), audit.New(o.clock(), audit.SignInFailed, "", "").With(audit.Reason, nasty)))
		}
		first := o.root.get("/admin/audit?act=sign-in.failed").has(50, "tbody tr").shows("tbody .sub", nasty)
		next, _ := attr(pick(first.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(1, "tbody tr").has(0, "a[rel=next]").has(1, ".paging a[href=/admin/audit?act=sign-in.failed]")
	})
}
