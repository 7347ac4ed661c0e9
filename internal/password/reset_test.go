package password

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/passwordpolicy"
	"usher/internal/secret"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// An address counts as proved once somebody has come by the link that was mailed there, with the second step between or without, and not by one that an
// operator handed over.
func TestALinkThatWasMailedProvesTheAddress(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
		db, pool := teststore.Open(t, databaseURL, now), teststore.Hasher(t, 8)
		clock := func() time.Time { return now }
		flow := &Service{
			Store: db, Hasher: pool, Resolver: &credential.Resolver{Store: db, Now: clock}, Factors: &mfa.Checker{Store: db, Hasher: pool, Now: clock},
			Policy: passwordpolicy.Policy{MinLength: 8}, Now: clock,
		}
		client := device.Client{Address: netip.MustParseAddr("192.0.2.7")}
		resets := func(token secret.Token) {
			t.Helper()
			now = now.Add(time.Minute)
			_, err := flow.Reset(t.Context(), token, secret.TokenOf("seven copper kettles sing "+now.Format("15:04")), KeepDevices, client)
			must(err)
		}
		mailed := func(a account.Account) secret.Token {
			t.Helper()
			must(flow.Ask(t.Context(), a.Email, client))
			waiting, err := db.WaitingMail(t.Context(), 1)
			must(err)
			return secret.TokenOf(strings.TrimPrefix(waiting[0].Data[notice.DataLink], "/reset/"))
		}
		proved := func(a account.Account, want bool) {
			t.Helper()
			if got, err := db.LoadAccount(t.Context(), a.ID); err != nil || got.EmailProved != want {
				t.Errorf("%s is proved: %t, %v", a.UserName, got.EmailProved, err)
			}
		}
		phc, err := pool.Hash(t.Context(), []byte("an older one than these"))
		must(err)
		unproved := func(a *account.Account) { a.EmailProved, a.Password = false, phc }
		anna, bert := teststore.Person(t, db, "anna", now, unproved), teststore.Person(t, db, "bert", now, unproved)
		path, err := flow.HandOver(t.Context(), anna.ID, audit.CLI)
		must(err)
		resets(secret.TokenOf(strings.TrimPrefix(path, "/reset/")))
		proved(anna, false)
		now = now.Add(time.Minute)
		resets(mailed(anna))
		proved(anna, true)

		key := mfa.NewKey()
		must(db.TurnOnFactor(t.Context(), credential.NewFactor{AccountID: bert.ID, Key: key}, audit.Act{At: now}))
		for _, by := range []bool{false, true} {
			now = now.Add(time.Hour)
			var link secret.Token
			if by {
				link = mailed(bert)
			} else {
				path, err := flow.HandOver(t.Context(), bert.ID, audit.CLI)
				must(err)
				link = secret.TokenOf(strings.TrimPrefix(path, "/reset/"))
			}
			ticket, err := flow.Prove(t.Context(), link, mfa.Code(key, mfa.Step(now)), secret.Token{}, client)
			must(err)
			resets(ticket)
			proved(bert, by)
		}
	})
}
