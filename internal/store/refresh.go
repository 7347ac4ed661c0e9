package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/secret"
)

// rotation is how a refresh token's secrets stand: keyed hashes of the one that counts and of the one it replaced, when that was, and for which request.
type rotation struct {
	current, former string
	at              int64
	request         string
}

func (r rotation) String() string {
	return strings.Join([]string{r.current, r.former, strconv.FormatInt(r.at, 10), r.request}, " ")
}

func parseRotation(text string) (r rotation) {
	parts := strings.Split(text, " ")
	if len(parts) != 4 {
		return r
	}
	r.current, r.former, r.request = parts[0], parts[1], parts[3]
	r.at, _ = strconv.ParseInt(parts[2], 10, 64) // what we wrote
	return r
}

// RotateRefresh puts the next secret of a refresh token in the place of the presented one, and notes that its app was used. It returns when the secret
// was replaced: now, or within grant.RefreshGrace when the very same request comes again. Any other secret ends the grant: grant.ErrReused. ErrSpent
// when it has ended meanwhile; ErrUnavailable when another node has rotated it under a key that this one has not read yet.
func (db *DB) RotateRefresh(ctx context.Context, f credential.Found, r grant.Rotation) (at time.Time, err error) {
	reused := false
	presented, request := db.ring().HashShort(f.Hash, r.Secret), db.ring().HashShort(f.Hash, secret.TokenOf(r.Request))
	next := rotation{db.ring().HashShort(f.Hash, r.Next)[0], presented[0], ms(r.At), request[0]}
	err = db.engine.write(ctx, func(t *tx) error {
		at, reused = r.At, false
		if turned, err := turn(ctx, t, f, next); err != nil || turned {
			return err
		}
		var stored string
		// Written before it is read, so that of two at once one waits for the other.
		err := get(ctx, t, `UPDATE credential SET rotation = rotation WHERE hash = $1 AND kind = $2 RETURNING rotation`, []any{f.Hash, string(credential.Refresh)}, &stored)
		if err != nil {
			return found(err, ErrSpent)
		}
		was := parseRotation(stored)
		if err := db.checkRing(was); err != nil {
			return err
		}
		switch {
		case contains(presented, was.current): // under an older key
			next.former = was.current
			return rotate(ctx, t, f, next)
		case contains(presented, was.former) && contains(request, was.request) && r.At.Sub(timeOf(was.at)) <= grant.RefreshGrace:
			at = timeOf(was.at)
			return nil
		}
		reused = true
		if err := endGrant(ctx, t, f.Hash, r.At); err != nil {
			return err
		}
		return db.leave(ctx, t, r.Reuse)
	})
	if err == nil && reused {
		err = grant.ErrReused
	}
	return at, err
}

// turn rotates a refresh token that stands under the newest key, as nearly every one does, by one comparing statement. Otherwise it changes nothing.
func turn(ctx context.Context, t *tx, f credential.Found, next rotation) (turned bool, err error) {
	counts := next.former + " "
	n, err := t.exec(ctx, `UPDATE credential SET rotation = $1 WHERE hash = $2 AND kind = $3 AND SUBSTR(rotation, 1, `+strconv.Itoa(len(counts))+`) = $4`,
		next.String(), f.Hash, string(credential.Refresh), counts)
	if err != nil || n == 0 {
		return false, err
	}
	return true, noteRefresh(ctx, t, f, next)
}

func rotate(ctx context.Context, t *tx, f credential.Found, next rotation) error {
	if _, err := t.exec(ctx, `UPDATE credential SET rotation = $1 WHERE hash = $2`, next.String(), f.Hash); err != nil {
		return err
	}
	return noteRefresh(ctx, t, f, next)
}

// noteRefresh notes that the app was used.
func noteRefresh(ctx context.Context, t *tx, f credential.Found, next rotation) error {
	_, err := t.exec(ctx, `UPDATE device SET used_at = $1 WHERE id = $2 AND used_at < $1`, next.at, f.DeviceID)
	return err
}

// CheckRefresh reports whether a secret is the one of a refresh token that counts, and changes nothing. ErrUnavailable as with RotateRefresh.
func (db *DB) CheckRefresh(ctx context.Context, hash string, presented secret.Token) (bool, error) {
	var stored string
	err := get(ctx, db.engine.point(), `SELECT rotation FROM credential WHERE hash = $1 AND kind = $2`, []any{hash, string(credential.Refresh)}, &stored)
	if err != nil {
		return false, found(err, nil)
	}
	r := parseRotation(stored)
	return contains(db.ring().HashShort(hash, presented), r.current), db.checkRing(r)
}

// checkRing reports whether this node can tell the secret that counts from an older one; ErrUnavailable.
func (db *DB) checkRing(r rotation) error {
	if r.current == "" || db.ring().Hashed(r.current) {
		return nil
	}
	return fmt.Errorf("%w: a refresh token stands under a key that this ring has not", ErrUnavailable)
}

func contains(hashes []string, stored string) bool {
	for _, h := range hashes {
		if stored != "" && h == stored {
			return true
		}
	}
	return false
}
