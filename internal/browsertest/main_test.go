// Package browsertest owns the tests that meet Usher as people do: the built program on one side, Chromium on the
// other, nothing in between. It refuses to know how anything works inside: what it cannot see, press, type or read in
// an answer's headers, it does not test.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long anything may take before a test calls it missing. Nothing is measured with it.
const patience = time.Minute

// program is the path of the built usher.
var program string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "usher-browsertest-")
	if err != nil {
		return complain("making a folder for the program", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "usher")
	if out, err := exec.Command("go", "build", "-o", program, "usher/cmd/usher").CombinedOutput(); err != nil {
		return complain("building the program", fmt.Errorf("%w\n%s", err, out))
	}
	if err := os.WriteFile(filepath.Join(dir, "fonts.conf"), []byte(fonts), 0o644); err != nil {
		return complain("choosing the fonts", err)
	}
	defer func() { stopChromium() }() // which it is by then
	return m.Run()
}

func complain(doing string, err error) int {
	fmt.Fprintf(os.Stderr, "browsertest: %s: %v\n", doing, err)
	return 1
}

// fonts lets every machine that has them draw with the same letters; what the system calls its own differs.
const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="pattern"><test name="family"><string>system-ui</string></test><edit name="family" mode="prepend" binding="strong"><string>Liberation Sans</string></edit></match>
<match target="pattern"><test name="family"><string>sans</string></test><edit name="family" mode="prepend" binding="strong"><string>Liberation Sans</string></edit></match>
<match target="pattern"><test name="family"><string>sans-serif</string></test><edit name="family" mode="prepend" binding="strong"><string>Liberation Sans</string></edit></match>
<match target="pattern"><test name="family"><string>monospace</string></test><edit name="family" mode="prepend" binding="strong"><string>Liberation Mono</string></edit></match>
</fontconfig>
`

// chromium starts one browser for all tests; each test has a browser context of its own in it, which shares nothing
// with the others. Chromium's headless shell is the same browser without its windows, at half the work; what is optimised for pages that stay long is left out.
var chromium = sync.OnceValues(startChromium)

var stopChromium = func() {}

func startChromium() (context.Context, error) {
	path, err := chromiumPath()
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("password-store", "basic"),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en-GB"), chromedp.Flag("metrics-recording-only", true),
		chromedp.Flag("js-flags", "--max-lazy,--no-turbofan,--no-maglev"),
		chromedp.WSURLReadTimeout(patience), chromedp.Env("FONTCONFIG_FILE=" + filepath.Join(filepath.Dir(program), "fonts.conf")),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses to work for root
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	stopChromium = func() { // it is asked to leave: what is killed may be a script of the distribution around it
		_ = chromedp.Cancel(ctx)
		stop()
		stopAllocator()
	}
	if err := chromedp.Run(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return ctx, nil
}

func chromiumPath() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/usr/bin/chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("Chromium is not installed: run ./scripts/test, which installs what the tests need")
}
