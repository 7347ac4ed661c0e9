package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"usher/internal/mail/mailtest"
	"usher/internal/passkey/passkeytest"
	"usher/internal/testdb"
)

// TestMain lets stories run the program under test as the command "usher": the whole program, with a clock that a story can move on.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" { // else every program with the race detector in it waits a second before it ends
		_ = os.Setenv("GORACE", "atexit_sleep_ms=50")
	}
	testscript.Main(m, map[string]func(){
		"usher": func() {
			os.Exit(run(os.Args[1:], world{Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: storyClock(os.Getenv("USHER_TEST_CLOCK"))}))
		},
	})
}

// storyClock runs ahead of the real one by the duration that stands in a file, or stands still at the time that does.
func storyClock(path string) func() time.Time {
	return func() time.Time {
		raw, err := os.ReadFile(path)
		if err != nil {
			return time.Now()
		}
		if at, err := time.Parse(time.RFC3339Nano, string(raw)); err == nil {
			return at
		}
		ahead, err := time.ParseDuration(strings.TrimSpace(string(raw)))
		if err != nil {
			return time.Now()
		}
		return time.Now().Add(ahead)
	}
}

// TestStories plays every story on both databases, and then sweeps what they left behind.
func TestStories(t *testing.T) {
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		engine, _, _ := strings.Cut(databaseURL, ":")
		swept := &sweep{}
		t.Run("play", func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Files:               storyFiles(t, engine),
				RequireExplicitExec: true,
				Setup:               func(e *testscript.Env) error { return setUpStory(t, e, engine, swept) },
				Cmds:                storyCommands(),
				Condition:           func(cond string) (bool, error) { return strings.HasPrefix(engine, cond), nil },
			})
		})
		t.Run("sweep", swept.run)
	})
}

// storyFiles are the stories of both engines and those of one. A word of testscript's own that would end a story before its end is refused.
func storyFiles(t *testing.T, engine string) []string {
	var files []string
	for _, dir := range []string{"testdata/story", filepath.Join("testdata/story", engine)} {
		found, err := filepath.Glob(filepath.Join(dir, "*.txt"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no stories in %s: %v", dir, err)
		}
		files = append(files, found...)
	}
	early := regexp.MustCompile(`(?m)^(\[.*\] *)?(stop|skip|kill)\b`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if word := early.Find(text); word != nil {
			t.Errorf("%s: %q would end the story; the service is ended by end or kill9", file, word)
		}
	}
	return files
}

// story is what one story has going on: services on one database, browsers, and every secret that was used.
type story struct {
	name     string
	dir      string
	engine   string
	database string
	nodes    map[string]*node
	node     *node // the one that commands speak of
	browsers map[string]*browser
	who      string
	metrics  map[string]float64
	secrets  map[string]bool
	sink     *mailtest.Sink
	app      *storyApp
	receiver *receiver
	gate     *aGate
	playing  map[string]map[string]chan struct{} // what a token plays: closed when it has ended
	behind   *mediaServer
	other    *elsewhere
	fingers  map[string]*passkeytest.Authenticator // of each browser
}

type storyKey struct{}

func setUpStory(t *testing.T, e *testscript.Env, engine string, swept *sweep) error {
	s := &story{
		name: strings.TrimPrefix(filepath.Base(e.WorkDir), "script-"), dir: e.WorkDir, engine: engine, database: "sqlite:" + filepath.Join(e.WorkDir, "usher.db"),
		nodes: map[string]*node{}, browsers: map[string]*browser{}, who: "ann", metrics: map[string]float64{}, secrets: map[string]bool{}, fingers: map[string]*passkeytest.Authenticator{},
	}
	if engine == "postgres" {
		s.database = testdb.Postgres(t)
	}
	e.Values[storyKey{}] = s
	ports, err := freePorts(5)
	if err != nil {
		return err
	}
	s.nodes["one"] = &node{listen: "localhost:" + ports[0], operations: "localhost:" + ports[1]}
	s.nodes["two"] = &node{listen: "localhost:" + ports[2], operations: "localhost:" + ports[3]}
	s.node = s.nodes["one"]
	for key, value := range map[string]string{
		"GORACE":                  os.Getenv("GORACE"),
		"USHER_TEST_CLOCK":        filepath.Join(e.WorkDir, "clock"),
		"USHER_DATA":              filepath.Join(e.WorkDir, "data"),
		"USHER_DATABASE":          s.database,
		"USHER_ORIGIN":            "http://" + s.node.listen,
		"USHER_LISTEN":            s.node.listen,
		"USHER_OPERATIONS_LISTEN": s.node.operations,
		"DATABASE":                s.database,
		"ORIGIN":                  "http://" + s.node.listen,
		"PORT":                    ports[0],
		"OPERATIONS":              "http://" + s.node.operations,
		"LDAP":                    "127.0.0.1:" + ports[4], // for the gate of a story that starts it with --ldap-listen
		"PASS":                    "tortoise lamp granite sonnet",
		"PASS2":                   "velvet orchard comet ladder",
		"PASS3":                   "harbor 7 quilted lantern moss",
	} {
		e.Setenv(key, value)
		if strings.HasPrefix(key, "PASS") {
			s.keepSecret(value)
		}
	}
	e.Defer(func() {
		left := s.leave(t)
		for _, n := range s.nodes {
			n.stop(syscall.SIGTERM)
		}
		s.dump(t, &left)
		swept.add(left)
	})
	return nil
}

// given are the ports that freePorts gave to a test of this run, which may not listen there yet.
var given sync.Map

// freePorts finds ports that nobody uses now and no other test was given, below those that the kernel gives to outgoing connections.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range 1000 {
		port := strconv.Itoa(20000 + rand.N(12000))
		l, err := net.Listen("tcp", "localhost:"+port)
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports", n)
}

func storyOf(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// storyCommands are what a story can say, beside testscript's own commands. "!" before a command that looks at something means that it must
// not be so.
func storyCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"serve": cmdServe, "node": cmdNode, "end": cmdEnd, "kill9": cmdKill9, "outage": cmdOutage, "log": cmdLog, "clock": cmdClock, "metric": cmdMetric, "sql": cmdSQL,
		"browser": cmdBrowser, "go": cmdGo, "follow": cmdFollow, "press": cmdPress, "fill": cmdFill, "signin": cmdSignIn, "field": cmdField, "grab": cmdGrab, "grabpath": cmdGrabPath, "grabtext": cmdGrabText, "pagelink": cmdPageLink, "eventually": cmdEventually, "person": cmdPerson, "see": cmdSee, "at": cmdAt, "status": cmdStatus, "header": cmdHeader,
		"cookie": cmdCookie, "mail": cmdMail, "nomail": cmdNoMail, "link": cmdLink, "smtp": cmdSMTP, "sent": cmdSent, "receiver": cmdReceiver, "heard": cmdHeard,
		"passkey": cmdPasskey, "factor": cmdFactor, "code": cmdCode, "key": cmdKey, "recovery": cmdRecovery, "warned": cmdWarned, "api": cmdAPI, "plex": cmdPlex, "shown": cmdShown, "await": cmdAwait,
		"checkcode": cmdCheckCode, "incident": cmdIncident, "crowd": cmdCrowd, "eventually-told": cmdEventuallyTold,
		"raw": cmdRaw, "race": cmdRace, "crash": cmdCrash, "remember": cmdRemember, "openid": cmdOpenID, "wire": cmdWire, "drain": cmdDrain,
		"gate": cmdGate, "setup": cmdSetUp, "gate-end": cmdGateEnd, "gate-kill": cmdGateKill, "gatelog": cmdGateLog, "gatecode": cmdGateCode, "servertoken": cmdServerToken, "shut": cmdShut,
		"upstream": cmdUpstream, "plays": cmdPlays, "cut": cmdCut, "socket": cmdSocket, "nothing-waits": cmdNothingWaits,
		"issuers": cmdIssuers, "elsewhere": cmdElsewhere, "trick": cmdTrick, "rotate": cmdRotate, "leave": cmdLeave, "bring": cmdBring, "answer": cmdAnswer, "answered": cmdAnswered, "with": cmdWith, "people": cmdPeople,
		"mediaserver": cmdMediaServer, "strangers": cmdStrangers, "held": cmdHeld,
	}
}

// clock DURATION moves the service's clock on, for running and for later commands.
func cmdClock(ts *testscript.TestScript, _ bool, args []string) {
	more, err := time.ParseDuration(strings.TrimPrefix(args[0], "+"))
	ts.Check(err)
	path := ts.Getenv("USHER_TEST_CLOCK")
	if raw, err := os.ReadFile(path); err == nil {
		was, err := time.ParseDuration(strings.TrimSpace(string(raw)))
		ts.Check(err)
		more += was
	}
	ts.Check(os.WriteFile(path+".next", []byte(more.String()), 0o600))
	ts.Check(os.Rename(path+".next", path))
}
