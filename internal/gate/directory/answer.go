package directory

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// Result codes (RFC 4511 §4.1.9).
const (
	success                 = 0
	operationsError         = 1
	protocolError           = 2
	timeLimitExceeded       = 3
	sizeLimitExceeded       = 4
	authMethodNotSupported  = 7
	adminLimitExceeded      = 11
	unavailableCritical     = 12
	confidentialityRequired = 13
	noSuchObject            = 32
	invalidCredentials      = 49
	insufficientAccess      = 50
	busy                    = 51
	unavailable             = 52
	unwillingToPerform      = 53
)

// result is how an operation ended. Says is for whoever reads the media server's log.
type result struct {
	code int
	says string
}

// Extended operations, by their names (RFC 4511 §4.14 and §4.4.1, RFC 4532).
const (
	startTLS              = "1.3.6.1.4.1.1466.20037"
	whoAmI                = "1.3.6.1.4.1.4203.1.11.3"
	noticeOfDisconnection = "1.3.6.1.4.1.1466.20036"
)

// answer is one message of ours.
type answer struct{ packet *ber.Packet }

func (a answer) bytes() []byte { return a.packet.Bytes() }

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func sequence(kind ber.Class, tag ber.Tag, parts ...*ber.Packet) *ber.Packet {
	p := ber.Encode(kind, ber.TypeConstructed, tag, nil, "")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}

func wrapped(id int64, op *ber.Packet) answer {
	return answer{sequence(ber.ClassUniversal, ber.TagSequence, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""), op)}
}

func (r result) packet(tag ber.Tag) *ber.Packet {
	code := ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.code), "")
	return sequence(ber.ClassApplication, tag, code, octets(""), octets(r.says))
}

// ended is the answer that ends an operation.
func ended(id int64, tag ber.Tag, r result) answer { return wrapped(id, r.packet(tag)) }

// extended is the answer to an extended operation, with what it has beside the result (RFC 4511 §4.12).
func extended(id int64, r result, more ...*ber.Packet) answer {
	p := r.packet(opExtendedResponse)
	for _, part := range more {
		p.AppendChild(part)
	}
	return wrapped(id, p)
}

// responseName and responseValue are what an extended response may have.
func responseName(name string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, name, "")
}
func responseValue(value string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, value, "")
}

// found is one entry, with those of its attributes that were asked for (RFC 4511 §4.5.2).
func found(id int64, e *entry, wanted selection) answer {
	list := sequence(ber.ClassUniversal, ber.TagSequence)
	for _, a := range e.attributes {
		if !wanted.has(a.name) {
			continue
		}
		values := sequence(ber.ClassUniversal, ber.TagSet)
		if !wanted.typesOnly {
			for _, v := range a.values {
				values.AppendChild(octets(v))
			}
		}
		list.AppendChild(sequence(ber.ClassUniversal, ber.TagSequence, octets(a.name), values))
	}
	return wrapped(id, sequence(ber.ClassApplication, opSearchEntry, octets(e.dn), list))
}
