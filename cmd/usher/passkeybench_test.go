package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/passkey"
	"usher/internal/passkey/passkeytest"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/teststore"
)

// BenchmarkPasskey reports the time to verify a passkey's answer ÷ the time of a bare ES256 verification, which is most of what there is to do: as it stands in
// memory, and with the two questions to the database. It reports besides how many whole sign-ins by passkey there are in a second, the question and the
// authenticator's own signature included.
func BenchmarkPasskey(b *testing.B) {
	onEngines(b, func(b *testing.B, database fresh) {
		h := openHouse(b, database(b), 1_000)
		f := newFingers(b, h)
		const turn = 50
		t := takeTurns(b, many(turn, f.bare(b)), many(turn, f.inMemory(b)), many(turn, f.checks), many(turn, f.signsIn))
		b.ReportMetric(t.over(wall, 1, 0), "verify/es256")
		b.ReportMetric(t.over(cpu, 1, 0), "verify/es256-cpu")
		b.ReportMetric(t.over(wall, 2, 0), "check/es256")
		b.ReportMetric(t.over(cpu, 2, 0), "check/es256-cpu")
		b.ReportMetric(turn*1e9/t.median(wall, 0), "es256/s")
		b.ReportMetric(turn*1e9/t.median(wall, 1), "verify/s")
		b.ReportMetric(turn*1e9/t.median(wall, 2), "check/s")
		b.ReportMetric(turn*1e9/t.median(wall, 3), "signin/s")
	})
}

func many(n int, do func() error) func() error {
	return func() error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

// fingers are a person with a passkey.
type fingers struct {
	b       *testing.B
	flow    *signin.Service
	own     *passkeytest.Authenticator
	browser secret.Token
	answer  passkey.Answer // to a question that is never used up
	asked   uint32
}

func newFingers(b *testing.B, h *house) *fingers {
	const origin = "https://usher.example.org"
	party, err := passkey.NewParty(origin, "Usher")
	if err != nil {
		b.Fatal(err)
	}
	check := &passkey.Checker{Store: h.db, Resolver: h.resolver, Party: party, Now: time.Now}
	f := &fingers{b, &signin.Service{Store: h.db, Hasher: h.pool, Resolver: h.resolver, Passkeys: check, Now: time.Now, Log: h.log}, passkeytest.New(b, origin), secret.NewToken(), passkey.Answer{}, 0}
	who := teststore.Person(b, h.db, "fingers", time.Now(), nil)
	clock, err := h.db.ReadClock(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	asked, err := check.Ask(b.Context(), passkey.Question{For: passkey.ForNew, Account: who, Stamp: credential.StampNow(clock, who.Standing), Browser: f.browser})
	if err != nil {
		b.Fatal(err)
	}
	made, question, err := check.CheckNew(b.Context(), passkey.Answer{Text: f.own.Create(asked.JSON()), For: passkey.ForNew, AccountID: who.ID, Browser: f.browser})
	if err != nil {
		b.Fatal(err)
	}
	made.ID = id.New(time.Now())
	if err := h.db.AddPasskey(b.Context(), made, question, audit.Act{At: time.Now()}); err != nil {
		b.Fatal(err)
	}
	f.own.Keys[0].Counter = 1_000_000 // the answer below is newer than all the sign-ins before it
	f.answer = passkey.Answer{Text: f.own.Get(f.asks()), For: passkey.ForSignIn, Browser: f.browser}
	f.own.Keys[0].Counter = 0
	return f
}

// asks asks from another network each time: of one, questions are limited.
func (f *fingers) asks() []byte {
	f.asked++
	from := [16]byte{0x20, 0x01}
	binary.BigEndian.PutUint32(from[2:], f.asked)
	client := device.Client{Address: netip.AddrFrom16(from)}
	asked, err := f.flow.Passkeys.Ask(f.b.Context(), passkey.Question{For: passkey.ForSignIn, Browser: f.browser, Client: client})
	if err != nil {
		f.b.Fatal(err)
	}
	return asked.JSON()
}

func (f *fingers) checks() error {
	_, err := f.flow.Passkeys.Check(f.b.Context(), f.answer)
	return err
}

// signsIn is a whole sign-in.
func (f *fingers) signsIn() error {
	client := device.Client{UserAgent: "Firefox/1 Linux"}
	out, err := f.flow.ByPasskey(f.b.Context(), signin.PasskeyAnswer{Text: f.own.Get(f.asks()), Browser: f.browser}, secret.Token{}, client)
	if err == nil && out.Step != signin.Open {
		err = errors.New("not signed in")
	}
	return err
}

// inMemory verifies the same answer with what the database would say.
func (f *fingers) inMemory(b *testing.B) func() error {
	real := f.flow.Passkeys
	proof, err := real.Check(b.Context(), f.answer)
	if err != nil {
		b.Fatal(err)
	}
	kept := &remembering{found: proof.Held}
	check := &passkey.Checker{Store: kept, Resolver: kept, Party: real.Party, Now: time.Now}
	kept.question = func(token secret.Token) (credential.Found, error) {
		if kept.asked.Hash == "" {
			kept.asked, err = real.Resolver.Resolve(b.Context(), credential.Ceremony, token)
		}
		return kept.asked, err
	}
	return func() error {
		_, err := check.Check(b.Context(), f.answer)
		return err
	}
}

// remembering is what the database says, said without asking it.
type remembering struct {
	passkey.Store
	found    passkey.Held
	asked    credential.Found
	question func(secret.Token) (credential.Found, error)
}

func (r *remembering) FindPasskey(context.Context, []byte) (passkey.Held, error) { return r.found, nil }

func (r *remembering) Resolve(_ context.Context, _ credential.Kind, token secret.Token) (credential.Found, error) {
	return r.question(token)
}

// bare is one verification by the standard library.
func (f *fingers) bare(b *testing.B) func() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte(f.answer.Text))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			return errors.New("the signature is wrong")
		}
		return nil
	}
}
