package incident_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
)

func TestALoneAdministratorDeclaresLoudly(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		in := w.signIn(ann)
		i := w.declare(w.draft(incident.Require))
		if i.State != incident.Open || !i.Alone || i.Covered != 2 || !w.required(ann) || !w.required(w.root) || w.counts(in) {
			t.Errorf("%+v", i)
		}
		w.recorded(audit.IncidentAlone, 1)
		w.recorded(audit.IncidentDeclared, 0)
		if mails := w.told(w.root.Email); len(mails) != 1 || mails[0].Kind != notice.KindIncidentAlone {
			t.Errorf("%v", mails)
		}
		w.filed(1)
	})
}

func TestTwoAdministratorsAreAsked(t *testing.T) {
	each(t, func(w *world) {
		bea := w.account("bea", func(a *account.Account) { a.Admin = true })
		w.account("locked", func(a *account.Account) { a.Admin, a.State = true, account.Locked }) // perhaps by the one who declares
		proposed := func() incident.Incident {
			i, err := w.flow.Declare(w.ctx(), w.root.ID, w.draft(incident.Require))
			w.must(err)
			if i.State != incident.Proposed || w.required(bea) {
				t.Fatalf("%+v", i)
			}
			return i
		}
		i := proposed()
		w.filed(0)
		if len(w.told(bea.Email)) != 1 || len(w.told(w.root.Email)) != 0 || len(w.told("locked@example.org")) != 1 {
			t.Error("not just the other administrators were asked")
		}
		_, err := w.flow.Confirm(w.ctx(), w.root.ID, i.ID, secret.Token{})
		w.is(err, incident.ErrOwnWord)
		w.now = w.now.Add(incident.ProposalLife)
		_, err = w.flow.Confirm(w.ctx(), bea.ID, i.ID, secret.Token{})
		w.is(err, incident.ErrLapsed)
		_, err = w.flow.Confirm(w.ctx(), bea.ID, "nothing", secret.Token{})
		w.is(err, incident.ErrNotFound)

		i = proposed()
		console := secret.NewToken()
		got, err := w.flow.Confirm(w.ctx(), bea.ID, i.ID, console)
		w.must(err)
		if got.State != incident.Open || got.Second != bea.ID || !w.required(bea) {
			t.Errorf("%+v", got)
		}
		w.filed(1)
		f, a, err := w.flow.Console(w.ctx(), console)
		w.must(err)
		if f.Subject != i.ID || a.ID != bea.ID {
			t.Errorf("the console is of %s for %s", f.Subject, a.ID)
		}
		_, err = w.flow.Confirm(w.ctx(), bea.ID, i.ID, secret.Token{})
		w.is(err, incident.ErrState)
		w.filed(1)

		d := w.draft(incident.Require)
		d.Alone = true
		if i := w.declare(d); i.State != incident.Open || !i.Alone {
			t.Errorf("%+v", i)
		}
		w.recorded(audit.IncidentAlone, 1)
		w.recorded(audit.IncidentDeclared, 1)
		w.recorded(audit.IncidentProposed, 2)
	})
}

func TestAListCoversWhomItNames(t *testing.T) {
	each(t, func(w *world) {
		w.account("bea", func(a *account.Account) { a.Admin = true }) // a list needs no second word
		ann, bob := w.account("ann", nil), w.account("bob", nil)
		anns, bobs := w.signIn(ann), w.signIn(bob)
		d := w.draft(incident.Require, "ann@example.org", "nobody")
		d.Console = secret.NewToken()
		i := w.declare(d)
		if mails := w.told("bea@example.org"); len(mails) != 1 || mails[0].Kind != notice.KindIncidentAlone {
			t.Errorf("a list can name everybody, and the other administrator was told %v", mails)
		}
		if i.State != incident.Open || i.Covered != 1 || !w.required(ann) || w.required(bob) || w.counts(anns) || !w.counts(bobs) {
			t.Errorf("%+v", i)
		}
		if _, _, err := w.flow.Console(w.ctx(), d.Console); err == nil {
			t.Error("who is not listed got a console")
		}
		d = w.draft(incident.Require, "root")
		d.Console = secret.NewToken()
		_, err := w.flow.Declare(w.ctx(), w.root.ID, d)
		w.must(err)
		_, _, err = w.flow.Console(w.ctx(), d.Console)
		w.must(err)
		_, err = w.flow.Declare(w.ctx(), audit.CLI, w.draft(incident.Require, "nobody"))
		w.is(err, incident.ErrNobody)
		w.filed(2)
		w.recorded(audit.IncidentDeclared, 2)
	})
}

func TestWithdraw(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		in := w.signIn(ann)
		list, all := w.declare(w.draft(incident.Require, "ann")), w.declare(w.draft(incident.Require))
		before := len(w.told(w.root.Email))
		w.must(w.flow.Pause(w.ctx(), audit.CLI, all.ID))
		w.must(w.flow.Withdraw(w.ctx(), audit.CLI, all.ID))
		if mails := w.told(w.root.Email); len(mails) != before+2 || !has(mails, notice.KindIncidentPaused) || !has(mails, notice.KindIncidentWithdrawn) {
			t.Errorf("it was paused or withdrawn in silence: %v", mails)
		}
		if !w.required(ann) || w.required(w.root) {
			t.Error("the list does not hold, or all still does")
		}
		for range 2 { // again goes on where it was stopped
			w.must(w.flow.Withdraw(w.ctx(), audit.CLI, list.ID))
		}
		if w.required(ann) || w.counts(in) {
			t.Error("it is still required, or a sign-in came back")
		}
		w.filed(0)
		w.recorded(audit.IncidentWithdrawn, 2)
		w.is(w.flow.Withdraw(w.ctx(), audit.CLI, "nothing"), incident.ErrNotFound)
		w.is(w.flow.Pause(w.ctx(), audit.CLI, all.ID), incident.ErrState)
		w.is(w.flow.Resume(w.ctx(), audit.CLI, all.ID), incident.ErrState)
	})
}

func has(mails []notice.Notice, kind notice.Kind) bool {
	return slices.ContainsFunc(mails, func(n notice.Notice) bool { return n.Kind == kind })
}

// meanwhile lets something happen between the look at an incident and the act.
type meanwhile struct {
	incident.Store
	happens func()
}

func (m meanwhile) LoadIncident(ctx context.Context, id string) (incident.Incident, error) {
	defer m.happens()
	return m.Store.LoadIncident(ctx, id)
}

// Who withdraws a proposal does not withdraw what it has become.
func TestAProposalConfirmedMeanwhileStands(t *testing.T) {
	each(t, func(w *world) {
		bea := w.account("bea", func(a *account.Account) { a.Admin = true })
		i, err := w.flow.Declare(w.ctx(), bea.ID, w.draft(incident.Require))
		w.must(err)
		hasty := *w.flow
		hasty.Store = meanwhile{w.db, func() {
			_, err := w.flow.Confirm(w.ctx(), w.root.ID, i.ID, secret.NewToken())
			w.must(err)
		}}
		w.is(hasty.Withdraw(w.ctx(), bea.ID, i.ID), incident.ErrState)
		if !w.required(bea) {
			t.Error("it is withdrawn")
		}
		i, err = w.flow.Declare(w.ctx(), bea.ID, w.draft(incident.Require))
		w.must(err)
		w.must(w.flow.Withdraw(w.ctx(), bea.ID, i.ID))
		if !has(w.told(w.root.Email), notice.KindProposalWithdrawn) {
			t.Error("a proposal was withdrawn in silence")
		}
	})
}

func TestNoticesAreChecked(t *testing.T) {
	each(t, func(w *world) {
		d := w.draft(incident.Require)
		d.Notice.Happened, d.Notice.Doing = "See www.evil.example", ""
		_, err := w.flow.Declare(w.ctx(), audit.CLI, d)
		wrong := new(incident.NoticeError)
		if !errors.As(err, &wrong) || len(wrong.Parts) != 2 || !strings.Contains(err.Error(), "happened") {
			t.Errorf("got %v", err)
		}
		w.filed(0)
	})
}

// broken fails where a declaration is written.
type broken struct {
	incident.Store
	gone bool // and then says nothing at all any more
}

var errBroken = errors.New("broken")

func (b broken) DeclareIncident(context.Context, incident.Incident, incident.Console, audit.Act) (incident.Incident, error) {
	return incident.Incident{}, errBroken
}

func (b broken) LoadIncident(ctx context.Context, id string) (incident.Incident, error) {
	if b.gone {
		return incident.Incident{}, errBroken
	}
	return b.Store.LoadIncident(ctx, id)
}

// What could not be declared leaves no file; where the database cannot say whether it was, the file stays.
func TestAFailedDeclarationTakesItsFileAway(t *testing.T) {
	each(t, func(w *world) {
		d := w.draft(incident.Require)
		w.flow.Store = broken{Store: w.db}
		_, err := w.flow.Declare(w.ctx(), audit.CLI, d)
		w.is(err, errBroken)
		w.filed(0)
		w.flow.Store = broken{w.db, true}
		_, err = w.flow.Declare(w.ctx(), audit.CLI, d)
		w.is(err, errBroken)
		w.filed(1)
	})
}

func TestWithoutAFileNothingIsDeclared(t *testing.T) {
	each(t, func(w *world) {
		w.must(os.WriteFile(w.flow.Folder.Path, nil, 0o600)) // a file where the folder should be
		_, err := w.flow.Declare(w.ctx(), audit.CLI, w.draft(incident.Require))
		if err == nil || !strings.Contains(err.Error(), "nothing was declared") || w.required(w.root) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDrafts(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		i, err := w.flow.Save(w.ctx(), w.root.ID, incident.Incident{Action: incident.Require, Scope: incident.List, Names: "ann\nnobody"})
		w.must(err)
		i.Notice = w.flow.Parts()
		_, err = w.flow.Save(w.ctx(), w.root.ID, i)
		w.must(err)
		_, err = w.flow.Save(w.ctx(), ann.ID, i)
		w.is(err, incident.ErrNotFound)
		_, err = w.flow.Draft(w.ctx(), ann.ID, i.ID)
		w.is(err, incident.ErrNotFound)
		kept, err := w.flow.Draft(w.ctx(), w.root.ID, i.ID)
		w.must(err)
		d, named, err := w.flow.Prepared(w.ctx(), kept, secret.Token{})
		w.must(err)
		counts, err := w.flow.Preview(w.ctx(), d)
		w.must(err)
		if counts.Accounts != 1 || counts.Admins != 0 || named.Unknown != 1 {
			t.Errorf("%+v %+v", counts, named)
		}
		w.now = w.now.Add(time.Minute)
		declared, err := w.flow.Declare(w.ctx(), w.root.ID, d)
		w.must(err)
		if declared.ID != i.ID || !w.required(ann) {
			t.Errorf("%+v", declared)
		}
		drafts, err := w.flow.Drafts(w.ctx(), w.root.ID)
		w.must(err)
		if len(drafts) != 0 {
			t.Error("the draft is still there")
		}
		other, err := w.flow.Save(w.ctx(), w.root.ID, incident.Incident{Action: incident.Advise, Scope: incident.All})
		w.must(err)
		w.must(w.flow.Discard(w.ctx(), w.root.ID, other.ID))
		_, err = w.flow.Draft(w.ctx(), w.root.ID, other.ID)
		w.is(err, incident.ErrNotFound)
	})
}
