package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/secret"
)

func memberCell(id, column string) secret.Place {
	return secret.Place{Table: "home_member", Row: id, Column: column}
}

// memberFacts are what is sealed of a member under its own key.
type memberFacts struct {
	PIN     string `json:"pin,omitempty"`
	Picture int    `json:"picture,omitempty"`
}

func sealMember(key secret.AccountKey, memberID string, f memberFacts) (string, error) {
	raw, err := json.Marshal(f)
	return key.Seal(string(raw), memberCell(memberID, "facts")), err
}

const (
	memberColumns = `m.id, m.home_id, m.account_id, m.managed, m.label, m.facts, m.invited_at, m.joined_at, COALESCE(a.name, ''), COALESCE(a.user_name, ''), COALESCE(a.key, ''), w.key`
	joinMember    = ` FROM home_member m JOIN account w ON w.id = m.home_id LEFT JOIN account a ON a.id = m.account_id`
)

// memberRow is a member as it stands in its row.
type memberRow struct {
	household.Member
	label, facts, name, userName, wrapped, owners string
	invited, joined                               int64
}

func (r *memberRow) dest() []any {
	m := &r.Member
	return []any{&m.ID, &m.HomeID, &m.AccountID, &m.Managed, &r.label, &r.facts, &r.invited, &r.joined, &r.name, &r.userName, &r.wrapped, &r.owners}
}

// open unseals the row, with the PIN, which is empty where none is set.
func (r *memberRow) open(db *DB) (m household.Member, pin secret.Token, err error) {
	m = r.Member
	m.InvitedAt, m.JoinedAt = timeOf(r.invited), timeOf(r.joined)
	if r.label != "" {
		if m.Label, err = db.openFor(m.HomeID, r.owners, r.label, memberCell(m.ID, "label")); err != nil {
			return m, pin, fmt.Errorf("opening a member: %w", err)
		}
	}
	if m.AccountID == "" {
		return m, pin, nil
	}
	key, err := db.ring().AccountKey(m.AccountID, r.wrapped)
	if err == nil {
		m.Name, err = key.Open(r.name, accountCell(m.AccountID, "name"))
	}
	if err == nil {
		m.UserName, err = key.Open(r.userName, accountCell(m.AccountID, "user_name"))
	}
	var f memberFacts
	if err == nil {
		f, err = openFacts(key, m.ID, r.facts)
	}
	if m.Name == "" {
		m.Name = m.UserName
	}
	m.Picture, m.Protected = f.Picture, f.PIN != ""
	return m, secret.TokenOf(f.PIN), err
}

func openFacts(key secret.AccountKey, memberID, sealed string) (f memberFacts, err error) {
	if sealed == "" {
		return f, nil
	}
	plain, err := key.Open(sealed, memberCell(memberID, "facts"))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &f)
	}
	if err != nil {
		return f, fmt.Errorf("opening a member: %w", err)
	}
	return f, nil
}

// FindHome returns the Home that an account belongs to, its owner first and then everybody in the order of their coming. household.ErrNone.
func (db *DB) FindHome(ctx context.Context, accountID string) (h household.Home, err error) {
	var rows []*memberRow
	err = each(ctx, db.engine.read(), `SELECT `+memberColumns+joinMember+` WHERE m.home_id = (SELECT home_id FROM home_member WHERE account_id = $1 AND account_id <> '')
		ORDER BY CASE m.account_id WHEN m.home_id THEN 0 ELSE 1 END, m.id`, []any{accountID}, func(row scanner) error {
		r := &memberRow{}
		err := row.Scan(r.dest()...)
		rows = append(rows, r)
		return err
	})
	if err == nil && len(rows) == 0 {
		err = household.ErrNone
	}
	for _, r := range rows {
		if err != nil {
			return h, err
		}
		var m household.Member
		m, _, err = r.open(db)
		h.ID, h.Members = m.HomeID, append(h.Members, m)
	}
	if err == nil {
		err = db.readPINFailures(ctx, h.Members)
	}
	return h, err
}

// readPINFailures fills in how the members' wrong PINs stand. Who has no PIN has none, so a Home without is asked no second question.
func (db *DB) readPINFailures(ctx context.Context, all []household.Member) error {
	of := map[string]*household.Failures{}
	var keys []string
	for i := range all {
		if all[i].Protected {
			key := pinBudget(db.ring(), all[i].ID)
			keys, of[key] = append(keys, key), &all[i].Failures
		}
	}
	if len(keys) == 0 {
		return nil
	}
	list, args := oneOf(nil, keys)
	return each(ctx, db.engine.read(), `SELECT key, count, until FROM failure WHERE key IN `+list, args, func(row scanner) error {
		var key string
		var count, until int64
		err := row.Scan(&key, &count, &until)
		if err == nil {
			*of[key] = household.Failures{Count: count, Until: timeOf(until)}
		}
		return err
	})
}

// beginHome holds an account and makes it the owner of a Home, unless it is one already. household.ErrInOne.
func (db *DB) beginHome(ctx context.Context, t *tx, homeID string, now time.Time) (secret.AccountKey, error) {
	key, err := db.lock(ctx, t, homeID)
	if err != nil {
		return key, err
	}
	var in string
	err = get(ctx, t, `SELECT home_id FROM home_member WHERE account_id = $1 AND account_id <> ''`, []any{homeID}, &in)
	switch {
	case errors.Is(err, errNoRow):
		return key, insertMember(ctx, t, household.Member{ID: id.New(now), HomeID: homeID, AccountID: homeID, JoinedAt: now}, sealedMember{})
	case err == nil && in != homeID:
		err = household.ErrInOne
	}
	return key, err
}

// sealedMember is what a member's row says of whom it is for, and what is sealed in it.
type sealedMember struct{ handle, meant, label, facts string }

func insertMember(ctx context.Context, t *tx, m household.Member, s sealedMember) error {
	_, err := t.exec(ctx, `INSERT INTO home_member (id, home_id, account_id, managed, handle, meant, label, facts, invited_at, joined_at, declined_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0)`,
		m.ID, m.HomeID, m.AccountID, m.Managed, s.handle, s.meant, s.label, s.facts, ms(m.InvitedAt), ms(m.JoinedAt))
	if err != nil {
		return fmt.Errorf("writing a member: %w", err)
	}
	return nil
}

// roomInHome returns household.ErrTooMany when a Home that this transaction holds has no place for one more.
func roomInHome(ctx context.Context, t *tx, homeID string) error {
	var have int64
	err := get(ctx, t, `SELECT COUNT(*) FROM home_member WHERE home_id = $1 AND account_id <> $1`, []any{homeID}, &have)
	if err == nil && have >= household.MostMembers {
		err = household.ErrTooMany
	}
	return err
}

// AddManaged writes a member without address and password, who is an account of its own that is judged by the owner's. household.ErrTooMany,
// household.ErrInOne.
func (db *DB) AddManaged(ctx context.Context, homeID string, m household.Managed, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, err := db.beginHome(ctx, t, homeID, act.At); err != nil {
			return err
		}
		if err := roomInHome(ctx, t, homeID); err != nil {
			return err
		}
		// Whatever counts accounts by how they stand finds that nothing is due of this one.
		a := account.Account{Standing: account.Standing{ID: m.AccountID, State: account.Managed, Secured: math.MaxInt64}, Name: m.Name, CreatedAt: act.At}
		if err := db.insertAccount(ctx, t, a, nil); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE account SET home_owner = $1 WHERE id = $2`, homeID, a.ID); err != nil {
			return err
		}
		key, err := db.keyOf(ctx, t, a.ID)
		if err != nil {
			return err
		}
		facts, err := sealMember(key, m.ID, memberFacts{Picture: m.Picture})
		if err != nil {
			return err
		}
		if err := insertMember(ctx, t, household.Member{ID: m.ID, HomeID: homeID, AccountID: a.ID, Managed: true, JoinedAt: act.At}, sealedMember{facts: facts}); err != nil {
			return err
		}
		if err := db.openServersTo(ctx, t, homeID, a.ID, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ChangeManaged gives a managed member of a Home another name and picture. household.ErrNotFound.
func (db *DB) ChangeManaged(ctx context.Context, homeID string, m household.Managed, act audit.Act) error {
	return db.changeMember(ctx, homeID, m.ID, act, func(t *tx, was household.Member, key secret.AccountKey, f *memberFacts) error {
		if !was.Managed {
			return household.ErrNotFound
		}
		f.Picture = m.Picture
		_, err := t.exec(ctx, `UPDATE account SET name = $1 WHERE id = $2`, key.Seal(m.Name, accountCell(was.AccountID, "name")), was.AccountID)
		return err
	})
}

// SetPIN sets the PIN that is asked of whoever switches to a member, or asks for none where it is empty; wrong ones are forgotten. household.ErrNotFound.
func (db *DB) SetPIN(ctx context.Context, homeID, memberID string, pin secret.Token, act audit.Act) error {
	return db.changeMember(ctx, homeID, memberID, act, func(t *tx, _ household.Member, _ secret.AccountKey, f *memberFacts) error {
		f.PIN = pin.Reveal()
		return forgetPINs(ctx, t, db.ring(), memberID)
	})
}

// UnlockMember forgets the wrong PINs of a member. household.ErrNotFound.
func (db *DB) UnlockMember(ctx context.Context, homeID, memberID string, act audit.Act) error {
	return db.changeMember(ctx, homeID, memberID, act, func(t *tx, _ household.Member, _ secret.AccountKey, _ *memberFacts) error {
		return forgetPINs(ctx, t, db.ring(), memberID)
	})
}

// changeMember runs one transaction on what is sealed of a member who has joined, one after the other for each Home. household.ErrNotFound.
func (db *DB) changeMember(ctx context.Context, homeID, memberID string, act audit.Act, fn func(*tx, household.Member, secret.AccountKey, *memberFacts) error) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, homeID); err != nil {
			return err
		}
		m, sealed, err := readMember(ctx, t, homeID, memberID)
		if err == nil && m.Waits() {
			err = household.ErrNotFound
		}
		if err != nil {
			return err
		}
		key, err := db.keyOf(ctx, t, m.AccountID)
		if err != nil {
			return err
		}
		f, err := openFacts(key, memberID, sealed)
		if err != nil {
			return err
		}
		if err := fn(t, m, key, &f); err != nil {
			return err
		}
		if sealed, err = sealMember(key, memberID, f); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE home_member SET facts = $1 WHERE id = $2`, sealed, memberID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// readMember reads what is not sealed of a member of a Home, and its sealed facts. household.ErrNotFound.
func readMember(ctx context.Context, t *tx, homeID, memberID string) (m household.Member, facts string, err error) {
	m.ID, m.HomeID = memberID, homeID
	err = get(ctx, t, `SELECT account_id, managed, facts FROM home_member WHERE id = $1 AND home_id = $2`, []any{memberID, homeID}, &m.AccountID, &m.Managed, &facts)
	return m, facts, found(err, household.ErrNotFound)
}
