// Package notice owns what Usher tells people by mail: the kinds of mail, what each must carry, how long it is worth
// sending, what overtakes what, and which of the two senders it comes from. It refuses to know wording, templates, SMTP
// and the database.
//
// A Notice holds live secrets (codes, links) in Data. It prints without them, and whoever keeps it must seal it.
package notice

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"
)

// Notice is one mail to one address, not yet put into words.
type Notice struct {
	ID        string
	Kind      Kind
	AccountID string            // empty when no account stands behind it yet
	To        string            // the address as its owner wrote it
	Name      string            // how to greet its owner; empty is fine
	Data      map[string]string // keys are the Data… constants; secrets travel here
	CreatedAt time.Time
	ExpiresAt time.Time // from here on it is not sent any more
	Priority  int       // smaller leaves first
	Attempts  int       // how often it was tried before; the queue counts
	Decoy     bool      // nobody gets it: it costs what a mail costs, where there is no account
}

// The keys of Notice.Data. Times are RFC 3339 in UTC.
const (
	DataCode    = "code"    // six digits
	DataLink    = "link"    // a path on the origin, or a whole address on it
	DataName    = "device"  // the device's name
	DataProduct = "product" // the app or browser
	DataPlace   = "place"   // "Lyon, France", or empty
	DataAddress = "address" // the IP address in text form
	DataAt      = "at"      // when the thing told about happened
	DataUntil   = "until"   // until when it can be undone
	DataMinutes = "minutes" // how long the link works
	DataNew     = "new"     // what is now: a user name, or a masked address
	DataFrom    = "from"    // who invites
	DataCount   = "count"   // how many
	DataServer  = "server"  // the media server where something counts, and nowhere else
	DataPeople  = "people"  // "yes": its people can be looked up by it
	DataCheck   = "check"   // the code that /notice knows a mail of ours by

	DataHappened = "happened" // the parts of an incident's notice, in Parts' order
	DataExposed  = "exposed"
	DataDoing    = "doing"
	DataToDo     = "to_do"
	DataFurther  = "further"
	DataNever    = "never"
	DataHelp     = "help"
	DataContact  = "contact"
)

// ErrIncomplete says that a notice is of no known kind or lacks something its kind must carry.
var ErrIncomplete = errors.New("notice: incomplete")

// For returns n with the account it belongs to, so that deleting the account can take its waiting mail along.
func (n Notice) For(accountID string) Notice {
	n.AccountID = accountID
	return n
}

// Posted returns n as it goes into the queue: with its id, its time, and the end of its life. The store calls it.
func (n Notice) Posted(id string, now time.Time) Notice {
	n.ID, n.CreatedAt, n.ExpiresAt = id, now, now.Add(n.Kind.Life())
	n.Priority = n.Kind.Priority()
	return n
}

// Check reports ErrIncomplete, naming the missing key but never a value.
func (n Notice) Check() error {
	rule, known := rules[n.Kind]
	if !known {
		return fmt.Errorf("%w: unknown kind", ErrIncomplete)
	}
	if n.To == "" {
		return fmt.Errorf("%w: %s has no address", ErrIncomplete, n.Kind)
	}
	for _, key := range rule.needs {
		if n.Data[key] == "" {
			return fmt.Errorf("%w: %s has no %s", ErrIncomplete, n.Kind, key)
		}
	}
	return nil
}

// Expired says whether the notice is no longer worth sending.
func (n Notice) Expired(now time.Time) bool { return !now.Before(n.ExpiresAt) }

// Format prints kind and id alone, whatever the verb: %v and %#v must not spell out addresses or secrets.
func (n Notice) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "notice %s %s [redacted]", n.Kind, n.ID)
}

// LogValue gives a log line the kind and the id alone.
func (n Notice) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", n.ID), slog.String("kind", string(n.Kind)))
}

// Masked shortens an address so that its owner knows it again and nobody else learns it: "a…@example.org".
func Masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "…"
	}
	letter, size := utf8.DecodeRuneInString(address[:at])
	first := string(letter)
	if size == at {
		first = "" // a single letter would be the whole name
	}
	return first + "…" + address[at:]
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
