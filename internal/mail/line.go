package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"slices"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"usher/internal/secret"
)

// line is one connection to the mail server.
type line struct {
	raw    net.Conn
	client *smtp.Client
	timer  *time.Timer // runs while the line is idle
	sound  bool        // between two messages, and able to take another
}

var errNoSMTPUTF8 = errors.New("the server takes no such address")

// guard makes ctx end whatever waits on the connection. The returned function says whether the line is still alive.
func (l *line) guard(ctx context.Context) (release func() bool) {
	deadline, _ := ctx.Deadline()
	_ = l.raw.SetDeadline(deadline) // a dead connection tells so at the next step
	return context.AfterFunc(ctx, func() { _ = l.raw.Close() })
}

// dial opens a line up to the point where a message can be named. The connection is closed whenever a step fails.
func (s *Sender) dial(ctx context.Context) (*line, *Failure) {
	raw, err := s.connect(ctx)
	if err != nil {
		return nil, serverFailure(StepConnect, err)
	}
	l := &line{raw: raw}
	release := l.guard(ctx)
	failure := s.open(l)
	if !release() {
		failure = serverFailure(StepHello, ctx.Err())
	}
	if failure != nil {
		_ = raw.Close()
		return nil, failure
	}
	l.sound = true
	return l, nil
}

func (s *Sender) connect(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if s.server.Encryption == ImplicitTLS {
		return (&tls.Dialer{NetDialer: &d, Config: s.tls()}).DialContext(ctx, "tcp", s.server.Address)
	}
	return d.DialContext(ctx, "tcp", s.server.Address)
}

func (s *Sender) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.server.Roots, MinVersion: tls.VersionTLS12}
}

func (s *Sender) open(l *line) *Failure {
	var err error
	if l.client, err = smtp.NewClient(l.raw, s.host); err != nil {
		return serverFailure(StepGreeting, err)
	}
	if err := l.client.Hello(s.server.Name); err != nil {
		return serverFailure(StepHello, err)
	}
	if s.server.Encryption == STARTTLS {
		if offered, _ := l.client.Extension("STARTTLS"); !offered {
			return serverFailure(StepTLS, errors.New("the server does not offer it"))
		}
		if err := l.client.StartTLS(s.tls()); err != nil {
			return serverFailure(StepTLS, err)
		}
	}
	if s.server.User == "" {
		return nil
	}
	if offered, _ := l.client.Extension("AUTH"); !offered {
		return serverFailure(StepAuth, errors.New("the server does not offer it"))
	}
	auth := &signIn{user: s.server.User, password: s.server.Password, host: s.host}
	if err := l.client.Auth(auth); err != nil {
		return serverFailure(StepAuth, err)
	}
	return nil
}

// send gives one message to the server and says where it stopped.
func (l *line) send(ctx context.Context, e envelope) *Failure {
	l.sound = false
	release := l.guard(ctx)
	failure := l.talk(e)
	sound := failure == nil || failure.Code != 0 && failure.Code != 421 && l.client.Reset() == nil
	l.sound = release() && sound
	if failure != nil && failure.Code == 0 && ctx.Err() != nil {
		failure.cause = ctx.Err()
	}
	return failure
}

func (l *line) talk(e envelope) *Failure {
	offered, _ := l.client.Extension("SMTPUTF8")
	if e.utf8 && !offered {
		return &Failure{Step: StepRcpt, kind: ErrRefused, cause: errNoSMTPUTF8}
	}
	l.client.SkipSMTPUTF8(!e.utf8) // asking without need makes relays bounce what they could have passed on
	if err := l.client.Mail(bracketed(e.from)); err != nil {
		return messageFailure(StepMail, err)
	}
	if err := l.client.Rcpt(bracketed(e.to)); err != nil {
		return messageFailure(StepRcpt, err)
	}
	w, err := l.client.Data()
	if err != nil {
		return messageFailure(StepData, err)
	}
	if _, err := w.Write(e.body); err != nil {
		return messageFailure(StepData, err)
	}
	if err := w.Close(); err != nil {
		return messageFailure(StepData, err)
	}
	return nil
}

func bracketed(address string) string { return (&netmail.Address{Address: address}).String() }

// quit says good-bye for a second at most.
func (l *line) quit() {
	if l.sound && l.raw.SetDeadline(time.Now().Add(time.Second)) == nil {
		_ = l.client.Quit()
	}
	_ = l.raw.Close()
}

// signIn picks PLAIN or LOGIN. Both hand over the password as it is, so neither does without TLS except on this machine.
type signIn struct {
	user     string
	password secret.Token
	host     string
	chosen   smtp.Auth
}

// Start implements smtp.Auth.
func (a *signIn) Start(server *smtp.ServerInfo) (string, []byte, error) {
	switch {
	case slices.Contains(server.Auth, "PLAIN"):
		a.chosen = smtp.PlainAuth("", a.user, a.password.Reveal(), a.host, false)
	case slices.Contains(server.Auth, "LOGIN"):
		a.chosen = smtp.LoginAuth(a.user, a.password.Reveal(), a.host, false)
	default:
		return "", nil, errors.New("the server offers neither PLAIN nor LOGIN")
	}
	return a.chosen.Start(server)
}

// Next implements smtp.Auth.
func (a *signIn) Next(challenge []byte, more bool) ([]byte, error) {
	return a.chosen.Next(challenge, more)
}
