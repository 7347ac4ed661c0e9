package directory

import (
	"errors"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// errMalformed says that what came is no message of LDAP, or too large for one.
var errMalformed = errors.New("directory: not a message")

// message is one request (RFC 4511 §4.1.1).
type message struct {
	id int64
	op *ber.Packet
	// critical says that it is not to be answered unless something is understood that is not.
	critical bool
}

// The operations of the protocol.
const (
	opBind ber.Tag = iota
	opBindResponse
	opUnbind
	opSearch
	opSearchEntry
	opSearchDone
	opModify
	opModifyResponse
	opAdd
	opAddResponse
	opDelete
	opDeleteResponse
	opModifyDN
	opModifyDNResponse
	opCompare
	opCompareResponse
	opAbandon
	_
	_
	_
	_
	_
	_
	opExtended
	opExtendedResponse
)

// longestID is the largest number of a message (RFC 4511 §4.1.1.1).
const longestID = 1<<31 - 1

// parseMessage reads a message out of its bytes. errMalformed.
func parseMessage(whole []byte) (message, error) {
	p, err := ber.DecodePacketErr(whole)
	if err != nil {
		return message{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if len(p.Children) < 2 || len(p.Children) > 3 {
		return message{}, errMalformed
	}
	id, ok := number(p.Children[0], ber.TagInteger)
	op := p.Children[1]
	if !ok || id < 1 || id > longestID || op.ClassType != ber.ClassApplication {
		return message{}, errMalformed
	}
	m := message{id: id, op: op}
	if len(p.Children) == 3 {
		m.critical, ok = critical(p.Children[2])
	}
	if !ok {
		return message{}, errMalformed
	}
	return m, nil
}

// critical reports whether one of the controls has to be understood; none is (RFC 4511 §4.1.11).
func critical(controls *ber.Packet) (critical, ok bool) {
	if !is(controls, ber.ClassContext, ber.TypeConstructed, 0) {
		return false, false
	}
	for _, c := range controls.Children {
		if !is(c, ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) || len(c.Children) == 0 {
			return false, false
		}
		if len(c.Children) > 1 && is(c.Children[1], ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean) {
			critical = critical || c.Children[1].Value == true
		}
	}
	return critical, true
}

func is(p *ber.Packet, class ber.Class, kind ber.Type, tag ber.Tag) bool {
	return p.ClassType == class && p.TagType == kind && p.Tag == tag
}

// number reads an integer or an enumerated.
func number(p *ber.Packet, tag ber.Tag) (int64, bool) {
	n, ok := p.Value.(int64)
	return n, ok && is(p, ber.ClassUniversal, ber.TypePrimitive, tag) && p.Data.Len() > 0 && p.Data.Len() <= 8
}

// text reads an octet string.
func text(p *ber.Packet) (string, bool) {
	return p.Data.String(), is(p, ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString)
}

// tagged reads an octet string that stands under a tag of its context.
func tagged(p *ber.Packet, tag ber.Tag) (string, bool) {
	return p.Data.String(), is(p, ber.ClassContext, ber.TypePrimitive, tag)
}
