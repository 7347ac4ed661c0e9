package config

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"usher/internal/secret"
)

// Describe writes every setting with the value in force and where it came from; of secrets only that they are there.
func Describe(w io.Writer, c Config) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	group := ""
	for _, s := range settings() {
		if s.group != group {
			if group != "" {
				_, _ = fmt.Fprintln(table)
			}
			group = s.group
			_, _ = fmt.Fprintln(table, group)
		}
		source := c.sources[s.key]
		if source == "" {
			source = "default"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", s.key, s.inForce(c), source)
	}
	for i, client := range c.clients {
		if i == 0 {
			_, _ = fmt.Fprint(table, "\nApps\n")
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", client.ID, client.Name, c.sources[clientKey])
	}
	for i, issuer := range c.issuers {
		if i == 0 {
			_, _ = fmt.Fprint(table, "\nFurther issuers\n")
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", issuer.ID, issuer.Name, c.sources[issuerKey])
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// inForce shows the value the service works with; where that depends on the machine, in words.
func (s setting) inForce(c Config) string {
	switch s.key {
	case "database":
		if shown, err := showPostgres(c.DatabaseURL().Reveal()); c.Postgres() && err == nil {
			return shown
		}
		if path := c.SQLitePath(); path != "" {
			return sqliteScheme + path
		}
		return c.Database.String()
	case "key_ring":
		return c.KeyRingPath()
	case "notice_from":
		return c.NoticeSender()
	}
	if field := s.in(&c); field.IsZero() && s.zero != "" {
		return "(" + s.zero + ")"
	}
	return s.show(c)
}

func (s setting) show(c Config) string {
	switch v := s.in(&c).Interface().(type) {
	case secret.Token:
		return v.String()
	case time.Duration:
		return v.String()
	case fmt.Stringer: // a log level, which prints in capitals
		return strings.ToLower(v.String())
	}
	if !s.list() {
		return fmt.Sprint(s.in(&c).Interface())
	}
	var parts []string
	for i := range s.in(&c).Len() {
		parts = append(parts, fmt.Sprint(s.in(&c).Index(i).Interface()))
	}
	if parts == nil {
		return "(none)"
	}
	return strings.Join(parts, ", ")
}
