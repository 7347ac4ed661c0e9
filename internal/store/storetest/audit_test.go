package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/store"
)

func TestRecord(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID).With(audit.Address, "192.0.2.7").With(audit.Place, "Lyon")))
		if detail := w.text("SELECT detail FROM audit WHERE action = $1", string(audit.SignInFailed)); strings.Contains(detail, "192") {
			t.Error("a detail stands open in the database")
		}
		w.is(w.db.Record(w.ctx(), w.act(audit.SignInFailed, "gone")), account.ErrNotFound)
		w.recorded(audit.SignInFailed, 1)
	})
}

func TestListAudit(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		for range 3 {
			w.now = w.now.Add(time.Second)
			w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID).With(audit.Reason, "wrong")))
			w.must(w.db.Record(w.ctx(), w.act(audit.SignedIn, b.ID)))
		}
		w.must(w.db.Record(w.ctx(), w.act(audit.SetUpLinkMade, "").With(audit.Count, "1")))
		for name, c := range map[string]struct {
			f    audit.Filter
			want int
		}{
			"all": {audit.Filter{}, 9}, "one account": {audit.Filter{AccountID: a.ID}, 4}, "one action": {audit.Filter{Action: audit.SignedIn}, 3},
			"both": {audit.Filter{AccountID: a.ID, Action: audit.SignedIn}, 0}, "of nobody": {audit.Filter{Action: audit.SetUpLinkMade}, 1},
		} {
			c.f.Limit = 100
			got, err := w.db.ListAudit(w.ctx(), c.f)
			w.must(err)
			if len(got) != c.want {
				t.Errorf("%s: %d entries, want %d", name, len(got), c.want)
			}
		}
		var all []string
		for f := (audit.Filter{Limit: 2}); ; {
			got, err := w.db.ListAudit(w.ctx(), f)
			w.must(err)
			for _, e := range got {
				all = append(all, e.ID)
				f.Before = e.ID
			}
			if len(got) < 2 {
				break
			}
		}
		if len(all) != 9 || !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("paging gave %d entries", len(all))
		}
		got, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: audit.SignInFailed, Limit: 1})
		w.must(err)
		e := got[0]
		if !e.At.Equal(w.now) || e.Actor != audit.CLI || e.AccountID != a.ID || !maps.Equal(e.Detail, map[string]string{audit.Reason: "wrong"}) {
			t.Errorf("got %+v", e)
		}
	})
}

// chain closes everything there is in batches.
func (w *world) chain() {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	for {
		n, err := w.db.ChainAudit(w.ctx(), w.now)
		w.must(err)
		if n == 0 {
			return
		}
	}
}

func TestChainAudit(t *testing.T) {
	each(t, func(w *world) {
		w.person("anna")
		if n, err := w.db.ChainAudit(w.ctx(), w.now.Add(9*time.Second)); err != nil || n != 0 {
			t.Errorf("what is seconds old was chained: %d, %v", n, err)
		}
		w.count(0, "audit_batch")
		n, err := w.db.ChainAudit(w.ctx(), w.now.Add(time.Minute))
		w.must(err)
		if n != 1 {
			t.Errorf("chained %d", n)
		}
		w.count(1, "audit WHERE batch = 1")
		w.count(1, "audit_batch WHERE entries = 1")
	})
}

// Nodes that chain at once, beside others that write, leave one sound chain.
func TestChainAuditRaced(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		later := w.now.Add(time.Hour)
		w.all(func(db *store.DB, i int) error {
			for range 12 {
				if i%2 == 0 {
					if err := db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID)); err != nil {
						return err
					}
				} else if _, err := db.ChainAudit(w.ctx(), later); err != nil {
					return err
				}
				if i == 7 {
					if v, err := db.VerifyAudit(w.ctx()); err != nil || len(v.Broken) > 0 {
						t.Errorf("while others write: %v, %v", v.Broken, err)
					}
				}
			}
			return nil
		})
		w.chain()
		w.now = later
		w.chain()
		v, err := w.db.VerifyAudit(w.ctx())
		w.must(err)
		if len(v.Broken) > 0 || v.Entries != 1+12*racers/2 {
			t.Errorf("%d entries, broken: %v", v.Entries, v.Broken)
		}
		w.count(0, "audit WHERE batch = 0")
		w.count(0, "audit_batch WHERE entries = 0")
	})
}

func TestVerifyAudit(t *testing.T) {
	for name, c := range map[string]struct {
		tamper []string
		named  string // what the verdict must name
	}{
		"nothing":               {nil, ""},
		"changed action":        {[]string{"UPDATE audit SET action = 'sign-in.succeeded' WHERE id = '$2'"}, "$2"},
		"changed time":          {[]string{"UPDATE audit SET at = at + 1 WHERE id = '$2'"}, "$2"},
		"changed account":       {[]string{"UPDATE audit SET account_id = '' WHERE id = '$2'"}, "$2"},
		"changed actor":         {[]string{"UPDATE audit SET actor = 'system' WHERE id = '$2'"}, "$2"},
		"changed detail":        {[]string{"UPDATE audit SET detail = (SELECT detail FROM audit WHERE id = '$1') WHERE id = '$2'"}, "$2"},
		"changed, not chained":  {[]string{"UPDATE audit SET actor = 'system' WHERE id = '$4'"}, "$4"},
		"tag of another":        {[]string{"UPDATE audit SET tag = (SELECT tag FROM audit WHERE id = '$1') WHERE id = '$2'"}, "$2"},
		"removed entry":         {[]string{"DELETE FROM audit WHERE id = '$2'"}, "batch 2"},
		"entry copied":          {[]string{"INSERT INTO audit SELECT 'zzz', at, account_id, actor, action, detail, tag, batch FROM audit WHERE id = '$2'"}, "zzz"},
		"entry moved":           {[]string{"UPDATE audit SET batch = 1 WHERE id = '$2'"}, "batch 2"},
		"entry moved away":      {[]string{"UPDATE audit SET batch = 77 WHERE id = '$2'"}, "1 entries belong"},
		"removed batch":         {[]string{"DELETE FROM audit_batch WHERE seq = 2", "DELETE FROM audit WHERE batch = 2"}, "batch 3 follows batch 1"},
		"removed, renumbered":   {[]string{"DELETE FROM audit_batch WHERE seq = 2", "DELETE FROM audit WHERE batch = 2", "UPDATE audit SET batch = 2 WHERE batch = 3", "UPDATE audit_batch SET seq = 2 WHERE seq = 3"}, "batch 2 does not match"},
		"batch without entries": {[]string{"DELETE FROM audit WHERE batch = 3"}, "batch 3"},
		"chain value":           {[]string{"UPDATE audit_batch SET chain = (SELECT chain FROM audit_batch WHERE seq = 1) WHERE seq = 2"}, "batch 2"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				a := w.person("anna")
				var ids []string
				for i := range 4 {
					w.now = w.now.Add(time.Second)
					w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID)))
					ids = append(ids, w.text("SELECT id FROM audit ORDER BY id DESC LIMIT 1"))
					if i < 3 {
						w.chain()
					}
				}
				named := strings.NewReplacer("$1", ids[0], "$2", ids[1], "$3", ids[2], "$4", ids[3])
				for _, text := range c.tamper {
					if w.tamper(named.Replace(text)) == 0 {
						t.Fatal("nothing was tampered with")
					}
				}
				v, err := w.db.VerifyAudit(w.ctx())
				w.must(err)
				told := strings.Join(v.Broken, "\n")
				switch want := named.Replace(c.named); {
				case want == "" && told != "":
					t.Errorf("a sound log is said to be broken: %s", told)
				case want == "" && (v.Entries != 5 || v.Batches != 3):
					t.Errorf("read %d entries and %d batches", v.Entries, v.Batches)
				case !strings.Contains(told, want):
					t.Errorf("said %q, which does not name %q", told, want)
				}
			})
		})
	}
}
