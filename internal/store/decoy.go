package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/secret"
)

// What is done for somebody who has no account must cost what it costs for somebody who has one, or the time of an answer tells which. So the
// statements are the same, one for one; only the rows they write belong to nobody.

// pretend does to nobody's account what opening an account does: unwrap a key, open six values.
func (db *DB) pretend() {
	key, err := db.ring().AccountKey("", db.decoy.key)
	for _, sealed := range db.decoy.sealed {
		if err == nil {
			_, err = key.Open(sealed, decoyCell)
		}
	}
	_ = err // after a rotation of the ring the key may be an old one: then it costs a little less until the next start
}

var decoyCell = secret.Place{Table: "instance", Row: "decoy", Column: "decoy"}

// decoy is what pretend opens.
type decoy struct {
	key    string
	sealed [6]string
}

func newDecoy(key secret.AccountKey, wrapped string) (d decoy) {
	d.key = wrapped
	for i := range d.sealed {
		d.sealed[i] = key.Seal("somebody@example.org, who is nobody", decoyCell)
	}
	return d
}

// LeaveDecoy leaves behind what the act would leave if it concerned an account: an entry in the record, links, and mails that nobody gets. The
// entry stands for nobody; the links open nothing and are swept like others; the mails are done before they are due.
func (db *DB) LeaveDecoy(ctx context.Context, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		var wrapped string
		nobody := id.New(act.At)
		if err := get(ctx, t, `SELECT key FROM account WHERE id = $1`, []any{nobody}, &wrapped); !errors.Is(err, errNoRow) {
			return fmt.Errorf("looking for nobody: %w", err)
		}
		db.pretend()
		if err := db.insertAudit(ctx, t, act.At, act.Done); err != nil {
			return err
		}
		for _, l := range act.Links {
			if err := db.decoyLink(ctx, t, l, nobody, act.At); err != nil {
				return err
			}
		}
		for _, n := range act.Tell {
			if err := db.post(ctx, t, n, act.At); err != nil {
				return err
			}
		}
		return nil
	})
}

// decoyLink is mintLink for nobody. The row that is locked in the account's place is one of nobody's, too.
func (db *DB) decoyLink(ctx context.Context, t *tx, l credential.Link, nobody string, now time.Time) error {
	if _, err := t.exec(ctx, `INSERT INTO lease (name, holder, until) VALUES ('decoy', 'nobody', 0)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder`); err != nil {
		return err
	}
	db.pretend()
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE kind = $1 AND account_id = $2`, string(l.Kind), nobody); err != nil {
		return err
	}
	_, err := db.insertCredential(ctx, t, newCredential{kind: l.Kind, token: l.Token, accountID: nobody, stamp: l.Stamp}, now)
	return err
}
