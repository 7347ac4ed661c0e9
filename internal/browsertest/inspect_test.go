package browsertest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed probe.js
var probe string

// axe is the text of axe-core's program, which scripts/test installs at the version the lock file names.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("axe-core is not installed: run ./scripts/test, or npm ci in internal/browsertest: %w", err)
	}
	return string(text), nil
})

// look judges the page that is shown, in both schemes and at both widths, and takes its pictures.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, width := range []int64{wide, narrow} {
		for _, s := range []scheme{light, dark} {
			b.show(width, s)
			where := fmt.Sprintf("%s, %s, %d px", name, s, width)
			b.obeysRules(where, rulesFor[s])
			b.picture(fmt.Sprintf("%s-%s-%d.png", name, s, width))
		}
		b.fits(fmt.Sprintf("%s, %d px", name, width))
	}
	b.show(wide, light)
	b.autocompletes(name)
	b.showsFocus(name)
}

// rulesFor are those that are asked: in the dark scheme nothing but colours is different, as usher.css promises.
var rulesFor = map[scheme]string{light: "null", dark: `["color-contrast", "link-in-text-block"]`}

// obeysRules runs axe-core. It comes in through the developer tools, which no content security policy stops, so the
// page's own policy stays in force and is tested at the same time.
func (b *tab) obeysRules(where string, rules string) {
	b.t.Helper()
	var there bool
	b.evaluate(`typeof axe !== "undefined"`, &there)
	if !there {
		text, err := axe()
		if err != nil {
			b.t.Fatal(err)
		}
		b.run("bringing axe-core", chromedp.ActionFunc(func(ctx context.Context) error {
			_, exception, err := runtime.Evaluate(text + ";0").Do(ctx)
			if exception != nil {
				return exception
			}
			return err
		}))
	}
	var broken []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	b.evaluate("rules("+rules+")", &broken)
	for _, v := range broken {
		b.t.Errorf("%s: %s (%s, %s):\n  %s", where, v.Help, v.ID, v.Impact, strings.Join(v.Nodes, "\n  "))
	}
}

// fits makes sure that nothing has to be scrolled sideways and that everything to press is large enough.
func (b *tab) fits(where string) {
	b.t.Helper()
	var over, small []string
	b.evaluate("over()", &over)
	b.evaluate("small()", &small)
	if len(over) > 0 {
		b.t.Errorf("%s: scrolls sideways: %s", where, strings.Join(over, "; "))
	}
	if len(small) > 0 {
		b.t.Errorf("%s: under 44 px: %s", where, strings.Join(small, "; "))
	}
}

// field is what a password manager reads of an input.
type field struct{ Autocomplete, Type, Mode string }

// autocompletion is right for a field by its name; where two are, the page decides which.
var autocompletion = map[string][]field{
	"email":           {{"username", "email", ""}, {"email", "email", ""}, {"off", "email", ""}},
	"login":           {{"username", "text", "email"}, {"username webauthn", "text", "email"}},
	"username":        {{"username", "text", ""}},
	"password":        {{"current-password", "password", ""}, {"new-password", "password", ""}},
	"remove_password": {{"current-password", "password", ""}},
	"current":         {{"current-password", "password", ""}},
	"code":            {{"one-time-code", "text", "numeric"}, {"one-time-code", "text", ""}}, // the second where a recovery code does as well
	"off_code":        {{"one-time-code", "text", ""}},
	"stored":          {{"off", "checkbox", ""}},
	"remember":        {{"off", "checkbox", ""}},
	"display_name":    {{"nickname", "text", ""}},
	"user_name":       {{"username", "text", ""}},
	"sign_out":        {{"off", "checkbox", ""}},
	"directory":       {{"off", "checkbox", ""}},
	"new-link":        {{"off", "text", ""}},
	"name":            {{"off", "text", ""}},
	"purpose":         {{"off", "text", ""}},
	"q":               {{"off", "search", ""}},
	"account":         {{"off", "search", ""}},
	"state":           {{"off", "select-one", ""}},
	"act":             {{"off", "select-one", ""}},
	"action":          {{"off", "select-one", ""}},
	"whom":            {{"off", "select-one", ""}},
	"count":           {{"off", "text", "numeric"}},
	"check":           {{"off", "text", ""}},
	"user_code":       {{"off", "text", ""}},
	"setup":           {{"off", "text", ""}},
	"address":         {{"off", "url", ""}},
	"who":             {{"off", "text", ""}},
	"household":       {ticked},
	"pin":             {{"off", "text", "numeric"}},
	"until":           {{"off", "date", ""}},
	"picture":         {{"off", "radio", ""}},
	"with":            {{"off", "radio", ""}},

	"id": {{"off", "text", ""}}, "redirect_uris": {{"off", "textarea", ""}}, "post_logout_uris": {{"off", "textarea", ""}}, "keys": {{"off", "textarea", ""}},
	"auth": {{"off", "select-one", ""}}, "logout_uri": {{"off", "text", "url"}}, "trusted_private": {{"off", "checkbox", ""}}, "first_party": {{"off", "checkbox", ""}},
}

// ticked is a field of a choice.
var ticked = field{"off", "checkbox", ""}

func (b *tab) autocompletes(where string) {
	b.t.Helper()
	var fields map[string]field
	b.evaluate("fields()", &fields)
	for name, got := range fields {
		if group, _, choice := strings.Cut(name, "-"); choice && slices.Contains([]string{"scopes", "grants", "member"}, group) && got == ticked {
			continue // one of many, each with a field of its own
		}
		if !slices.Contains(autocompletion[name], got) {
			b.t.Errorf("%s: the field %q is %+v, want one of %+v", where, name, got, autocompletion[name])
		}
	}
}

// ring is how the thing that has the focus shows it.
type ring struct {
	Name   string
	Width  float64 // of its outline
	Within bool    // the window
}

func (r ring) seen() bool { return r.Width >= 2 && r.Within }

// showsFocus goes through the page with the Tab key: everything is reached, in the order in which it is read, and
// wears a ring of at least two pixels that can be seen.
func (b *tab) showsFocus(where string) {
	b.t.Helper()
	var want []string
	b.evaluate("stops()", &want)
	b.evaluate("fromTheTop()", nil)
	var got []string
	for range want {
		b.key(kb.Tab)
		var r ring
		b.evaluate("ring()", &r)
		got = append(got, r.Name)
		if !r.seen() {
			b.t.Errorf("%s: the focus on %s cannot be seen: %+v", where, r.Name, r)
		}
	}
	if g, w := strings.Join(got, ", "), strings.Join(want, ", "); g != w {
		b.t.Errorf("%s: Tab reaches\n  %s\nwant\n  %s", where, g, w)
	}
}

// picture writes the whole page into the folder of USHER_TEST_SCREENSHOTS, where one is asked for.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("USHER_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), b.photograph(1), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// photograph is the whole page as PNG, with so many pixels to a CSS pixel.
func (b *tab) photograph(scale float64) (png []byte) {
	b.t.Helper()
	var size struct{ Width, Height float64 }
	b.evaluate("scrollTo(0, 0)", nil)
	b.evaluate("size()", &size)
	b.run("taking a picture", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).
			WithClip(&page.Viewport{Width: size.Width, Height: size.Height, Scale: scale}).Do(ctx)
		return err
	}))
	return png
}
