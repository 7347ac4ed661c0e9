package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// fault marks an error of either database that means "not now" with ErrUnavailable, and leaves every other as it is. What fails because its
// caller gave up says so, whatever the driver made of it.
func fault(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	var n net.Error
	if _, bound := ctx.Deadline(); bound && errors.As(err, &n) && n.Timeout() { // the network's clock was a moment earlier
		return context.DeadlineExceeded
	}
	if err == nil || errors.Is(err, ErrUnavailable) || !isOutage(err) {
		return err
	}
	var c *pgconn.ConnectError
	if errors.As(err, &c) { // whose text tells where the database is and who it is used by
		err = pgPlain(err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// isBusy reports that another connection holds SQLite's file.
func isBusy(err error) bool {
	var s *sqlite.Error
	return errors.As(err, &s) && s.Code()&0xff == sqlite3.SQLITE_BUSY
}

func isOutage(err error) bool {
	var s *sqlite.Error
	if errors.As(err, &s) {
		return isSQLiteOutage(s.Code())
	}
	var c *pgconn.ConnectError
	if errors.As(err, &c) { // a server that lets nobody in is out, whatever its reason
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	if code := pgCode(err); code != "" {
		return isPostgresOutage(code)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) || isClosed(err)
}

// isClosed knows the errors of a closed pool and of a closed connection, which have no values to compare with.
func isClosed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database is closed") || strings.Contains(text, "conn closed") || strings.Contains(text, "statement is closed")
}

func isSQLiteOutage(code int) bool {
	switch code & 0xff { // the primary code of an extended one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// isPostgresOutage goes by the classes of SQLSTATE: lost connection, out of resources, shut down by an operator, broken system.
func isPostgresOutage(code string) bool {
	switch code[:2] {
	case "08", "53", "57", "58", "XX":
		return code != "57014" // a cancelled query, which its caller asked for
	}
	return code == "25006" // read-only: a standby, or a full disk's guard
}
