package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
)

const incidentColumns = `i.id, i.epoch, i.action, i.scope, i.state, i.paused, i.notice, i.actor, i.second, i.alone, i.covered, i.mailed,

	i.told_at, i.created_at, i.declared_at, i.ended_at`

// incidentRow is an incident as it stands in its row.
type incidentRow struct {
	incident.Incident
	sealed                         string
	told, created, declared, ended int64
}

func (r *incidentRow) dest() []any {
	return []any{&r.ID, &r.Epoch, &r.Action, &r.Scope, &r.State, &r.Paused, &r.sealed, &r.Actor, &r.Second, &r.Alone, &r.Covered, &r.Mailed,
		&r.told, &r.created, &r.declared, &r.ended}
}

func incidentCell(id string) secret.Place {
	return secret.Place{Table: "incident", Row: id, Column: "notice"}
}

// open unseals the row.
func (r *incidentRow) open(db *DB) (incident.Incident, error) {
	i := r.Incident
	i.ToldAt, i.CreatedAt, i.DeclaredAt, i.EndedAt = timeOf(r.told), timeOf(r.created), timeOf(r.declared), timeOf(r.ended)
	var w written
	plain, err := db.common.Open(r.sealed, incidentCell(i.ID))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &w)
	}
	if err != nil {
		return i, fmt.Errorf("opening incident %s: %w", i.ID, err)
	}
	i.Notice, i.Names = w.Parts, w.Names
	return i, nil
}

// written is what is sealed of an incident.
type written struct {
	notice.Parts
	Names string `json:"names,omitempty"`
}

func (db *DB) sealWritten(i incident.Incident) (string, error) {
	raw, err := json.Marshal(written{i.Notice, i.Names})
	if err != nil {
		return "", fmt.Errorf("writing an incident: %w", err)
	}
	return db.common.Seal(string(raw), incidentCell(i.ID)), nil
}

// ProposeIncident writes an incident that waits for a second administrator's word.
func (db *DB) ProposeIncident(ctx context.Context, i incident.Incident, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.insertIncident(ctx, t, i); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// insertIncident writes a row, in the place of its draft where there is one; ErrSpent when there is another row.
func (db *DB) insertIncident(ctx context.Context, t *tx, i incident.Incident) error {
	sealed, err := db.sealWritten(i)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM incident WHERE id = $1 AND state = 'draft'`, i.ID); err != nil {
		return err
	}
	n, err := t.exec(ctx, `INSERT INTO incident (id, epoch, action, scope, state, paused, notice, actor, second, alone, covered, mailed, cursor, told_at,
		created_at, declared_at, ended_at) VALUES ($1,$2,$3,$4,$5,FALSE,$6,$7,$8,$9,$10,0,'',0,$11,$12,0) ON CONFLICT (id) DO NOTHING`,
		i.ID, i.Epoch, string(i.Action), string(i.Scope), string(i.State), sealed, i.Actor, i.Second, i.Alone, i.Covered, ms(i.CreatedAt), ms(i.DeclaredAt))
	if err != nil {
		return fmt.Errorf("writing an incident: %w", err)
	}
	if n == 0 {
		return ErrSpent
	}
	return nil
}

// DeclareIncident steps the instance's clock and writes an incident of the new epoch, in one transaction that is as short for a million accounts
// as for one: what it requires of all is one number. ErrSpent when there is an incident of that id.
func (db *DB) DeclareIncident(ctx context.Context, i incident.Incident, c incident.Console, act audit.Act) (incident.Incident, error) {
	err := db.engine.write(ctx, func(t *tx) (err error) {
		if i.Epoch, err = db.strike(ctx, t, i, c, act.At); err != nil {
			return err
		}
		i.DeclaredAt = act.At
		if err := db.insertIncident(ctx, t, i); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
	return i, err
}

// ConfirmIncident declares what was proposed after a time by somebody else than the act's actor. ErrSpent.
func (db *DB) ConfirmIncident(ctx context.Context, id string, after time.Time, c incident.Console, act audit.Act) (i incident.Incident, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		if i, err = db.loadIncident(ctx, t, id); err != nil {
			return err
		}
		if i.Epoch, err = db.strike(ctx, t, i, c, act.At); err != nil {
			return err
		}
		i.State, i.Second, i.DeclaredAt = incident.Open, act.Done.Actor, act.At
		err := get(ctx, t, `UPDATE incident SET state = 'open', epoch = $1, second = $2, declared_at = $3, covered = (`+countAccounts+`)
			WHERE id = $4 AND state = 'proposed' AND created_at > $5 AND actor <> $2 RETURNING covered`,
			[]any{i.Epoch, i.Second, ms(act.At), id, ms(after)}, &i.Covered)
		if err != nil {
			return found(err, ErrSpent)
		}
		return db.leave(ctx, t, act)
	})
	return i, err
}

// strike steps the clock. What is required of everybody ends every sign-in with the same write, and the floor keeps them ended if it is withdrawn.
// The console is born in the new epoch.
func (db *DB) strike(ctx context.Context, t *tx, i incident.Incident, c incident.Console, now time.Time) (epoch int64, err error) {
	stamp := credential.Stamp{}
	if c.AccountID != "" {
		if _, err := db.lock(ctx, t, c.AccountID); err != nil {
			return 0, err
		}
		if err := get(ctx, t, `SELECT epoch FROM account WHERE id = $1`, []any{c.AccountID}, &stamp.Account); err != nil {
			return 0, found(err, account.ErrNotFound)
		}
		if i.Scope == incident.List { // its own step is still to come
			stamp.Account++
		}
	}
	if epoch, err = stepInstance(ctx, t, now); err != nil {
		return 0, err
	}
	if i.Action == incident.Require && i.Scope == incident.All {
		if _, err := t.exec(ctx, `UPDATE instance SET floor = epoch, incident = epoch WHERE id = 1`); err != nil {
			return 0, err
		}
		if err := logoutWalk(ctx, t); err != nil {
			return 0, err
		}
	}
	if c.AccountID == "" {
		return epoch, nil
	}
	stamp.Born = epoch
	_, err = db.insertCredential(ctx, t, newCredential{kind: credential.Console, token: c.Token, accountID: c.AccountID, subject: i.ID, stamp: stamp}, now)
	return epoch, err
}

// WithdrawIncident ends an incident that was declared or proposed, while it is still in the state in which somebody saw it. Old passwords count
// again at once where it covered everybody; where it covered a list, UnlistIncident goes through it. ErrSpent.
func (db *DB) WithdrawIncident(ctx context.Context, id string, state incident.State, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := lockInstance(ctx, t); err != nil { // nobody declares between the look and the step back
			return err
		}
		n, err := t.exec(ctx, `UPDATE incident SET state = 'withdrawn', ended_at = $1 WHERE id = $2 AND state = $3 AND state IN ('proposed', 'listing', 'open')`,
			ms(act.At), id, string(state))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSpent
		}
		_, err = t.exec(ctx, `UPDATE instance SET incident = COALESCE((SELECT MAX(epoch) FROM incident WHERE scope = 'all' AND action = 'require' AND state = 'open'), 0)
			WHERE id = 1`)
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// IncidentSince reports whether an incident that was declared after a time requires new passwords, of all or of a list.
func (db *DB) IncidentSince(ctx context.Context, after time.Time) (bool, error) {
	var n int64
	err := get(ctx, db.engine.read(), `SELECT COUNT(*) FROM incident i WHERE i.state IN ('open', 'listing') AND i.action = 'require' AND i.declared_at > $1`,
		[]any{ms(after)}, &n)
	return n > 0, err
}

// LoadIncident returns an incident; incident.ErrNotFound.
func (db *DB) LoadIncident(ctx context.Context, id string) (incident.Incident, error) {
	return db.loadIncident(ctx, db.engine.read(), id)
}

func (db *DB) loadIncident(ctx context.Context, q querier, id string) (incident.Incident, error) {
	var r incidentRow
	if err := get(ctx, q, `SELECT `+incidentColumns+` FROM incident i WHERE i.id = $1 AND i.state <> 'draft'`, []any{id}, r.dest()...); err != nil {
		return incident.Incident{}, found(err, incident.ErrNotFound)
	}
	return r.open(db)
}

// ListIncidents returns incidents, newest first, a page at a time.
func (db *DB) ListIncidents(ctx context.Context, before string, limit int) ([]incident.Incident, error) {
	text, args := `SELECT `+incidentColumns+` FROM incident i WHERE i.state <> 'draft'`, []any{int64(limit)}
	if before != "" {
		text, args = text+` AND i.id < $2`, append(args, before)
	}
	return db.incidents(ctx, db.engine.read(), text+` ORDER BY i.id DESC LIMIT $1`, args)
}

func (db *DB) incidents(ctx context.Context, q querier, text string, args []any) (all []incident.Incident, err error) {
	err = each(ctx, q, text, args, func(row scanner) error {
		var r incidentRow
		if err := row.Scan(r.dest()...); err != nil {
			return err
		}
		i, err := r.open(db)
		all = append(all, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading incidents: %w", err)
	}
	return all, nil
}

// IncidentsCovering returns the newest incidents that cover an account or covered it, newest first.
func (db *DB) IncidentsCovering(ctx context.Context, accountID string, limit int) ([]incident.Incident, error) {
	return db.incidents(ctx, db.engine.read(), `SELECT `+incidentColumns+` FROM incident i WHERE i.epoch > 0 AND (i.scope = 'all'
		OR EXISTS (SELECT 1 FROM incident_account l WHERE l.incident_id = i.id AND l.account_id = $1)) ORDER BY i.epoch DESC LIMIT $2`,
		[]any{accountID, int64(limit)})
}

// countAccounts counts the accounts but for managed members, each by an index of its own.
const countAccounts = `SELECT (SELECT COUNT(*) FROM account) - (SELECT COUNT(*) FROM account WHERE home_owner <> '')`

// CountIncident returns how many accounts there are, and how many administrators among them.
func (db *DB) CountIncident(ctx context.Context) (c incident.Counts, err error) {
	err = get(ctx, db.engine.read(), `SELECT (`+countAccounts+`), (SELECT COUNT(*) FROM account WHERE admin = TRUE)`, nil, &c.Accounts, &c.Admins)
	return c, err
}

// CountWaiting returns how many accounts an incident covers whose owner has set no password since.
func (db *DB) CountWaiting(ctx context.Context, i incident.Incident) (n int64, err error) {
	text, args := `SELECT COUNT(*) FROM account WHERE secured < $1`, []any{i.Epoch}
	if i.Scope == incident.List {
		text = `SELECT COUNT(*) FROM incident_account l JOIN account a ON a.id = l.account_id WHERE l.incident_id = $2 AND a.secured < $1`
		args = append(args, i.ID)
	}
	err = get(ctx, db.engine.read(), text, args, &n)
	return n, err
}

// ListWaiting returns accounts that CountWaiting counts, in the order of their numbers, a page at a time.
func (db *DB) ListWaiting(ctx context.Context, i incident.Incident, after string, limit int) (all []account.Account, err error) {
	err = db.eachWaiting(ctx, db.engine.read(), i, after, limit, func(a account.Account) error {
		all = append(all, a)
		return nil
	})
	return all, err
}

// eachWaiting walks the accounts that an incident waits for, opened but for their passwords.
func (db *DB) eachWaiting(ctx context.Context, q querier, i incident.Incident, after string, limit int, one func(account.Account) error) error {
	text, args := ` FROM account a WHERE a.secured + 0 < $1 AND a.id > $2 ORDER BY a.id LIMIT $3`, []any{i.Epoch, after, int64(limit)} // + 0: in the order of the numbers
	if i.Scope == incident.List {
		text = ` FROM incident_account l JOIN account a ON a.id = l.account_id WHERE l.incident_id = $4 AND l.account_id > $2 AND a.secured + 0 < $1 ORDER BY l.account_id LIMIT $3`
		args = append(args, i.ID)
	}
	r := db.ring()
	return each(ctx, q, `SELECT `+accountColumns+text, args, func(row scanner) error {
		var s sealedAccount
		if err := row.Scan(s.dest()...); err != nil {
			return err
		}
		a, err := s.openPerson(r)
		if err != nil {
			return err
		}
		return one(a)
	})
}
