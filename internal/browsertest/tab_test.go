package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// tab is one tab of a browser, as somebody sits before it: it finds things by the names that are read out to people.
type tab struct {
	t       *testing.T
	ctx     context.Context
	jar     cdp.BrowserContextID // whose cookies the tab has
	service *service
	script  script
	heard   *heard
	status  int64 // of the page that is shown
}

// script says whether pages may run theirs.
type script string

const (
	scriptOn  script = "with script"
	scriptOff script = "without script"
)

// browser opens a browser that has never been anywhere.
func (s *service) browser(t *testing.T, mode script) *tab {
	t.Helper()
	chrome, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	own := cdp.WithExecutor(chrome, chromedp.FromContext(chrome).Browser)
	jar, err := target.CreateBrowserContext().Do(own)
	if err != nil {
		t.Fatalf("opening a browser: %v", err)
	}
	copies := browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-write", AllowWithoutSanitization: false}, browser.PermissionSettingGranted)
	if err := copies.WithBrowserContextID(jar).Do(own); err != nil { // what a browser with windows lets whoever presses something do
		t.Fatalf("allowing to copy: %v", err)
	}
	t.Cleanup(func() {
		if err := target.DisposeBrowserContext(jar).Do(own); err != nil {
			t.Errorf("closing a browser: %v", err)
		}
	})
	return s.tab(t, jar, mode)
}

// another opens a second tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	return b.service.tab(b.t, b.jar, b.script)
}

// newTarget asks for a window each time: a browser context without one has no place for a tab.
func newTarget(chrome context.Context, jar cdp.BrowserContextID) (context.Context, context.CancelFunc, error) {
	own := cdp.WithExecutor(chrome, chromedp.FromContext(chrome).Browser)
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(jar).WithNewWindow(true).Do(own)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithTargetID(id))
	return ctx, cancel, nil
}

func (s *service) tab(t *testing.T, jar cdp.BrowserContextID, mode script) *tab {
	t.Helper()
	chrome, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel, err := newTarget(chrome, jar)
	if err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, jar: jar, service: s, script: mode, heard: listen(ctx, s.origin)}
	b.run("opening a tab", network.Enable(), cdplog.Enable(), audits.Enable(), page.Enable(), runtime.Enable(),
		emulation.SetScriptExecutionDisabled(mode == scriptOff))
	b.show(wide, light)
	t.Cleanup(func() {
		for _, complaint := range b.heard.complaints() {
			t.Error(complaint)
		}
	})
	return b
}

// run does something with the browser that has to work.
func (b *tab) run(doing string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx := b.ctx
	if chromedp.FromContext(ctx).Target != nil { // the first run makes the tab, and may not end with a shorter context
		short, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = short
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", doing, err)
	}
}

// navigate does what makes the browser go to another page, and waits until that is there.
func (b *tab) navigate(doing string, actions ...chromedp.Action) {
	b.t.Helper()
	if !b.goes(doing, actions...) {
		b.t.Fatalf("%s: the page went on by itself in that moment\n%s", doing, b.text())
	}
}

// goes is navigate; it is false where the page went on by itself in that moment, so that nobody knows which of the two is there.
func (b *tab) goes(doing string, actions ...chromedp.Action) bool {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, actions...)
	if err != nil && !strings.Contains(err.Error(), "net::ERR_ABORTED") {
		b.t.Fatalf("%s: %v\n%s", doing, err, b.text())
	}
	if answer == nil || err != nil {
		return false
	}
	b.status = answer.Status
	return true
}

// open types an address: a path of the service, or a whole one.
func (b *tab) open(target string) {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.service.origin + target
	}
	typed := chromedp.ActionFunc(func(ctx context.Context) error {
		for page.StopLoading().Do(ctx) != nil && ctx.Err() == nil { // a page that goes on by itself stays where it is
			time.Sleep(time.Millisecond) // refused between two pages
		}
		_, _, failure, _, err := page.Navigate(target).Do(ctx)
		if err == nil && failure != "" {
			err = fmt.Errorf("the browser says %s", failure)
		}
		return err
	})
	for tries := 1; !b.goes("opening a page", typed); tries++ {
		if tries == 5 {
			b.t.Fatalf("opening %s: the page before it went on by itself each time\n%s", target, b.text())
		}
		time.Sleep(100 * time.Millisecond) // what is told of the page before it
	}
}

// evaluate runs a function of probe.js and reads its answer, where one is wanted. It works where pages may run no script, too.
func (b *tab) evaluate(call string, answer any) {
	b.t.Helper()
	b.run(call, chromedp.ActionFunc(func(ctx context.Context) error {
		asked := runtime.Evaluate("(() => {" + probe + "\nreturn " + call + ";})()").WithReturnByValue(true).WithAwaitPromise(true)
		value, exception, err := asked.Do(ctx)
		if err != nil && strings.Contains(err.Error(), "navigated or closed") { // the page went on by itself in that moment
			value, exception, err = asked.Do(ctx)
		}
		if err != nil {
			return err
		}
		if exception != nil {
			return exception
		}
		if answer == nil {
			return nil
		}
		return json.Unmarshal(value.Value, answer)
	}))
}

// text is what the page says to who looks at it.
func (b *tab) text() string {
	b.t.Helper()
	var text string
	b.evaluate("text()", &text)
	return text
}

// sees waits until the page says something.
func (b *tab) sees(sentence string) {
	b.t.Helper()
	b.soon("the page does not say “"+sentence+"”", func() bool { return strings.Contains(b.text(), sentence) })
}

// misses makes sure the page does not say something.
func (b *tab) misses(sentence string) {
	b.t.Helper()
	if text := b.text(); strings.Contains(text, sentence) {
		b.t.Fatalf("the page says “%s”:\n%s", sentence, text)
	}
}

// soon waits until something is so.
func (b *tab) soon(complaint string, so func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s at %s (status %d):\n%s", complaint, b.path(), b.status, b.text())
		}
	}
}

// at makes sure of the path, and of the status of the page that is shown.
func (b *tab) at(path string, status int64) {
	b.t.Helper()
	if got := b.path(); got != path || b.status != status {
		b.t.Fatalf("at %s with status %d, want %s with %d:\n%s", got, b.status, path, status, b.text())
	}
}

func (b *tab) address() *url.URL {
	b.t.Helper()
	var text string
	b.evaluate("location.href", &text)
	u, err := url.Parse(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func (b *tab) path() string {
	b.t.Helper()
	return b.address().Path
}

// A scheme is what the person has asked all pages for.
type scheme string

const (
	light scheme = "light"
	dark  scheme = "dark"
)

// Widths of the window in CSS pixels.
const (
	narrow = 320
	wide   = 1100
)

// show changes the window and the colour scheme. Changing nothing costs nothing.
func (b *tab) show(width int64, s scheme) {
	b.t.Helper()
	height := int64(800)
	if width == narrow {
		height = 640
	}
	b.run("changing the window",
		emulation.SetDeviceMetricsOverride(width, height, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: string(s)}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}))
}
