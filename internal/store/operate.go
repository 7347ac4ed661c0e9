package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
)

// ReadFailures returns how an account's budget of wrong passwords stands.
func (db *DB) ReadFailures(ctx context.Context, accountID string) (f credential.Failures, err error) {
	var until int64
	err = get(ctx, db.engine.read(), `SELECT count, until FROM failure WHERE key = $1`, []any{accountBudget(db.ring(), accountID)}, &f.Count, &until)
	f.Until = timeOf(until)
	if errors.Is(err, errNoRow) {
		return f, nil
	}
	return f, err
}

// CountAudit returns how many entries the audit log has. Chained ones are counted by their batches, of which there are a thousand times
// fewer.
func (db *DB) CountAudit(ctx context.Context) (n int64, err error) {
	err = get(ctx, db.engine.read(), `SELECT (SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM audit_batch) + (SELECT COUNT(*) FROM audit WHERE batch = 0)`, nil, &n)
	return n, err
}

// OpenInvitations returns invitations that still count, newest first; before is the subject of the one to go on after.
func (db *DB) OpenInvitations(ctx context.Context, before string, limit int, now time.Time) ([]credential.Credential, error) {
	text, args := `SELECT hash, subject, detail, created_at, expires_at FROM credential WHERE account_id = '' AND kind = $1 AND expires_at > $2`,
		[]any{string(credential.Invitation), ms(now)}
	if before != "" {
		args = append(args, before)
		text += ` AND subject < $3`
	}
	args = append(args, int64(limit))
	text += fmt.Sprintf(` ORDER BY subject DESC LIMIT $%d`, len(args))
	var out []credential.Credential
	err := each(ctx, db.engine.read(), text, args, func(row scanner) error {
		c := credential.Credential{Kind: credential.Invitation}
		var sealed string
		var created, expires int64
		err := row.Scan(&c.Hash, &c.Subject, &sealed, &created, &expires)
		if err == nil && sealed != "" {
			c.Detail, err = db.common.Open(sealed, credentialCell(c.Hash))
		}
		c.CreatedAt, c.ExpiresAt = timeOf(created), timeOf(expires)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the invitations: %w", err)
	}
	return out, nil
}

// RevokeInvitation ends the invitation with that subject; ErrSpent when there is none any more.
func (db *DB) RevokeInvitation(ctx context.Context, subject string, act audit.Act) error {
	if subject == "" { // as many have
		return ErrSpent
	}
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind = $2`, subject, string(credential.Invitation))
		if err != nil {
			return found(err, ErrSpent)
		}
		if n == 0 {
			return ErrSpent
		}
		return db.leave(ctx, t, act)
	})
}
