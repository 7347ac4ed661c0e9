package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"usher/internal/audit"
	"usher/internal/mail"
	"usher/internal/notice"
	"usher/internal/operations"
)

type outboxCmd struct {
	settings
	Last int `default:"20" help:"How many mails to print at most."`
}

// Run prints waiting mail, oldest first, so that the newest stands last on the screen.
func (c outboxCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		mails, err := outbox{s}.Waiting(ctx, c.Last)
		if err != nil {
			return err
		}
		if len(mails) == 0 {
			_, err := fmt.Fprintln(w.Out, "No mail waits.")
			return err
		}
		for i := len(mails) - 1; i >= 0; i-- {
			m := mails[i]
			_, err = fmt.Fprintf(w.Out, "%s\nDate: %s\nFrom: %s\nTo: %s\nSubject: %s\n\n%s\n", strings.Repeat("-", 72), m.At.Format(time.RFC1123Z), m.From, m.To, m.Subject, m.Text)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// onService opens the database of a service that is there already, for one command.
func (s settings) onService(ctx context.Context, w world, fn func(*stack) error) error {
	cfg, err := s.beside(w)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.KeyRingPath()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no service here: no key ring at %s. Run this in the folder where the service runs, or give --config FILE, --data FOLDER or --key-ring FILE", cfg.KeyRingPath())
	}
	return s.withStack(ctx, w, fn)
}

// withStack opens the database for one command, and makes it when there is none.
func (s settings) withStack(ctx context.Context, w world, fn func(*stack) error) (err error) {
	cfg, err := s.beside(w)
	if err != nil {
		return err
	}
	st, err := openStack(ctx, cfg, w.Now, func(text string) { _, _ = fmt.Fprintln(w.Err, text) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	return fn(st)
}

// outbox shows waiting mail as it would be sent.
type outbox struct{ *stack }

// Waiting returns the newest waiting mails first.
func (o outbox) Waiting(ctx context.Context, limit int) ([]operations.Mail, error) {
	notices, err := o.db.WaitingMail(ctx, limit)
	if err != nil {
		return nil, err
	}
	mails := make([]operations.Mail, 0, len(notices))
	for _, n := range notices {
		m, err := o.render(n)
		if err != nil {
			return nil, err
		}
		mails = append(mails, m)
	}
	return mails, nil
}

// Waits returns one waiting mail, or operations.ErrNoMail.
func (o outbox) Waits(ctx context.Context, id string) (operations.Mail, error) {
	n, err := o.db.OpenMail(ctx, id)
	if errors.Is(err, notice.ErrNotFound) {
		return operations.Mail{}, operations.ErrNoMail
	}
	if err != nil {
		return operations.Mail{}, err
	}
	return o.render(n)
}

func (o outbox) render(n notice.Notice) (operations.Mail, error) {
	m, err := o.composer.Render(n)
	return operations.Mail{ID: n.ID, From: m.From, To: m.To, Subject: m.Subject, At: n.CreatedAt, Text: m.Text, HTML: m.HTML}, err
}

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test mail at once and say what the mail server answered."`
}

type mailTestCmd struct {
	settings
	To string `arg:"" help:"Address to send to."`
}

// Run sends one mail, past the queue.
func (c mailTestCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.beside(w)
	if err != nil {
		return err
	}
	if cfg.SMTPServer == "" {
		return errors.New("no mail server is set: give --smtp-server HOST:PORT, or run this with the service's settings, where it is smtp_server")
	}
	composer, err := mail.NewComposer(mail.Letterhead{Service: cfg.Name, Origin: cfg.Origin, From: cfg.MailFrom, NoticeFrom: cfg.NoticeFrom})
	if err != nil {
		return err
	}
	sender, err := newSender(cfg)
	if err != nil {
		return err
	}
	defer sender.Close()
	m, err := composer.Render(notice.Test(c.To).Posted("test-"+fmt.Sprint(w.Now().UnixMilli()), w.Now()))
	if err != nil {
		return err
	}
	if err := sender.Send(ctx, m); err != nil {
		return fmt.Errorf("the mail server %s did not take the mail: %w", cfg.SMTPServer, err)
	}
	_, err = fmt.Fprintf(w.Out, "The mail server %s took a mail to %s. Look whether it arrives, and whether it is in the spam folder.\n", cfg.SMTPServer, c.To)
	return err
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Read the whole audit log and name what was changed."`
}

type auditVerifyCmd struct{ settings }

// Run fails when anything does not hold.
func (c auditVerifyCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		v, err := s.db.VerifyAudit(ctx)
		if err != nil {
			return err
		}
		for _, broken := range v.Broken {
			if _, err := fmt.Fprintln(w.Out, "-", broken); err != nil {
				return err
			}
		}
		if len(v.Broken) > 0 {
			return fmt.Errorf("the audit log was changed: %d findings in %d entries", len(v.Broken), v.Entries)
		}
		_, err = fmt.Fprintf(w.Out, "The audit log is whole: %d entries, %d batches.\n", v.Entries, v.Batches)
		return err
	})
}

type inviteCmd struct {
	settings
	Email string `arg:"" optional:"" help:"Address the invitation is for; it is then also sent there. Without one, whoever has the link can use it."`
}

// Run makes an invitation by the word of somebody with a shell on the machine.
func (c inviteCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		token, err := s.admin().Invite(ctx, audit.CLI, c.Email)
		if err != nil {
			return err
		}
		if c.Email != "" {
			_, err = fmt.Fprintf(w.Out, "It is also mailed to %s, and only that address can use it. ", c.Email)
		}
		_, werr := fmt.Fprintf(w.Out, "Valid for seven days, once:\n%s/invitation/%s\n", s.cfg.Origin, token.Reveal())
		err = errors.Join(err, werr)
		return err
	})
}
