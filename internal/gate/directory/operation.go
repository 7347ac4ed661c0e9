package directory

import (
	"context"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// refused are the operations that change something or tell one thing at a time, with how they are answered.
var refused = map[ber.Tag]ber.Tag{opModify: opModifyResponse, opAdd: opAddResponse, opDelete: opDeleteResponse, opModifyDN: opModifyDNResponse, opCompare: opCompareResponse}

// answer does what a message asks for, and reports whether the connection goes on.
func (c *conn) answer(ctx context.Context, m message) bool {
	responses := map[ber.Tag]ber.Tag{opBind: opBindResponse, opSearch: opSearchDone, opExtended: opExtendedResponse}
	response, known := responses[m.op.Tag]
	instead, no := refused[m.op.Tag]
	switch {
	case m.op.Tag == opUnbind:
		return false
	case m.op.Tag == opAbandon: // what it means is over already
		return true
	case no:
		return c.write(ended(m.id, instead, result{unwillingToPerform, "this directory can only be searched"}))
	case !known:
		c.disconnect()
		return false
	case m.critical:
		return c.write(ended(m.id, response, result{unavailableCritical, "no control is understood here"}))
	case m.op.Tag == opBind:
		return c.bind(ctx, m)
	case m.op.Tag == opSearch:
		return c.search(ctx, m)
	}
	return c.extended(ctx, m)
}

// extended answers StartTLS and the question who one is.
func (c *conn) extended(ctx context.Context, m message) bool {
	if len(m.op.Children) == 0 {
		c.disconnect()
		return false
	}
	name, ok := tagged(m.op.Children[0], 0)
	switch {
	case !ok:
		c.disconnect()
		return false
	case name == startTLS:
		return c.startTLS(ctx, m)
	case name == whoAmI:
		return c.write(extended(m.id, result{}, responseValue(c.authorized())))
	}
	return c.write(extended(m.id, result{unwillingToPerform, "this is not done here"}))
}

// startTLS goes on in TLS (RFC 4511 §4.14). What was sent before the answer came was sent by somebody on the way (RFC 4513 §3.1.1), and ends the connection.
func (c *conn) startTLS(ctx context.Context, m message) bool {
	switch {
	case c.secure:
		return c.write(extended(m.id, result{operationsError, "this is TLS already"}))
	case c.Certificate == nil:
		return c.write(extended(m.id, result{unwillingToPerform, "this server has no certificate"}))
	case c.in.Buffered() > 0:
		return false
	}
	c.leave()
	return c.write(extended(m.id, result{})) && c.encrypt(ctx, c.raw) == nil
}

// authorized is who has bound (RFC 4513 §5.2.1.8); nobody is empty.
func (c *conn) authorized() string {
	if c.bound == nil {
		return ""
	}
	return "dn:" + c.people().below("uid", c.bound.called()).String()
}
