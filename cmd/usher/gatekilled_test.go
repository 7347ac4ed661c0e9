package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/gate/keep"
)

// teller is a service as one gate sees it. It tells what it is made to, until it is acknowledged, and remembers what happened.
type teller struct {
	*testing.T
	*httptest.Server
	signer jose.Signer
	keys   jose.JSONWebKeySet

	mu        sync.Mutex
	active    map[string]bool   // tokens that let in
	waiting   map[string]string // tokens by jti
	acked     []string
	suspended bool
	away      bool
	answered  func() // is called when an answer with signals has been written
	acking    func() // is called when an acknowledgement has arrived, before anything is done about it
}

const (
	tellerServer = "srv-1"
	revokedEvent = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
)

// tellerKey is the one key of all.
var tellerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func openTeller(t *testing.T) *teller {
	t.Helper()
	s := &teller{T: t, active: map[string]bool{}, waiting: map[string]string{}}
	key, err := tellerKey()
	s.must(err)
	s.keys.Keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}
	s.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	s.must(err)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *teller) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *teller) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// tell has the gate be told that somebody's sign-in has ended, or, where nobody is named, the server's.
func (s *teller) tell(jti, session string) {
	about := map[string]any{"format": "complex", "user": map[string]any{"format": "iss_sub", "iss": s.URL, "sub": "acc-ann"}, "device": map[string]any{"format": "opaque", "id": tellerServer}}
	if session != "" {
		delete(about, "device")
		about["session"] = map[string]any{"format": "opaque", "id": session}
	}
	body, err := json.Marshal(map[string]any{"iss": s.URL, "aud": tellerServer, "iat": 1, "jti": jti, "txn": jti, "sub_id": about, "events": map[string]any{revokedEvent: map[string]any{}}})
	s.must(err)
	signed, err := s.signer.Sign(body)
	s.must(err)
	text, err := signed.CompactSerialize()
	s.must(err)
	s.waiting[jti] = text
}

func (s *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	away, suspended := s.away, s.suspended
	s.mu.Unlock()
	if away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	refuse := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, text)
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[1]s/token","device_authorization_endpoint":"%[1]s/device","introspection_endpoint":"%[1]s/introspect"}`, s.URL)
	case "/.well-known/ssf-configuration":
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%[1]s/keys","configuration_endpoint":"%[1]s/stream"}`, s.URL)
	case "/keys":
		_ = json.NewEncoder(w).Encode(s.keys)
	case "/api/v1/server/standing":
		standing := `{"standing":"good"}`
		if suspended {
			standing = `{"standing":"suspended","reason":"signed-out"}`
		}
		_, _ = fmt.Fprint(w, standing)
	case "/token":
		if suspended {
			refuse(http.StatusBadRequest, `{"error":"unauthorized_client","standing":"suspended"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"a","expires_in":600}`)
	case "/stream":
		_, _ = fmt.Fprintf(w, `[{"stream_id":"s","delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"%s/poll"}}]`, s.URL)
	case "/introspect":
		if suspended {
			refuse(http.StatusUnauthorized, `{"error":"invalid_token"}`)
			return
		}
		s.introspect(w, r.PostFormValue("token"))
	case "/poll":
		if suspended {
			refuse(http.StatusUnauthorized, `{"error":"invalid_token"}`)
			return
		}
		s.poll(w, r)
	default:
		_, _ = fmt.Fprint(w, `{}`)
	}
}

func (s *teller) introspect(w http.ResponseWriter, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := fmt.Fprintf(w, `{"active":%t,"sub":"acc-ann","sid":%q,"exp":%d}`, s.active[token], sessionIn(token), time.Now().Add(time.Hour).Unix())
	if err != nil {
		s.Log(err) // the gate was killed
	}
}

func (s *teller) poll(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		AtOnce bool `json:"returnImmediately"`
		Ack    []string
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &asked) != nil {
		return // the gate was killed
	}
	s.mu.Lock()
	acking := s.acking
	s.mu.Unlock()
	if len(asked.Ack) > 0 && acking != nil {
		acking()
		return // it is gone, and so is what it said
	}
	s.set(func() {
		for _, jti := range asked.Ack {
			delete(s.waiting, jti)
			s.acked = append(s.acked, jti)
		}
	})
	for end := time.Now().Add(10 * time.Second); !asked.AtOnce && r.Context().Err() == nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		some := len(s.waiting) > 0 || s.away
		s.mu.Unlock()
		if some {
			break
		}
	}
	s.mu.Lock()
	raw, err := json.Marshal(map[string]any{"sets": s.waiting})
	answered := s.answered
	if len(s.waiting) == 0 {
		answered = nil
	}
	s.mu.Unlock()
	if err == nil && r.Context().Err() == nil {
		_, _ = w.Write(raw)
		_ = http.NewResponseController(w).Flush()
	}
	if answered != nil {
		answered()
	}
}

// playerToken is a token for the server that lets a session in.
func playerToken(session string) string {
	body := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"` + tellerServer + `","sid":"` + session + `"}`))
	return "e30." + body + ".sig"
}

func sessionIn(token string) string {
	var said struct{ Sid string }
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(raw, &said)
		}
	}
	return said.Sid
}

// killable is the built gate of a teller's server.
type killable struct {
	*teller
	folder, at string
	media      *httptest.Server
	command    *exec.Cmd
	log        lockedBuffer
}

func (s *teller) gate() *killable {
	s.Helper()
	g := &killable{teller: s, folder: s.TempDir()}
	g.media = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	s.Cleanup(g.media.Close)
	f, err := keep.Open(g.folder, time.Now())
	s.must(err)
	s.must(f.SaveServer(keep.Server{Service: s.URL, ID: tellerServer, Name: "Attic", Owner: keep.Owner{Subject: "acc-ann", Name: "ann"}}))
	s.must(f.Close())
	s.Cleanup(func() {
		g.kill()
		if s.Failed() {
			s.Log(g.log.String())
		}
	})
	return g
}

func (g *killable) start() {
	g.Helper()
	ports, err := freePorts(1)
	g.must(err)
	g.at = "127.0.0.1:" + ports[0]
	g.command = exec.Command("usher", "gate", "--service", g.URL, "--listen", g.at, "--folder", g.folder, "--upstream", g.media.URL) // TestMain put it there
	g.command.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}
	g.command.Stdout, g.command.Stderr = &g.log, &g.log
	g.must(g.command.Start())
}

func (g *killable) kill() {
	if g.command == nil {
		return
	}
	_ = g.command.Process.Kill()
	_ = g.command.Wait()
	g.command = nil
}

// ask presents a session's token, and waits for a gate that is about to listen.
func (g *killable) ask(path, session string) *http.Response {
	g.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		r, err := http.NewRequestWithContext(g.Context(), http.MethodGet, "http://"+g.at+path, nil)
		g.must(err)
		r.Header.Set("Authorization", "Bearer "+playerToken(session))
		r.Close = true
		if answer, err := http.DefaultClient.Do(r); err == nil {
			return answer
		}
	}
	g.Fatal("the gate does not answer")
	return nil
}

func (g *killable) asks(session string) (in bool, status int) {
	g.Helper()
	answer := g.ask("/film", session)
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK, answer.StatusCode
}

// kept is what stands in a gate's folder.
type kept struct {
	in       []string // sessions
	done     []string // jti
	standing string
	heard    bool
}

func (g *killable) kept() (k kept) {
	g.Helper()
	var who struct {
		Admitted []struct{ Decision struct{ Sid string } }
	}
	var known struct {
		Done     []string
		Standing string
		Heard    time.Time
	}
	for name, into := range map[string]any{"admitted.json": &who, "standing.json": &known} {
		raw, err := os.ReadFile(filepath.Join(g.folder, name))
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil && !os.IsNotExist(err) {
			g.Fatalf("%s: %v", name, err)
		}
	}
	for _, one := range who.Admitted {
		k.in = append(k.in, one.Decision.Sid)
	}
	k.done, k.standing, k.heard = known.Done, known.Standing, !known.Heard.IsZero()
	return k
}

// settled waits until the gate follows the service and has written down who is in.
func (g *killable) settled(in ...string) {
	g.Helper()
	g.eventually("it follows the service, and remembers", func() bool {
		k := g.kept()
		slices.Sort(k.in)
		return slices.Equal(k.in, in) && k.standing == "good" && k.heard
	})
}

func (g *killable) eventually(what string, is func() bool) {
	g.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			g.Fatalf("never: %s", what)
		}
	}
}

// killAt kills the gate when it has changed its folder so often from now on; fewer times, and it lives. The channel is closed when it is dead.
func (g *killable) killAt(changes int) <-chan struct{} {
	g.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	g.must(err)
	_, err = syscall.InotifyAddWatch(fd, g.folder, syscall.IN_CREATE|syscall.IN_MODIFY|syscall.IN_CLOSE_WRITE|syscall.IN_MOVED_TO)
	g.must(err)
	dead, victim := make(chan struct{}), g.command.Process
	go func() {
		defer func() { _ = syscall.Close(fd) }()
		buf := make([]byte, 64<<10)
		for {
			n, err := syscall.Read(fd, buf)
			if err != nil || n <= 0 {
				return
			}
			for at := 0; at+syscall.SizeofInotifyEvent <= n; {
				at += syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:])) // a name follows, so long
				if changes--; changes == 0 {
					_ = victim.Kill()
					close(dead)
					return
				}
			}
		}
	}()
	return dead
}

// The moments at which a gate is killed, besides those of its folder's changes.
const (
	whenTold   = 0  // signals have reached it
	whenAcking = -1 // its acknowledgement is on its way, and lost
	whenAcked  = -2 // its acknowledgement has arrived
)

// eachMoment runs a test for every moment from one on at which a gate that is told something may be killed; its folder changes so often meanwhile.
func eachMoment(t *testing.T, first, changes int, test func(s *teller, moment int)) {
	t.Parallel()
	for moment := first; moment <= changes; moment++ {
		t.Run(strconv.Itoa(moment), func(t *testing.T) {
			t.Parallel()
			test(openTeller(t), moment)
		})
	}
}

// killWhen kills the gate at a moment; happens is what the service then tells it.
func (g *killable) killWhen(moment int, happens func()) {
	g.Helper()
	var dead <-chan struct{}
	hit := make(chan struct{})
	once := sync.OnceFunc(func() {
		_ = g.command.Process.Kill()
		close(hit)
	})
	switch moment {
	case whenTold:
		g.set(func() { g.answered = once })
		dead = hit
	case whenAcking:
		g.set(func() { g.acking = once })
		dead = hit
	case whenAcked:
		dead = hit
		go func() {
			g.eventually("acknowledged", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.acked) > 0 })
			once()
		}()
	default:
		dead = g.killAt(moment)
	}
	g.set(happens)
	select {
	case <-dead:
	case <-time.After(30 * time.Second):
		g.Fatalf("the gate lives: it does not come to that moment\n%s", g.log.String())
	}
	g.kill()
	g.set(func() { g.answered, g.acking = nil, nil })
}

// A gate that is killed while it is told of a sign-out, at whatever moment, loses nothing: what was acknowledged is on the disk, with the service away nobody
// comes in who was signed out and acknowledged, with the service there not even for a moment, and whatever was not acknowledged is in the end. Who was not signed
// out is in all the while.
func TestAGateKilledWhileItIsToldOfASignOut(t *testing.T) {
	eachMoment(t, whenAcked, 8, func(s *teller, moment int) {
		g := s.gate()
		s.active[playerToken("stays")], s.active[playerToken("ends")] = true, true
		g.start()
		for _, session := range []string{"stays", "ends"} {
			if in, status := g.asks(session); !in {
				t.Fatalf("%s is answered %d", session, status)
			}
		}
		g.settled("ends", "stays")
		g.killWhen(moment, func() {
			delete(s.active, playerToken("ends"))
			s.tell("01A", "ends")
		})

		k := g.kept()
		acked, done, out := false, slices.Contains(k.done, "01A"), !slices.Contains(k.in, "ends")
		s.set(func() { acked = slices.Contains(s.acked, "01A") })
		if acked && !done || done && !out || !slices.Contains(k.in, "stays") {
			s.Errorf("acknowledged: %t; on the disk: %+v", acked, k)
		}
		if moment < 0 && acked != (moment == whenAcked) {
			s.Errorf("acknowledged: %t", acked)
		}

		s.set(func() { s.away = true })
		g.start()
		if in, status := g.asks("stays"); !in {
			s.Errorf("an outage signs out: %d", status)
		}
		if in, _ := g.asks("ends"); in && out {
			s.Error("who was signed out is in")
		}
		g.kill()
		if out && slices.Contains(g.kept().in, "ends") {
			s.Error("who was signed out comes back onto the disk")
		}

		s.set(func() { s.away = false })
		g.start()
		for range 20 {
			if in, _ := g.asks("ends"); in {
				s.Fatal("who was signed out is in for a moment")
			}
			if in, status := g.asks("stays"); !in {
				s.Fatalf("who was not signed out is out: %d", status)
			}
		}
		g.eventually("acknowledged", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) == 0 })
	})
}

// A gate that is killed while it is told that its server is signed out lets nobody in after that, once it is on the disk also with the service away; and when the
// server is back, nothing is left over.
func TestAGateKilledWhileItsServerIsSignedOut(t *testing.T) {
	eachMoment(t, whenTold, 12, func(s *teller, moment int) { // it may not acknowledge while it is signed out
		g := s.gate()
		s.active[playerToken("ann")] = true
		g.start()
		if in, status := g.asks("ann"); !in {
			t.Fatalf("answered %d", status)
		}
		g.settled("ann")
		g.killWhen(moment, func() {
			s.suspended = true
			delete(s.active, playerToken("ann"))
			s.tell("01A", "")
		})

		k := g.kept()
		if slices.Contains(k.done, "01A") && (k.standing != "suspended" || len(k.in) > 0) {
			s.Errorf("on the disk: %+v", k)
		}
		s.set(func() { s.away = true })
		g.start()
		if in, status := g.asks("ann"); k.standing == "suspended" && (in || status != http.StatusForbidden) {
			s.Errorf("signed out, and the service away: %d", status)
		}
		g.kill()

		s.set(func() { s.away = false })
		g.start()
		for range 20 {
			if in, _ := g.asks("ann"); in {
				s.Fatal("a server that is signed out lets somebody in for a moment")
			}
		}
		g.eventually("it is known to be signed out", func() bool { return g.kept().standing == "suspended" })
		if moment%4 != 0 { // for the others it was the same
			return
		}
		s.set(func() { s.suspended, s.active[playerToken("again")] = false, true })
		g.eventually("acknowledged", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) == 0 })
		if in, status := g.asks("again"); !in {
			s.Errorf("it is back, and answers %d", status)
		}
		if in, _ := g.asks("ann"); in {
			s.Error("who was in before is in")
		}
	})
}

// Whoever was let in is in throughout an outage, however the gate ends in it: killed a moment after it has written down who came, again and again while it starts,
// or when it was asked to end and was not given the time for it.
func TestAKilledGateRemembersWhoIsIn(t *testing.T) {
	t.Parallel()
	s := openTeller(t)
	g := s.gate()
	s.active[playerToken("ann")], s.active[playerToken("bob")] = true, true
	g.start()
	if in, status := g.asks("ann"); !in {
		t.Fatalf("answered %d", status)
	}
	began := time.Now()
	g.eventually("it is written down", func() bool { return slices.Contains(g.kept().in, "ann") })
	if took := time.Since(began); took > 10*time.Second { // it is one; a loaded machine takes longer
		t.Errorf("it takes %v until it is written down who came in", took)
	}
	s.set(func() { s.away = true })
	for range 12 {
		g.kill()
		g.start()
		time.Sleep(time.Duration(time.Now().UnixNano() % int64(60*time.Millisecond)))
	}
	if in, status := g.asks("ann"); !in {
		t.Errorf("after many kills: %d", status)
	}
	s.set(func() { s.away = false })
	g.eventually("somebody new comes in", func() bool { in, _ := g.asks("bob"); return in })
	endless := g.ask("/endless", "bob") // it holds the gate up while it ends
	t.Cleanup(func() { _ = endless.Body.Close() })
	s.must(g.command.Process.Signal(syscall.SIGTERM))
	g.eventually("it is about to end", func() bool { return strings.Contains(g.log.String(), "stopping") })
	g.eventually("it is written down", func() bool { return slices.Contains(g.kept().in, "bob") })
	g.kill()
	s.set(func() { s.away = true })
	g.start()
	for _, session := range []string{"ann", "bob"} {
		if in, status := g.asks(session); !in {
			t.Errorf("%s: %d", session, status)
		}
	}
}
