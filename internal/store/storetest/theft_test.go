package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/linkcode"
	"usher/internal/notice"
	"usher/internal/secret"
)

// sealedCells is every sealed column, with how it is read through the store.
var sealedCells = []struct {
	table, column string
	read          func(w *world, a account.Account, id string) error
}{
	{"account", "key", loadAccount}, {"account", "email", loadAccount}, {"account", "user_name", loadAccount}, {"account", "name", loadAccount},
	{"account", "notice_email", loadAccount}, {"account", "password", loadAccount},
	{"account", "totp", beginFactor}, {"recovery_code", "hash", beginFactor},
	{"device", "facts", listDevices}, {"device", "seen", listDevices},
	{"confirmation", "email", loadConfirmation}, {"confirmation", "password", loadConfirmation},
	{"mail", "body", openMail},
	{"audit", "detail", listAudit},
	{"client", "facts", findClient},
	{"server", "facts", findServer}, {"server_access", "label", listGuests},
	{"stream", "facts", findStream}, {"home_member", "label", findHome}, {"home_member", "facts", findHome},
	{"link_request", "facts", loadLink}, {"incident", "notice", loadIncident}, {"voided_password", "hash", voidedPasswords},
}

func loadAccount(w *world, a account.Account, _ string) error {
	_, err := w.db.LoadAccount(w.ctx(), a.ID)
	return err
}

func beginFactor(w *world, a account.Account, _ string) error {
	f, err := w.begin(a, "0")
	if err != nil {
		return err
	}
	return w.db.ReturnFactor(w.ctx(), f.Attempt, f.Candidate)
}

func listDevices(w *world, a account.Account, _ string) error {
	_, err := w.db.ListDevices(w.ctx(), a.ID)
	return err
}

func loadConfirmation(w *world, _ account.Account, id string) error {
	_, err := w.db.LoadConfirmation(w.ctx(), id, w.now)
	return err
}

func openMail(w *world, _ account.Account, id string) error {
	_, err := w.db.OpenMail(w.ctx(), id)
	return err
}

func listAudit(w *world, a account.Account, _ string) error {
	_, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: a.ID, Limit: 9})
	return err
}

func findClient(w *world, _ account.Account, id string) error {
	_, err := w.db.FindClient(w.ctx(), id)
	return err
}

func findServer(w *world, _ account.Account, id string) error {
	_, err := w.db.FindServer(w.ctx(), id)
	return err
}

func listGuests(w *world, a account.Account, _ string) error {
	all, err := w.db.ListServers(w.ctx(), a.ID)
	if err == nil {
		_, err = w.db.ListGuests(w.ctx(), a.ID, all[0].ID)
	}
	return err
}

func findHome(w *world, a account.Account, _ string) error {
	_, err := w.db.FindHome(w.ctx(), a.ID)
	return err
}

func findStream(w *world, a account.Account, _ string) error {
	_, err := w.db.FindStream(w.ctx(), "app"+a.ID)
	return err
}

func loadLink(w *world, _ account.Account, id string) error {
	_, err := w.db.LoadLink(w.ctx(), id, w.now)
	return err
}

func loadIncident(w *world, _ account.Account, id string) error {
	_, err := w.db.LoadIncident(w.ctx(), id)
	return err
}

func voidedPasswords(w *world, a account.Account, _ string) error {
	_, err := w.db.VoidedPasswords(w.ctx(), a.ID)
	return err
}

// settle writes one row of everything sealed for an account and returns the rows' ids by table.
func (w *world) settle(name string) (account.Account, map[string]string) {
	w.Helper()
	a := w.person(name)
	w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
	change := w.newPassword(a, "new")
	change.Old = "old of " + name
	_, reset := w.link(credential.Reset, w.reload(a))
	w.must(w.db.RedeemResetEverywhere(w.ctx(), reset, change, w.act(audit.PasswordReset, a.ID)))
	a = w.reload(a)
	voided := w.text("SELECT id FROM voided_password WHERE account_id = $1", a.ID)
	proposed := w.incident(incident.Advise, incident.All)
	w.must(w.db.ProposeIncident(w.ctx(), proposed, w.act(audit.IncidentDeclared, "")))
	link := w.waiting(linkcode.NewShort(linkcode.Shortest).Reveal())
	s, _ := w.signedIn(a)
	on := credential.NewFactor{AccountID: a.ID, Key: authKey, Step: 100, Recovery: recoverySet(name)}
	w.must(w.db.TurnOnFactor(w.ctx(), on, audit.Act{At: w.now}))
	n, _ := w.signUp("sign-up-" + a.Email)
	mail := w.post(notice.Test(a.Email))
	held := w.claimed(a, "of "+name)
	guest := w.admits(held, "guest.of."+name)
	member := w.joins(a, w.person("member-of-"+name))
	w.must(w.db.SetPIN(w.ctx(), a.ID, member.ID, secret.TokenOf("4711"), w.quietly()))
	entry := w.text("SELECT id FROM audit WHERE account_id = $1 ORDER BY id LIMIT 1", a.ID)
	return a, map[string]string{"account": a.ID, "device": s.Device.ID, "confirmation": n.ID, "mail": mail, "audit": entry, "recovery_code": a.ID + ".0", "client": w.client("app" + a.ID).ID, "stream": w.stream("app" + a.ID).ID, "server": held.ID, "home_member": member.ID, "server_access": guest.ID,
		"link_request": link.ID, "incident": proposed.ID, "voided_password": voided}
}

// Attack S13: a sealed value that is moved to another row or another column does not open, not even within one account.
func TestSealedValuesMovedDoNotOpen(t *testing.T) {
	each(t, func(w *world) {
		a, mine := w.settle("anna")
		_, others := w.settle("bert")
		for _, to := range sealedCells {
			for _, from := range sealedCells {
				for kind, source := range map[string]map[string]string{"the same row": mine, "another's row": others} {
					if kind == "the same row" && to.table == from.table && to.column == from.column {
						continue
					}
					if err := w.moved(to.table, to.column, mine[to.table], from.table, from.column, source[from.table], func() error {
						return to.read(w, a, mine[to.table])
					}); !errors.Is(err, secret.ErrOpen) {
						t.Errorf("%s.%s from %s.%s of %s: %v", to.table, to.column, from.table, from.column, kind, err)
					}
				}
			}
			w.must(to.read(w, a, mine[to.table]))
		}
	})
}

// moved reads while one cell holds what another cell holds, and puts it back.
func (w *world) moved(table, column, row, fromTable, fromColumn, fromRow string, read func() error) error {
	w.Helper()
	own := w.text(fmt.Sprintf("SELECT %s FROM %s WHERE %s = $1", column, table, rowID(table)), row)
	foreign := w.text(fmt.Sprintf("SELECT %s FROM %s WHERE %s = $1", fromColumn, fromTable, rowID(fromTable)), fromRow)
	change := fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s = $2", table, column, rowID(table))
	w.tamper(change, foreign, row)
	defer w.tamper(change, own, row)
	return read()
}

// rowID is what tells the rows of a table apart.
func rowID(table string) string {
	if table == "recovery_code" {
		return "account_id || '.' || selector"
	}
	return "id"
}

// The same for what a link carries, and for the row of an account as a whole.
func TestSealedDetailsMovedDoNotOpen(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		undoA, undoB := w.rename(a, "a@example.net"), w.rename(b, "b@example.net")
		hashA, hashB := w.find(credential.Undo, undoA).Hash, w.find(credential.Undo, undoB).Hash
		w.tamper("UPDATE credential SET detail = (SELECT c.detail FROM credential c WHERE c.hash = $1) WHERE hash = $2", hashB, hashA)
		_, err := w.db.FindCredential(w.ctx(), credential.Undo, undoA)
		w.is(err, secret.ErrOpen)
		w.tamper("UPDATE credential SET account_id = $1 WHERE hash = $2", a.ID, hashB) // the thief's link speaks of another account
		_, err = w.db.FindCredential(w.ctx(), credential.Undo, undoB)
		w.is(err, secret.ErrOpen)

		for _, columns := range []string{"key", "password, password_version", "key, email, user_name, name, notice_email, password"} {
			set := strings.ReplaceAll("("+columns+") = (SELECT "+columns+" FROM account WHERE id = $1)", "\n", " ")
			if w.tamper("UPDATE account SET "+set+" WHERE id = $2", b.ID, a.ID) != 1 {
				t.Fatal("nothing was moved")
			}
			_, err = w.db.LoadAccount(w.ctx(), a.ID)
			w.is(err, secret.ErrOpen)
		}
	})
}

// What a thief of the database sees: no address, name, place, password, token or code, in any row of any table.
func TestTheDatabaseTellsNothing(t *testing.T) {
	each(t, func(w *world) {
		a, _ := w.settle("annabelle")
		minted := w.minted(a)
		w.rename(a, "undisclosed@example.net")
		n, _ := w.signUp("pending@example.com")
		w.post(notice.ConfirmSignUp("waiting@example.com", "771177", "/secret-path"))
		_, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Handle: account.LoginHandle("unknown@example.com"), Network: nil, At: w.now})
		w.must(err)
		w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID).With(audit.Address, "198.51.100.77").With(audit.Device, "annabelle's television")))
		secrets := []string{"annabelle", "undisclosed", "pending", "example.", "phc of", "771177", "secret-path", "unknown", "198.51.100.77", "television",
			"192.0.2.7", "Lyon", "Firefox", "Jellyfin", "jf.household", n.Code.Reveal(), authKey.Reveal()}
		for _, token := range minted {
			secrets = append(secrets, token.Reveal())
		}
		for _, dump := range w.dump() {
			for _, s := range secrets {
				if strings.Contains(strings.ToLower(dump.text), strings.ToLower(s)) && len(s) > 6 {
					t.Errorf("%q stands open in %s", s, dump.table)
				}
			}
		}
	})
}

type dump struct{ table, text string }

// dump reads every row of every table as text.
func (w *world) dump() (all []dump) {
	w.Helper()
	for _, table := range []string{"instance", "account", "handle", "device", "credential", "confirmation", "mail", "audit", "audit_batch", "rate", "failure", "lease", "recovery_code", "factor_removal", "client", "home_member"} {
		rows, err := w.sql().Query("SELECT * FROM " + table)
		w.must(err)
		columns, err := rows.Columns()
		w.must(err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			w.must(rows.Scan(into...))
			all = append(all, dump{table, fmt.Sprint(values...)})
		}
		w.must(errors.Join(rows.Err(), rows.Close()))
	}
	return all
}

// Erasing an account destroys its key: on SQLite the wrapped key is nowhere in the files any more, not in free pages and not in the log.
func TestErasedKeyIsNowhere(t *testing.T) {
	each(t, func(w *world) {
		kept := w.person("kept")
		for i := range 50 {
			w.person(label(i))
		}
		a := w.person("anna")
		w.must(w.db.SetName(w.ctx(), a.ID, "Anna", w.act(audit.ProfileChanged, a.ID)))
		key := w.text("SELECT key FROM account WHERE id = $1", a.ID)
		keptKey := w.text("SELECT key FROM account WHERE id = $1", kept.ID)
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now.Add(time.Hour), audit.Act{}))
		_, err := w.db.Erase(w.ctx(), w.now.Add(time.Hour), 10, farewellAt(w.now.Add(time.Hour)), nil)
		w.must(err)
		w.count(0, "account WHERE key = $1", key)
		path, is := strings.CutPrefix(w.url, "sqlite:")
		if !is {
			return
		}
		found := false
		for _, file := range []string{path, path + "-wal"} {
			raw, err := os.ReadFile(file)
			w.must(err)
			if bytes.Contains(raw, []byte(key)) {
				t.Errorf("the erased account's key stands in %s", file)
			}
			found = found || bytes.Contains(raw, []byte(keptKey))
		}
		if !found {
			t.Error("the search would not find a key that is there")
		}
	})
}
