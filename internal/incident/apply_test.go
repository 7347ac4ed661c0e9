package incident_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/testdb"
)

// A database from before the incidents, beside the folder that has them.
func TestApply(t *testing.T) {
	each(t, func(w *world) {
		w.account("ann", nil)
		all, list := w.declare(w.draft(incident.Require)), w.declare(w.draft(incident.Require, "ann"))
		w.declare(w.draft(incident.Advise)) // needs no file
		w.must(w.flow.Refusal(w.ctx()))
		folder := w.flow.Folder

		url := testdb.SQLite(t)
		if w.db.Engine() == "postgres" {
			url = testdb.Postgres(t)
		}
		restored := newWorld(t, url)
		restored.flow.Folder = folder
		err := restored.flow.Refusal(w.ctx())
		if err == nil || !strings.Contains(err.Error(), all.ID) || !strings.Contains(err.Error(), "usher incident apply") || !strings.Contains(err.Error(), "2 to apply") {
			t.Fatalf("got %v", err)
		}
		in := restored.signIn(restored.root)
		restored.now = restored.now.Add(time.Hour)
		got, err := restored.flow.Apply(w.ctx(), audit.CLI, all.ID, nil)
		w.must(err)
		if !restored.required(restored.root) || restored.counts(in) || got.Epoch != restored.now.Unix() || got.State != incident.Open {
			t.Errorf("%+v", got)
		}
		_, err = restored.flow.Apply(w.ctx(), audit.CLI, all.ID, nil)
		w.must(err)
		_, err = restored.flow.Apply(w.ctx(), audit.CLI, list.ID, nil) // its accounts are not there
		w.must(err)
		_, err = restored.flow.Apply(w.ctx(), audit.CLI, "nothing", nil)
		w.is(err, incident.ErrNotFound)
		w.must(restored.flow.Refusal(w.ctx()))
		restored.recorded(audit.IncidentApplied, 2)
	})
}

// failing stops a listing after some portions.
type failing struct {
	incident.Store
	left *int
}

func (f failing) ListIncident(ctx context.Context, id string, accounts []string) error {
	if *f.left--; *f.left < 0 {
		return errBroken
	}
	return f.Store.ListIncident(ctx, id, accounts)
}

func TestAStoppedListingGoesOn(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		d := w.draft(incident.Require, "ann", "root")
		left := 0
		w.flow.Store = failing{w.db, &left}
		i, err := w.flow.Declare(w.ctx(), audit.CLI, d)
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "only partly listed") {
			t.Fatalf("got %v", err)
		}
		w.flow.Store = w.db
		w.must(w.flow.Refusal(w.ctx())) // what is half listed is served
		unfinished, err := w.flow.Unfinished(w.ctx())
		w.must(err)
		begun, is, err := w.flow.Begun(w.ctx(), d.Source)
		w.must(err)
		if len(unfinished) != 1 || !is || begun.ID != i.ID {
			t.Errorf("%v, %t", unfinished, is)
		}
		if _, is, _ := w.flow.Begun(w.ctx(), "another"); is {
			t.Error("another list was begun")
		}
		before := w.load(ann).Epoch
		var steps []int64
		got, err := w.flow.Apply(w.ctx(), audit.CLI, i.ID, func(done, _ int64) { steps = append(steps, done) })
		w.must(err)
		if got.State != incident.Open || got.Covered != 2 || w.load(ann).Epoch != before+1 || !w.required(ann) || !slices.Equal(steps, []int64{2}) {
			t.Errorf("%+v %v", got, steps)
		}
		if _, is, _ := w.flow.Begun(w.ctx(), d.Source); is {
			t.Error("what is finished counts as begun")
		}
	})
}

// Another node has the database, and a folder of its own.
func TestKeep(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		all, list := w.declare(w.draft(incident.Require)), w.declare(w.draft(incident.Require, "ann"))
		w.declare(w.draft(incident.Advise))
		w.flow.Folder.Path += "-of-another-node"
		w.filed(0)
		for range 2 {
			w.must(w.flow.Keep(w.ctx()))
		}
		w.filed(2)
		accounts, err := w.flow.Folder.Accounts(list.ID)
		w.must(err)
		if !slices.Equal(accounts, []string{ann.ID}) {
			t.Errorf("%v", accounts)
		}
		w.must(w.db.WithdrawIncident(w.ctx(), all.ID, incident.Open, audit.Act{At: w.now})) // on the first node
		w.must(w.flow.Keep(w.ctx()))
		w.filed(1)
	})
}

func TestFolder(t *testing.T) {
	f := incident.Folder{Path: filepath.Join(t.TempDir(), "incidents")}
	i := incident.Incident{ID: "06gvsqgn0081nktf33f8i9b2h4", Action: incident.Require, Scope: incident.List}
	accounts := []string{"06gvsqgn0081nktf33f8i9b2h5", "06gvsqgn0081nktf33f8i9b2h6"}
	if err := f.Write(incident.File{Incident: i, Source: "x"}, slices.Values(accounts)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.Path, i.ID+".incident")
	for _, one := range []string{path, f.Path} {
		if info, err := os.Stat(one); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", one, info.Mode(), err)
		}
	}
	files, err := f.Files()
	if err != nil || len(files) != 1 || files[0].ID != i.ID || files[0].Source != "x" || !f.Has(i.ID) {
		t.Errorf("%+v, %v", files, err)
	}
	if got, err := f.Accounts(i.ID); err != nil || !slices.Equal(got, accounts) {
		t.Errorf("%v, %v", got, err)
	}
	for _, damaged := range []string{"", "{}\n", `{"incident":{"ID":"other"}}` + "\n", "no json\n"} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Files(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", damaged, err)
		}
	}
	for range 2 {
		if err := f.Remove(i.ID); err != nil {
			t.Error(err)
		}
	}
	none := incident.Folder{}
	if err := none.Write(incident.File{Incident: i}, slices.Values(accounts)); err != nil {
		t.Error(err)
	}
	if files, err := none.Files(); err != nil || files != nil {
		t.Errorf("%v, %v", files, err)
	}
}
