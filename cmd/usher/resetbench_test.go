package main

import (
	"fmt"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/loadtest/crowd"
	"usher/internal/password"
	"usher/internal/secret"
)

// BenchmarkReset reports the time of the two hashes that a reset costs ÷ the time of a whole reset: from the opened link to the new password,
// the strength of which is judged, with everything signed out, on the record, and told by mail.
func BenchmarkReset(b *testing.B) {
	const people, turn = 200, 8
	onEngines(b, func(b *testing.B, database fresh) {
		h := openHouse(b, database(b), people)
		flow, links, next := h.passwords(), make([]secret.Token, turn), 0
		t := takeTurns(b,
			func() error { // the links: not part of it
				for i := range links {
					next++
					a, err := h.db.FindAccount(b.Context(), account.LoginHandle(crowd.Email(next%people)))
					if err != nil {
						return err
					}
					links[i] = secret.NewToken()
					l := credential.Link{Kind: credential.Reset, Token: links[i], AccountID: a.ID, Stamp: credential.Stamp{Born: time.Now().Unix() + 1, Account: a.Epoch}}
					if err := h.db.Record(b.Context(), audit.New(time.Now(), audit.ResetAsked, audit.CLI, a.ID).Linking(l)); err != nil {
						return err
					}
				}
				return nil
			},
			shared(1, 2*turn, func() error {
				_, err := h.pool.Verify(b.Context(), h.phc, []byte(crowd.Password))
				return err
			}),
			func() error {
				for i, link := range links {
					typed := secret.TokenOf(fmt.Sprintf("velvet orchard comet ladder %d", next+i))
					if _, err := flow.Reset(b.Context(), link, typed, password.SignOutDevices, device.Client{Address: crowd.Address(i)}); err != nil {
						return err
					}
				}
				return nil
			})
		b.ReportMetric(t.over(wall, 1, 2), "hashes/reset")
		b.ReportMetric(t.over(cpu, 1, 2), "hashes/reset-cpu")
	})
}
