package main

import (
	"context"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"usher/internal/mail/mailtest"
)

// smtp on starts the story's mail server, and has services started from then on send their mail there; smtp off takes it away.
func cmdSMTP(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	switch {
	case args[0] == "off":
		s.sink.Stop()
	case s.sink != nil:
		ts.Check(s.sink.Restart())
	default:
		var err error
		s.sink, err = mailtest.Start(mailtest.Options{})
		ts.Check(err)
		ts.Setenv("USHER_SMTP_SERVER", s.sink.Address())
		ts.Setenv("USHER_SMTP_TLS", "none")
		ts.Defer(s.sink.Stop)
	}
}

// sent ADDRESS SUBJECT waits until the mail server has been given exactly one such mail, and reads it as mail does.
func cmdSent(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var found []letter
	err := s.sink.Until(ctx, func(sink *mailtest.Sink) bool {
		found = nil
		for _, m := range sink.Messages() {
			l, err := m.Read()
			ts.Check(err)
			if len(m.To) == 1 && m.To[0] == args[0] && strings.Contains(l.Subject, args[1]) {
				found = append(found, letter{args[0], l.Subject, l.Text})
			}
		}
		return len(found) > 0
	})
	if err != nil || len(found) != 1 {
		ts.Fatalf("%d mails %q were sent to %s: %v", len(found), args[1], args[0], err)
	}
	s.read(ts, found[0])
}
