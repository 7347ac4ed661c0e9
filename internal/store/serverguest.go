package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/stream"
)

func guestCell(id string) secret.Place {
	return secret.Place{Table: "server_access", Row: id, Column: "label"}
}

// guestHashes are the keyed hashes under which somebody may stand on a list, the newest key's first. They are hashed as tokens are, whose keys are never dropped.
func (db *DB) guestHashes(h account.Handle) []string {
	return db.ring().HashToken("guest", secret.TokenOf(string(h.Kind)+"\x00"+h.Value))
}

// meantHashes are the keyed hashes of an account, the newest key's first, under which lines with a user name are its own.
func (db *DB) meantHashes(accountID string) []string {
	return db.ring().HashToken("guest account", secret.TokenOf(accountID))
}

// meant is for whom a line counts: of a user name for the account that has it now, whatever that is called later, and where none has it for nobody, ever, which
// looks the same; of an address for whoever confirms it.
func (db *DB) meant(h account.Handle, holder string) string {
	if h.Kind == account.ByUserName {
		return db.meantHashes(holder)[0]
	}
	return db.guestHashes(h)[0]
}

// holderOf is the account whose name or address it is now that an owner typed; where it is nobody's, the id that is given for nobody, which no account has.
func (db *DB) holderOf(ctx context.Context, t *tx, h account.Handle, nobody string) (string, error) {
	holder := nobody
	list, args := oneOf(nil, db.ring().Index(string(h.Kind), h.Value))
	err := get(ctx, t, `SELECT account_id FROM handle WHERE held_until = 0 AND hash IN `+list, args, &holder)
	return holder, found(err, nil)
}

// AdmitGuest writes somebody on the list of a server of an account, once, whether there is such an account or not; who stands there is invited again, and on the
// terms that were given last. A user name by which nobody has come counts anew for whoever has it now. Who came by a name or an address that is somebody else's
// now stays what they are, and the other gets a line. server.ErrNotFound, server.ErrTooMany; *ratelimit.LimitedError as act counts.
func (db *DB) AdmitGuest(ctx context.Context, accountID, serverID string, g server.Guest, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, key, err := db.lockServer(ctx, t, accountID, serverID)
		if err != nil {
			return err
		}
		holder, err := db.holderOf(ctx, t, g.Handle, g.ID)
		if err != nil {
			return err
		}
		meant := db.meant(g.Handle, holder)
		hashes := db.guestHashes(g.Handle)
		list, args := oneOf([]any{serverID, holder}, hashes)
		var twin string
		err = get(ctx, t, `SELECT id FROM server_access WHERE server_id = $1 AND account_id IN ('', $2) AND handle IN `+list+` ORDER BY account_id DESC, id LIMIT 1`, args, &twin)
		switch {
		case err == nil:
			err = db.admitAgain(ctx, t, server.Guest{ID: twin, Terms: g.Terms, InvitedAt: g.InvitedAt}, serverID, meant)
		case errors.Is(err, errNoRow):
			err = insertGuest(ctx, t, serverID, g, sealedGuest{hashes[0], meant, key.Seal(g.Label, guestCell(g.ID))})
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act) // whatever that has changed: the record would tell whether there is such an account
	})
}

// sealedGuest is what a line says of whom it is for.
type sealedGuest struct{ handle, meant, label string }

func insertGuest(ctx context.Context, t *tx, serverID string, g server.Guest, s sealedGuest) error {
	var have int64
	if err := get(ctx, t, `SELECT COUNT(*) FROM server_access WHERE server_id = $1 AND home = FALSE`, []any{serverID}, &have); err != nil {
		return err
	}
	if have >= server.MostGuests {
		return server.ErrTooMany
	}
	_, err := t.exec(ctx, `INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at, invited_at, role, ends_at) VALUES ($1,$2,$3,$4,$5,'',$6,$7,$8,$9)`,
		g.ID, serverID, s.handle, s.meant, s.label, ms(g.AddedAt), ms(g.InvitedAt), string(g.Role), ms(g.EndsAt))
	if err != nil {
		return fmt.Errorf("writing a guest: %w", err)
	}
	return nil
}

// admitAgain changes a line that stands on a list already.
func (db *DB) admitAgain(ctx context.Context, t *tx, g server.Guest, serverID, meant string) error {
	_, err := t.exec(ctx, `UPDATE server_access SET meant = $1, invited_at = $2, declined_at = 0 WHERE id = $3 AND account_id = ''`, meant, ms(g.InvitedAt), g.ID)
	if err != nil {
		return err
	}
	return changeLine(ctx, t, serverID, g.ID, g.Terms, g.InvitedAt)
}

// ChangeGuest lets somebody on the list of a server of an account in as something else, or until another day; who has come by it is asked about anew.
// server.ErrNotFound.
func (db *DB) ChangeGuest(ctx context.Context, accountID, serverID, guestID string, to server.Terms, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, _, err := db.lockServer(ctx, t, accountID, serverID); err != nil {
			return err
		}
		if err := changeLine(ctx, t, serverID, guestID, to, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// changeLine sets the terms of a line, and tells the server where they are others and somebody has come by it. server.ErrNotFound.
func changeLine(ctx context.Context, t *tx, serverID, guestID string, to server.Terms, now time.Time) error {
	var before server.Group
	var ended int64
	var who string
	err := get(ctx, t, `SELECT role, ends_at, account_id FROM server_access WHERE id = $1 AND server_id = $2 AND home = FALSE`, []any{guestID, serverID}, &before, &ended, &who)
	if err != nil {
		return found(err, server.ErrNotFound)
	}
	if before == to.Role && ended == ms(to.EndsAt) {
		return nil
	}
	if _, err := t.exec(ctx, `UPDATE server_access SET role = $1, ends_at = $2 WHERE id = $3`, string(to.Role), ms(to.EndsAt), guestID); err != nil {
		return err
	}
	if who == "" {
		return nil
	}
	return signalClient(ctx, t, happened{stream.AllEnded, now}, serverID, stream.Signal{AccountID: who})
}

// DismissGuest takes somebody off the list of a server of an account, with every line by which they came, and ends what was made there for them, which stands in
// their record too. Whom the owner's Home lets in besides is let in still, anew. server.ErrNotFound.
func (db *DB) DismissGuest(ctx context.Context, accountID, serverID, guestID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		s, _, err := db.lockServer(ctx, t, accountID, serverID)
		if err != nil {
			return err
		}
		if _, err := db.lockClient(ctx, t, serverID); err != nil { // who comes in at this moment holds the guest's account and the client
			return found(err, server.ErrNotFound)
		}
		var who string
		err = get(ctx, t, `DELETE FROM server_access WHERE id = $1 AND server_id = $2 AND home = FALSE RETURNING account_id`, []any{guestID, serverID}, &who)
		if err != nil {
			return found(err, server.ErrNotFound)
		}
		if who != "" {
			if _, err := t.exec(ctx, `DELETE FROM server_access WHERE server_id = $1 AND account_id = $2 AND home = FALSE`, serverID, who); err != nil {
				return err
			}
			if err := endAtServer(ctx, t, serverID, who); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `DELETE FROM consent WHERE account_id = $1 AND client_id = $2`, who, serverID); err != nil {
				return err
			}
			if err := signalClient(ctx, t, happened{stream.AllEnded, act.At}, serverID, stream.Signal{AccountID: who}); err != nil {
				return err
			}
			theirs := audit.New(act.At, audit.ServerTakenAway, accountID, who).With(audit.Device, s.Name)
			if err := db.leave(ctx, t, theirs); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

// ListGuests returns whom the owner of a server lets in besides, but for members of the Home, in the order of their coming, and who came in by each line. server.ErrNotFound.
func (db *DB) ListGuests(ctx context.Context, accountID, serverID string) ([]server.Guest, error) {
	var owner string
	if err := get(ctx, db.engine.point(), `SELECT account_id FROM server WHERE id = $1 AND account_id = $2`, []any{serverID, accountID}, &owner); err != nil {
		return nil, found(err, server.ErrNotFound)
	}
	var all []server.Guest
	err := each(ctx, db.engine.read(), `SELECT l.id, l.label, l.role, l.ends_at, l.added_at, l.invited_at, l.seen_at, l.account_id, COALESCE(a.user_name, '')
		FROM server_access l LEFT JOIN account a ON a.id = l.account_id AND l.account_id <> '' WHERE l.server_id = $1 AND l.home = FALSE ORDER BY l.id`, []any{serverID}, func(row scanner) error {
		var g server.Guest
		var ends, added, invited, seen int64
		err := row.Scan(&g.ID, &g.Label, &g.Role, &ends, &added, &invited, &seen, &g.Came.AccountID, &g.Came.UserName)
		g.EndsAt, g.AddedAt, g.InvitedAt, g.Came.SeenAt = timeOf(ends), timeOf(added), timeOf(max(added, invited)), timeOf(seen)
		all = append(all, g)
		return err
	})
	open := db.opener(ctx)
	for i := range all {
		g := &all[i]
		if err == nil {
			g.Label, err = open(accountID, g.Label, guestCell(g.ID))
		}
		if err == nil && g.Came.UserName != "" {
			g.Came.UserName, err = open(g.Came.AccountID, g.Came.UserName, accountCell(g.Came.AccountID, "user_name"))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the guests: %w", err)
	}
	return all, nil
}

const (
	// lasts is true of a line g whose end is not over at the time $3.
	lasts = `(g.ends_at = 0 OR g.ends_at > $3)`
	// better orders lines g: first the one by which an account may most, and for longest.
	better = `CASE g.role WHEN 'household' THEN 0 ELSE 1 END, CASE g.ends_at WHEN 0 THEN 0 ELSE 1 END, g.ends_at DESC, g.id`
	best   = ` ORDER BY ` + better
)

// FindGroup returns what an account is to a server at a time, or would be if it came: its owner, somebody on its list, or server.Nobody.
func (db *DB) FindGroup(ctx context.Context, serverID string, a account.Account, now time.Time) (group server.Group, err error) {
	address, err := a.ProvedAddress()
	if err != nil {
		return server.Nobody, err
	}
	var owner string
	open, args := db.openLines([]any{serverID, a.ID, ms(now)}, a.ID, address, now)
	// By the account ids SQLite searches a long list. PostgreSQL, which is told that nobody's id is '', expects few lines whoever asks, also where nearly all wait
	// for others, and so plans once and not each time.
	err = get(ctx, db.engine.point(), `SELECT s.account_id, COALESCE((SELECT g.role FROM server_access g WHERE g.server_id = $1 AND g.account_id IN ('', $2) AND `+lasts+` AND (g.account_id = $2 AND g.account_id <> '' OR `+open+`)`+best+` LIMIT 1), '')
		FROM server s WHERE s.id = $1`, args, &owner, &group)
	switch {
	case err != nil:
		return server.Nobody, found(err, nil)
	case owner == a.ID:
		return server.Owner, nil
	}
	return group, nil
}

// openLines is the condition for lines g of a list by which nobody has come yet, and an account can: by its confirmed address, or because it had the user name
// when that was written there; and not too long after it was invited. It takes its arguments after those given.
func (db *DB) openLines(args []any, accountID string, address []account.Handle, now time.Time) (string, []any) {
	hashes := db.meantHashes(accountID)
	for _, h := range address {
		hashes = append(hashes, db.guestHashes(h)...)
	}
	meant, args := oneOf(args, hashes)
	lapsed, args := oneOf(args, []int64{ms(now.Add(-server.InvitationLife))})
	return `g.account_id = '' AND g.meant IN ` + meant + ` AND (g.invited_at > ` + lapsed + ` OR g.added_at > ` + lapsed + `)`, args
}

// comeIn makes the lines by which somebody who is not the owner comes to a server the account's own, for good. ErrSpent when there is none; *ratelimit.LimitedError.
func (db *DB) comeIn(ctx context.Context, t *tx, serverID string, a grant.Approval, now time.Time) error {
	if _, err := db.takeLines(ctx, t, serverID, a, now); err != nil {
		return err
	}
	return checkIn(ctx, t, serverID, a.AccountID, now)
}

// takeLines makes the lines by which an account can come in at a server its own, and returns how many there were. The server is told, since what it refused
// before may count now; and that everything has ended, where it let the account in before as something else. It stands in the record of the server's owner:
// *ratelimit.LimitedError for who comes and leaves again and again.
func (db *DB) takeLines(ctx context.Context, t *tx, serverID string, a grant.Approval, now time.Time) (int, error) {
	what := stream.CameIn
	if checkIn(ctx, t, serverID, a.AccountID, now) == nil {
		what = stream.AllEnded
	}
	open, args := db.openLines([]any{a.AccountID, serverID, ms(now)}, a.AccountID, a.Address, now)
	var taken []takenLine
	err := each(ctx, t, `UPDATE server_access AS g SET account_id = $1, taken_at = $3, declined_at = 0 WHERE g.server_id = $2 AND `+lasts+` AND `+open+` RETURNING id, label`, args, func(row scanner) error {
		var one takenLine
		err := row.Scan(&one.id, &one.label)
		taken = append(taken, one)
		return err
	})
	if err != nil || len(taken) == 0 {
		return 0, err
	}
	if err := db.take(ctx, t, []ratelimit.Take{ratelimit.ServerArrivals.For(serverID + "\x00" + a.AccountID)}, now); err != nil {
		return 0, err
	}
	// Whoever says yes says no no more.
	if _, err := t.exec(ctx, `DELETE FROM declined WHERE account_id = $1 AND owner_id = (SELECT s.account_id FROM server s WHERE s.id = $2)`, a.AccountID, serverID); err != nil {
		return 0, err
	}
	if err := signalClient(ctx, t, happened{what, now}, serverID, stream.Signal{AccountID: a.AccountID}); err != nil {
		return 0, err
	}
	return len(taken), db.recordGuests(ctx, t, serverID, a.AccountID, taken, now)
}

// takenLine is a line by which somebody has just come in, with its label sealed.
type takenLine struct{ id, label string }

// recordGuests writes into the record of a server's owner by which of their invitations somebody came in.
func (db *DB) recordGuests(ctx context.Context, t *tx, serverID, accountID string, taken []takenLine, now time.Time) error {
	var row heldRow
	if err := get(ctx, t, selectServer+joinServer+` WHERE s.id = $1`, []any{serverID}, row.dest()...); err != nil {
		return err
	}
	h, err := row.open(db)
	if err != nil {
		return err
	}
	for _, line := range taken {
		label, err := db.openFor(h.AccountID, row.wrapped, line.label, guestCell(line.id))
		if err != nil {
			return err
		}
		act := audit.New(now, audit.GuestCame, accountID, h.AccountID).With(audit.Device, h.Name).With(audit.Guest, label)
		if err := db.leave(ctx, t, act); err != nil {
			return err
		}
	}
	return nil
}

// checkIn reports whether somebody who is not the owner has come to a server by its list, and still may. ErrSpent.
func checkIn(ctx context.Context, t *tx, serverID, accountID string, now time.Time) error {
	var lines int64
	err := get(ctx, t, `SELECT COUNT(*) FROM server_access g WHERE g.server_id = $2 AND g.account_id = $1 AND `+lasts, []any{accountID, serverID, ms(now)}, &lines)
	if err == nil && lines == 0 {
		err = ErrSpent
	}
	return err
}
