package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// raw METHOD PATH [Header:value]… [basic:LOGIN:PASSWORD] [bearer:TOKEN] [@form] sends one request as an attacker would: no header that a browser adds by itself. It follows nothing,
// and keeps the cookies. A header Host changes the host; @*N is a form of N bytes.
func cmdRaw(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	req, err := s.attack(args)
	ts.Check(err)
	ts.Check(s.browser().send(s, req))
}

func (s *story) attack(args []string) (*http.Request, error) {
	body, headers := "", http.Header{}
	for _, a := range args[2:] {
		if form, ok := strings.CutPrefix(a, "@"); ok {
			body = form
			continue
		}
		if s.authorize(headers, a) {
			continue
		}
		name, value, found := strings.Cut(a, ":")
		if !found {
			return nil, fmt.Errorf("%q is no header and no form", a)
		}
		headers.Add(name, strings.TrimSpace(value))
	}
	if size, ok := strings.CutPrefix(body, "*"); ok {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, err
		}
		body = "email=" + strings.Repeat("x", n)
	}
	req, err := http.NewRequest(args[0], s.absolute(args[1]), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.keepForm(body)
		s.keepJSON(body)
	}
	for name, values := range headers {
		req.Header[name] = values
	}
	if host := headers.Get("Host"); host != "" {
		req.Host = host
	}
	return req, nil
}

// race N ANSWER COUNT METHOD PATH [Header:value]… [@form] sends the same request N times at once and checks how many get the answer: a status,
// or a status and where it leads, as in 303:/welcome. The browser keeps none of the answers, so it is as it was; {n} in the form is a number.
func cmdRace(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	answers := s.storm(ts, n, args[3:], func(int64) {})
	got := 0
	for _, a := range answers {
		status, _, _ := strings.Cut(a, ":")
		if a == args[1] || status == args[1] {
			got++
		}
	}
	if strconv.Itoa(got) != args[2] {
		ts.Fatalf("%d answers are %s, wanted %s: %v", got, args[1], args[2], answers)
	}
}

// storm sends one request n times at once, and says after each answer how many there have been.
func (s *story) storm(ts *testscript.TestScript, n int, request []string, answered func(int64)) []string {
	answers := make([]string, n)
	requests := make([]*http.Request, n)
	for i := range n {
		mine := slices.Clone(request)
		for j := range mine {
			mine[j] = strings.ReplaceAll(mine[j], "{n}", strconv.Itoa(i))
		}
		req, err := s.attack(mine)
		ts.Check(err)
		requests[i] = req
	}
	var all sync.WaitGroup
	var done atomic.Int64
	for i, req := range requests {
		one := s.browser().copy()
		all.Go(func() {
			page, err := one.fetch(s, req)
			if err != nil {
				answers[i] = err.Error()
				return
			}
			answers[i] = strconv.Itoa(page.status)
			if to, err := url.Parse(page.header.Get("Location")); err == nil && to.Path != "" {
				answers[i] += ":" + to.Path
			}
			answered(done.Add(1))
		})
	}
	all.Wait()
	return answers
}

// crash N METHOD PATH [@form] sends a request N times at once and kills the service, without a word of warning, after the fifth answer.
func cmdCrash(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	process := s.node.command.Process
	s.storm(ts, n, args[1:], func(answered int64) {
		if answered == 5 {
			_ = process.Signal(syscall.SIGKILL)
		}
	})
	s.node.stop(syscall.SIGKILL)
}

// changing is what differs between two answers that are the same: the nonce of the page's policy, and the numbers of the request.
var changing = []*regexp.Regexp{
	regexp.MustCompile(`nonce[-="]+[A-Za-z0-9+/_=-]+`), regexp.MustCompile(`(?i)(date|x-request-id): .*`), regexp.MustCompile(`<span class="number">[^<]*</span>`),
	regexp.MustCompile(`"instance":"[^"]*"`),
}

// remember FILE [TEXT…] writes the last answer down: status, headers, cookies' names and body, without what differs between any two answers
// and without each TEXT.
func cmdRemember(ts *testscript.TestScript, _ bool, args []string) {
	p := storyOf(ts).page(ts)
	var b bytes.Buffer
	_, _ = fmt.Fprintln(&b, p.status)
	head := p.header.Clone()
	for i, c := range head["Set-Cookie"] {
		head["Set-Cookie"][i] = aToken.ReplaceAllString(c, "TOKEN")
	}
	ts.Check(head.Write(&b))
	b.WriteString(p.body)
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	for _, varies := range changing {
		text = varies.ReplaceAllString(text, "…")
	}
	for _, typed := range args[1:] {
		text = strings.ReplaceAll(text, typed, "TYPED")
	}
	ts.Check(os.WriteFile(filepath.Join(storyOf(ts).dir, args[0]), []byte(text), 0o600))
}

// wire FILE sends a file's lines as they are, with the line ends of HTTP, and checks nothing: what came back is the page, with its status.
func cmdWire(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	conn, err := net.DialTimeout("tcp", s.node.listen, 10*time.Second)
	ts.Check(err)
	defer func() { _ = conn.Close() }()
	ts.Check(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	lines := strings.ReplaceAll(ts.ReadFile(args[0]), "ORIGIN", strings.TrimPrefix(ts.Getenv("ORIGIN"), "http://"))
	_, err = io.WriteString(conn, strings.ReplaceAll(lines, "\n", "\r\n"))
	ts.Check(err)
	answer, err := io.ReadAll(conn)
	ts.Check(err)
	var status int
	if _, err := fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status); err != nil {
		ts.Fatalf("no answer: %q", answer)
	}
	page, err := newPage(&url.URL{Path: "/"}, status, http.Header{}, string(answer))
	ts.Check(err)
	s.browser().page = page
}

// drain METHOD PATH [Header:value]… @form sends half of a request, asks the service to end, waits until it takes nobody new, and sends the other
// half: the answer is the page. Then it waits for the end.
func cmdDrain(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	req, err := s.attack(args)
	ts.Check(err)
	var whole bytes.Buffer
	ts.Check(req.Write(&whole))
	half := whole.Len() - 8 // inside the body
	conn, err := net.DialTimeout("tcp", s.node.listen, 10*time.Second)
	ts.Check(err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write(whole.Bytes()[:half])
	ts.Check(err)
	time.Sleep(100 * time.Millisecond) // until the half request is being read; nothing tells from outside
	ts.Check(s.node.command.Process.Signal(syscall.SIGTERM))
	s.waitFor(ts, "the listener to close", func() bool {
		other, err := net.DialTimeout("tcp", s.node.listen, time.Second)
		if err == nil {
			_ = other.Close()
		}
		return err != nil
	})
	_, err = conn.Write(whole.Bytes()[half:])
	ts.Check(err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	ts.Check(err)
	raw, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	page, err := newPage(req.URL, resp.StatusCode, resp.Header, string(raw))
	ts.Check(err)
	s.browser().page = page
	if err := <-s.node.ended; err != nil {
		ts.Fatalf("the service ended with %v", err)
	}
	s.node.command = nil
}

func (s *story) waitFor(ts *testscript.TestScript, what string, holds func() bool) {
	for range 2400 {
		if holds() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	ts.Fatalf("waited in vain for %s", what)
}
