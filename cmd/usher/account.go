package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/factor"
	"usher/internal/password"
	"usher/internal/secret"
	"usher/internal/signup"
)

type accountCmd struct {
	Add              accountAddCmd        `cmd:"" help:"Make an account whose address needs no proof. The password is asked, or read from standard input."`
	Show             accountShowCmd       `cmd:"" help:"Show one account."`
	List             accountListCmd       `cmd:"" help:"List accounts, newest first."`
	Lock             accountLockCmd       `cmd:"" help:"Lock an account: everything is signed out and nobody signs in."`
	Unlock           accountUnlockCmd     `cmd:"" help:"Unlock an account."`
	SignOut          accountSignOutCmd    `cmd:"" help:"Sign out everything of an account."`
	Delete           accountDeleteCmd     `cmd:"" help:"Delete an account after seven days, within which its owner can keep it."`
	MakeAdmin        accountAdminCmd      `cmd:"" help:"Make an account an administrator."`
	Reset            accountResetCmd      `cmd:"" help:"Mail the owner of an account a link to choose a new password."`
	ResetLink        accountLinkCmd       `cmd:"" help:"Print a link to choose a new password, to hand to the owner of an account where there is no mail."`
	RemoveSecondStep accountRemoveStepCmd `cmd:"" help:"Remove the second step of an account after seven days of warning, within which its owner can stop it."`
	RequireReset     accountRequireCmd    `cmd:"" help:"Sign out everything of an account and have its owner choose a new password."`
}

// who names one account on the command line.
type who struct {
	Who string `arg:"" help:"Address, user name or number of the account."`
}

type accountAddCmd struct {
	settings
	Email       string `arg:"" help:"E-mail address."`
	UserName    string `help:"User name."`
	DisplayName string `help:"Display name."`
	Admin       bool   `help:"Make it an administrator."`
}

// Run makes the account and prints its number.
func (c accountAddCmd) Run(ctx context.Context, w world) error {
	typed, err := readPassword(ctx, w)
	if err != nil {
		return err
	}
	return c.withStack(ctx, w, func(s *stack) error {
		a, err := s.founding().Add(ctx, signup.NewAccount{Email: c.Email, UserName: c.UserName, Name: c.DisplayName, Password: typed, Admin: c.Admin})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "Account made: %s (%s)\n", a.Email, a.ID)
		return err
	})
}

// readPassword asks twice at a terminal, without showing what is typed, and takes one line from anything else.
func readPassword(ctx context.Context, w world) (secret.Token, error) {
	file, ok := w.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(w.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return secret.Token{}, fmt.Errorf("reading the password: %w", err)
		}
		return secret.TokenOf(strings.TrimRight(line, "\r\n")), nil
	}
	var typed [2]string
	for i, ask := range []string{"Password: ", "Once more: "} {
		if _, err := fmt.Fprint(w.Err, ask); err != nil {
			return secret.Token{}, err
		}
		raw, err := readHidden(ctx, int(file.Fd()))
		if err != nil {
			return secret.Token{}, fmt.Errorf("reading the password: %w", err)
		}
		if _, err := fmt.Fprintln(w.Err); err != nil {
			return secret.Token{}, err
		}
		typed[i] = string(raw)
	}
	if typed[0] != typed[1] {
		return secret.Token{}, errors.New("the two passwords are not the same")
	}
	return secret.TokenOf(typed[0]), nil
}

// readHidden reads one line that is not shown, and leaves the terminal as it was when it is told to stop.
func readHidden(ctx context.Context, terminal int) ([]byte, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	type line struct {
		raw []byte
		err error
	}
	typed := make(chan line, 1)
	go func() {
		raw, err := term.ReadPassword(terminal)
		typed <- line{raw, err}
	}()
	select {
	case l := <-typed:
		return l.raw, l.err
	case <-ctx.Done():
		return nil, errors.Join(errors.New("stopped; nothing was changed"), term.Restore(terminal, before))
	}
}

// onAccount finds the account and does one thing to it.
func (s settings) onAccount(ctx context.Context, w world, typed string, done string, act func(*stack, *admin.Service, account.Account) error) error {
	return s.onService(ctx, w, func(st *stack) error {
		flow := st.admin()
		a, err := flow.Find(ctx, typed)
		if errors.Is(err, account.ErrNotFound) {
			return fmt.Errorf("there is no account %q", typed)
		}
		if err == nil {
			err = act(st, flow, a)
		}
		if err != nil || done == "" {
			return err
		}
		_, err = fmt.Fprintf(w.Out, done+"\n", a.Email)
		return err
	})
}

type accountLockCmd struct {
	settings
	who
}

// Run locks the account.
func (c accountLockCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "Locked: %s", func(_ *stack, f *admin.Service, a account.Account) error { return f.Lock(ctx, audit.CLI, a.ID) })
}

type accountUnlockCmd struct {
	settings
	who
}

// Run unlocks the account.
func (c accountUnlockCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "Unlocked: %s", func(_ *stack, f *admin.Service, a account.Account) error { return f.Unlock(ctx, audit.CLI, a.ID) })
}

type accountSignOutCmd struct {
	settings
	who
}

// Run signs everything of the account out.
func (c accountSignOutCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "Everything is signed out: %s", func(_ *stack, f *admin.Service, a account.Account) error {
		return f.SignOut(ctx, audit.CLI, a.ID)
	})
}

type accountDeleteCmd struct {
	settings
	who
}

// Run begins the account's deletion.
func (c accountDeleteCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "", func(_ *stack, f *admin.Service, a account.Account) error {
		on, err := f.Delete(ctx, audit.CLI, a.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "Going to be deleted on %s: %s\n", on.Local().Format("2 January 2006 15:04"), a.Email)
		return err
	})
}

type accountRequireCmd struct {
	settings
	who
}

// Run makes the account's owner choose a new password.
func (c accountRequireCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "A new password is required, and the mail to choose it is queued: %s", func(s *stack, f *admin.Service, a account.Account) error {
		if err := f.MayRequireReset(ctx, audit.CLI, a.ID); err != nil {
			return err
		}
		return s.passwords().Require(ctx, a.ID, audit.CLI)
	})
}

type accountRemoveStepCmd struct {
	settings
	who
}

// Run begins the days of warning.
func (c accountRemoveStepCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "", func(s *stack, _ *admin.Service, a account.Account) error {
		due, err := s.factors(nil).AskRemoval(ctx, audit.CLI, a.ID)
		if errors.Is(err, factor.ErrGone) {
			return fmt.Errorf("%s has no second step, or it is going to be removed already", a.Email)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "Going to be removed on %s unless the owner stops it; every address is warned each day: %s\n", due.Local().Format("2 January 2006 15:04"), a.Email)
		return err
	})
}

type accountResetCmd struct {
	settings
	who
}

// Run mails the reset link; nothing changes until it is used.
func (c accountResetCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "The mail to choose a new password is queued: %s", func(s *stack, _ *admin.Service, a account.Account) error {
		return s.passwords().Send(ctx, a.ID, audit.CLI)
	})
}

type accountLinkCmd struct {
	settings
	who
}

// Run prints a reset link. Whoever holds it chooses the password, so it goes to the owner and to nobody else.
func (c accountLinkCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "", func(s *stack, _ *admin.Service, a account.Account) error {
		path, err := s.passwords().HandOver(ctx, a.ID, audit.CLI)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "For %s, once, within 30 minutes; older links are dead:\n%s%s\n", a.Email, s.cfg.Origin, path)
		return err
	})
}

type accountAdminCmd struct {
	settings
	who
}

// Run makes the account an administrator.
func (c accountAdminCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "Administrator now: %s", func(_ *stack, f *admin.Service, a account.Account) error {
		return f.MakeAdmin(ctx, audit.CLI, a.ID)
	})
}

type accountShowCmd struct {
	settings
	who
}

// Run prints the account, what is signed in to it, and the newest acts on it.
func (c accountShowCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "", func(_ *stack, f *admin.Service, a account.Account) error {
		sheet, err := f.Show(ctx, a.ID)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.Out, 0, 4, 2, ' ', 0)
		for _, row := range [][2]string{
			{"number", a.ID}, {"address", a.Email}, {"second address", a.NoticeEmail}, {"user name", a.UserName}, {"display name", a.Name},
			{"state", string(a.State)}, {"administrator", yesNo[a.Admin]}, {"new password required", yesNo[sheet.ResetRequired]},
			{"made", moment(a.CreatedAt)}, {"deleted on", moment(a.DeleteAt)}, {"password set", moment(sheet.PasswordSet)},
			{"has a password", yesNo[!a.NoPassword]}, {"other services", strings.Join(sheet.Services(), ", ")},
			{"passkeys", strconv.FormatInt(sheet.Passkeys, 10)},
		} {
			_, _ = fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
		_, _ = fmt.Fprintf(t, "\nsigned in\t\n")
		for _, d := range sheet.Devices {
			_, _ = fmt.Fprintf(t, "%s\t%s\tsince %s\n", moment(d.UsedAt), d.Name, moment(d.CreatedAt))
		}
		_, _ = fmt.Fprintf(t, "\nnewest acts\t\n")
		for _, e := range sheet.Events {
			_, _ = fmt.Fprintf(t, "%s\t%s\n", moment(e.At), e.Action)
		}
		return t.Flush()
	})
}

type accountListCmd struct {
	settings
	State string `enum:"active,locked,deleting," default:"" help:"Only accounts in this state: active, locked or deleting."`
	Text  string `arg:"" optional:"" help:"Whole address or user name; on smaller instances any part of one."`
}

// Run prints every matching account, a page at a time.
func (c accountListCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		t := tabwriter.NewWriter(w.Out, 0, 4, 2, ' ', 0)
		q := admin.Query{Text: c.Text, State: account.State(c.State)}
		for {
			page, err := s.admin().Search(ctx, q)
			if err != nil {
				return err
			}
			for _, r := range page.Rows {
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Account.ID, r.Account.Email, r.Account.UserName, r.Account.State, moment(r.Account.CreatedAt))
			}
			if q.Before = page.Next; q.Before == "" {
				return t.Flush()
			}
		}
	})
}

// yesNo says a fact in words.
var yesNo = map[bool]string{true: "yes", false: "no"}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// passwords is the flow that replaces passwords.
func (s *stack) passwords() *password.Service {
	return &password.Service{Store: s.db, Hasher: s.pool, Resolver: s.resolver, Factors: s.checker(), Policy: s.policy, Now: s.now}
}

// factors is the flow that looks after second steps.
func (s *stack) factors(passwords factor.Passwords) *factor.Service {
	return &factor.Service{
		Store: s.db, Hasher: s.pool, Resolver: s.resolver, Factors: s.checker(), Passwords: passwords, Name: s.cfg.Name, Now: s.now,
	}
}

// admin is the flow of who looks after the service.
func (s *stack) admin() *admin.Service {
	database := "SQLite"
	if s.cfg.Postgres() {
		database = "PostgreSQL"
	}
	return &admin.Service{
		Store: s.db, Now: s.now, Health: s.health, Started: s.started, Version: version(), Database: database,
		Outbox: s.cfg.SMTPServer == "", Closed: signup.Mode(s.cfg.SignUp) == signup.ModeClosed,
	}
}

// health says in words what works and what does not.
func (s *stack) health(ctx context.Context) []admin.Check {
	check := func(name string, err error, good string) admin.Check {
		if err != nil {
			return admin.Check{Name: name, Text: err.Error()}
		}
		return admin.Check{Name: name, OK: true, Text: good}
	}
	all := []admin.Check{
		check("Database", s.db.Ping(ctx), "It answers."),
		check("Key ring", s.newestKeys(ctx), fmt.Sprintf("Generation %d.", s.keys.Ring().Generation())),
	}
	switch {
	case s.cfg.SMTPServer != "":
	case s.cfg.OriginIsLoopback():
		all = append(all, check("Mail", nil, "No mail server is set (smtp_server): mail waits in the outbox."))
	default:
		all = append(all, check("Mail", errors.New("no mail server is set, so nobody gets codes or resets: set smtp_server"), ""))
	}
	if err := s.halfListed(ctx); err != nil {
		all = append(all, check("Incidents", err, ""))
	}
	if s.breached != nil {
		all = append(all, check("Leaked passwords", s.breached.Err(), fmt.Sprintf("%d are refused.", s.breached.Stats().Keys)))
	}
	return all
}
