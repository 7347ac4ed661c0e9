package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"usher/internal/audit"
)

// settled is how old entries are when they are chained, so that a batch is closed once for many. (One that is committed later than that goes
// into a later batch.)
const settled = 10 * time.Second

// chainBatch is the most entries in one link of the chain.
const chainBatch = 1000

// ChainAudit closes a batch of the audit log: the entries get its number, and the chain value covers the previous one and every tag. It
// returns how many entries were chained; fewer than a whole batch means there are no more for now, or that another node is at it.
func (db *DB) ChainAudit(ctx context.Context, now time.Time) (n int, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		n, err = db.chainAudit(ctx, t, now)
		return err
	})
	if errors.Is(err, errNothingToChain) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("chaining the audit log: %w", err)
	}
	return n, nil
}

// errNothingToChain takes the empty batch back.
var errNothingToChain = errors.New("store: nothing to chain")

func (db *DB) chainAudit(ctx context.Context, t *tx, now time.Time) (int, error) {
	var seq int64
	var previous string
	err := get(ctx, t, `SELECT seq, chain FROM audit_batch ORDER BY seq DESC LIMIT 1`, nil, &seq, &previous)
	if err != nil && !errors.Is(err, errNoRow) {
		return 0, err
	}
	seq++
	// The number is taken first and the entries are read after: of nodes that do so at once all but one wait here, and then find it taken.
	taken, err := t.exec(ctx, `INSERT INTO audit_batch (seq, entries, chain, created_at) VALUES ($1, 0, '', $2) ON CONFLICT (seq) DO NOTHING`, seq, ms(now))
	if err != nil {
		return 0, err
	}
	if taken == 0 {
		return 0, errNothingToChain
	}
	ids, tags, err := unchained(ctx, t, now.Add(-settled))
	if err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		return 0, errNothingToChain
	}
	for _, id := range ids {
		if _, err := t.exec(ctx, `UPDATE audit SET batch = $1 WHERE id = $2 AND batch = 0`, seq, id); err != nil {
			return 0, err
		}
	}
	_, err = t.exec(ctx, `UPDATE audit_batch SET entries = $1, chain = $2 WHERE seq = $3`, int64(len(ids)), db.ring().Tag(chained(seq, previous, tags)), seq)
	return len(ids), err
}

func unchained(ctx context.Context, t *tx, until time.Time) (ids, tags []string, err error) {
	err = each(ctx, t, `SELECT id, tag FROM audit WHERE batch = 0 AND at <= $1 ORDER BY id LIMIT $2`, []any{ms(until), int64(chainBatch)}, func(row scanner) error {
		var id, tag string
		err := row.Scan(&id, &tag)
		ids, tags = append(ids, id), append(tags, tag)
		return err
	})
	return ids, tags, err
}

func chained(seq int64, previous string, tags []string) []byte {
	return []byte(strconv.FormatInt(seq, 10) + "\x00" + previous + "\x00" + strings.Join(tags, "\x00"))
}

// VerifyAudit reads the whole log and returns what does not hold, naming entries and batches. An entry that was changed no longer matches its
// tag; one that was removed or added breaks its batch; a removed batch breaks the next one. What was written in the last seconds is not
// chained yet and is guarded by its tag alone.
func (db *DB) VerifyAudit(ctx context.Context) (audit.Verdict, error) {
	v := audit.Verdict{}
	type batch struct {
		seq, entries int64
		chain        string
	}
	var batches []batch
	err := each(ctx, db.engine.read(), `SELECT seq, entries, chain FROM audit_batch ORDER BY seq`, nil, func(row scanner) error {
		var b batch
		err := row.Scan(&b.seq, &b.entries, &b.chain)
		batches = append(batches, b)
		return err
	})
	if err != nil {
		return v, fmt.Errorf("reading the audit chain: %w", err)
	}
	previous, last := "", int64(0)
	for _, b := range batches {
		tags, err := db.verifyEntries(ctx, b.seq, &v)
		if err != nil {
			return v, err
		}
		if b.seq != last+1 {
			v.Broken = append(v.Broken, fmt.Sprintf("batch %d follows batch %d: something between them was removed", b.seq, last))
		}
		switch {
		case int64(len(tags)) != b.entries:
			v.Broken = append(v.Broken, fmt.Sprintf("batch %d has %d entries and was closed with %d", b.seq, len(tags), b.entries))
		case !db.ring().VerifyTag(chained(b.seq, previous, tags), b.chain):
			v.Broken = append(v.Broken, fmt.Sprintf("batch %d does not match its chain value", b.seq))
		}
		previous, last = b.chain, b.seq
	}
	v.Batches = len(batches)
	if _, err = db.verifyEntries(ctx, 0, &v); err != nil {
		return v, err
	}
	return v, db.verifyStrays(ctx, &v)
}

// verifyEntries checks the tags of one batch; 0 is what is not chained yet.
func (db *DB) verifyEntries(ctx context.Context, seq int64, v *audit.Verdict) (tags []string, err error) {
	err = each(ctx, db.engine.read(), `SELECT id, at, account_id, actor, action, detail, tag FROM audit WHERE batch = $1 ORDER BY id`, []any{seq}, func(row scanner) error {
		var id, accountID, actor, action, detail, tag string
		var at int64
		if err := row.Scan(&id, &at, &accountID, &actor, &action, &detail, &tag); err != nil {
			return err
		}
		if !db.ring().VerifyTag(auditRow(id, at, accountID, actor, action, detail), tag) {
			v.Broken = append(v.Broken, fmt.Sprintf("entry %s (%s, batch %d) was changed", id, timeOf(at).Format(time.RFC3339), seq))
		}
		tags = append(tags, tag)
		v.Entries++
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return tags, nil
}

// verifyStrays finds entries whose batch does not exist: it was removed, or they were moved. One question, so that a batch closed at this
// moment is seen as a whole.
func (db *DB) verifyStrays(ctx context.Context, v *audit.Verdict) error {
	var n int64
	err := get(ctx, db.engine.read(), `SELECT COUNT(*) FROM audit a WHERE a.batch <> 0 AND NOT EXISTS (SELECT 1 FROM audit_batch b WHERE b.seq = a.batch)`, nil, &n)
	if err != nil {
		return err
	}
	if n > 0 {
		v.Broken = append(v.Broken, fmt.Sprintf("%d entries belong to a batch that does not exist", n))
	}
	return nil
}
