package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"usher/internal/secret"
)

// Encryption says how a connection to the mail server is protected.
type Encryption string

// The ways of protection. NoTLS is for a mail server on this very machine only.
const (
	STARTTLS    Encryption = "starttls" // mandatory: no TLS, no mail
	ImplicitTLS Encryption = "implicit"
	NoTLS       Encryption = "none"
)

// Server says which mail server takes our mail, and how to talk to it.
type Server struct {
	Address    string // host:port
	Encryption Encryption
	User       string // empty: no sign-in
	Password   secret.Token
	Roots      *x509.CertPool // nil: the system's
	Name       string         // what we call ourselves in EHLO; "localhost" when empty
	Timeout    time.Duration  // for one message from connecting to the last answer; 60 s when zero
	Idle       time.Duration  // how long an unused connection is kept; 20 s when zero
}

const (
	defaultTimeout = 60 * time.Second
	defaultIdle    = 20 * time.Second
	mostIdle       = 8
)

// Sender sends messages through one server, over connections it keeps. It is safe for concurrent use.
type Sender struct {
	server Server
	host   string

	mu     sync.Mutex
	idle   []*line
	closed bool
}

// ErrServer says that a Sender cannot be made from what was given.
var ErrServer = errors.New("mail: server")

// NewSender connects to nothing yet. It fails for an address without port, an unknown encryption, and NoTLS to anything
// but this machine.
func NewSender(server Server) (*Sender, error) {
	host, _, err := net.SplitHostPort(server.Address)
	if err != nil || host == "" {
		return nil, fmt.Errorf("%w: %q is not host:port", ErrServer, server.Address)
	}
	switch server.Encryption {
	case STARTTLS, ImplicitTLS:
	case NoTLS:
		if !loopback(host) {
			return nil, fmt.Errorf("%w: without TLS mail goes to this machine only, not to %s", ErrServer, host)
		}
	default:
		return nil, fmt.Errorf("%w: unknown encryption %q", ErrServer, server.Encryption)
	}
	if server.Timeout <= 0 {
		server.Timeout = defaultTimeout
	}
	if server.Idle <= 0 {
		server.Idle = defaultIdle
	}
	if server.Name == "" {
		server.Name = "localhost"
	}
	return &Sender{server: server, host: host}, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// Send hands one message to the server. Any error is a *Failure. A message whose last answer got lost counts as not sent,
// so in that narrow window it can arrive twice, under the same Message-ID.
func (s *Sender) Send(ctx context.Context, m Message) error {
	e, err := m.encode()
	if err != nil {
		return &Failure{Step: StepEncode, kind: ErrRefused}
	}
	ctx, cancel := context.WithTimeout(ctx, s.server.Timeout)
	defer cancel()
	for {
		l, kept, err := s.take(ctx)
		if err != nil {
			return err
		}
		failure := l.send(ctx, e)
		s.giveBack(l)
		if failure == nil {
			return nil
		}
		// The server may have closed a kept connection meanwhile. That says nothing about the message; a fresh one will.
		if kept && failure.Step == StepMail && (failure.Code == 0 || failure.Code == 421) && ctx.Err() == nil {
			continue
		}
		return failure
	}
}

// Close ends the kept connections and keeps none from now on. Messages under way are not touched.
func (s *Sender) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	for _, l := range idle {
		l.timer.Stop()
		l.quit()
	}
}

// take returns a kept connection, the one used last, or a new one.
func (s *Sender) take(ctx context.Context) (l *line, kept bool, err error) {
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		l, s.idle = s.idle[last], s.idle[:last]
	}
	s.mu.Unlock()
	if l != nil {
		l.timer.Stop() // too late is fine: drop closes only what is still in the list
		return l, true, nil
	}
	l, failure := s.dial(ctx)
	if failure != nil {
		return nil, false, failure
	}
	return l, false, nil
}

func (s *Sender) giveBack(l *line) {
	s.mu.Lock()
	keep := l.sound && !s.closed && len(s.idle) < mostIdle
	if keep {
		l.timer = time.AfterFunc(s.server.Idle, func() { s.drop(l) })
		s.idle = append(s.idle, l)
	}
	s.mu.Unlock()
	if !keep {
		l.quit()
	}
}

func (s *Sender) drop(l *line) {
	s.mu.Lock()
	found := false
	for i, other := range s.idle {
		if other == l {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			found = true
			break
		}
	}
	s.mu.Unlock()
	if found {
		l.quit()
	}
}
