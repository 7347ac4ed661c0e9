package gate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"usher/internal/gate/directory"
	"usher/internal/secret"
)

// anybody lets everybody in.
type anybody struct{}

func (anybody) Bind(context.Context, string, secret.Token, netip.Addr) (directory.Bound, error) {
	return directory.Bound{Person: directory.Person{ID: "acc-ann", UserName: "ann"}, Over: context.Background()}, nil
}

func (anybody) People(context.Context) ([]directory.Person, error) { return nil, nil }

// BenchmarkBinds binds one after the other on one connection with an app password that the door has let in before, beside a directory that lets everybody in. No
// hash of a password is computed on this way.
func BenchmarkBinds(b *testing.B) {
	said := &reply{status: 200, body: fmt.Sprintf(`{"active":true,"sub":"acc-ann","sid":"s","exp":%d,"username":"ann","groups":["guest"],"token_type":"app_password"}`, time.Now().Add(time.Hour).Unix())}
	e, _ := entered(b, map[string]*reply{"/i": said})
	d, err := e.decider()
	if err != nil {
		b.Fatal(err)
	}
	d.Heard(time.Now().Add(time.Hour)) // nothing has to be asked again
	password := secret.NewServerPassword()
	for name, accounts := range map[string]directory.Accounts{"gate": e, "anybody": anybody{}} {
		b.Run(name, func(b *testing.B) { binds(b, accounts, password) })
	}
	if said.asked != 1 {
		b.Errorf("the service was asked %d times", said.asked)
	}
}

func binds(b *testing.B, accounts directory.Accounts, password secret.Token) {
	d, err := directory.New(directory.Settings{Accounts: accounts, Base: "dc=usher", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	bind, success, got := bindRequest("uid=ann,ou=people,dc=usher", password.Reveal()), []byte("0\x0c\x02\x01\x01a\x07\x0a\x01\x00\x04\x00\x04\x00"), make([]byte, 14)
	for b.Loop() {
		if _, err := c.Write(bind); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, success) {
			b.Fatalf("%x %v", got, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "binds/s")
}

// bindRequest is a simple bind as message 1 (RFC 4511 §4.2), for texts of less than a hundred bytes together.
func bindRequest(name, password string) []byte {
	part := func(tag byte, value string) string { return string([]byte{tag, byte(len(value))}) + value }
	return []byte(part('0', part(2, "\x01")+part('`', part(2, "\x03")+part(4, name)+part(0x80, password))))
}
