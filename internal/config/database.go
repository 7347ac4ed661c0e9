package config

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"usher/internal/secret"
)

const (
	sqliteScheme = "sqlite:"
	databaseFile = "usher.db"
	keyRingFile  = "keyring.json"
)

// postgresHosts is what may stand between the user and the path: one host or several, each with or without a port; none
// at all where the query names a socket. Anything else is a password whose / ? # or @ was not escaped.
var postgresHosts = regexp.MustCompile(`^(([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(,([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)*)?$`)

// DatabaseURL returns where the database is, in full: sqlite:PATH or postgres://….
func (c Config) DatabaseURL() secret.Token {
	if !c.Database.Empty() {
		return c.Database
	}
	return secret.TokenOf(sqliteScheme + filepath.Join(c.Data, databaseFile))
}

// Postgres reports whether the database is PostgreSQL; otherwise it is an SQLite file.
func (c Config) Postgres() bool { return isPostgres(c.DatabaseURL().Reveal()) }

// SQLitePath returns the database file's path, or "" when the database is PostgreSQL.
func (c Config) SQLitePath() string {
	path, ok := strings.CutPrefix(c.DatabaseURL().Reveal(), sqliteScheme)
	if !ok {
		return ""
	}
	return path
}

// KeyRingPath returns the key ring's path, in the data folder unless key_ring says otherwise.
func (c Config) KeyRingPath() string {
	if c.KeyRing != "" {
		return c.KeyRing
	}
	return filepath.Join(c.Data, keyRingFile)
}

// IncidentsPath returns the folder that keeps declared incidents, beside the key ring. Credentials that systemd hands over stand in a folder that
// nobody writes to; then it is in the data folder.
func (c Config) IncidentsPath() string {
	beside := filepath.Dir(c.KeyRingPath())
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && beside == filepath.Clean(dir) {
		beside = c.Data
	}
	return filepath.Join(beside, "incidents")
}

// Connections returns the size of the PostgreSQL pool on a machine with this many cores.
func (c Config) Connections(cores int) int {
	if c.DatabaseConnections > 0 {
		return c.DatabaseConnections
	}
	return max(16, 4*cores)
}

func isPostgres(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// checkDatabase never repeats the text: it may hold a password wherever the operator put it.
func checkDatabase(text string) error {
	if path, ok := strings.CutPrefix(text, sqliteScheme); ok {
		switch {
		case path == "" || path == ":memory:":
			return errors.New("has to name a file after sqlite:")
		case strings.HasPrefix(path, "//"):
			return errors.New("has to be sqlite:PATH, without // in front of the path")
		case strings.ContainsAny(path, "?#%"):
			return errors.New("has a path with ?, # or %, which SQLite would not take as part of the name")
		}
		return nil
	}
	if !isPostgres(text) {
		return errors.New("has to begin with sqlite: or postgres://")
	}
	_, err := showPostgres(text)
	return err
}

// showPostgres writes a PostgreSQL address without its password and its query, which may hold one too.
func showPostgres(text string) (string, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	user, password, hosts := "", "", authority
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		user, password, _ = strings.Cut(authority[:at], ":")
		hosts = authority[at+1:]
	}
	name, err := url.PathUnescape(user)
	if _, wrong := url.PathUnescape(password); err != nil || wrong != nil || strings.ContainsAny(user+password, "@#") ||
		!postgresHosts.MatchString(hosts) || strings.ContainsAny(path, "@#/") {
		return "", errors.New("has to be postgres://USER:PASSWORD@HOST:PORT/NAME; in the password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25")
	}
	if _, err := url.ParseQuery(query); err != nil {
		return "", errors.New("has a part after ? that is not a list of name=value")
	}
	shown := scheme + "://"
	if name != "" || password != "" {
		shown += url.PathEscape(name)
		if password != "" {
			shown += ":[redacted]"
		}
		shown += "@"
	}
	shown += hosts + "/" + path
	if query != "" {
		shown += "?[redacted]"
	}
	return shown, nil
}
