package browsertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// service is one running "usher serve" with a data folder of its own.
type service struct {
	origin string
	outbox string // address of the page where mail waits
	setUp  string // link for the first administrator
	errors *lines
	beside []string // flags of every command beside it
}

// lines keeps the lines of the program's log that name an error.
type lines struct {
	mu   sync.Mutex
	kept []string
}

func (l *lines) read(r io.Reader) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if bytes.Contains(scan.Bytes(), []byte(`"level":"ERROR"`)) || bytes.Contains(scan.Bytes(), []byte("the service was not told that somebody signed out here")) {
			l.mu.Lock()
			l.kept = append(l.kept, scan.Text())
			l.mu.Unlock()
		}
	}
}

// serve runs the program on the database until the test ends, and then expects it to leave in order, with no error in its log.
func serve(t *testing.T, databaseURL string, flags ...string) *service {
	t.Helper()
	listen, operations := freeAddress(t), freeAddress(t)
	s := &service{origin: "http://" + listen, errors: &lines{}, beside: []string{
		"--listen", listen, "--origin", "http://" + listen, "--operations-listen", operations, "--data", t.TempDir(), "--database", databaseURL,
	}}
	command := exec.Command(program, slices.Concat([]string{"serve"}, s.beside, flags)...)
	command.Env = environment()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("starting usher: %v", err)
	}
	var reading sync.WaitGroup
	said := make(chan string, 16)
	reading.Go(func() { s.errors.read(log) })
	reading.Go(func() {
		defer close(said)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			said <- scan.Text()
		}
	})
	t.Cleanup(func() { s.stop(t, command, &reading) })
	s.listenTo(t, said)
	return s
}

// does runs a command beside the service.
func (s *service) does(t *testing.T, words ...string) {
	t.Helper()
	command := exec.Command(program, append(words, s.beside...)...)
	command.Env = environment()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("usher %s: %v %s", words[0], err, out)
	}
}

// environment is ours without the settings of a service somebody may run here.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "USHER_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

var (
	outboxLine = regexp.MustCompile(`http://\S+/outbox\b`)
	setUpLine  = regexp.MustCompile(`http://\S+/setup/\S+`)
)

// listenTo reads the start-up lines. The link for the first administrator is the last of them.
func (s *service) listenTo(t *testing.T, said <-chan string) {
	t.Helper()
	for deadline := time.After(patience); s.setUp == ""; {
		select {
		case line, open := <-said:
			if !open {
				t.Fatalf("usher ended before it was ready; its log says: %s", s.errors.text())
			}
			if found := outboxLine.FindString(line); found != "" {
				s.outbox = found
			}
			s.setUp = setUpLine.FindString(line)
		case <-deadline:
			t.Fatal("usher printed no set-up link")
		}
	}
	if s.outbox == "" {
		t.Fatal("usher printed no address of the outbox")
	}
}

func (s *service) stop(t *testing.T, command *exec.Cmd, reading *sync.WaitGroup) {
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stopping usher: %v", err)
	}
	reading.Wait() // before Wait, which closes the pipes
	if err := command.Wait(); err != nil {
		t.Errorf("usher did not leave in order: %v", err)
	}
	if text := s.errors.text(); text != "" {
		t.Errorf("errors in the log:\n%s", text)
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}

// freeAddress is a loopback address where nothing listens. Browsers treat localhost as secure, as they would treat https.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}
