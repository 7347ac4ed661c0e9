package main

import (
	"bufio"
	"crypto/sha1" // RFC 6455 §4.2.2 wants it
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// zeros is a film that takes no memory, and comes no faster than it is watched: nothing waits in between.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	time.Sleep(5 * time.Millisecond)
	clear(p)
	return len(p), nil
}

// upstream starts a media server; $UPSTREAM is where it is.
func cmdUpstream(ts *testscript.TestScript, _ bool, _ []string) {
	server := endless()
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
	})
	ts.Setenv("UPSTREAM", server.URL)
}

// endless is a media server with a stream without end, a film in ranges, a websocket that says back what it hears, and a page that says who asks.
func endless() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Remote-User")+" is "+r.Header.Get("Remote-Groups"))
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "on and on\n")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	mux.HandleFunc("/film", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "film.mp4", time.Unix(1e9, 0), io.NewSectionReader(zeros{}, 0, 1<<40))
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
		_, _ = io.Copy(conn, rw)
	})
	return httptest.NewServer(mux)
}

// begin asks the gate for something and returns the connection when it has answered.
func (s *story) begin(ts *testscript.TestScript, path string, header http.Header) (status int, conn net.Conn, body *bufio.Reader) {
	conn, err := net.Dial("tcp", s.gate.listen)
	ts.Check(err)
	r, err := http.NewRequest(http.MethodGet, "http://"+s.gate.listen+path, nil)
	ts.Check(err)
	r.Header = header
	if path == "/socket" {
		header.Set("Connection", "Upgrade")
		header.Set("Upgrade", "websocket")
		header.Set("Sec-WebSocket-Version", "13")
		header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	}
	ts.Check(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	ts.Check(r.Write(conn))
	body = bufio.NewReader(conn)
	answer, err := http.ReadResponse(body, r)
	ts.Check(err)
	ts.Check(conn.SetDeadline(time.Time{}))
	return answer.StatusCode, conn, body
}

// plays TOKEN has somebody listen to the stream, watch the film from somewhere on, and hold the websocket, all at once.
func cmdPlays(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if s.playing == nil {
		s.playing = map[string]map[string]chan struct{}{}
	}
	s.playing[args[0]] = map[string]chan struct{}{}
	for path, want := range map[string]int{"/stream": 200, "/film": 206, "/socket": 101} {
		header := http.Header{"Authorization": {"Bearer " + args[0]}}
		if path == "/film" {
			header.Set("Range", "bytes=4096-")
		}
		status, conn, body := s.begin(ts, path, header)
		if status != want {
			ts.Fatalf("%s is answered %d", path, status)
		}
		ts.Defer(func() { _ = conn.Close() })
		if path == "/socket" {
			_, err := io.WriteString(conn, "0123456789")
			ts.Check(err)
		}
		_, err := io.ReadFull(body, make([]byte, 10)) // it flows
		ts.Check(err)
		ended := make(chan struct{})
		s.playing[args[0]][path] = ended
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, body) // its end is what counts
		}()
	}
}

// cut TOKEN waits until all that somebody plays has ended, for the five seconds that are promised at most, and sees that the next range of the film is refused.
func cmdCut(ts *testscript.TestScript, neg bool, args []string) {
	s, began, late := storyOf(ts), time.Now(), time.After(5*time.Second)
	for path, ended := range s.playing[args[0]] {
		if neg {
			select {
			case <-ended:
				ts.Fatalf("%s was cut", path)
			default:
			}
			continue
		}
		select {
		case <-ended:
			ts.Logf("%s is cut after %v", path, time.Since(began).Round(time.Millisecond))
		case <-late:
			ts.Fatalf("%s goes on", path)
		}
	}
	status, conn, _ := s.begin(ts, "/film", http.Header{"Authorization": {"Bearer " + args[0]}, "Range": {"bytes=8192-"}})
	_ = conn.Close()
	if in := status == http.StatusPartialContent; in != neg || !in && status != 401 && status != 403 {
		ts.Fatalf("the next range is answered %d", status)
	}
}

// socket STATUS [bearer:TOKEN] [NAME:VALUE…] asks for a websocket, and looks how it is answered.
func cmdSocket(ts *testscript.TestScript, _ bool, args []string) {
	header := http.Header{}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, ":")
		if name == "bearer" {
			name, value = "Authorization", "Bearer "+value
		}
		header[name] = append(header[name], value)
	}
	status, conn, _ := storyOf(ts).begin(ts, "/socket", header)
	_ = conn.Close()
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("answered %d", status)
	}
}

// nothing-waits waits until no signal waits for anybody.
func cmdNothingWaits(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	db, err := s.open(s.database)
	ts.Check(err)
	defer func() { _ = db.Close() }()
	var left []string
	for range 600 {
		rows, err := db.Query(`SELECT jti FROM signal`)
		ts.Check(err)
		left = left[:0]
		for rows.Next() {
			var jti string
			ts.Check(rows.Scan(&jti))
			left = append(left, jti)
		}
		ts.Check(rows.Err())
		if len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	slices.Sort(left)
	ts.Fatalf("there wait still %q", left)
}
