package crowd

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestCallersAskInTurn(t *testing.T) {
	const questions = 100
	served := make(chan string, questions+1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served <- r.URL.Path
		if r.Header.Get("X-Forwarded-For") == "" || len(r.CookiesNamed("usher")) != 1 {
			t.Errorf("asked without address or cookie: %v", r.Header)
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.Repeat("a long answer ", 100))
	}))
	defer server.Close()
	s := Service{Listen: server.Listener.Addr().String(), Host: "crowd.example", Proxied: true}
	c, err := Call(s.Listen, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Ask(questions, http.StatusTeapot, func(k int) []byte { return s.Get(k, "/"+strconv.Itoa(k)) }); err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for range len(served) {
		asked[<-served] = true
	}
	if len(asked) != questions {
		t.Errorf("%d different questions arrived, want %d", len(asked), questions)
	}
	if err := c.Ask(1, http.StatusOK, func(int) []byte { return s.Get(1, "/x") }); err == nil {
		t.Error("another status than the wanted one passed")
	}
}

func TestAnswersAreRead(t *testing.T) {
	for answer, want := range map[string]int{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":               200,
		"HTTP/1.1 303 See Other\r\ncontent-length: 0\r\nX: y\r\n\r\n":     303,
		"HTTP/1.1 200 OK\r\n\r\n":                                         0,
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort":               0,
		"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n":                    0,
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n": 0,
		"": 0,
	} {
		status, err := askOnce(answer)
		if (err == nil) != (want != 0) || err == nil && status != want {
			t.Errorf("%q: %d, %v", answer, status, err)
		}
	}
}

// askOnce asks a server that says one thing and hangs up.
func askOnce(answer string) (int, error) {
	here, there := net.Pipe()
	defer func() { _ = here.Close() }()
	go func() {
		defer func() { _ = there.Close() }()
		_, _ = there.Read(make([]byte, 64))
		_, _ = io.WriteString(there, answer)
	}()
	return (&Line{here, bufio.NewReaderSize(here, 8<<10)}).Ask([]byte("question"))
}

// What a broken server says ends in an error, not in a wait for more or a wrong count.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	f.Add("HTTP/1.1 303 See Other\r\ncontent-length: 0\r\nX: y\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
	f.Add("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n")
	f.Add("SSH-2.0\r\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, answer string) {
		status, err := askOnce(answer)
		if err == nil && (status < 0 || !strings.HasPrefix(answer, "HTTP/1.1 ")) {
			t.Errorf("%q passed with %d", answer, status)
		}
	})
}
