package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/demo"
	"usher/internal/secret"
	"usher/internal/testdb"
)

// show is a demonstration that runs.
type show struct {
	*testing.T
	page   string // its address
	folder string
	ahead  *atomic.Int64 // by how much its clock is ahead, in nanoseconds
	stop   context.CancelFunc
	ended  chan error
}

// showing starts one in a folder of its own.
func showing(t *testing.T, c demoCmd) *show {
	t.Helper()
	s := &show{T: t, ahead: new(atomic.Int64), ended: make(chan error, 1)}
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	c.NoBrowser = true
	go func() {
		s.ended <- c.Run(ctx, world{Out: in, Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
		_ = in.Close()
	}()
	text := make([]byte, 500)
	n, err := out.Read(text)
	if err != nil {
		t.Fatalf("it ended before it was ready: %v", <-s.ended)
	}
	found := regexp.MustCompile(`ready at (http://127\.0\.0\.1:\d+)\nWhat it writes lies in (\S+),`).FindSubmatch(text[:n])
	if found == nil {
		t.Fatalf("it says %q", text[:n])
	}
	s.page, s.folder = string(found[1]), string(found[2])
	return s
}

// ends stops it as Ctrl-C does, and sees that nothing is left.
func (s *show) ends() {
	s.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.Error(err)
	}
	if _, err := os.Stat(s.folder); !os.IsNotExist(err) {
		s.Errorf("%s is there still (%v)", s.folder, err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(s.page, "http://")); err == nil {
		_ = c.Close()
		s.Error("the page is there still")
	}
}

// ask asks the page of the story, as a page of a site does.
func (s *show) ask(method, path, site string) (int, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.page+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", site)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		s.Fatal(err)
	}
	return a.StatusCode, string(raw)
}

// at is the step that is due.
func (s *show) at() (state struct {
	At                   int
	Played, Shut, TV, In bool
}) {
	s.Helper()
	status, text := s.ask(http.MethodGet, "/state", "same-origin")
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		s.Fatalf("%d %s", status, text)
	}
	return state
}

// The whole story, each step taken by the hand that does it for people, on both databases: what every step leaves behind is noticed, and Ctrl-C leaves nothing.
func TestTheDemonstration(t *testing.T) {
	testdb.Each(t, func(t *testing.T, database string) {
		t.Setenv("TMPDIR", t.TempDir())
		c := demoCmd{}
		if strings.HasPrefix(database, "postgres") {
			c.Database = secret.TokenOf(database)
		}
		s := showing(t, c)
		film := filepath.Join(s.folder, "films", demo.Film)
		for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) { // a slow machine draws it for longer than anybody waits at a step
			if _, err := os.Stat(film); err == nil {
				break
			} else if time.Now().After(end) {
				t.Fatal("there is no film")
			}
		}
		steps := strings.Count(func() string { _, page := s.ask(http.MethodGet, "/", "none"); return page }(), "data-step=")
		if steps < 10 {
			t.Fatalf("the page has %d steps", steps)
		}
		for step := range steps {
			if at := s.at().At; at != step {
				t.Fatalf("step %d is due, not %d", at, step)
			}
			if status, text := s.ask(http.MethodPost, "/take", "same-origin"); status != http.StatusNoContent {
				t.Fatalf("step %d: %d %s", step, status, text)
			}
			s.ahead.Add(int64(31 * time.Second)) // digits are never used twice
		}
		if state := s.at(); state.At != steps || !state.Played || !state.Shut || state.TV || !state.In {
			t.Errorf("at the end it stands like this: %+v", state)
		}
		s.ends()
	})
}

// Two of them run side by side, each with people of its own.
func TestTwoDemonstrations(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	one, two := showing(t, demoCmd{Port: 8480}), showing(t, demoCmd{Port: 8480})
	if one.page == two.page || one.folder == two.folder {
		t.Fatalf("both are at %s in %s", one.page, one.folder)
	}
	if status, text := one.ask(http.MethodPost, "/take", "same-origin"); status != http.StatusNoContent {
		t.Fatal(text)
	}
	if a, b := one.at(), two.at(); a.At != 1 || b.At != 0 {
		t.Errorf("they are at %d and %d", a.At, b.At)
	}
	two.ends()
	if one.at().At != 1 {
		t.Error("the other one does not go on")
	}
	one.ends()
}

// A port that somebody named and another program has is told, with what helps; nothing is left then either.
func TestADemonstrationWithoutAPort(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	err = demoCmd{Port: port, NoBrowser: true}.Run(t.Context(), world{Out: io.Discard, Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) || !strings.Contains(err.Error(), "--port") {
		t.Errorf("it says %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
}

// Settings that cannot be are told, and end it.
func TestADemonstrationWithoutADatabase(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ended := make(chan error, 1)
	go func() {
		ended <- demoCmd{NoBrowser: true, Database: secret.TokenOf("nonsense")}.Run(t.Context(), world{Out: io.Discard, Now: time.Now})
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it says nothing")
		}
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}

// The page obeys nobody else's: not another website's, and not under another name.
func TestOthersDoNotLeadTheDemonstration(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := showing(t, demoCmd{})
	for _, site := range []string{"cross-site", "same-site"} {
		if status, _ := s.ask(http.MethodPost, "/take", site); status != http.StatusForbidden {
			t.Errorf("%s: %d", site, status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.page+"/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "attic.example.org"
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under another name: %d", a.StatusCode)
	}
	if s.at().At != 0 {
		t.Error("the story went on")
	}
	s.ends()
}
