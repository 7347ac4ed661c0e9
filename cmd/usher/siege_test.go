package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
)

// siege is the built program on a database with a crowd in it, which is asked by many and killed meanwhile.
type siege struct {
	*testing.T
	node
	dir, database string
	environ       []string
	raw           *sql.DB // the database behind the program's back
	client        *http.Client
	people        atomic.Int64 // who have been taken out of the crowd
	answered      atomic.Int64 // requests that were answered with a yes
	said          atomic.Int64
}

// besiege settles a crowd and starts the program.
func besiege(t *testing.T, databaseURL string, people int) *siege {
	t.Helper()
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{T: t, node: node{listen: "localhost:" + ports[0], operations: "localhost:" + ports[1]}, dir: t.TempDir(), database: databaseURL, client: &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	cfg := config.Default()
	cfg.Data, cfg.Database, cfg.Origin = filepath.Join(s.dir, "data"), secret.TokenOf(databaseURL), s.origin()
	t.Run("settle", func(t *testing.T) { // the database is let go of at its end
		in, _ := openService(t, cfg, time.Now)
		phc, err := in.pool.Hash(t.Context(), []byte(crowd.Password))
		if err != nil {
			t.Fatal(err)
		}
		if err := crowd.Settle(t.Context(), in.db, people, phc, time.Now()); err != nil {
			t.Fatal(err)
		}
	})
	s.environ = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GORACE=" + os.Getenv("GORACE"), "USHER_DATA=" + cfg.Data, "USHER_DATABASE=" + databaseURL, "USHER_ORIGIN=" + cfg.Origin,
		"USHER_LISTEN=" + s.listen, "USHER_OPERATIONS_LISTEN=" + s.operations, "USHER_TRUSTED_PROXIES=127.0.0.0/8,::1/128",
	}
	s.raw = behind(t, databaseURL)
	s.serve()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.stop(syscall.SIGTERM)
	})
	return s
}

func (s *siege) origin() string { return "http://" + s.listen }

// serve starts the program, and waits until it is ready.
func (s *siege) serve() {
	s.Helper()
	printed := len(s.out.String())
	c := exec.Command("usher", "serve") // TestMain put it there
	c.Dir, c.Env = s.dir, s.environ
	if err := s.run(c); err != nil {
		s.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !s.ready(printed); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("the program is not ready: %s", s.errs.String())
		}
	}
}

// storm has many do something again and again, and kills the program once so many requests were answered with a yes.
func (s *siege) storm(after int64, all ...func() error) {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	defer stop()
	var running sync.WaitGroup
	for _, act := range all {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := act(); errors.Is(err, errGone) {
					return
				} else if err != nil {
					s.Error(err)
					return
				}
			}
		})
	}
	until := s.answered.Load() + after
	for end := time.Now().Add(2 * time.Minute); s.answered.Load() < until && !s.Failed(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Error("nearly nothing is answered")
			break
		}
	}
	s.stop(syscall.SIGKILL)
	stop()
	running.Wait()
	if s.Failed() {
		s.FailNow()
	}
}

// errGone says that no whole answer came, or one that says "not now": nobody knows what became of the request.
var errGone = errors.New("no answer")

// answer is what the program answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// is turns another status into an error.
func (a answer) is(want int, err error) error {
	if err == nil && a.status != want {
		return fmt.Errorf("answered %d %s %s, want %d", a.status, a.header.Get("Location"), a.body, want)
	}
	return err
}

// ask sends what a program or a browser sends, each time from another network. errGone.
func (s *siege) ask(method, path string, q request) (a answer, err error) {
	body, kind := q.json, "application/json"
	switch {
	case q.object != nil:
		raw, err := json.Marshal(q.object)
		if err != nil {
			return a, err
		}
		body = string(raw)
	case q.json == "" && method == http.MethodPost:
		body, kind = q.form.Encode(), "application/x-www-form-urlencoded"
	}
	r, err := http.NewRequestWithContext(s.Context(), method, s.origin()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return a, err
	}
	if q.header != nil {
		r.Header = q.header.Clone()
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", crowd.Address(int(s.said.Add(1))).String())
	for name, value := range q.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := s.client.Do(r)
	if err != nil {
		return a, errors.Join(errGone, err)
	}
	defer func() { _ = res.Body.Close() }()
	a.status, a.header = res.StatusCode, res.Header
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return a, errors.Join(errGone, err)
	}
	if a.status >= http.StatusInternalServerError {
		return a, errors.Join(errGone, fmt.Errorf("%s %s: %d", method, path, a.status))
	}
	if a.status < http.StatusBadRequest {
		s.answered.Add(1)
	}
	return a, nil
}

// tell is ask, for an answer of one status that is read into a value.
func (s *siege) tell(method, path string, q request, want int, into any) error {
	a, err := s.ask(method, path, q)
	if err = a.is(want, err); err == nil && into != nil {
		err = json.Unmarshal(a.body, into)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// rows reads rows behind the program's back, each as one text.
func (s *siege) rows(text string) (all []string) {
	s.Helper()
	rows, err := s.raw.QueryContext(s.Context(), text)
	if err != nil {
		s.Fatal(err)
	}
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			s.Fatal(err)
		}
		all = append(all, row)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		s.Fatal(err)
	}
	return all
}
