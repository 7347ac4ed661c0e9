package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running server.
type process struct {
	command *exec.Cmd
	started time.Time
}

// start runs a program until stop, its output thrown away but for complaints.
func start(ctx context.Context, program string, args ...string) (*process, error) {
	c := exec.CommandContext(ctx, program, args...)
	p := &process{command: c, started: time.Now()}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(program), err)
	}
	return p, nil
}

// ready waits until the URL is answered with 200, and returns the time and the processor time since the start.
func (p *process) ready(ctx context.Context, url string) (took, spent time.Duration, err error) {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		if answers(ctx, url) {
			took = time.Since(p.started)
			spent, err = p.cpu()
			return took, spent, err
		}
		time.Sleep(500 * time.Microsecond)
	}
	return 0, 0, fmt.Errorf("%s did not answer at %s", filepath.Base(p.command.Path), url)
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// stop asks the process to end and waits for it.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) { // the bare server knows no SIGTERM
		return err
	}
	return nil
}

// cpu is the processor time all threads have had.
func (p *process) cpu() (time.Duration, error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.command.Process.Pid))
	if err != nil || len(paths) == 0 {
		return 0, errors.New("reading a process's time: no /proc")
	}
	var sum time.Duration
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) { // a thread that ended
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reading a process's time: %w", err)
		}
		first, _, _ := strings.Cut(string(raw), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading a process's time: %w", err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// memory is one reading of what a process holds, in bytes.
type memory struct {
	resident int64 // everything
	own      int64 // without pages of files, such as the program's own
}

func (p *process) memory() (m memory, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return m, fmt.Errorf("reading a process's memory: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		into := map[string]*int64{"VmRSS": &m.resident, "RssAnon": &m.own}[name]
		if into == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return m, fmt.Errorf("reading a process's memory: %w", err)
		}
		*into = kib << 10
	}
	return m, lines.Err()
}
