package passkey

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Purpose is what a passkey is asked for. An answer counts for that and nothing else.
type Purpose string

// The purposes.
const (
	ForSignIn Purpose = "sign-in" // anybody's passkey, in the place of name and password
	ForCode   Purpose = "code"    // in the place of the code, after another proof
	ForReset  Purpose = "reset"   // in the place of the code, after a mailed link
	ForAgain  Purpose = "again"   // as fresh proof
	ForAfresh Purpose = "afresh"  // as the one confirmation after an incident, of who has no password
	ForNew    Purpose = "new"     // a passkey that is about to be made
)

// Store keeps passkeys, and what they are asked.
type Store interface {
	ReadClock(ctx context.Context) (credential.Clock, error)
	ListPasskeys(ctx context.Context, accountID string) ([]Passkey, error)
	// FindPasskey returns the passkey of a credential id with its account, and the clock that both are judged by; ErrUnknown.
	FindPasskey(ctx context.Context, credentialID []byte) (Held, error)
	// AlarmPasskey writes down that a passkey's counter went back, to what it is now, and spends the question. credential.ErrSpent.
	AlarmPasskey(ctx context.Context, use credential.PasskeyUse, act audit.Act) error
	SpendProof(ctx context.Context, hash string, act audit.Act) error
	Record(ctx context.Context, act audit.Act) error
}

// Resolver resolves what was asked.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// Held is a passkey with whose it is, read in one question.
type Held struct {
	Passkey Passkey
	Account account.Account // without its password
	Clock   credential.Clock
}

// Checker asks for passkeys and checks what browsers answer: the one way for every flow.
type Checker struct {
	Store    Store
	Resolver Resolver
	Party    *Party
	Now      func() time.Time
}

// Question is what a passkey is about to be asked for.
type Question struct {
	For     Purpose
	Account account.Account  // whose it has to be; zero for ForSignIn
	Stamp   credential.Stamp // of the sign-in or the ticket that asks; zero for ForSignIn
	Browser secret.Token     // who asks: only the browser that shows it again is answered
	// Unverified takes an authenticator that does not make sure who holds it, where a passkey stands for the code alone.
	Unverified bool
	Client     device.Client
}

// asked is what a question remembers.
type asked struct {
	For        Purpose `json:"for"`
	Browser    string  `json:"browser"`          // fingerprint of what it shows
	Handle     []byte  `json:"handle,omitempty"` // of the passkey to be
	Unverified bool    `json:"unverified,omitempty"`
}

// Ask returns what a browser's script asks an authenticator. For ForSignIn the answer is the same for everybody: no account is named or looked at.
// ErrTooMany for a new one, *ratelimit.LimitedError.
func (c *Checker) Ask(ctx context.Context, q Question) (Options, error) {
	if c.Party.rules == nil {
		return Options{}, ErrNoName
	}
	now := c.Now()
	remembered := asked{For: q.For, Browser: q.Browser.Fingerprint(), Unverified: q.Unverified}
	have, err := c.prepare(ctx, &q)
	if err != nil {
		return Options{}, err
	}
	if q.For == ForNew {
		if len(have) >= Most {
			return Options{}, ErrTooMany
		}
		remembered.Handle = handleFor(have)
	}
	detail, err := json.Marshal(remembered)
	if err != nil {
		return Options{}, err
	}
	link := credential.Link{Kind: credential.Ceremony, Token: secret.NewToken(), AccountID: q.Account.ID, Detail: string(detail), Stamp: q.Stamp}
	if err := c.Store.Record(ctx, audit.Act{At: now}.Counting(ratelimit.PasskeyQuestions.From(q.Client.Address)...).Linking(link)); err != nil {
		return Options{}, err
	}
	if q.For == ForNew {
		return c.Party.creates(link.Token, remembered.Handle, q.Account.Email, q.Account.Called(), have)
	}
	verify := protocol.VerificationRequired
	if q.Unverified {
		verify = protocol.VerificationPreferred
	}
	return c.Party.requests(link.Token, have, verify)
}

// prepare reads which passkeys may answer. A question of nobody's is born now.
func (c *Checker) prepare(ctx context.Context, q *Question) ([]Passkey, error) {
	if q.For != ForSignIn {
		return c.Store.ListPasskeys(ctx, q.Account.ID)
	}
	clock, err := c.Store.ReadClock(ctx)
	q.Account, q.Stamp = account.Account{}, credential.Stamp{Born: clock.Epoch}
	return nil, err
}

// handleFor is the user handle of an account that has some passkeys already, or none.
func handleFor(have []Passkey) []byte {
	if len(have) > 0 {
		return have[0].UserHandle
	}
	handle := make([]byte, handleBytes)
	_, _ = rand.Read(handle) // never fails since Go 1.24
	return handle
}

// Answer is what a browser sends of an authenticator.
type Answer struct {
	Text      string // PublicKeyCredential as JSON (WebAuthn L3 §5.1.1)
	For       Purpose
	AccountID string // whose it has to be; empty for ForSignIn
	Browser   secret.Token
	Client    device.Client
}

// Proof is a right answer. Nothing is spent yet: the verb that relies on it writes Use down.
type Proof struct {
	Held
	Use      credential.PasskeyUse
	Verified bool // the authenticator made sure who holds it
}

// question finds what an answer answers. ErrGone.
func (c *Checker) question(ctx context.Context, a Answer, said protocol.CollectedClientData) (f credential.Found, was asked, token secret.Token, err error) {
	token = questionIn(said)
	f, err = c.Resolver.Resolve(ctx, credential.Ceremony, token)
	if credential.IsDead(err) {
		return f, was, token, ErrGone
	}
	if err != nil {
		return f, was, token, err
	}
	if err := json.Unmarshal([]byte(f.Detail), &was); err != nil {
		return f, was, token, fmt.Errorf("reading what a passkey was asked: %w", err)
	}
	if was.For != a.For || f.AccountID != a.AccountID || !a.Browser.HasFingerprint(was.Browser) {
		return f, was, token, ErrGone
	}
	return f, was, token, nil
}

// Check checks an answer. A wrong one uses the question up, is recorded where it is known whose passkey it is, and counts against the network. ErrGone,
// ErrUnknown, ErrWrong and what wraps it, *ratelimit.LimitedError.
func (c *Checker) Check(ctx context.Context, a Answer) (Proof, error) {
	answer, err := readAnswer(a.Text)
	if err != nil {
		return Proof{}, err
	}
	f, was, question, err := c.question(ctx, a, answer.Response.CollectedClientData)
	if err != nil {
		return Proof{}, err
	}
	held, err := c.Store.FindPasskey(ctx, answer.RawID)
	if err == nil && a.AccountID != "" && held.Account.ID != a.AccountID {
		err = ErrUnknown // somebody else's passkey says nothing about this account
	}
	if errors.Is(err, ErrUnknown) {
		return Proof{}, errors.Join(err, c.refuse(ctx, f.Hash, Held{}, a.Client))
	}
	if err != nil {
		return Proof{}, err
	}
	if a.For == ForSignIn && !bytes.Equal(answer.Response.UserHandle, held.Passkey.UserHandle) {
		return Proof{}, errors.Join(ErrWrong, c.refuse(ctx, f.Hash, held, a.Client))
	}
	seen, err := c.Party.used(question, held.Passkey, answer)
	if err == nil && !was.Unverified && !seen.verified { // looked at after the signature: whoever is told this holds the passkey
		err = ErrUnverified
	}
	if err != nil {
		return Proof{}, errors.Join(err, c.refuse(ctx, f.Hash, held, a.Client))
	}
	p := Proof{held, credential.PasskeyUse{AccountID: held.Account.ID, ID: held.Passkey.ID, Ceremony: f.Hash, Counter: seen.counter, BackedUp: seen.backedUp}, seen.verified}
	if seen.counter <= held.Passkey.Counter && (seen.counter != 0 || held.Passkey.Counter != 0) {
		return Proof{}, errors.Join(ErrCounter, c.alarm(ctx, p, a.Client))
	}
	return p, nil
}

// refuse uses a question up that was answered wrongly.
func (c *Checker) refuse(ctx context.Context, question string, held Held, client device.Client) error {
	act := audit.Act{At: c.Now()}
	if held.Account.ID != "" {
		act = audit.New(act.At, audit.PasskeyRefused, held.Account.ID, held.Account.ID).From(client).With(audit.Device, held.Passkey.Name)
	}
	err := c.Store.SpendProof(context.WithoutCancel(ctx), question, act.Counting(ratelimit.SignInFailures.From(client.Address)...))
	if errors.Is(err, credential.ErrSpent) { // by the same answer, sent twice
		return nil
	}
	return err
}

// alarm tells the owner of a passkey that there may be a copy of it. The counter is then what it is now: whoever holds the original is asked once more, and
// shut out no longer than that.
func (c *Checker) alarm(ctx context.Context, p Proof, client device.Client) error {
	act := audit.New(c.Now(), audit.PasskeyAlarm, p.Account.ID, p.Account.ID).From(client).With(audit.Device, p.Passkey.Name)
	act = act.Warn(p.Account, client, func(to, called string, e notice.Event) notice.Notice {
		return notice.PasskeyAlarm(to, called, e, p.Passkey.Name)
	})
	err := c.Store.AlarmPasskey(context.WithoutCancel(ctx), p.Use, act)
	if errors.Is(err, credential.ErrSpent) {
		return nil
	}
	return err
}

// CheckNew checks an answer about a new passkey, and returns it for the verb that adds it and spends the question. ErrGone, ErrWrong and what wraps it.
func (c *Checker) CheckNew(ctx context.Context, a Answer) (p Passkey, question string, err error) {
	answer, err := readNew(a.Text)
	if err != nil {
		return p, "", err
	}
	f, was, token, err := c.question(ctx, a, answer.Response.CollectedClientData)
	if err != nil {
		return p, "", err
	}
	if p, err = c.Party.created(token, was.Handle, answer); err != nil {
		return p, "", errors.Join(err, c.refuse(ctx, f.Hash, Held{}, a.Client))
	}
	p.AccountID = f.AccountID
	return p, f.Hash, nil
}
