// Package crowd owns made-up people for measuring: thousands of accounts with one password and one signed-in browser each, and the
// requests those browsers send. It refuses to know what is measured, and is for benchmarks only: its tokens can be worked out by anybody.
package crowd

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/secret"
)

// Password is everybody's.
const Password = "tortoise lamp granite sonnet" //nolint:gosec // of people who do not exist

// Agent is everybody's browser.
const Agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// Store takes people in bulk.
type Store interface {
	ReadClock(ctx context.Context) (credential.Clock, error)
	LoadAccounts(ctx context.Context, next func() (account.Account, error)) (int64, error)
	LoadSignIns(ctx context.Context, now time.Time, next func() (credential.SignIn, error)) (int64, error)
}

// Settle gives a new database n people, signed in since now, whose password made phc.
func Settle(ctx context.Context, s Store, n int, phc string, now time.Time) error {
	clock, err := s.ReadClock(ctx)
	if err != nil {
		return fmt.Errorf("reading the clock: %w", err)
	}
	ids := make([]string, 0, n)
	_, err = s.LoadAccounts(ctx, func() (account.Account, error) {
		if len(ids) == n {
			return account.Account{}, io.EOF
		}
		a := account.Account{
			Standing: account.Standing{ID: id.New(now), State: account.Active, Epoch: 1, Secured: clock.Epoch, PasswordVersion: 1},
			Email:    Email(len(ids)), Name: "Person " + strconv.Itoa(len(ids)), Password: phc, CreatedAt: now,
		}
		ids = append(ids, a.ID)
		return a, nil
	})
	if err != nil {
		return fmt.Errorf("loading accounts: %w", err)
	}
	i := -1
	_, err = s.LoadSignIns(ctx, now, func() (credential.SignIn, error) {
		if i++; i == n {
			return credential.SignIn{}, io.EOF
		}
		in := credential.NewSignIn(ids[i], "password", device.Client{Address: Address(i), UserAgent: Agent}, now)
		in.Token, in.Known = token("browser", i), token("known", i)
		in.Stamp = credential.Stamp{Born: clock.Epoch, Account: 1}
		return in, nil
	})
	if err != nil {
		return fmt.Errorf("loading sign-ins: %w", err)
	}
	return nil
}

// Email is the address of person i.
func Email(i int) string { return "person" + strconv.Itoa(i) + "@crowd.example" }

// Address is where person i is: one to a network, so that the limits for a network bound nobody.
func Address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
}

// Known is what person i's browser shows to have been here before.
func Known(i int) secret.Token { return token("known", i) }

// Browser is what person i's browser shows to be signed in.
func Browser(i int) secret.Token { return token("browser", i) }

// token spells person i's token for a purpose.
func token(purpose string, i int) secret.Token {
	sum := sha256.Sum256([]byte(purpose + " " + strconv.Itoa(i)))
	return secret.TokenOf(spelling.EncodeToString(sum[:]))
}

var spelling = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
