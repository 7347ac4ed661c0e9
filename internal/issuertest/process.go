package issuertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// shared is the one process of oidc-provider that all issuers of a test binary live in.
var shared = sync.OnceValues(startProcess)

// process is Node.js running issuer.mjs. The kernel closes its standard input when this process ends, however it ends, and it ends then.
type process struct {
	command *exec.Cmd
	said    *bytes.Buffer // what it complained about; read only after it has ended
	proxy   *httputil.ReverseProxy

	mu   sync.Mutex
	asks io.WriteCloser
	told *bufio.Reader
}

// opening is what issuer.mjs is told about one issuer.
type opening struct {
	Host       string              `json:"host"`
	Close      bool                `json:"close,omitempty"`
	URL        string              `json:"url"`
	Keys       []any               `json:"keys"`
	Algorithm  string              `json:"algorithm"`
	Client     openClient          `json:"client"`
	Routes     map[string]string   `json:"routes"`
	Scopes     []string            `json:"scopes"`
	Claims     map[string][]string `json:"claims"`
	AtUserInfo bool                `json:"atUserInfo"`
}

type openClient struct {
	ID        string   `json:"id"`
	Secret    string   `json:"secret"`
	Redirects []string `json:"redirects"`
	Method    string   `json:"method"`
}

func startProcess() (*process, error) {
	_, here, _, _ := runtime.Caller(0)
	p := &process{command: exec.Command("node", "issuer.mjs"), said: &bytes.Buffer{}}
	p.command.Dir = filepath.Dir(here)
	if _, err := os.Stat(filepath.Join(p.command.Dir, "node_modules/oidc-provider")); err != nil {
		return nil, fmt.Errorf("oidc-provider is not installed: run ./scripts/test, or npm ci in internal/issuertest: %w", err)
	}
	p.command.Env = []string{"PATH=" + os.Getenv("PATH"), "NODE_NO_WARNINGS=1"}
	// An interrupt typed at the terminal must not take the issuers away before the tests have ended.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p.command.Stderr = p.said
	asks, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	told, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.asks, p.told = asks, bufio.NewReader(told)
	var begun struct{ Port int }
	if err := p.listen(&begun); err != nil {
		return nil, err
	}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", begun.Port)})
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding") // answers are read and rewritten here
		},
		ModifyResponse: modify,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	return p, nil
}

// tell has issuer.mjs open or close an issuer.
func (p *process) tell(what opening) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.asks.Write(append(line, '\n')); err != nil {
		return err
	}
	var answer struct{ Error string }
	if err := p.listen(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}

func (p *process) listen(into any) error {
	line, err := p.told.ReadBytes('\n')
	if err != nil {
		return errors.Join(fmt.Errorf("the issuers' process has ended: %w", err), p.end(), errors.New(strings.TrimSpace(p.said.String())))
	}
	return json.Unmarshal(line, into)
}

// end lets the process end, and waits until it has.
func (p *process) end() error {
	return errors.Join(p.asks.Close(), p.command.Wait())
}
