//go:build linux

package accounts

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"syscall"
	"testing"
)

// A poll that waits on a connection which leads nowhere any more is given up long before its time: the kernel asks the other end whether it is there.
func TestConnectionsThatLeadNowhereAreNoticed(t *testing.T) {
	service := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(service.Close)
	client, _ := claimedAt(t, service.URL)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if seconds, err := noticed(i.Conn); err != nil || seconds == 0 || seconds > 15 {
			t.Errorf("noticed after %d s, %v", seconds, err)
		}
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, service.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.waits.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Body.Close()
}

// noticed is after how many seconds without a word of the other end a connection is given up.
func noticed(conn net.Conn) (seconds int, err error) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	control := raw.Control(func(fd uintptr) {
		of := func(option int) int {
			n, failed := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option)
			err = errors.Join(err, failed)
			return n
		}
		seconds = of(syscall.TCP_KEEPIDLE) + of(syscall.TCP_KEEPINTVL)*of(syscall.TCP_KEEPCNT)
	})
	return seconds, errors.Join(err, control)
}
