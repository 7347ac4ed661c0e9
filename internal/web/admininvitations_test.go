package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
)

func TestInvitationLinkIsShownOnce(t *testing.T) {
	eachOffice(t, func(o *office) {
		made := o.root.get("/admin/invitations").is(200).shows(".empty", "No invitations yet").submit("/admin/invitations").leadsTo("/admin/invitations").is(200)
		link := made.value("input#new-link")
		path, ok := strings.CutPrefix(link, testOrigin)
		if !ok || !strings.HasPrefix(path, "/invitation/") {
			t.Fatal("the link is none on the origin")
		}
		made.shows("tbody .main", "Whoever has the link").shows("tbody .sub", "by "+rootMail)
		if again := o.root.get("/admin/invitations").has(0, "input#new-link").has(1, "tbody tr"); strings.Contains(again.body, path) {
			t.Error("the link is shown again")
		}
		o.browser().get(path).leadsTo("/invitation").is(200).has(1, "form[action=/invitation]")
		if o.recorded("", audit.InvitationMade) != 1 {
			t.Error("it is not recorded")
		}
	})
}

func TestInvitationByAddress(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.root.get("/admin/invitations").submit("/admin/invitations", "email", " "+boMail).leadsTo("/admin/invitations?done=invited").
			shows("p.notice", "on its way").has(0, "input#new-link").shows("tbody .main", boMail)
		path := o.mail(notice.KindInvitation, boMail).Data[notice.DataLink]
		if got := o.browser().get(path).leadsTo("/invitation").is(200).body; !strings.Contains(got, boMail) {
			t.Error("the invitation does not name its address")
		}
	})
}

func TestInvitationsThatAreRefused(t *testing.T) {
	eachOffice(t, func(o *office) {
		for typed, said := range map[string]string{"bo@": "does not look like", annMail: "has an account already"} {
			page := o.root.get("/admin/invitations").submit("/admin/invitations", "email", typed).is(http.StatusUnprocessableEntity).shows("p.error", said)
			if got := page.value("input#email"); got != typed {
				t.Errorf("the field keeps %q, want %q", got, typed)
			}
		}
		o.door.Admin.Closed = true
		o.root.post("/admin/invitations").is(http.StatusUnprocessableEntity).shows(".problem", "lead nowhere")
		if o.recorded("", audit.InvitationMade) != 0 {
			t.Error("one was made")
		}
	})
}

func TestInvitationIsRevoked(t *testing.T) {
	eachOffice(t, func(o *office) {
		link := o.root.post("/admin/invitations").leadsTo("/admin/invitations").value("input#new-link")
		page := o.root.get("/admin/invitations")
		subject := page.value("form[action=/admin/invitations/revoke] input[name=id]")
		page.submit("/admin/invitations/revoke").leadsTo("/admin/invitations?done=revoked").shows("p.notice", "revoked").has(0, "tbody tr")
		o.browser().get(strings.TrimPrefix(link, testOrigin)).leadsTo("/invitation").is(http.StatusGone)
		for _, id := range []string{subject, "", "x"} {
			o.root.post("/admin/invitations/revoke", "id", id).is(http.StatusConflict).shows(".problem", "does not count any more")
		}
	})
}

func TestInvitationsInPages(t *testing.T) {
	eachOffice(t, func(o *office) {
		for range 52 {
			o.pass(time.Millisecond)
			_, err := o.door.Admin.Invite(t.Context(), audit.CLI, "")
			o.must(err)
		}
		first := o.root.get("/admin/invitations").has(50, "tbody tr").shows("tbody .sub", "by the command line")
		next, _ := attr(pick(first.doc, "a[rel=next]")[0], "href")
		o.root.get(next).is(200).has(2, "tbody tr").has(0, "a[rel=next]")
		for _, strange := range []string{"%27", "zzz", "0", "%C3%A9"} {
			o.root.get("/admin/invitations?before=" + strange).is(200)
		}
	})
}
