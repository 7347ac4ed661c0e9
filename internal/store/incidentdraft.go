package store

import (
	"context"

	"usher/internal/incident"
)

// SaveDraft writes what an actor has written of an incident, or writes it over. ErrSpent when the draft is another's, or none any more.
func (db *DB) SaveDraft(ctx context.Context, i incident.Incident) error {
	sealed, err := db.sealWritten(i)
	if err != nil {
		return err
	}
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `INSERT INTO incident (id, epoch, action, scope, state, paused, notice, actor, second, alone, covered, mailed, cursor, told_at,
			created_at, declared_at, ended_at) VALUES ($1,0,$2,$3,'draft',FALSE,$4,$5,'',FALSE,0,0,'',0,$6,0,0) ON CONFLICT (id) DO UPDATE
			SET action = excluded.action, scope = excluded.scope, notice = excluded.notice WHERE incident.state = 'draft' AND incident.actor = excluded.actor`,
			i.ID, string(i.Action), string(i.Scope), sealed, i.Actor, ms(i.CreatedAt))
		if err == nil && n == 0 {
			err = ErrSpent
		}
		return err
	})
}

// LoadDraft returns an actor's draft; incident.ErrNotFound.
func (db *DB) LoadDraft(ctx context.Context, actor, id string) (incident.Incident, error) {
	var r incidentRow
	err := get(ctx, db.engine.read(), `SELECT `+incidentColumns+` FROM incident i WHERE i.id = $1 AND i.state = 'draft' AND i.actor = $2`, []any{id, actor}, r.dest()...)
	if err != nil {
		return incident.Incident{}, found(err, incident.ErrNotFound)
	}
	return r.open(db)
}

// ListDrafts returns an actor's drafts, newest first.
func (db *DB) ListDrafts(ctx context.Context, actor string) ([]incident.Incident, error) {
	return db.incidents(ctx, db.engine.read(), `SELECT `+incidentColumns+` FROM incident i WHERE i.state = 'draft' AND i.actor = $1 ORDER BY i.id DESC LIMIT 50`, []any{actor})
}

// DropDraft throws an actor's draft away; that there is none is fine.
func (db *DB) DropDraft(ctx context.Context, actor, id string) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM incident WHERE id = $1 AND state = 'draft' AND actor = $2`, id, actor)
		return found(err, nil)
	})
}
