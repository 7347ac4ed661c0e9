package mail

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/mail/mailtest"
	"usher/internal/notice"
	"usher/internal/secret"
)

func startSink(t *testing.T, options mailtest.Options) *mailtest.Sink {
	t.Helper()
	sink, err := mailtest.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Stop)
	return sink
}

func newSender(t *testing.T, server Server) *Sender {
	t.Helper()
	s, err := NewSender(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func plainTo(sink *mailtest.Sink) Server {
	return Server{Address: sink.Address(), Encryption: NoTLS, Idle: time.Hour}
}

func message(t *testing.T, to string) Message {
	t.Helper()
	m, err := newComposer(t).Render(notice.Reset(to, path, 30).Posted("m-"+strings.ToUpper(to[:3]), at))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// patient is long enough for any machine: it ends a test that hangs, and decides nothing else.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestSenderHandsOverTheMessage(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	m := message(t, ann)
	if err := newSender(t, plainTo(sink)).Send(patient(t), m); err != nil {
		t.Fatal(err)
	}
	got := sink.Messages()
	if len(got) != 1 || got[0].From != "account@watch.example.org" || len(got[0].To) != 1 || got[0].To[0] != ann {
		t.Fatalf("the sink has %d messages", len(got))
	}
	l, err := got[0].Read()
	if err != nil {
		t.Fatal(err)
	}
	if l.Subject != m.Subject || l.Text != m.Text || l.HTML != m.HTML {
		t.Error("the message changed on its way")
	}
}

func TestProtections(t *testing.T) {
	for name, one := range map[string]struct {
		protection mailtest.Protection
		encryption Encryption
	}{
		"starttls": {mailtest.STARTTLS, STARTTLS},
		"implicit": {mailtest.ImplicitTLS, ImplicitTLS},
		"none":     {mailtest.Plain, NoTLS},
	} {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, mailtest.Options{Protection: one.protection, User: "usher", Password: "long secret"})
			server := Server{
				Address: sink.Address(), Encryption: one.encryption, Roots: sink.Roots(),
				User: "usher", Password: secret.TokenOf("long secret"),
			}
			if err := newSender(t, server).Send(patient(t), message(t, ann)); err != nil {
				t.Fatal(err)
			}
			server.Password = secret.TokenOf("wrong secret")
			err := newSender(t, server).Send(patient(t), message(t, ann))
			var f *Failure
			if !errors.As(err, &f) || f.Step != StepAuth || f.Code != 535 || !errors.Is(err, ErrUnreachable) {
				t.Errorf("wrong password: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the error tells the password")
			}
			if len(sink.Messages()) != 1 {
				t.Errorf("the sink has %d messages, want 1", len(sink.Messages()))
			}
		})
	}
}

func TestNoMailWithoutTheProtectionAskedFor(t *testing.T) {
	for name, one := range map[string]struct {
		options mailtest.Options
		spoil   func(*Server)
		step    Step
	}{
		"STARTTLS not offered": {mailtest.Options{}, func(*Server) {}, StepTLS},
		"strange certificate": {mailtest.Options{Protection: mailtest.STARTTLS},
			func(s *Server) { s.Roots = nil }, StepTLS},
		"strange implicit certificate": {mailtest.Options{Protection: mailtest.ImplicitTLS},
			func(s *Server) { s.Roots, s.Encryption = nil, ImplicitTLS }, StepConnect},
		"sign-in not offered": {mailtest.Options{Protection: mailtest.STARTTLS},
			func(s *Server) { s.User = "usher" }, StepAuth},
	} {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, one.options)
			server := Server{Address: sink.Address(), Encryption: STARTTLS, Roots: sink.Roots()}
			one.spoil(&server)
			err := newSender(t, server).Send(patient(t), message(t, ann))
			var f *Failure
			if !errors.As(err, &f) || f.Step != one.step || !errors.Is(err, ErrUnreachable) {
				t.Errorf("%v, want a stop at %s", err, one.step)
			}
			if len(sink.Messages()) != 0 {
				t.Error("a message left all the same")
			}
			if err := sink.Until(patient(t), closedAll); err != nil {
				t.Error("the connection was left open")
			}
		})
	}
}

func closedAll(s *mailtest.Sink) bool {
	opened, open := s.Connections()
	return opened > 0 && open == 0
}

func TestServerSettingsAreChecked(t *testing.T) {
	for name, server := range map[string]Server{
		"no port":            {Address: "127.0.0.1", Encryption: STARTTLS},
		"no host":            {Address: ":25", Encryption: STARTTLS},
		"no encryption":      {Address: "127.0.0.1:25"},
		"unknown encryption": {Address: "127.0.0.1:25", Encryption: "maybe"},
		"none to far away":   {Address: "mail.example.org:25", Encryption: NoTLS},
		"none to LAN":        {Address: "192.168.1.2:25", Encryption: NoTLS},
		"none to look-alike": {Address: "localhost.example.org:25", Encryption: NoTLS},
	} {
		if _, err := NewSender(server); !errors.Is(err, ErrServer) {
			t.Errorf("%s: %v, want ErrServer", name, err)
		}
	}
	for _, address := range []string{"localhost:25", "127.8.8.8:25", "[::1]:25", "[::ffff:127.0.0.1]:25"} {
		if _, err := NewSender(Server{Address: address, Encryption: NoTLS}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnswersAreToldApart(t *testing.T) {
	for name, one := range map[string]struct {
		step   mailtest.Step
		answer mailtest.Answer
		want   error
		at     Step
		code   int
	}{
		"421 at RCPT":   {mailtest.Rcpt, 421, ErrDeferred, StepRcpt, 421},
		"451 at RCPT":   {mailtest.Rcpt, 451, ErrDeferred, StepRcpt, 451},
		"550 at RCPT":   {mailtest.Rcpt, 550, ErrRefused, StepRcpt, 550},
		"452 after all": {mailtest.Data, 452, ErrDeferred, StepData, 452},
		"554 after all": {mailtest.Data, 554, ErrRefused, StepData, 554},
		"451 at MAIL":   {mailtest.Mail, 451, ErrDeferred, StepMail, 451},
		"550 at MAIL":   {mailtest.Mail, 550, ErrDeferred, StepMail, 550},
		"drop at RCPT":  {mailtest.Rcpt, mailtest.Drop, ErrDeferred, StepRcpt, 0},
		"drop at DATA":  {mailtest.Data, mailtest.Drop, ErrDeferred, StepData, 0},
		"hang at RCPT":  {mailtest.Rcpt, mailtest.Hang, ErrDeferred, StepRcpt, 0},
		"hang at DATA":  {mailtest.Data, mailtest.Hang, ErrDeferred, StepData, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, mailtest.Options{})
			sink.Follow(func(step mailtest.Step, _ string) mailtest.Answer {
				if step == one.step {
					return one.answer
				}
				return mailtest.Accept
			})
			server := plainTo(sink)
			if one.answer == mailtest.Hang {
				server.Timeout = 200 * time.Millisecond
			}
			sender := newSender(t, server)
			err := sender.Send(patient(t), message(t, ann))
			var f *Failure
			if !errors.As(err, &f) || !errors.Is(err, one.want) || f.Step != one.at || f.Code != one.code {
				t.Fatalf("%v, want %v at %s", err, one.want, one.at)
			}
			if strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "example") {
				t.Errorf("the error tells the address: %v", err)
			}
			if one.answer == mailtest.Hang && !strings.Contains(err.Error(), "no answer in time") {
				t.Errorf("the error is %v", err)
			}

			sink.Follow(nil)
			sink.Release()
			sink.Forget()
			if err := sender.Send(patient(t), message(t, "bea@example.net")); err != nil {
				t.Errorf("the next message: %v", err)
			}
			if got, err := sink.Wait(patient(t), "bea@example.net", 1); err != nil || len(got) != 1 {
				t.Errorf("the next message arrived %d times, %v", len(got), err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	sender := newSender(t, plainTo(sink))
	sink.Stop()
	if err := sender.Send(patient(t), message(t, ann)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("server gone: %v, want ErrUnreachable", err)
	}
	if err := sink.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(patient(t), message(t, ann)); err != nil {
		t.Errorf("server back: %v", err)
	}
}

func TestConnectionIsKept(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	sink.Follow(func(step mailtest.Step, address string) mailtest.Answer {
		if step == mailtest.Rcpt && strings.HasPrefix(address, "bad") {
			return 550
		}
		return mailtest.Accept
	})
	sender := newSender(t, plainTo(sink))
	for _, to := range []string{ann, "bad@example.net", "bea@example.net", "bad@example.net", "cy@example.net"} {
		err := sender.Send(patient(t), message(t, to))
		if refused := strings.HasPrefix(to, "bad"); errors.Is(err, ErrRefused) != refused || !refused && err != nil {
			t.Fatalf("%s: %v", to, err)
		}
	}
	if opened, open := sink.Connections(); opened != 1 || open != 1 {
		t.Errorf("%d connections opened, %d open; want one", opened, open)
	}
	if got := len(sink.Messages()); got != 3 {
		t.Errorf("the sink has %d messages, want 3", got)
	}
	sender.Close()
	if err := sink.Until(patient(t), closedAll); err != nil {
		t.Error("Close left a connection open")
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	server := plainTo(sink)
	server.Idle = time.Millisecond
	sender := newSender(t, server)
	for range 3 {
		if err := sender.Send(patient(t), message(t, ann)); err != nil {
			t.Fatal(err)
		}
		if err := sink.Until(patient(t), closedAll); err != nil {
			t.Fatal("an idle connection was left open")
		}
	}
	if opened, _ := sink.Connections(); opened != 3 {
		t.Errorf("%d connections were opened, want 3", opened)
	}
}

func TestConnectionTheServerClosedIsReplaced(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	sender := newSender(t, plainTo(sink))
	if err := sender.Send(patient(t), message(t, ann)); err != nil {
		t.Fatal(err)
	}
	sink.Stop()
	if err := sink.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(patient(t), message(t, ann)); err != nil {
		t.Errorf("after the server's restart: %v", err)
	}
	if got := len(sink.Messages()); got != 2 {
		t.Errorf("the sink has %d messages, want 2", got)
	}
}

func TestManySendAtOnce(t *testing.T) {
	sink := startSink(t, mailtest.Options{Protection: mailtest.STARTTLS})
	sender := newSender(t, Server{Address: sink.Address(), Encryption: STARTTLS, Roots: sink.Roots()})
	m := message(t, ann)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			for range 5 {
				if err := sender.Send(patient(t), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := len(sink.Messages()); got != 60 {
		t.Errorf("the sink has %d messages, want 60", got)
	}
	if _, open := sink.Connections(); open > 12 {
		t.Errorf("%d connections are open", open)
	}
}

func TestCancelledSendEndsAndLeavesNothingOpen(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	reached := make(chan struct{})
	sink.Follow(func(step mailtest.Step, _ string) mailtest.Answer {
		if step != mailtest.Rcpt {
			return mailtest.Accept
		}
		close(reached)
		return mailtest.Hang
	})
	ctx, cancel := context.WithCancel(patient(t))
	go func() {
		<-reached
		cancel()
	}()
	if err := newSender(t, plainTo(sink)).Send(ctx, message(t, ann)); !errors.Is(err, ErrDeferred) {
		t.Errorf("%v, want ErrDeferred", err)
	}
	sink.Release()
	if err := sink.Until(patient(t), closedAll); err != nil {
		t.Error("the connection was left open")
	}
}

func TestAddressesBeyondASCII(t *testing.T) {
	const odd = "änn@münchen.example"
	without := startSink(t, mailtest.Options{})
	if err := newSender(t, plainTo(without)).Send(patient(t), message(t, odd)); !errors.Is(err, ErrRefused) {
		t.Errorf("to a server without SMTPUTF8: %v, want ErrRefused", err)
	}
	with := startSink(t, mailtest.Options{SMTPUTF8: true})
	if err := newSender(t, plainTo(with)).Send(patient(t), message(t, odd)); err != nil {
		t.Fatalf("to a server with SMTPUTF8: %v", err)
	}
	if err := newSender(t, plainTo(with)).Send(patient(t), message(t, ann)); err != nil {
		t.Fatal(err)
	}
	got := with.Messages()
	if len(got) != 2 || got[0].To[0] != "änn@xn--mnchen-3ya.example" {
		t.Fatalf("the sink has %d messages", len(got))
	}
	if !got[0].UTF8 || got[1].UTF8 {
		t.Error("SMTPUTF8 is asked for when, and only when, an address needs it")
	}
}

func TestUselessAddressIsRefusedBeforeConnecting(t *testing.T) {
	sink := startSink(t, mailtest.Options{})
	m := message(t, ann)
	m.To = "ann@example.org>\r\nRCPT TO:<eve@evil.example"
	if err := newSender(t, plainTo(sink)).Send(patient(t), m); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	if opened, _ := sink.Connections(); opened != 0 {
		t.Error("it was tried")
	}
}
