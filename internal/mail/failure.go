package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
)

// What became of a message that was not sent. Every error of Sender.Send is exactly one of them.
var (
	ErrRefused     = errors.New("mail: refused for good")      // this message; trying again is no use
	ErrDeferred    = errors.New("mail: not taken now")         // this message; the next may pass
	ErrUnreachable = errors.New("mail: server does not serve") // no message passes now
)

// Failure tells at which step a message stopped. It never quotes the server about a message: those answers repeat
// addresses.
type Failure struct {
	Step  Step
	Code  int // the SMTP reply, or 0 when there was none
	kind  error
	cause error
}

// Step is a part of the talk with the mail server.
type Step string

// The steps, in order.
const (
	StepEncode   Step = "encoding"
	StepConnect  Step = "connecting"
	StepGreeting Step = "greeting"
	StepHello    Step = "EHLO"
	StepTLS      Step = "STARTTLS"
	StepAuth     Step = "AUTH"
	StepMail     Step = "MAIL FROM"
	StepRcpt     Step = "RCPT TO"
	StepData     Step = "DATA"
)

func (f *Failure) Error() string {
	switch {
	case f.Code != 0:
		return fmt.Sprintf("mail: %s answered %d", f.Step, f.Code)
	case f.cause == nil:
		return fmt.Sprintf("mail: stopped at %s", f.Step)
	case timedOut(f.cause):
		return fmt.Sprintf("mail: no answer in time at %s", f.Step)
	case errors.Is(f.kind, ErrUnreachable):
		return fmt.Sprintf("mail: %s: %v", f.Step, f.cause) // no message was under way: nothing private in it
	}
	return fmt.Sprintf("mail: connection lost at %s", f.Step)
}

// Unwrap gives ErrRefused, ErrDeferred or ErrUnreachable.
func (f *Failure) Unwrap() error { return f.kind }

// serverFailure is for the steps before a message is named: whatever is wrong there is wrong for all.
func serverFailure(step Step, err error) *Failure {
	return &Failure{Step: step, Code: replyCode(err), kind: ErrUnreachable, cause: err}
}

// messageFailure judges an answer about one message. Only the recipient and the content can be refused for good: a 5xx to
// MAIL FROM is about our own set-up, which an operator can mend while the mail waits.
func messageFailure(step Step, err error) *Failure {
	f := &Failure{Step: step, Code: replyCode(err), kind: ErrDeferred, cause: err}
	if f.Code >= 500 && step != StepMail {
		f.kind = ErrRefused
	}
	return f
}

func replyCode(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
}
