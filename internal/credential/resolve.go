package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/secret"
)

// Clock is the instance's logical clock, read together with what it judges.
type Clock struct {
	Epoch    int64 // now; moves only when an incident is declared or a backup restored
	Floor    int64 // bearer things born below are refused, whatever account they belong to
	Incident int64 // newest incident that covers everybody
}

// ResetRequired reports whether the owner must choose a new password before anything else.
func (c Clock) ResetRequired(a account.Standing) bool { return a.Secured < max(c.Incident, a.Incident) }

// Stamp is the pair of epochs a credential was born in. It is read before the proof is checked, never when the row is written.
type Stamp struct{ Born, Account int64 }

// StampNow returns the stamp for something that is about to be proved for an account.
func StampNow(c Clock, a account.Standing) Stamp { return Stamp{c.Epoch, a.Epoch} }

// alive reports whether no epoch has passed the stamp. An incident at the very epoch of birth is an older one.
func (s Stamp) alive(c Clock, a account.Standing) bool {
	return s.Born >= max(c.Floor, c.Incident, a.Incident) && s.Account >= a.Epoch
}

// Credential is one stored credential. Hash is its key in the store, never the secret itself.
type Credential struct {
	Hash      string
	Kind      Kind
	AccountID string
	DeviceID  string
	Subject   string // row it speaks of: a confirmation, for sign-up and change links
	Detail    string // sealed in the store; what the act needs later
	Stamp     Stamp
	FreshAt   time.Time // when the password was last typed for it
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Found is a stored credential with everything that judges it, read in one question.
type Found struct {
	Credential
	Clock        Clock
	Account      account.Standing // zero when it belongs to none
	DeviceUsedAt time.Time        // zero when it belongs to none
	// Origin is the device at whose sign-in somebody switched to this account, where that is how it came to be. It ends with that one.
	Origin string
}

// Player is the subject of an App credential, or what came from it, without any rights on the account: it was let in by a code, so whoever holds it need not be the owner.
const Player = "player"

// IsPlayer reports whether the credential plays, and has no say in the account (NIST SP 800-63B-4 §5.1.2): so does everything that came by switching.
func (f Found) IsPlayer() bool {
	return f.Origin != "" || f.Kind == Switched || (f.Kind == App || f.Kind == DeviceToken) && f.Subject == Player
}

// IsFresh reports whether the owner gave a full proof recently enough for what matters.
func (f Found) IsFresh(now time.Time) bool { return now.Sub(f.FullyProved()) < Fresh }

// FullyProved is when the owner last gave all the proof that the account asks for; zero: never, in this browser. Where somebody else vouches, that is
// less than a password, and as much as there is where there is none.
func (f Found) FullyProved() time.Time {
	if f.Way().Vouched() && !f.Account.NoPassword {
		return time.Time{}
	}
	return f.FreshAt
}

// CheckProof is the answer to an act that asks for the password: ErrNoPassword where there is none yet, ErrStale where the proof is too old.
func (f Found) CheckProof(now time.Time) error {
	switch {
	case f.Account.NoPassword:
		return ErrNoPassword
	case !f.IsFresh(now):
		return ErrStale
	}
	return nil
}

// NoteUse notes that its device is used now. Where that was written lately, or there is none, the client is not asked for. The first use of an app password is
// always written: people try it out at once, and would read that it was never used.
func (f Found) NoteUse(touches *device.Touches, now time.Time, client func() device.Client) {
	tried := (f.Kind == AppPassword || f.Kind == ServerPassword) && !f.DeviceUsedAt.After(f.CreatedAt)
	if f.DeviceID != "" && (tried || now.Sub(f.DeviceUsedAt) >= device.TouchEvery) {
		touches.Note(device.Device{ID: f.DeviceID, AccountID: f.AccountID, Origin: f.Origin, Seen: client().Seen(), UsedAt: now})
	}
}

// MayAct returns ErrMayNotAct for what only shows that something is signed in: a player, an app password, a media server.
func (f Found) MayAct() error {
	if !Rules[f.Kind].Acts || f.IsPlayer() {
		return ErrMayNotAct
	}
	return nil
}

// MayRead returns ErrMayNotAct for a media server that was claimed: it learns about itself and its owner, and no more.
func (f Found) MayRead() error {
	if f.Kind == Server {
		return ErrMayNotAct
	}
	return nil
}

// Why a presented credential does not count. Doors must not tell an outsider which; Ended carries a reason only for the
// browser that held it.
var (
	ErrUnknown       = errors.New("credential: unknown or expired")
	ErrEnded         = errors.New("credential: ended by a sign-out, a changed password or an incident")
	ErrResetRequired = errors.New("credential: the account must choose a new password first")
	ErrLocked        = errors.New("credential: the account is locked")
	ErrSpent         = errors.New("credential: used already, or replaced meanwhile")
	ErrFactorSpent   = fmt.Errorf("credential: the second factor: %w", ErrSpent)
	ErrPasskeySpent  = fmt.Errorf("credential: the passkey: %w", ErrSpent)
	ErrStale         = errors.New("credential: the password must be typed again first")
	ErrNoPassword    = errors.New("credential: the account's owner must set a password first")
	ErrDeleting      = errors.New("credential: the account is going to be deleted")
	ErrMayNotAct     = errors.New("credential: this kind may not act for the account")
	ErrTooMany       = errors.New("credential: as many of this kind wait as may")
)

// TooManyError is ErrTooMany, and says when the first of those that wait is over.
type TooManyError struct{ Until time.Time }

// Error names no time: it is for who asked to be told.
func (e *TooManyError) Error() string { return ErrTooMany.Error() }

// Is reports that it is ErrTooMany.
func (e *TooManyError) Is(target error) bool { return target == ErrTooMany }

// IsDead tells the judgement that a credential does not count from an outage.
func IsDead(err error) bool {
	return slices.ContainsFunc([]error{ErrUnknown, ErrEnded, ErrResetRequired, ErrLocked, ErrDeleting}, func(dead error) bool { return errors.Is(err, dead) })
}

// Store finds credentials, alone or with the account that each belongs to. ErrUnknown when there is no row.
type Store interface {
	FindCredential(ctx context.Context, kind Kind, token secret.Token) (Found, error)
	FindPerson(ctx context.Context, kind Kind, token secret.Token) (Found, account.Account, error)
}

// Resolver answers whether a presented credential counts now.
type Resolver struct {
	Store Store
	Now   func() time.Time
}

// Resolve is the one way from a presented secret to a right, for every kind and every door.
func (r *Resolver) Resolve(ctx context.Context, kind Kind, token secret.Token) (Found, error) {
	return r.ResolveWith(ctx, kind, token, r.Store.FindCredential)
}

// ResolvePerson is Resolve with the account that the credential belongs to, but for its password, in the same question. Beside an error of the
// judgement, such as ErrDeleting, both are returned too.
func (r *Resolver) ResolvePerson(ctx context.Context, kind Kind, token secret.Token) (f Found, a account.Account, err error) {
	f, err = r.ResolveWith(ctx, kind, token, func(ctx context.Context, kind Kind, token secret.Token) (found Found, err error) {
		found, a, err = r.Store.FindPerson(ctx, kind, token)
		return found, err
	})
	return f, a, err
}

// ResolveWith is Resolve by a question of the caller's own, which brings along more than the credential.
func (r *Resolver) ResolveWith(ctx context.Context, kind Kind, token secret.Token, find Question) (Found, error) {
	rule, known := Rules[kind]
	if !known || !rule.shaped(token) {
		return Found{}, ErrUnknown
	}
	f, err := find(ctx, kind, token)
	if err != nil {
		return Found{}, err
	}
	return f, Judge(f, r.Now())
}

func (rule Rule) shaped(token secret.Token) bool {
	if rule.Shape != nil {
		return rule.Shape(token)
	}
	return token.WellFormed()
}

// Question looks a presented credential up, as Store.FindCredential does.
type Question func(ctx context.Context, kind Kind, token secret.Token) (Found, error)

// Judge applies a stored credential's rule, for a look-up that is part of a greater question.
func Judge(f Found, now time.Time) error {
	rule, known := Rules[f.Kind]
	if !known {
		return ErrUnknown
	}
	return rule.judge(f, now)
}

func (rule Rule) judge(f Found, now time.Time) error {
	if !now.Before(f.ExpiresAt) || now.Sub(f.CreatedAt) >= rule.Life || now.Before(f.CreatedAt.Add(-time.Minute)) {
		return ErrUnknown
	}
	if rule.Idle > 0 && now.Sub(f.DeviceUsedAt) >= rule.Idle {
		return ErrUnknown
	}
	if !rule.OwnedByAccount && f.AccountID == "" {
		if !rule.OutlivesEpochs && f.Stamp.Born < max(f.Clock.Floor, f.Clock.Incident) {
			return ErrEnded
		}
		return nil
	}
	if f.Account.ID == "" {
		return ErrUnknown
	}
	if !rule.Protective && !f.Stamp.alive(f.Clock, f.Account) {
		return ErrEnded
	}
	switch {
	case f.Account.State == account.Locked && !rule.WhileLocked:
		return ErrLocked
	case f.Account.State == account.Deleting && !rule.WhileDeleting:
		return ErrDeleting
	case f.Account.State != account.Active && f.Account.State != account.Deleting && f.Account.State != account.Locked:
		return ErrUnknown
	case f.Clock.ResetRequired(f.Account) && !rule.WhileResetRequired:
		return ErrResetRequired
	}
	return nil
}
