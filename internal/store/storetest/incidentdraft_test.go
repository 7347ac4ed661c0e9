package storetest

import (
	"testing"

	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/store"
)

func TestSaveDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.List)
		i.Actor, i.Names = "root", "ann@example.org"
		w.must(w.db.SaveDraft(w.ctx(), i))
		i.Names, i.Action = "bob@example.org", incident.Advise
		w.must(w.db.SaveDraft(w.ctx(), i))
		got, err := w.db.LoadDraft(w.ctx(), "root", i.ID)
		w.must(err)
		if got.Names != i.Names || got.Action != i.Action || got.State != incident.Drafted || got.Notice != i.Notice {
			t.Errorf("%+v", got)
		}
		other := i
		other.Actor = "somebody else"
		w.is(w.db.SaveDraft(w.ctx(), other), store.ErrSpent)
		i.Names = ""
		_, err = w.db.DeclareIncident(w.ctx(), i, incident.Console{}, w.act("", "")) // takes the draft's place
		w.must(err)
		w.is(w.db.SaveDraft(w.ctx(), i), store.ErrSpent)
		w.count(1, "incident")
	})
}

func TestLoadDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		_, err := w.db.LoadDraft(w.ctx(), audit.CLI, i.ID)
		w.must(err)
		_, err = w.db.LoadDraft(w.ctx(), "somebody else", i.ID)
		w.is(err, incident.ErrNotFound)
		_, err = w.db.LoadIncident(w.ctx(), i.ID)
		w.is(err, incident.ErrNotFound)
	})
}

func TestListDrafts(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		w.declared(incident.Require)
		for actor, want := range map[string]int{audit.CLI: 1, "somebody else": 0} {
			some, err := w.db.ListDrafts(w.ctx(), actor)
			w.must(err)
			if len(some) != want {
				t.Errorf("%d drafts of %s", len(some), actor)
			}
		}
	})
}

func TestDropDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		w.declared(incident.Require)
		w.must(w.db.DropDraft(w.ctx(), "somebody else", i.ID))
		w.must(w.db.DropDraft(w.ctx(), "a\x00b", i.ID))
		w.count(2, "incident")
		for range 2 {
			w.must(w.db.DropDraft(w.ctx(), audit.CLI, i.ID))
		}
		w.count(1, "incident")
	})
}
