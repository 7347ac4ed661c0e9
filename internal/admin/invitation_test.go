package admin_test

import (
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
)

func TestInviteByLink(t *testing.T) {
	each(t, func(w *world) {
		token, err := w.flow.Invite(w.ctx(), w.by(), " ")
		w.must(err)
		w.must(w.resolve(credential.Invitation, token))
		w.same(w.told(notice.KindInvitation), nil)
		w.recordedBy(w.by(), audit.InvitationMade, "")

		open, next, err := w.flow.Invitations(w.ctx(), "")
		w.must(err)
		if len(open) != 1 || next != "" || open[0].Email != "" || open[0].By != "The root" || !open[0].CreatedAt.Equal(w.now) {
			t.Errorf("listed as %+v, next %q", open, next)
		}
		if strings.Contains(open[0].ID, token.Reveal()) {
			t.Error("the listing tells the token")
		}
	})
}

func TestInviteByAddress(t *testing.T) {
	each(t, func(w *world) {
		token, err := w.flow.Invite(w.ctx(), w.by(), " Bo@example.org ")
		w.must(err)
		w.same(w.told(notice.KindInvitation), []string{"Bo@example.org"})
		waiting, err := w.db.WaitingMail(w.ctx(), 1)
		w.must(err)
		if got := waiting[0].Data[notice.DataLink]; got != "/invitation/"+token.Reveal() {
			t.Error("the mail's link is another one")
		}
		if got := waiting[0].Data[notice.DataFrom]; got != "The root" {
			t.Errorf("it is from %q", got)
		}
		r := credential.Resolver{Store: w.db, Now: w.flow.Now}
		f, err := r.Resolve(w.ctx(), credential.Invitation, token)
		w.must(err)
		if f.Detail != "Bo@example.org" {
			t.Errorf("it is for %q", f.Detail)
		}
	})
}

func TestInvitationsThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		w.account("ann", nil)
		_, err := w.flow.Invite(w.ctx(), w.by(), "bo@")
		w.is(err, account.ErrBadAddress)
		_, err = w.flow.Invite(w.ctx(), w.by(), "ANN@example.org")
		w.is(err, account.ErrAddressTaken)
		w.flow.Closed = true
		_, err = w.flow.Invite(w.ctx(), w.by(), "")
		w.is(err, admin.ErrClosed)
		open, _, err := w.flow.Invitations(w.ctx(), "")
		w.must(err)
		if len(open) != 0 || len(w.recorded(audit.InvitationMade, "")) != 0 || len(w.told(notice.KindInvitation)) != 0 {
			t.Error("something was left behind")
		}
	})
}

func TestRevoke(t *testing.T) {
	each(t, func(w *world) {
		kept, err := w.flow.Invite(w.ctx(), audit.CLI, "")
		w.must(err)
		w.now = w.now.Add(time.Second)
		gone, err := w.flow.Invite(w.ctx(), w.by(), "")
		w.must(err)
		open, _, err := w.flow.Invitations(w.ctx(), "")
		w.must(err)
		if len(open) != 2 || open[0].By != "The root" || open[1].By != audit.CLI {
			t.Fatalf("listed as %+v", open)
		}
		w.must(w.flow.Revoke(w.ctx(), w.by(), open[0].ID))
		w.is(w.resolve(credential.Invitation, gone), credential.ErrUnknown)
		w.must(w.resolve(credential.Invitation, kept))
		w.recordedBy(w.by(), audit.InvitationEnded, "")
		w.is(w.flow.Revoke(w.ctx(), w.by(), open[0].ID), credential.ErrSpent)
	})
}

func TestRevokeEndsNothingElse(t *testing.T) {
	each(t, func(w *world) {
		link := credential.Link{Kind: credential.NotMe, Token: w.signIn(w.root), AccountID: w.root.ID, Subject: "s"}
		w.must(w.db.Record(w.ctx(), audit.New(w.now, audit.NotMeReported, "", w.root.ID).Linking(link)))
		for _, subject := range []string{"s", "", "%", "\x00"} {
			w.is(w.flow.Revoke(w.ctx(), w.by(), subject), credential.ErrSpent)
		}
		w.must(w.resolve(credential.NotMe, link.Token))
	})
}

func TestInvitationsPageAndExpire(t *testing.T) {
	each(t, func(w *world) {
		for range admin.PageSize + 3 {
			w.now = w.now.Add(time.Second)
			_, err := w.flow.Invite(w.ctx(), audit.CLI, "")
			w.must(err)
		}
		seen := map[string]bool{}
		before, pages := "", 0
		for {
			open, next, err := w.flow.Invitations(w.ctx(), before)
			w.must(err)
			pages++
			for _, i := range open {
				if seen[i.ID] {
					t.Errorf("%s comes twice", i.ID)
				}
				seen[i.ID] = true
			}
			if before = next; next == "" {
				break
			}
		}
		if len(seen) != admin.PageSize+3 || pages != 2 {
			t.Errorf("%d invitations on %d pages", len(seen), pages)
		}
		w.now = w.now.Add(notice.InvitationLife)
		open, _, err := w.flow.Invitations(w.ctx(), "")
		w.must(err)
		if len(open) != 0 {
			t.Errorf("%d are listed although they are too old", len(open))
		}
	})
}
