package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/password"
	"usher/internal/passwordpolicy"
	"usher/internal/testdb"
)

// noted notes the statements that pass an engine, and where transactions begin and end.
type noted struct {
	engine
	texts *[]string
}

func (n noted) note(text string) { *n.texts = append(*n.texts, text) }

func (n noted) read() querier  { return notedQuerier{n.engine.read(), n} }
func (n noted) point() querier { return notedQuerier{n.engine.point(), n} }
func (n noted) write(ctx context.Context, fn func(*tx) error) error {
	n.note("BEGIN")
	err := n.engine.write(ctx, func(t *tx) error {
		t.querier = notedQuerier{t.querier, n}
		return fn(t)
	})
	if err != nil {
		n.note("ROLLBACK")
		return err
	}
	n.note("COMMIT")
	return nil
}

type notedQuerier struct {
	querier
	noted noted
}

func (q notedQuerier) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	q.noted.note(text)
	return q.querier.query(ctx, text, args...)
}

func (q notedQuerier) exec(ctx context.Context, text string, args ...any) (int64, error) {
	q.noted.note(text)
	return q.querier.exec(ctx, text, args...)
}

// rows counts the rows of tables.
func (db *DB) rows(t *testing.T, tables ...string) (rows int) {
	t.Helper()
	for _, table := range tables {
		var n int
		if err := get(t.Context(), db.engine.read(), `SELECT COUNT(*) FROM `+table, nil, &n); err != nil {
			t.Fatal(err)
		}
		rows += n
	}
	return rows
}

// Attack R10: asking for a reset does the same number of statements and writes the same rows for an account, for nobody, for a locked
// account and for one that asks too often.
func TestAskingForAResetCostsTheSame(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		now := began
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		db := openTest(t, url)
		var texts []string
		db.engine = noted{db.engine, &texts}
		pool, err := argon2id.NewPool(1, 8, argon2id.DefaultParams())
		must(err)
		clock := func() time.Time { return now }
		flow := password.Service{Store: db, Hasher: pool, Resolver: &credential.Resolver{Store: db, Now: clock}, Policy: passwordpolicy.Policy{}, Now: clock}
		for i, state := range []account.State{account.Active, account.Locked, account.Active} {
			a := account.Account{Standing: account.Standing{ID: id.New(now), State: state, Epoch: 1, PasswordVersion: 1}, Email: fmt.Sprintf("person%d@example.org", i), CreatedAt: now}
			handles, err := a.Handles()
			must(err)
			must(db.CreateAccount(t.Context(), a, handles, audit.Act{At: now}))
		}
		source := 0
		ask := func(login string) (statements, rows int) {
			t.Helper()
			source++
			client := device.Client{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(source)})}
			before := db.rows(t, "audit", "credential", "mail")
			texts = nil
			must(flow.Ask(t.Context(), login, client))
			statements = len(texts)
			return statements, db.rows(t, "audit", "credential", "mail") - before
		}
		ask("person2@example.org") // what is made once is made
		ask("nobody0@example.org")
		statements, rows := ask("person0@example.org")
		for i := range 5 { // beyond three an hour, silently
			for _, login := range []string{"nobody1@example.org", "person1@example.org", "person2@example.org", "nobody"} {
				gotStatements, gotRows := ask(login)
				// A counter that stands at its limit is read once more, for anybody.
				if extra := gotStatements - statements; extra < 0 || extra > 1 || extra == 1 && i < 2 {
					t.Errorf("%s, time %d: %d statements, an account has %d", login, i, gotStatements, statements)
				}
				if login != "person2@example.org" && gotRows != rows || gotRows > rows {
					t.Errorf("%s, time %d: %d rows more, an account has %d", login, i, gotRows, rows)
				}
			}
		}
		if hashes := pool.Stats().Hashes; hashes != 0 {
			t.Errorf("%d hashes", hashes)
		}
	})
}
