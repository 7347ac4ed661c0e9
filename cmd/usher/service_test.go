package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// node is one running service. A story has two, on one database.
type node struct {
	listen, operations string
	command            *exec.Cmd
	ended              chan error // closed when the process is gone
	out, errs          lockedBuffer
	started            int // where the log of this start begins
}

func (n *node) running() bool { return n.command != nil }

// run starts the node's process.
func (n *node) run(c *exec.Cmd) error {
	c.Stdout, c.Stderr = &n.out, &n.errs
	if err := c.Start(); err != nil {
		return err
	}
	n.command, n.ended = c, make(chan error, 1)
	go func(ended chan error) {
		ended <- c.Wait()
		close(ended)
	}(n.ended)
	return nil
}

// serve [flag…] starts the service and waits until it is ready; the set-up link, when there is one, is $SETUP, its process $PID.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	n := s.node
	if n.running() {
		ts.Fatalf("serve: it runs already")
	}
	n.started = len(n.errs.String())
	printed := len(n.out.String())
	c := exec.Command(usherCommand(ts), append([]string{"serve"}, args...)...)
	c.Dir, c.Env = s.dir, s.environ(ts)
	ts.Check(n.run(c))
	deadline := time.After(60 * time.Second)
	for !n.ready(printed) {
		select {
		case err := <-n.ended:
			n.command = nil
			if !neg {
				ts.Fatalf("serve ended: %v\n%s", err, n.errs.String()[n.started:])
			}
			return
		case <-deadline:
			ts.Fatalf("serve is not ready after 60 s\n%s", n.errs.String()[n.started:])
		case <-time.After(5 * time.Millisecond):
		}
	}
	if neg {
		ts.Fatalf("serve: it is ready, and should not be")
	}
	ts.Setenv("PID", strconv.Itoa(c.Process.Pid))
	ts.Setenv("SETUP", setUpLink(n.out.String()[printed:]))
	s.keepTokens(ts.Getenv("SETUP"))
}

// setUpLink finds the link in what was printed. The last of the lines comes after the service is ready.
func setUpLink(out string) string {
	for line := range strings.SplitSeq(out, "\n") {
		if _, link, ok := strings.Cut(line, "use): "); ok {
			return link
		}
	}
	return ""
}

func usherCommand(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, "usher")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	ts.Fatalf("no usher command")
	return ""
}

// settingsOfStories are the settings a story may change with env.
var settingsOfStories = []string{
	"TEST_CLOCK", "DATA", "DATABASE", "ORIGIN", "SIGN_UP", "PLEX_API", "SMTP_SERVER", "SMTP_TLS", "TRUSTED_PROXIES", "HOSTS", "KEY_RING", "PASSWORD_BLOCKLIST", "PASSWORD_WORDS",
	"PASSWORD_MIN_LENGTH", "LOG_LEVEL", "HASH_SLOTS", "TLS_CERTIFICATE", "TLS_KEY",
	"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_ISSUER", "APPLE_CLIENT_ID", "APPLE_TEAM_ID", "APPLE_KEY_ID", "APPLE_KEY_FILE", "APPLE_ISSUER", "FACEBOOK_CLIENT_ID", "FACEBOOK_CLIENT_SECRET",
	"FACEBOOK_DIALOG", "FACEBOOK_GRAPH", "OUTSIDE_SECOND_STEP",
}

// environ is the story's environment as the node's process sees it.
func (s *story) environ(ts *testscript.TestScript) []string {
	env := []string{
		"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR"), "GORACE=" + os.Getenv("GORACE"),
		"USHER_LISTEN=" + s.node.listen, "USHER_OPERATIONS_LISTEN=" + s.node.operations,
	}
	for _, key := range settingsOfStories {
		if v := ts.Getenv("USHER_" + key); v != "" {
			env = append(env, "USHER_"+key+"="+v)
		}
	}
	return env
}

// ready says whether the service greeted, after what was printed before, and finds itself ready.
func (n *node) ready(printed int) bool {
	if !strings.Contains(n.out.String()[printed:], "Usher is ready") {
		return false
	}
	_, status, err := n.ask("/readyz")
	return err == nil && status == http.StatusOK
}

// ask reads a page of the operations listener.
func (n *node) ask(path string) (body string, status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.operations+path, nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return string(raw), resp.StatusCode, err
}

func (n *node) stop(sig syscall.Signal) {
	if !n.running() {
		return
	}
	_ = n.command.Process.Signal(sig)
	select {
	case <-n.ended:
	case <-time.After(30 * time.Second):
		_ = n.command.Process.Kill()
		<-n.ended
	}
	n.command = nil
}

// node NAME goes on with the other service: browsers speak to it, and serve, end, kill9 and log mean it.
func cmdNode(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if s.node = s.nodes[args[0]]; s.node == nil {
		ts.Fatalf("node: there are one and two")
	}
}

// end asks the service to end, as an init system does, and waits until it has.
func cmdEnd(ts *testscript.TestScript, _ bool, _ []string) { storyOf(ts).node.stop(syscall.SIGTERM) }

// kill9 ends the service without a word of warning.
func cmdKill9(ts *testscript.TestScript, _ bool, _ []string) { storyOf(ts).node.stop(syscall.SIGKILL) }

// log PATTERN looks into what the service logged since it was started.
func cmdLog(ts *testscript.TestScript, neg bool, args []string) {
	n := storyOf(ts).node
	pattern := regexp.MustCompile(args[0])
	for range 40 { // what is logged stands there a moment after the answer
		if pattern.MatchString(n.errs.String()[n.started:]) != neg {
			return
		}
		if neg {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("log matches %q: %v\n%s", args[0], !neg, n.errs.String()[n.started:])
}

// metric NAME [+N] reads a metric, and checks by how much it has grown since it was read before.
func cmdMetric(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	body, _, err := s.node.ask("/metrics")
	ts.Check(err)
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(args[0]) + ` (\S+)$`).FindStringSubmatch(body)
	if found == nil {
		ts.Fatalf("no metric %s\n%s", args[0], body)
	}
	now, err := strconv.ParseFloat(found[1], 64)
	ts.Check(err)
	if len(args) > 1 && fmt.Sprintf("+%g", now-s.metrics[args[0]]) != args[1] {
		ts.Fatalf("%s grew by %g, wanted %s", args[0], now-s.metrics[args[0]], args[1])
	}
	s.metrics[args[0]] = now
}

// sql [-count N] STATEMENT does to the database what its thief, or somebody with a shell, could do; -count checks how many rows it met.
func cmdSQL(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	db, err := s.open(s.database)
	ts.Check(err)
	defer func() { _ = db.Close() }()
	want := ""
	if args[0] == "-count" {
		want, args = args[1], args[2:]
	}
	done, err := db.Exec(args[0])
	ts.Check(err)
	n, err := done.RowsAffected()
	ts.Check(err)
	if want != "" && want != strconv.FormatInt(n, 10) || want == "" && n == 0 {
		ts.Fatalf("sql met %d rows", n)
	}
}

func (s *story) open(database string) (*sql.DB, error) {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	}
	return sql.Open("pgx", database)
}

// outage on takes the database away under the running service, and outage off gives it back: on PostgreSQL every connection is cut and none
// is let in; on SQLite no file can grow, as on a full disk.
func cmdOutage(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if s.engine == "sqlite" {
		limit := "unlimited"
		if args[0] == "on" {
			limit = "1"
		}
		out, err := exec.Command("prlimit", "--pid", strconv.Itoa(s.node.command.Process.Pid), "--fsize="+limit+":unlimited").CombinedOutput()
		if err != nil {
			ts.Fatalf("prlimit: %v %s", err, out)
		}
		return
	}
	address, err := url.Parse(s.database)
	ts.Check(err)
	name := strings.TrimPrefix(address.Path, "/")
	address.Path = "/postgres"
	db, err := s.open(address.String())
	ts.Check(err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec(`ALTER DATABASE "` + name + `" WITH ALLOW_CONNECTIONS ` + strconv.FormatBool(args[0] != "on"))
	ts.Check(err)
	if args[0] == "on" {
		_, err = db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		ts.Check(err)
	}
}

// lockedBuffer collects what a running process prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
