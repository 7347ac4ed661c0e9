package middleware_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"usher/internal/middleware"
)

// listen serves s on a real socket, as cmd does.
func listen(t *testing.T, s *service) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := middleware.Server("", s.handler, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Errorf("serving: %v", err)
		}
	})
	return listener.Addr().String()
}

// say sends raw bytes, which no Go client would send.
func say(t *testing.T, addr, raw string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go io.WriteString(conn, raw) // the server may answer and hang up before it has read it all
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return res
}

func TestOnTheWire(t *testing.T) {
	s := newService(t, middleware.Settings{})
	addr := listen(t, s)
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"an honest request", "GET /facts HTTP/1.1\r\nHost: localhost:8484\r\n\r\n", 200},
		{"two hosts", "GET /facts HTTP/1.1\r\nHost: localhost:8484\r\nHost: evil.example\r\n\r\n", 400},
		{"no host", "GET /facts HTTP/1.1\r\n\r\n", 400},
		{"no host, old protocol", "GET /facts HTTP/1.0\r\n\r\n", 421},
		{"absolute form, ours", "GET http://localhost:8484/facts HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200},
		{"absolute form, foreign", "GET http://evil.example/facts HTTP/1.1\r\nHost: localhost:8484\r\n\r\n", 421},
		{"OPTIONS *, foreign host", "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: localhost:8484\r\n\r\n", 400},
		{"CONNECT", "CONNECT localhost:8484 HTTP/1.1\r\nHost: localhost:8484\r\n\r\n", 405},
		{"CONNECT elsewhere", "CONNECT evil.example:25 HTTP/1.1\r\nHost: evil.example:25\r\n\r\n", 421},
		{"TRACE", "TRACE /facts HTTP/1.1\r\nHost: localhost:8484\r\nCookie: a=b\r\n\r\n", 405},
		{"lengths that differ", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=bc", 400},
		{"a negative length", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nContent-Length: -3\r\n\r\na=b", 400},
		{"an unknown coding", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"NUL in a header", "GET /facts HTTP/1.1\r\nHost: localhost:8484\r\nX-A: a\x00b\r\n\r\n", 400},
		{"NUL in the path", "GET /fa\x00cts HTTP/1.1\r\nHost: localhost:8484\r\n\r\n", 400},
		{"headers within the limit", "GET /facts HTTP/1.1\r\nHost: localhost:8484\r\nX-A: " + strings.Repeat("a", 15<<10) + "\r\n\r\n", 200},
		{"headers over the limit", "GET /facts HTTP/1.1\r\nHost: localhost:8484\r\nX-A: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431},
		{"a body over the limit", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("a", 70000), 413},
		{"chunks over the limit", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("2710\r\n"+strings.Repeat("a", 10000)+"\r\n", 8) + "0\r\n\r\n", 413},
		{"broken chunks", "POST /form/x HTTP/1.1\r\nHost: localhost:8484\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := say(t, addr, c.raw)
			body := text(t, res)
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, c.status, body)
			}
			if strings.Contains(body, "Cookie") {
				t.Errorf("the answer echoes the request: %s", body)
			}
		})
	}
}

func TestServerHasItsLimits(t *testing.T) {
	server := middleware.Server("localhost:8484", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if server.ReadHeaderTimeout != middleware.ReadHeaderTimeout || server.ReadTimeout != middleware.ReadTimeout ||
		server.WriteTimeout != middleware.WriteTimeout || server.IdleTimeout != middleware.IdleTimeout ||
		server.MaxHeaderBytes != middleware.MaxHeaderBytes || server.Addr != "localhost:8484" {
		t.Errorf("server %+v", server)
	}
}

func TestServerLogHidesAddresses(t *testing.T) {
	var log syncBuffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := middleware.Server("", http.NotFoundHandler(), logger)
	for _, message := range []string{
		"http: TLS handshake error from 203.0.113.77:1234: EOF",
		"http: TLS handshake error from [2001:db8:1:2:3:4:5:77]:1234: remote error: tls: bad certificate",
		"read tcp 127.0.0.1:8484->203.0.113.77:1234: connection reset by peer\x1b[31m",
	} {
		server.ErrorLog.Print(message)
	}
	lines := log.lines(t, "http server")
	if len(lines) != 3 {
		t.Fatalf("lines: %v", lines)
	}
	if fmt.Sprint(lines[0]["detail"]) != "http: TLS handshake error from 203.0.113.0/24 EOF" {
		t.Errorf("detail %q", lines[0]["detail"])
	}
	// A time may end in .77, too.
	if strings.Contains(log.String(), "113.77") || strings.Contains(log.String(), ":5:77") || strings.Contains(log.String(), "\x1b") {
		t.Errorf("the log shows an address: %s", log.String())
	}
}
