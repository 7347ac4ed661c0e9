package storetest

import (
	"errors"
	"testing"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/secret"
)

// FindPerson answers as FindCredential and LoadAccount do, in one question, and keeps the password to itself.
func TestFindPerson(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		found, err := w.db.FindCredential(w.ctx(), credential.Browser, s.Token)
		w.must(err)
		loaded, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		f, person, err := w.db.FindPerson(w.ctx(), credential.Browser, s.Token)
		w.must(err)
		if f != found {
			w.Errorf("found %+v, want %+v", f, found)
		}
		if loaded.Password == "" || person.Password != "" {
			w.Error("the password came along, or there was none")
		}
		loaded.Password = ""
		if person != loaded {
			w.Errorf("the account is %+v, want %+v", person, loaded)
		}

		for _, wrong := range []secret.Token{secret.NewToken(), {}, secret.TokenOf(f.Hash), secret.TokenOf("\x00")} {
			_, _, err := w.db.FindPerson(w.ctx(), credential.Browser, wrong)
			w.is(err, credential.ErrUnknown)
		}
		_, _, err = w.db.FindPerson(w.ctx(), credential.Known, s.Token) // one kind's token is no other kind's
		w.is(err, credential.ErrUnknown)

		invitation, _ := w.link(credential.Invitation, account.Account{})
		f, person, err = w.db.FindPerson(w.ctx(), credential.Invitation, invitation) // belongs to nobody
		w.must(err)
		if f.Account.ID != "" || person != (account.Account{}) {
			w.Errorf("an invitation belongs to %+v", person)
		}
	})
}

// What is sealed opens in its own cell only, and an empty cell is no cell.
func TestFindPersonTampered(t *testing.T) {
	each(t, func(w *world) {
		for i, change := range []string{
			"email = ''", "user_name = ''", "name = ''", "notice_email = ''",
			"email = name", "user_name = notice_email", "name = email", "notice_email = user_name", "key = ''", "key = name",
		} {
			a := w.person("anna" + string(rune('a'+i)))
			s, _ := w.signedIn(a)
			if n := w.tamper("UPDATE account SET "+change+" WHERE id = $1", a.ID); n != 1 {
				w.Fatalf("%d rows changed", n)
			}
			if _, _, err := w.db.FindPerson(w.ctx(), credential.Browser, s.Token); !errors.Is(err, secret.ErrOpen) {
				w.Errorf("after %s it opened: %v", change, err)
			}
		}
	})
}
