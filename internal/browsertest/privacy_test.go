package browsertest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// leaves presses a link from the page to another site and makes sure the site is not told where the person came from.
// None of our pages has such a link, so one is put there.
func (b *tab) leaves(secret string) {
	b.t.Helper()
	told := make(chan http.Header, 8)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/out" {
			told <- r.Header
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,"><h1>Elsewhere</h1>`))
	}))
	b.t.Cleanup(site.Close)
	b.evaluate(`(() => {
		const a = document.createElement("a");
		[a.href, a.textContent] = [`+quoted(site.URL+"/out")+`, "A way out"];
		document.querySelector("main").prepend(a);
	})()`, nil)
	b.press("A way out")
	b.sees("Elsewhere")
	header := <-told
	if referer := header.Get("Referer"); referer != "" {
		b.t.Errorf("another site was told %q", strings.ReplaceAll(referer, secret, "…"))
	}
	b.holdsBack(secret)
}

func quoted(text string) string {
	literal, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(literal)
}

// pretends makes the tab call itself another browser.
func (b *tab) pretends(agent string) {
	b.t.Helper()
	b.run("calling itself another browser", chromedp.ActionFunc(func(ctx context.Context) error {
		return emulation.SetUserAgentOverride(agent).Do(ctx)
	}))
}

// downloads asks for a file as the page would, and reads what comes.
func (b *tab) downloads(path string) {
	b.t.Helper()
	var answer struct {
		Status            int
		Kind, Disposition string
		Keys              int
	}
	b.evaluate(`fetch(`+quoted(path)+`).then(async (r) => ({
		status: r.status, kind: r.headers.get("Content-Type"), disposition: r.headers.get("Content-Disposition"), keys: Object.keys(await r.json()).length,
	}))`, &answer)
	if answer.Status != http.StatusOK || answer.Kind != "application/json" || !strings.HasPrefix(answer.Disposition, "attachment;") || answer.Keys == 0 {
		b.t.Errorf("the download of %s is %+v", path, answer)
	}
}
