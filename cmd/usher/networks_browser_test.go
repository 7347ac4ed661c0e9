package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"usher/internal/testdb"
)

// surfer is Chromium on one of the machines: all that it sends leaves from that machine's network.
type surfer struct {
	*networks
	ctx context.Context
}

// chromium starts one, for the browsers of all machines.
func (n *networks) chromium() context.Context {
	n.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	n.must(err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("ignore-certificate-errors", true), chromedp.WSURLReadTimeout(time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // its sandbox refuses to work for root
	}
	allocator, stop := chromedp.NewExecAllocator(n.Context(), options...)
	n.Cleanup(stop)
	chrome, end := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	n.Cleanup(end)
	n.must(chromedp.Run(chrome))
	return chrome
}

// browser opens a browser of its own on a machine.
func (n *networks) browser(chrome context.Context, machine string) *surfer {
	n.Helper()
	own := cdp.WithExecutor(chrome, chromedp.FromContext(chrome).Browser)
	jar, err := target.CreateBrowserContext().WithProxyServer(n.exit(machine)).Do(own)
	n.must(err)
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(jar).WithNewWindow(true).Do(own) // a browser context without a window has no place for a tab
	n.must(err)
	ctx, end := chromedp.NewContext(chrome, chromedp.WithTargetID(id))
	n.Cleanup(end)
	return &surfer{n, ctx}
}

// exit is a proxy whose connections leave from a machine's network.
func (n *networks) exit(machine string) string {
	address, _, _ := strings.Cut(machines[machine].service, "/")
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "accounts.example:8443" {
			http.Error(w, "only the service is reached from here", http.StatusForbidden)
			return
		}
		there, err := within(n, machine, func() (net.Conn, error) { return net.Dial("tcp", net.JoinHostPort(address, "8443")) })
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(there, here); _ = there.Close() })
		both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
		both.Wait()
	}))
	n.Cleanup(proxy.CloseClientConnections)
	n.Cleanup(proxy.Close)
	return proxy.URL
}

func (s *surfer) run(actions ...chromedp.Action) {
	s.Helper()
	s.must(chromedp.Run(s.ctx, actions...))
}

func (s *surfer) open(path string) {
	s.Helper()
	s.run(chromedp.Navigate("https://accounts.example:8443" + path))
}

func (s *surfer) write(field, text string) {
	s.Helper()
	s.run(chromedp.SendKeys("[name="+field+"]", text, chromedp.ByQuery))
}

// press presses the button that says so, and waits until the next page says what it has to.
func (s *surfer) press(button, then string) {
	s.Helper()
	s.run(chromedp.Click(fmt.Sprintf(`//button[contains(., %q)]`, button), chromedp.BySearch))
	s.waits(then)
}

// waits waits until the page says something.
func (s *surfer) waits(sentence string) (text string) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(text, sentence); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("no %q on the page: %s", sentence, text)
		}
		_ = chromedp.Run(s.ctx, chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &text)) // between two pages there is none
	}
	return text
}

func (s *surfer) signsIn(name string) {
	s.Helper()
	s.open("/sign-in")
	s.write("login", name)
	s.write("password", peoplesPassword)
	s.press("Sign in", name)
}

// types enters a code, and returns what the page says that comes next.
func (s *surfer) types(code, then string) string {
	s.Helper()
	s.open("/link")
	s.write("user_code", code)
	s.run(chromedp.Submit("[name=user_code]", chromedp.ByQuery))
	return s.waits(then)
}

// asks lets a TV ask, and returns the short code that it shows.
func (s *surfer) asks() string {
	s.Helper()
	s.open("/tv")
	s.press("Show a code", "/link")
	var short string
	s.run(chromedp.Text("h1.code", &short, chromedp.ByQuery))
	if !regexp.MustCompile(`^[2-9A-Z]{4}$`).MatchString(short) {
		s.Fatalf("the TV shows %q", short)
	}
	return short
}

// The same three networks, with Chromium on the TV, on the phone at home and at the stranger's. Whoever types a TV's four characters from the third
// network ends at the red page, as does whoever types what the stranger's TV shows (LK-5, attack D16).
func TestBrowsersInThreeNetworks(t *testing.T) {
	t.Parallel()
	n := openNetworks(t)
	n.serve(testdb.SQLite(t))
	chrome := n.chromium()
	tv, phone, stranger := n.browser(chrome, "tv"), n.browser(chrome, "phone"), n.browser(chrome, "stranger")
	phone.signsIn("ann.walker")
	stranger.signsIn("bo.stranger")

	phone.types(tv.asks(), "Is this your TV?")
	phone.press("Yes, sign it in", "It is signed in")
	tv.waits("Hello, ann.walker")
	tv.press("Sign out", "This TV is signed out.")

	page := stranger.types(tv.asks(), "Somebody else’s TV?")
	n.sees(page, "2001:db8:1:101::2")
	n.sees(page, "another network")
	n.sees(page, "Take a moment")
	stranger.press("No, this is not mine", "It stays out")
	tv.waits("Somebody said no")

	page = phone.types(stranger.asks(), "Somebody else’s TV?")
	n.sees(page, "198.51.100.2")
	n.sees(page, "Take a moment")
	phone.press("No, this is not mine", "It stays out")
}
