// Package mailtest is a mail server on loopback for tests: it collects what it is given, misbehaves as told, and reads
// mails apart. It refuses to know who sends and why.
package mailtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Protection says how the sink speaks.
type Protection int

// The protections.
const (
	Plain Protection = iota
	STARTTLS
	ImplicitTLS
)

// Options of a sink; the zero value is a plain one that asks for no sign-in.
type Options struct {
	Protection Protection
	User       string // when set, the sink takes mail only after this sign-in
	Password   string
	SMTPUTF8   bool
}

// Message is one mail as the sink got it.
type Message struct {
	From string
	To   []string
	UTF8 bool // it was announced with SMTPUTF8
	Raw  []byte
}

// Step is where a Script is asked.
type Step string

// The steps a Script is asked at.
const (
	Mail Step = "MAIL"
	Rcpt Step = "RCPT"
	Data Step = "DATA" // after the whole message was read
)

// Answer is what the sink says at a step: Accept, Hang, Drop, or an SMTP code of 400 and up.
type Answer int

// The answers that are no codes.
const (
	Accept Answer = 0
	Hang   Answer = 1 // says nothing until the sink stops or is released
	Drop   Answer = 2 // closes the connection without a word
)

// Script decides an answer. The address is the sender's at Mail, a recipient's at Rcpt and Data.
type Script func(step Step, address string) Answer

// Sink is the server. Its methods are safe for concurrent use.
type Sink struct {
	options Options
	cert    tls.Certificate
	roots   *x509.CertPool

	mu       sync.Mutex
	address  string
	server   *smtp.Server
	listener net.Listener
	script   Script
	messages []Message
	changed  chan struct{} // closed and replaced when a message or connection comes or goes
	release  chan struct{}
	opened   int
	open     int
}

// Start listens on a free port of 127.0.0.1.
func Start(options Options) (*Sink, error) {
	s := &Sink{options: options, changed: make(chan struct{}), address: "127.0.0.1:0"}
	var err error
	if s.cert, s.roots, err = throwaway(); err != nil {
		return nil, err
	}
	return s, s.Restart()
}

// Restart listens again on the port of before; what was collected stays.
func (s *Sink) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return errors.New("mailtest: the sink is running")
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("mailtest: listening: %w", err)
	}
	s.address = listener.Addr().String()
	s.release = make(chan struct{})
	var accepting net.Listener = &counted{Listener: listener, sink: s}
	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.Domain = "localhost"
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = s.options.SMTPUTF8
	server.ErrorLog = log.New(io.Discard, "", 0)
	config := &tls.Config{Certificates: []tls.Certificate{s.cert}}
	switch s.options.Protection {
	case STARTTLS:
		server.TLSConfig = config
	case ImplicitTLS:
		accepting = tls.NewListener(accepting, config)
	}
	s.server, s.listener = server, listener
	go func() { _ = server.Serve(accepting) }()
	return nil
}

// Stop closes the listener and every connection. Stopping twice is fine.
func (s *Sink) Stop() {
	s.mu.Lock()
	server, listener := s.server, s.listener
	s.server = nil
	if server != nil {
		close(s.release)
	}
	s.mu.Unlock()
	if server != nil {
		_ = listener.Close() // the server does not know it before it serves
		_ = server.Close()
	}
}

// Address is where to connect, "127.0.0.1:port"; it survives Stop and Restart.
func (s *Sink) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Roots trusts the sink's throwaway certificate, which is for 127.0.0.1 and localhost.
func (s *Sink) Roots() *x509.CertPool { return s.roots }

// Follow makes the sink answer by a script from now on; nil accepts everything.
func (s *Sink) Follow(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Release lets everything that hangs go on, as accepted.
func (s *Sink) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	s.release = make(chan struct{})
}

// Messages returns what was collected, oldest first.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Forget empties the collection.
func (s *Sink) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = nil
}

// Connections says how many connections came in so far, and how many are open now.
func (s *Sink) Connections() (opened, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.open
}

// Until waits for a state of the sink; holds is called again after every change.
func (s *Sink) Until(ctx context.Context, holds func(*Sink) bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("mailtest: waiting: %w", ctx.Err())
		}
	}
}

// Wait returns the messages to an address once there are at least n of them.
func (s *Sink) Wait(ctx context.Context, to string, n int) ([]Message, error) {
	var found []Message
	err := s.Until(ctx, func(s *Sink) bool {
		found = slices.DeleteFunc(s.Messages(), func(m Message) bool { return !slices.Contains(m.To, to) })
		return len(found) >= n
	})
	return found, err
}

// touch wakes whoever waits; the caller holds the lock.
func (s *Sink) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Sink) answer(conn *smtp.Conn, step Step, address string) error {
	s.mu.Lock()
	script, release := s.script, s.release
	s.mu.Unlock()
	if script == nil {
		return nil
	}
	switch a := script(step, address); {
	case a == Accept:
		return nil
	case a == Hang:
		<-release
		return nil
	case a == Drop:
		_ = conn.Conn().Close()
		return errors.New("dropped")
	default:
		return &smtp.SMTPError{
			Code:         int(a),
			EnhancedCode: smtp.EnhancedCode{int(a) / 100, 0, 0},
			Message:      "told to refuse <" + address + ">",
		}
	}
}

func (s *Sink) session(conn *smtp.Conn) (smtp.Session, error) {
	return &session{sink: s, conn: conn, trusted: s.options.User == ""}, nil
}

type session struct {
	sink    *Sink
	conn    *smtp.Conn
	trusted bool
	message Message
}

func (c *session) AuthMechanisms() []string {
	if c.sink.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.sink.options.User || password != c.sink.options.Password {
			return smtp.ErrAuthFailed
		}
		c.trusted = true
		return nil
	}), nil
}

func (c *session) Mail(from string, options *smtp.MailOptions) error {
	if !c.trusted {
		return smtp.ErrAuthRequired
	}
	c.message = Message{From: from, UTF8: options.UTF8}
	return c.sink.answer(c.conn, Mail, from)
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.sink.answer(c.conn, Rcpt, to); err != nil {
		return err
	}
	c.message.To = append(c.message.To, to)
	return nil
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range c.message.To {
		if err := c.sink.answer(c.conn, Data, to); err != nil {
			return err
		}
	}
	c.message.Raw = raw
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	c.sink.messages = append(c.sink.messages, c.message)
	c.sink.touch()
	return nil
}

func (c *session) Reset() { c.message = Message{} }

func (c *session) Logout() error { return nil }
