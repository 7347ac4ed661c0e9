package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/notice"
)

// PauseIncident keeps notices from being queued. ErrSpent when the incident does not hold, or is paused.
func (db *DB) PauseIncident(ctx context.Context, id string, act audit.Act) error {
	return db.setPaused(ctx, id, true, act)
}

// ResumeIncident lets notices be queued again. ErrSpent when the incident does not hold, or is not paused.
func (db *DB) ResumeIncident(ctx context.Context, id string, act audit.Act) error {
	return db.setPaused(ctx, id, false, act)
}

func (db *DB) setPaused(ctx context.Context, id string, paused bool, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE incident SET paused = $1 WHERE id = $2 AND paused <> $1 AND state IN ('open', 'listing')`, paused, id)
		if err != nil {
			return found(err, ErrSpent)
		}
		if n == 0 {
			return ErrSpent
		}
		return db.leave(ctx, t, act)
	})
}

// IncidentsToTell returns the incidents with people who were not told yet, oldest first.
func (db *DB) IncidentsToTell(ctx context.Context) ([]incident.Incident, error) {
	return db.incidents(ctx, db.engine.read(), `SELECT `+incidentColumns+` FROM incident i WHERE i.state = 'open' AND NOT i.paused AND i.told_at = 0 ORDER BY i.epoch`, nil)
}

// NoticesWaiting counts the mail that everything else overtakes, no further than most.
func (db *DB) NoticesWaiting(ctx context.Context, most int) (n int, err error) {
	err = get(ctx, db.engine.read(), `SELECT COUNT(*) FROM (SELECT id FROM mail WHERE state = 'waiting' AND priority = $1 LIMIT $2) AS counted`,
		[]any{int64(notice.PriorityLater), int64(most)}, &n)
	return n, err
}

// TellIncident posts the notices of the next accounts that an incident waits for and moves its cursor on, all in one transaction: each account is
// told once, whatever is killed. It returns how many were told; fewer than limit means that everybody is. Nobody is when it is paused or ended.
func (db *DB) TellIncident(ctx context.Context, i incident.Incident, limit int, now time.Time, letters incident.Letters) (told int, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		var cursor string
		err := get(ctx, t, `UPDATE incident SET state = state WHERE id = $1 AND state = 'open' AND NOT paused AND told_at = 0 RETURNING cursor`, []any{i.ID}, &cursor)
		if errors.Is(err, errNoRow) {
			told = 0
			return nil
		}
		if err != nil {
			return err
		}
		var people []account.Account
		err = db.eachWaiting(ctx, t, i, cursor, limit, func(a account.Account) error {
			people = append(people, a)
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading who is to be told: %w", err)
		}
		for _, a := range people {
			for _, n := range letters(i, a, db.ring().CheckCode(i.ID, a.ID)) {
				if err := db.post(ctx, t, n, now); err != nil {
					return err
				}
			}
			cursor = a.ID
		}
		told = len(people)
		done := int64(0)
		if told < limit {
			done = ms(now)
		}
		_, err = t.exec(ctx, `UPDATE incident SET cursor = $1, mailed = mailed + $2, told_at = $3 WHERE id = $4`, cursor, int64(told), done, i.ID)
		return err
	})
	return told, err
}

// FindNotices returns what was sent to whoever has a handle, with the codes. For nobody it asks the same and makes the same, and says so.
func (db *DB) FindNotices(ctx context.Context, h account.Handle, limit int) (all []incident.Sent, known bool, err error) {
	ids, err := db.ResolveHandles(ctx, []account.Handle{h})
	if err != nil {
		return nil, false, err
	}
	covering, err := db.IncidentsCovering(ctx, ids[0], limit)
	if err != nil {
		return nil, false, err
	}
	r := db.ring()
	for _, i := range covering {
		all = append(all, incident.Sent{Incident: i, Check: r.CheckCode(i.ID, ids[0])})
	}
	return all, ids[0] != "", nil
}
