package directory

import (
	"context"
	"errors"

	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/gate/door"
	"usher/internal/secret"
)

// What a bind is answered. Whether there is an account of a name is told by none of them.
var (
	noPassword = result{unwillingToPerform, "a password is needed"}
	noTLS      = result{confidentialityRequired, "begin with ldaps or StartTLS: others on the network could read the password"}
	wrong      = result{invalidCredentials, "no password of this server, or not this person's"}
)

// bind lets somebody in (RFC 4511 §4.2, RFC 4513 §5.1). Who was in before is out, however it ends.
func (c *conn) bind(ctx context.Context, m message) bool {
	c.leave()
	if len(m.op.Children) != 3 {
		c.disconnect()
		return false
	}
	version, ok := number(m.op.Children[0], ber.TagInteger)
	name, also := text(m.op.Children[1])
	if !ok || !also {
		c.disconnect()
		return false
	}
	password, simple := tagged(m.op.Children[2], 0)
	r := result{authMethodNotSupported, "simple binds only"}
	switch {
	case version != 3:
		r = result{protocolError, "version 3 only"}
	case simple:
		r = c.check(ctx, name, secret.TokenOf(password))
	}
	return c.write(ended(m.id, opBindResponse, r))
}

// check lets in who brings the right password. An empty one lets nobody in, whatever the name: applications take that for success (RFC 4513 §6.3.1).
func (c *conn) check(ctx context.Context, name string, password secret.Token) result {
	switch {
	case !c.private():
		return noTLS
	case password.Empty():
		return noPassword
	}
	login, _ := c.login(name) // empty for what is nobody's name: in an outage that is no wrong password either
	life, end := context.WithCancel(ctx)
	who, err := c.Accounts.Bind(life, login, password, c.from)
	if err == nil && who.Over.Err() != nil { // nobody has said that the password is wrong
		err = door.ErrAway
	}
	if err != nil {
		end()
		return refusal(err)
	}
	c.enter(who, end)
	return result{}
}

// refusal is what somebody is told of an error of the accounts. Only a no is one: a media server that was told so of somebody during an outage may forget them.
func refusal(err error) result {
	switch {
	case errors.Is(err, door.ErrRefused):
		return wrong
	case errors.Is(err, door.ErrBusy):
		return result{busy, "too many tries; wait a little"}
	case errors.Is(err, door.ErrSuspended):
		return result{unavailable, "this server is signed out; its owner brings it back on the account service"}
	}
	return result{unavailable, "the account service does not answer"}
}
