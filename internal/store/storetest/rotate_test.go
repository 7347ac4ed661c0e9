package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
)

// house is what has to survive a rotation of the keys: one of everything that is sealed, looked up or presented.
type house struct {
	w       *world
	people  []account.Account
	minted  map[credential.Kind]secret.Token
	renamed account.Account // whose former address is still reserved
	undo    secret.Token
	code    account.NewConfirmation
	mail    string
}

func furnish(w *world, people int) *house {
	h := &house{w: w}
	next := w.accounts(people)
	_, err := w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
		a, err := next()
		if err == nil {
			h.people = append(h.people, a)
		}
		return a, err
	})
	w.must(err)
	h.minted = w.minted(h.people[0])
	for _, short := range []credential.Kind{credential.AuthorizationCode, credential.Handed, credential.Parked} { // do not live as long as a rotation takes
		delete(h.minted, short)
	}
	h.renamed = w.person("renamed")
	h.undo = w.rename(h.renamed, "thief@example.org")
	h.code, _ = w.signUp("pending@example.org")
	h.mail = w.post(notice.ConfirmSignUp("waiting@example.org", "123456", "/x"))
	w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, h.people[0].ID).With(audit.Reason, "wrong")))
	w.chain()
	return h
}

// stands fails the test unless everything opens, is found and is unique.
func (h *house) stands(stage string) {
	w := h.w
	w.Helper()
	check := func(what string, err error) {
		w.Helper()
		if err != nil {
			w.Errorf("%s: %s: %v", stage, what, err)
		}
	}
	for i, a := range h.people {
		if i%31 != 0 && i < len(h.people)-3 { // some of every batch
			continue
		}
		for _, handle := range []account.Handle{w.mail(a.Email), w.name(a.UserName)} {
			got, err := w.db.FindAccount(w.ctx(), handle)
			check("finding an account", err)
			if err == nil && got != a {
				w.Errorf("%s: found another account", stage)
			}
		}
	}
	for kind, token := range h.minted {
		check(string(kind), w.resolve(kind, token))
	}
	_, err := w.db.ListDevices(w.ctx(), h.people[0].ID)
	check("devices", err)
	got, err := w.db.LoadConfirmation(w.ctx(), h.code.ID, w.now)
	check("confirmation", err)
	if got.Email != h.code.Email {
		w.Errorf("%s: a confirmation is for %q", stage, got.Email)
	}
	check("code", w.db.TryCode(w.ctx(), h.code.ID, h.code.Code, w.now))
	w.tamper("UPDATE confirmation SET tries = 0")
	n, err := w.db.OpenMail(w.ctx(), h.mail)
	check("mail", err)
	if n.Data[notice.DataCode] != "123456" {
		w.Errorf("%s: a mail opened wrongly", stage)
	}
	entries, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: audit.SignInFailed, Limit: 9})
	check("audit", err)
	if len(entries) != 1 || entries[0].Detail[audit.Reason] != "wrong" {
		w.Errorf("%s: the record opened wrongly", stage)
	}
	v, err := w.db.VerifyAudit(w.ctx())
	check("audit", err)
	if len(v.Broken) > 0 {
		w.Errorf("%s: the record is broken: %v", stage, v.Broken)
	}
	h.isUnique(stage)
}

// isUnique fails the test unless no handle in use or reserved can be taken by another.
func (h *house) isUnique(stage string) {
	w := h.w
	w.Helper()
	a := h.people[len(h.people)-1]
	for handle, want := range map[account.Handle]error{
		w.mail(a.Email): account.ErrAddressTaken, w.name(a.UserName): account.ErrNameTaken,
		w.mail(h.renamed.Email): account.ErrAddressTaken, w.mail("thief@example.org"): account.ErrAddressTaken,
	} {
		twin, _ := w.draft("twin")
		if err := w.db.CreateAccount(w.ctx(), twin, []account.Handle{handle}, audit.Act{At: w.now}); !errors.Is(err, want) {
			w.Errorf("%s: taking a %s that is not free: %v", stage, handle.Kind, err)
		}
	}
}

func (w *world) replace(next *secret.Ring, err error) {
	w.Helper()
	w.must(err)
	w.must(w.keys.Replace(next))
}

func (w *world) unsealed() int64 {
	w.Helper()
	n, err := w.db.Unsealed(w.ctx())
	w.must(err)
	return n
}

func TestRotation(t *testing.T) {
	const people = 1040 // more than two of Reseal's batches
	each(t, func(w *world) {
		h := furnish(w, people)
		h.stands("before")
		if n := w.unsealed(); n != 0 {
			t.Errorf("%d rows need other keys before a rotation", n)
		}
		w.replace(w.keys.Ring().BeginRotation())
		h.stands("begun")
		if n := w.unsealed(); n < people {
			t.Errorf("only %d rows need the old keys", n)
		}
		if err := w.db.DropOldIndexes(w.ctx(), audit.Act{}); err == nil {
			t.Fatal("the old indexes were dropped in the middle")
		}

		killed, kill := context.WithCancel(w.ctx())
		err := w.db.Reseal(killed, func(done, total int64) {
			if done >= 500 {
				kill()
			}
		})
		w.is(err, context.Canceled)
		left := w.unsealed()
		if left == 0 || left >= 3*people {
			t.Errorf("%d rows are left after a kill in the middle", left)
		}
		h.stands("killed")

		young := w.person("young") // written between: under both keys
		var last int64
		w.must(w.db.Reseal(w.ctx(), func(done, total int64) {
			if done < last || done > total {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}))
		if n := w.unsealed(); n != 0 {
			t.Fatalf("%d rows still need the old keys", n)
		}
		h.people = append(h.people, young)
		h.stands("resealed")

		w.replace(w.keys.Ring().FinishRotation())
		h.stands("finished")
		w.must(w.db.DropOldIndexes(w.ctx(), w.act(audit.KeysRotated, "")))
		h.stands("dropped")
		w.recorded(audit.KeysRotated, 1)
		w.count(2*(people+1)+3, "handle") // renamed: the new address, the reserved one, the name
		fresh := w.open()                 // the instance's own key opens with the new ring alone
		w.must(fresh.Ping(w.ctx()))

		f := w.find(credential.Undo, h.undo)
		w.must(w.db.RestoreEmail(w.ctx(), f.Hash, account.EmailChange{AccountID: h.renamed.ID, Email: f.Detail, Handle: w.mail(f.Detail)}, w.act(audit.EmailRestored, h.renamed.ID)))
		got, err := w.db.FindAccount(w.ctx(), w.mail(h.renamed.Email))
		w.must(err)
		if got.ID != h.renamed.ID {
			t.Error("the reserved address came back to another account")
		}

		w.replace(w.keys.Ring().BeginRotation()) // and once more
		w.must(w.db.Reseal(w.ctx(), func(int64, int64) {}))
		w.replace(w.keys.Ring().FinishRotation())
		w.must(w.db.DropOldIndexes(w.ctx(), w.act(audit.KeysRotated, "")))
		w.must(w.resolve(credential.Browser, h.minted[credential.Browser]))
		w.count(2*(people+1)+2, "handle")
	})
}

// Renaming while the accounts are re-sealed leaves no handle that leads to a former name.
func TestReseal(t *testing.T) {
	each(t, func(w *world) {
		var people [racers]account.Account
		for i := range people {
			people[i] = w.person(label(i))
		}
		w.replace(w.keys.Ring().BeginRotation())
		w.all(func(db *store.DB, i int) error {
			if i == 0 {
				return db.Reseal(w.ctx(), func(int64, int64) {})
			}
			for n := range 5 {
				name := fmt.Sprintf("renamed%d-%d", i, n)
				if err := db.SetUserName(w.ctx(), people[i].ID, name, w.name(name), audit.Act{}); err != nil {
					return err
				}
			}
			return nil
		})
		w.count(int64(racers)*4, "handle") // mail and name, under two keys
		w.must(w.db.Reseal(w.ctx(), func(int64, int64) {}))
		w.count(int64(racers)*4, "handle")
	})
}

func TestUnsealed(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.replace(w.keys.Ring().BeginRotation())
		if n := w.unsealed(); n != 4 { // the instance's key, the account's, two handles
			t.Errorf("%d", n)
		}
		w.must(w.db.SetUserName(w.ctx(), a.ID, "annas", w.name("annas"), audit.Act{}))
		if n := w.unsealed(); n != 3 {
			t.Errorf("%d after one handle was written anew", n)
		}
		w.rename(a, "new@example.org") // the former address now waits in reserve, under the old key only
		if n := w.unsealed(); n != 3 {
			t.Errorf("%d with a reserved address", n)
		}
		w.now = w.now.Add(account.HeldAddress + time.Minute)
		w.sweep(w.now)
		if n := w.unsealed(); n != 2 {
			t.Errorf("%d after the reserve has ended", n)
		}
	})
}

func TestDropOldIndexes(t *testing.T) {
	each(t, func(w *world) {
		w.person("anna")
		w.must(w.db.DropOldIndexes(w.ctx(), w.act(audit.KeysRotated, ""))) // without a rotation there is nothing to drop
		w.count(2, "handle")
	})
}
