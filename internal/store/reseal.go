package store

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
)

// resealBatch is how many accounts are read at a time.
const resealBatch = 500

// Reseal brings everything under the newest keys of a ring whose rotation has begun: the wrapped data keys, and the blind indexes. What the
// data keys seal stays as it is. It may be stopped at any point and called again: what is done shows by itself. progress is told how many
// accounts are done, of how many there were at the start.
func (db *DB) Reseal(ctx context.Context, progress func(done, total int64)) error {
	var total, done int64
	if err := get(ctx, db.engine.read(), `SELECT COUNT(*) FROM account`, nil, &total); err != nil {
		return fmt.Errorf("counting the accounts: %w", err)
	}
	if err := db.resealInstance(ctx); err != nil {
		return fmt.Errorf("re-sealing the instance's key: %w", err)
	}
	for last := ""; ; {
		ids, err := db.accountsAfter(ctx, last)
		if err != nil {
			return fmt.Errorf("re-sealing the accounts: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		if err := db.engine.write(ctx, func(t *tx) error { return db.resealAccounts(ctx, t, ids) }); err != nil {
			return fmt.Errorf("re-sealing the accounts: %w", err)
		}
		done += int64(len(ids))
		last = ids[len(ids)-1]
		progress(done, max(total, done))
	}
}

func (db *DB) accountsAfter(ctx context.Context, last string) (ids []string, err error) {
	err = each(ctx, db.engine.read(), `SELECT id FROM account WHERE id > $1 ORDER BY id LIMIT $2`, []any{last, resealBatch}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

func (db *DB) resealInstance(ctx context.Context) error {
	return db.engine.write(ctx, func(t *tx) error {
		var wrapped string
		if err := get(ctx, t, `SELECT key FROM instance WHERE id = 1`, nil, &wrapped); err != nil {
			return err
		}
		again, err := db.ring().RewrapAccountKey("", wrapped)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE instance SET key = $1 WHERE id = 1 AND key = $2`, again, wrapped)
		return err
	})
}

func (db *DB) resealAccounts(ctx context.Context, t *tx, ids []string) error {
	for _, id := range ids {
		if err := db.resealAccount(ctx, t, id); err != nil && !errors.Is(err, account.ErrNotFound) {
			return fmt.Errorf("account %s: %w", id, err)
		}
	}
	return nil
}

func (db *DB) resealAccount(ctx context.Context, t *tx, id string) error {
	r := db.ring()
	key, err := db.lock(ctx, t, id) // against a change of the handles between reading and writing them
	if err != nil {
		return err
	}
	var s sealedAccount
	err = get(ctx, t, `SELECT `+accountColumns+` FROM account a WHERE a.id = $1`, []any{id}, s.dest()...)
	if err != nil {
		return found(err, account.ErrNotFound)
	}
	a, err := s.open(r)
	if err != nil {
		return err
	}
	if s.key[:secret.SealPrefixLength] != r.SealPrefix() {
		wrapped, err := r.RewrapAccountKey(id, s.key)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE account SET key = $1 WHERE id = $2 AND key = $3`, wrapped, id, s.key); err != nil {
			return err
		}
	}
	if err := db.reindex(ctx, t, a); err != nil {
		return err
	}
	if err := db.reindexIdentities(ctx, t, id); err != nil {
		return err
	}
	return db.reindexFormer(ctx, t, key, id)
}

// reindexFormer writes the former addresses of an account that are still reserved under every index key. The undo links know them.
func (db *DB) reindexFormer(ctx context.Context, t *tx, key secret.AccountKey, accountID string) error {
	type former struct{ hash, detail string }
	var all []former
	err := each(ctx, t, `SELECT hash, detail FROM credential WHERE account_id = $1 AND kind = $2`, []any{accountID, string(credential.Undo)}, func(row scanner) error {
		var f former
		err := row.Scan(&f.hash, &f.detail)
		all = append(all, f)
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.detail == "" {
			continue
		}
		address, err := key.Open(f.detail, credentialCell(f.hash))
		if err != nil {
			return fmt.Errorf("opening an undo link: %w", err)
		}
		if _, h, err := account.EmailHandle(address); err == nil {
			if err := db.holdUnderEveryKey(ctx, t, h, accountID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (db *DB) holdUnderEveryKey(ctx context.Context, t *tx, h account.Handle, accountID string) error {
	hashes := db.ring().Index(string(h.Kind), h.Value)
	list, args := oneOf([]any{accountID}, hashes)
	var until int64
	err := get(ctx, t, `SELECT held_until FROM handle WHERE account_id = $1 AND held_until > 0 AND hash IN `+list+` ORDER BY held_until DESC LIMIT 1`, args, &until)
	if errors.Is(err, errNoRow) { // in use again, or free by now
		return nil
	}
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		if _, err := t.exec(ctx, `INSERT INTO handle (hash, kind, account_id, held_until) VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO NOTHING`,
			hash, string(h.Kind), accountID, until); err != nil {
			return err
		}
	}
	return nil
}

// reindex writes the handles of an account under every index key.
func (db *DB) reindex(ctx context.Context, t *tx, a account.Account) error {
	all, err := a.Handles()
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := db.insertHandle(ctx, t, h, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// Unsealed returns how many rows still need the keys that a rotation replaces: data keys wrapped by the old ring, and handles, reserved ones
// included, without a partner under the new index key.
func (db *DB) Unsealed(ctx context.Context) (n int64, err error) {
	r := db.ring()
	prefixes := r.IndexPrefixes()
	newest := prefixes[len(prefixes)-1]
	err = get(ctx, db.engine.read(), `SELECT
		(SELECT COUNT(*) FROM account WHERE substr(key, 1, 6) <> $1) + (SELECT COUNT(*) FROM instance WHERE substr(key, 1, 6) <> $1) +
		(SELECT COUNT(*) FROM handle o WHERE substr(o.hash, 1, 8) <> $2 AND NOT EXISTS
			(SELECT 1 FROM handle w WHERE w.account_id = o.account_id AND w.kind = o.kind AND w.held_until = o.held_until AND substr(w.hash, 1, 8) = $2))`,
		[]any{r.SealPrefix(), newest}, &n)
	return n, err
}

// DropOldIndexes deletes the handles made with an index key that is in the ring no more, and records the act. During a rotation it refuses.
func (db *DB) DropOldIndexes(ctx context.Context, act audit.Act) error {
	if db.ring().Rotating() {
		return errors.New("dropping the old indexes: the rotation of the key ring is not finished")
	}
	prefix := db.ring().IndexPrefixes()[0]
	for {
		var n int64
		err := db.engine.write(ctx, func(t *tx) (err error) {
			n, err = t.exec(ctx, `DELETE FROM handle WHERE hash IN (SELECT hash FROM handle WHERE substr(hash, 1, 8) <> $1 LIMIT $2)`, prefix, int64(sweepBatch))
			return err
		})
		if err != nil {
			return fmt.Errorf("dropping the old indexes: %w", err)
		}
		if n < sweepBatch {
			return db.Record(ctx, act)
		}
	}
}
