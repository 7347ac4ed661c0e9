package storetest

import (
	"fmt"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestPark(t *testing.T) {
	each(t, func(w *world) {
		state, question := w.link(credential.Outside, account.Account{})
		answer := func(n int) credential.Link {
			return credential.Link{Kind: credential.Parked, Token: state, Subject: "apple", Detail: fmt.Sprint("code ", n), Stamp: credential.Stamp{Born: w.clock().Epoch}}
		}
		won := w.race(store.ErrSpent, func(db *store.DB, n int) error { return db.Park(w.ctx(), question, answer(n), w.now) })
		if got := w.find(credential.Parked, state); got.Detail != fmt.Sprint("code ", won) {
			w.Errorf("parked %q, want that of %d", got.Detail, won)
		}
		w.must(w.db.SpendOutside(w.ctx(), question, w.find(credential.Parked, state).Hash))
		w.is(w.db.Park(w.ctx(), question, answer(9), w.now), store.ErrSpent) // answered
		state, question = w.link(credential.Outside, account.Account{})
		w.is(w.db.Park(w.ctx(), question, answer(9), w.now.Add(10*time.Minute)), store.ErrSpent) // too late
		w.is(w.db.Park(w.ctx(), "nothing", answer(9), w.now), store.ErrSpent)
		w.count(0, "credential WHERE kind = 'parked answer'")
	})
}

func TestSpendOutside(t *testing.T) {
	each(t, func(w *world) {
		_, question := w.link(credential.Outside, account.Account{})
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.SpendOutside(w.ctx(), question, "") })
		_, question = w.link(credential.Outside, account.Account{})
		_, parked := w.link(credential.Parked, account.Account{})
		w.must(w.db.SpendOutside(w.ctx(), question, parked))
		w.count(0, "credential WHERE hash = $1", parked)
		_, question = w.link(credential.Outside, account.Account{})
		w.is(w.db.SpendOutside(w.ctx(), question, parked), store.ErrSpent)
		w.count(1, "credential WHERE hash = $1", question)
	})
}

func TestAskArrivalCode(t *testing.T) {
	each(t, func(w *world) {
		token, arrival := w.link(credential.Arrival, account.Account{})
		ask := func(address string, takes ...ratelimit.Take) (account.NewConfirmation, error) {
			n := w.confirmation(account.ForArrival, account.Account{}, address)
			n.Link, n.Limits = secret.Token{}, takes
			return n, w.db.AskArrivalCode(w.ctx(), arrival, n, w.act(audit.EmailAsked, ""))
		}
		first, err := ask("one@example.org")
		w.must(err)
		if f := w.find(credential.Arrival, token); f.Subject != first.ID {
			w.Errorf("it waits for %q", f.Subject)
		}
		w.must(w.db.TryCode(w.ctx(), first.ID, first.Code, w.now))
		second, err := ask("two@example.org")
		w.must(err)
		w.is(w.db.TryCode(w.ctx(), first.ID, first.Code, w.now), account.ErrWrongCode) // the newest code counts, and no other
		w.must(w.db.TryCode(w.ctx(), second.ID, second.Code, w.now))
		w.count(1, "confirmation")
		one := ratelimit.Rule{Name: "test", Limit: 1, Period: time.Hour}.For("x")
		_, err = ask("three@example.org", one)
		w.must(err)
		if _, err = ask("three@example.org", one); err == nil {
			w.Error("no limit holds")
		}
		w.tamper("DELETE FROM credential WHERE hash = $1", arrival)
		_, err = ask("four@example.org")
		w.is(err, store.ErrSpent)
	})
}

func TestProveArrival(t *testing.T) {
	each(t, func(w *world) {
		_, arrival := w.link(credential.Arrival, account.Account{})
		n := w.confirmation(account.ForArrival, account.Account{}, "one@example.org")
		n.Link = secret.Token{}
		w.must(w.db.AskArrivalCode(w.ctx(), arrival, n, audit.Act{At: w.now}))
		next := make([]secret.Token, racers)
		won := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			next[i] = secret.NewToken()
			return db.ProveArrival(w.ctx(), arrival, n.ID, audit.Act{At: w.now}.Linking(credential.Link{Kind: credential.Arrival, Token: next[i], Detail: "proved", Stamp: credential.Stamp{Born: w.clock().Epoch}}))
		})
		for i, token := range next {
			if alive := w.resolve(credential.Arrival, token) == nil; alive != (i == won) {
				w.Errorf("arrival %d lives: %v", i, alive)
			}
		}
		w.count(0, "confirmation")
	})
}
