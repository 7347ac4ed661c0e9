package media

import (
	"context"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"usher/internal/look"
)

// browser is Chromium, as the other tests start it.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// film has the browser itself make a film of three seconds.
func film(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	const script = `new Promise(done => {
		const canvas = document.createElement('canvas'); canvas.width = 160; canvas.height = 90;
		const paint = canvas.getContext('2d'); let n = 0;
		const tick = setInterval(() => { paint.fillStyle = 'hsl(' + (n += 7) + ' 80% 50%)'; paint.fillRect(0, 0, 160, 90) }, 40);
		const recorder = new MediaRecorder(canvas.captureStream(25), {mimeType: 'video/webm;codecs=vp8'});
		const parts = []; recorder.ondataavailable = e => parts.push(e.data);
		recorder.onstop = () => { clearInterval(tick); const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(new Blob(parts)) };
		recorder.start(); setTimeout(() => recorder.stop(), 3000);
	})`
	var text string
	if err := chromedp.Run(ctx, chromedp.Navigate("about:blank"), chromedp.Evaluate(script, &text, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text[strings.IndexByte(text, ',')+1:])
	if err != nil || len(raw) < 1000 {
		t.Fatalf("the film has %d bytes (%v)", len(raw), err)
	}
	return raw
}

// A film is found in the list and plays in the page, without any script of ours, under the page's own policy; in both themes nothing is wider than a phone.
func TestAFilmPlaysInTheBrowser(t *testing.T) {
	folder, _, f := house(t)
	ctx := browser(t)
	if err := os.WriteFile(filepath.Join(folder, "real film.webm"), film(t, ctx), 0o600); err != nil {
		t.Fatal(err)
	}
	var ranges atomic.Int64
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, is := strings.CutPrefix(r.URL.Path, "/.usher/static/"); is {
			text, err := fs.ReadFile(look.Files, name)
			if err != nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", map[bool]string{true: "text/css", false: "image/svg+xml"}[strings.HasSuffix(name, ".css")])
			_, _ = w.Write(text)
			return
		}
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		f.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	var link string
	var width, reached float64
	if err := chromedp.Run(ctx, chromedp.Navigate(site.URL+"/"), chromedp.Evaluate(`[...document.links].find(a => a.textContent == 'real film.webm').href`, &link)); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx, chromedp.Navigate(link),
		chromedp.Evaluate(`new Promise((done, failed) => { const v = document.querySelector('video'); v.muted = true; v.onerror = () => failed(new Error(v.error.message));
			v.ontimeupdate = () => { if (v.currentTime > .8) done(v.currentTime) }; v.play().catch(failed) })`, &reached, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`document.querySelector('video').videoWidth`, &width)); err != nil {
		t.Fatal(err)
	}
	if reached < .8 || width != 160 || ranges.Load() == 0 {
		t.Errorf("it plays to %v, is %v wide, and asked for %d ranges", reached, width, ranges.Load())
	}
	for _, theme := range []string{"light", "dark"} {
		for _, path := range []string{"/", "/real%20film.webm?watch", "/Series/", "/nowhere"} {
			var wide int
			var picture []byte
			if err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}), chromedp.EmulateViewport(320, 640),
				chromedp.Navigate(site.URL+path), chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide), chromedp.FullScreenshot(&picture, 100)); err != nil {
				t.Fatal(err)
			}
			if wide > 320 {
				t.Errorf("%s in %s is %d wide on a phone", path, theme, wide)
			}
			if where := os.Getenv("USHER_TEST_SCREENSHOTS"); where != "" {
				if err := os.WriteFile(filepath.Join(where, "gate-media-"+theme+strings.Map(letters, path)+".png"), picture, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func letters(r rune) rune {
	if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r
	}
	return '-'
}
