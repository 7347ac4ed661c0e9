package directory

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// conn is one connection. Its requests are answered one after the other, so a bind is over before what follows it is looked at (RFC 4511 §4.2.1).
type conn struct {
	*Directory
	raw    net.Conn // as it was accepted
	link   net.Conn // what is read and written: raw, or TLS over it
	in     *bufio.Reader
	from   netip.Addr
	secure bool      // TLS
	began  time.Time // without anybody bound
	bound  *Bound    // nil: nobody has bound
	unbind func()    // has what let them in forgotten
}

func newConn(d *Directory, raw net.Conn, from netip.Addr) *conn {
	return &conn{Directory: d, raw: raw, link: raw, in: bufio.NewReader(raw), from: from, began: time.Now(), unbind: func() {}}
}

// serve answers until either side has enough.
func (c *conn) serve(ctx context.Context) {
	defer func() { c.unbind() }()
	defer context.AfterFunc(ctx, func() { _ = c.raw.SetReadDeadline(time.Now()) })()
	for first := true; ; first = false {
		if err := c.await(ctx); err != nil {
			return
		}
		if first && c.looksLikeTLS() {
			if err := c.encrypt(ctx, &begun{c.raw, c.in}); err != nil {
				c.Log.Debug("an LDAP connection did not get to TLS", "from", c.from, "error", err)
				return
			}
			continue
		}
		m, err := c.read()
		if err != nil {
			if errors.Is(err, errMalformed) {
				c.disconnect()
			}
			return
		}
		if !c.answer(ctx, m) {
			return
		}
	}
}

// await waits for the first byte of the next message.
func (c *conn) await(ctx context.Context) error {
	until := c.began.Add(unboundWait)
	if c.bound != nil {
		until = time.Now().Add(idleWait)
	}
	_ = c.raw.SetReadDeadline(until)
	if ctx.Err() != nil { // asked after the deadline is set: whoever ends ctx sets another
		return ctx.Err()
	}
	_, err := c.in.Peek(1)
	return err
}

// read reads one message, which has begun to come.
func (c *conn) read() (message, error) {
	_ = c.raw.SetReadDeadline(time.Now().Add(messageWait))
	most := mostUnbound
	if c.bound != nil {
		most = mostMessage
	}
	whole, err := readMessage(c.in, most)
	if err != nil {
		return message{}, err
	}
	return parseMessage(whole)
}

// private reports whether nobody on the way can read along.
func (c *conn) private() bool { return c.secure || c.from.IsLoopback() }

// aHandshake begins a connection that speaks TLS from the start.
const aHandshake = 0x16

func (c *conn) looksLikeTLS() bool {
	first, err := c.in.Peek(1)
	return err == nil && first[0] == aHandshake
}

// begun is a connection of which some was read.
type begun struct {
	net.Conn
	in *bufio.Reader
}

func (b *begun) Read(p []byte) (int, error) { return b.in.Read(p) }

// encrypt goes on in TLS.
func (c *conn) encrypt(ctx context.Context, over net.Conn) error {
	if c.Certificate == nil {
		return errors.New("there is no certificate")
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeWait)
	defer cancel()
	_ = c.raw.SetDeadline(time.Now().Add(handshakeWait))
	secure := tls.Server(over, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.Certificate.get})
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	c.link, c.in, c.secure = secure, bufio.NewReader(secure), true
	return nil
}

// write sends answers. Whoever does not take them is left.
func (c *conn) write(packets ...answer) bool {
	var all []byte
	for _, p := range packets {
		all = append(all, p.bytes()...)
	}
	_ = c.raw.SetWriteDeadline(time.Now().Add(writeWait))
	_, err := c.link.Write(all)
	return err == nil
}

// disconnect says why the connection ends (RFC 4511 §4.4.1).
func (c *conn) disconnect() {
	c.write(extended(0, result{protocolError, "this is not LDAP as this server understands it"}, responseName(noticeOfDisconnection)))
}

// leave forgets who has bound.
func (c *conn) leave() {
	c.unbind()
	if c.bound != nil {
		c.began = time.Now()
	}
	c.bound, c.unbind = nil, func() {}
}

// enter notes who has bound, until they leave. The connection ends with what let them in.
func (c *conn) enter(who Bound, leave func()) {
	c.crowd.bound(c.from)
	unwatch := context.AfterFunc(who.Over, func() { _ = c.raw.Close() })
	c.bound, c.unbind = &who, func() {
		unwatch()
		leave()
	}
}

// readMessage reads the bytes of one message: a sequence of a length that is told (RFC 4511 §5.1), of no more than so many bytes.
func readMessage(in *bufio.Reader, most int) ([]byte, error) {
	head := make([]byte, 2, 2+4)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, err
	}
	const sequence, long = 0x30, 0x80
	if head[0] != sequence || head[1] == long || head[1] > long+4 {
		return nil, errMalformed
	}
	length := int64(head[1])
	if head[1] > long {
		length = 0
		for range head[1] - long {
			b, err := in.ReadByte()
			if err != nil {
				return nil, err
			}
			head, length = append(head, b), length<<8|int64(b)
		}
	}
	if length > int64(most) {
		return nil, fmt.Errorf("%w: %d bytes", errMalformed, length)
	}
	whole := make([]byte, len(head)+int(length))
	copy(whole, head)
	_, err := io.ReadFull(in, whole[len(head):])
	return whole, err
}
