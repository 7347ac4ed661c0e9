package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/stream"
	"usher/internal/testdb"
)

// meddler stands between a gate and its service: it spoils what signals say, and writes down what the gate answers.
type meddler struct {
	next http.Handler

	mu      sync.Mutex
	spoils  bool
	polls   int
	refused []map[string]struct{ Err, Description string }
}

func (m *meddler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ssf/poll" {
		m.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var said struct {
		Errors map[string]struct{ Err, Description string } `json:"setErrs"`
	}
	_ = json.Unmarshal(body, &said) // the service says what is wrong with it
	m.mu.Lock()
	m.polls++
	if len(said.Errors) > 0 {
		m.refused = append(m.refused, said.Errors)
	}
	m.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	m.next.ServeHTTP(&spoiled{w, m}, r)
}

// spoiled is an answer in which the signature of every token is another.
type spoiled struct {
	http.ResponseWriter
	*meddler
}

func (s *spoiled) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *spoiled) Write(p []byte) (int, error) {
	var said struct{ Sets map[string]string }
	s.mu.Lock()
	spoils := s.spoils
	s.mu.Unlock()
	if !spoils || json.Unmarshal(p, &said) != nil {
		return s.ResponseWriter.Write(p)
	}
	text := string(p)
	for _, token := range said.Sets {
		at := strings.LastIndex(token, ".") + 1
		other := "A"
		if token[at] == 'A' {
			other = "B"
		}
		text = strings.Replace(text, token, token[:at]+other+token[at+1:], 1)
	}
	return s.ResponseWriter.Write([]byte(text))
}

func (m *meddler) set(spoils bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoils = spoils
}

// seen is how often the gate has polled, and what it has refused.
func (m *meddler) seen() (polls int, refused []map[string]struct{ Err, Description string }) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.polls, m.refused
}

// A signal that a gate cannot verify is refused on the wire, with the reason (RFC 8936 §2.4.4). The service does not send it again, and neither asks without end;
// whom it concerned is out all the same, for the gate asks about everybody. What comes after it is believed as ever.
func TestASignalThatCannotBeVerified(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		m := &meddler{}
		h := &talker{house: openHouseBehind(t, databaseURL, 1, func(next http.Handler) http.Handler { m.next = next; return m })}
		var jobs sync.WaitGroup
		for _, j := range h.jobs() {
			if j.name == "signals watched" {
				jobs.Go(func() { h.loop(t.Context(), j, "") })
			}
		}
		t.Cleanup(jobs.Wait)
		g := h.claimGate(t, 0)
		signsOut := func() {
			t.Helper()
			program, err := g.signIn(0)
			must(err)
			knock, err := g.knock(program)
			must(err)
			must(g.until(knock, true))
			must(g.say(http.MethodPost, "/api/v1/sign-out", program, nil))
			must(g.until(knock, false))
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				w, err := h.db.ReadSignals(t.Context(), g.id, 10)
				must(err)
				if len(w.Signals) == 0 {
					return
				}
				if time.Now().After(end) {
					t.Fatalf("%d signals wait still", len(w.Signals))
				}
			}
		}
		m.set(true)
		signsOut()
		before, refused := m.seen()
		if len(refused) != 1 || len(refused[0]) != 1 {
			t.Fatalf("refused %v", refused)
		}
		for jti, why := range refused[0] {
			if !strings.Contains(jti, string(stream.SessionEnded)) || why.Err != "authentication_failed" || why.Description == "" {
				t.Errorf("%s is refused with %+v", jti, why)
			}
		}
		if log := g.log.String(); strings.Count(log, "cannot be believed") != 1 {
			t.Errorf("the gate says\n%s", log)
		}
		time.Sleep(time.Second) // in which it would ask without end
		if polls, _ := m.seen(); polls > before+1 {
			t.Errorf("it has polled %d times in a second", polls-before)
		}
		m.set(false)
		signsOut()
		if _, again := m.seen(); len(again) != 1 {
			t.Errorf("refused %v", again)
		}
	})
}
