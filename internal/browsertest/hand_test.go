package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a name may belong to, as the accessibility tree calls it.
var (
	pressable = []string{"button", "link", "checkbox", "radio", "DisclosureTriangle", "DisclosureTriangleGrouped"}
	typeable  = []string{"textbox", "searchbox", "combobox", "Date"}
)

// find waits for the one thing on the page that has a name, spelled out as a screen reader would read it.
func (b *tab) find(name string, roles []string) cdp.BackendNodeID {
	b.t.Helper()
	var found []cdp.BackendNodeID
	b.soon(fmt.Sprintf("nothing to use is called “%s”", name), func() bool {
		found = b.named(name, roles)
		return len(found) > 0
	})
	if len(found) > 1 {
		b.t.Fatalf("%d things at %s are called “%s”", len(found), b.path(), name)
	}
	return found[0]
}

// named asks the accessibility tree. The answer is read by hand: the tree has kinds of values that chromedp does not know.
func (b *tab) named(name string, roles []string) (found []cdp.BackendNodeID) {
	b.t.Helper()
	b.run("reading the accessibility tree", chromedp.ActionFunc(func(ctx context.Context) error {
		document, _, err := runtime.Evaluate("document").Do(ctx)
		if err != nil {
			return err
		}
		ask := map[string]any{"objectId": document.ObjectID, "accessibleName": name}
		var answer struct {
			Nodes []struct {
				Ignored bool `json:"ignored"`
				Role    struct {
					Value string `json:"value"`
				} `json:"role"`
				Node cdp.BackendNodeID `json:"backendDOMNodeId"`
			} `json:"nodes"`
		}
		if err := cdp.Execute(ctx, "Accessibility.queryAXTree", ask, &answer); err != nil {
			return err
		}
		for _, n := range answer.Nodes {
			if !n.Ignored && slices.Contains(roles, n.Role.Value) {
				found = append(found, n.Node)
			}
		}
		return nil
	}))
	return found
}

// on calls a function of the page's language with the node as this.
func (b *tab) on(node cdp.BackendNodeID, function string, answer any) {
	b.t.Helper()
	b.run("looking at something on the page", chromedp.ActionFunc(func(ctx context.Context) error {
		object, err := dom.ResolveNode().WithBackendNodeID(node).Do(ctx)
		if err != nil {
			return err
		}
		value, exception, err := runtime.CallFunctionOn(function).WithObjectID(object.ObjectID).WithReturnByValue(true).Do(ctx)
		if err != nil {
			return err
		}
		if exception != nil {
			return exception
		}
		return json.Unmarshal(value.Value, answer)
	}))
}

// click is the mouse, pressed in the middle of a node, which nothing may cover.
func (b *tab) click(node cdp.BackendNodeID) chromedp.Action {
	b.t.Helper()
	var spot struct {
		X, Y    float64
		Covered string
	}
	b.on(node, `function () {
		this.scrollIntoView({ block: "center", inline: "center" });
		const box = this.getClientRects()[0];
		const x = box.x + box.width / 2, y = box.y + box.height / 2;
		const top = document.elementFromPoint(x, y);
		return { x, y, covered: top && (this === top || this.contains(top)) ? "" : String(top && top.outerHTML) };
	}`, &spot)
	if spot.Covered != "" {
		b.t.Fatalf("what should be pressed at %s is covered by %s", b.path(), spot.Covered)
	}
	return chromedp.MouseClickXY(spot.X, spot.Y)
}

// press presses what leads to another page.
func (b *tab) press(name string) {
	b.t.Helper()
	b.navigate("pressing “"+name+"”", b.click(b.find(name, pressable)))
}

// tap presses what stays on the page.
func (b *tab) tap(name string) {
	b.t.Helper()
	b.run("tapping “"+name+"”", b.click(b.find(name, pressable)))
}

// write puts the cursor into a field by its label and types, in the place of what stands there.
func (b *tab) write(label, text string) {
	b.t.Helper()
	b.empty(label)
	b.run("typing", input.InsertText(text))
}

// choose sets the field for a day, as its calendar does: how a day is typed depends on the browser's language.
func (b *tab) choose(label string, day time.Time) {
	b.t.Helper()
	var chosen string
	b.on(b.find(label, typeable), fmt.Sprintf(`function () {
		this.value = %q;
		this.dispatchEvent(new Event("change", { bubbles: true }));
		return this.value;
	}`, day.UTC().Format(time.DateOnly)), &chosen)
	if chosen == "" {
		b.t.Fatalf("“%s” takes no day", label)
	}
}

func (b *tab) empty(label string) {
	b.t.Helper()
	b.run("emptying “"+label+"”", b.click(b.find(label, typeable)), command("selectAll"), chromedp.KeyEvent(kb.Delete))
}

// value is what stands in a field.
func (b *tab) value(label string) (text string) {
	b.t.Helper()
	b.on(b.find(label, typeable), "function () { return this.value }", &text)
	return text
}

// command is an editing command, as a key of the keyboard gives it.
func command(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		if err := input.DispatchKeyEvent(input.KeyRawDown).WithCommands([]string{name}).Do(ctx); err != nil {
			return err
		}
		return input.DispatchKeyEvent(input.KeyUp).Do(ctx)
	})
}

// clipboard is one for the whole browser, and tests run side by side.
var clipboard sync.Mutex

// carry copies the text that a pattern finds in one tab and pastes it into a field of another.
func (b *tab) carry(pattern string, to *tab, label string) {
	b.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	var text string
	b.evaluate("select("+pattern+")", &text)
	b.run("copying", command("copy"))
	field := to.find(label, typeable)
	to.run("pasting", to.click(field), command("selectAll"), command("paste"))
	to.soon("pasting “"+text+"” does nothing", func() bool { return to.value(label) == text })
}

// key presses a key and lets go of it.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.run("pressing a key", chromedp.KeyEvent(keys))
}

// enter presses a key that leads to another page.
func (b *tab) enter(keys string) {
	b.t.Helper()
	b.navigate("pressing a key", chromedp.KeyEvent(keys))
}

// mail opens the newest mail to an address in the outbox, in another tab of the same browser.
func (b *tab) mail(to, subject string) *tab {
	b.t.Helper()
	m := b.another()
	var link string
	for end := time.Now().Add(patience); link == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("no mail “%s” to %s waits:\n%s", subject, to, m.text())
		}
		m.open(b.service.outbox)
		m.evaluate(fmt.Sprintf("mailLink(%q, %q)", to, subject), &link)
	}
	m.open(link)
	return m
}

// follow presses the link of a mail that leads to a path, and returns the secret that stood in it.
func (b *tab) follow(path string) (token string) {
	b.t.Helper()
	var link string
	b.evaluate(fmt.Sprintf("linkTo(%q)", path), &link)
	b.press(link)
	_, token, _ = strings.Cut(link, path)
	return token
}

// holdsBack makes sure that the secret of a link which was followed is in no address any more: not in that of the page,
// not in the tab's history, and not in what the next site would be told.
func (b *tab) holdsBack(token string) {
	b.t.Helper()
	if len(token) < 20 {
		b.t.Fatalf("%q is no secret", token)
	}
	var referrer string
	b.evaluate("document.referrer", &referrer)
	addresses := []string{b.address().String(), referrer}
	b.run("reading the history", chromedp.ActionFunc(func(ctx context.Context) error {
		_, entries, err := page.GetNavigationHistory().Do(ctx)
		for _, e := range entries {
			addresses = append(addresses, e.URL)
		}
		return err
	}))
	for _, a := range addresses {
		if strings.Contains(a, token) {
			b.t.Errorf("the secret of the link is still in %s", strings.ReplaceAll(a, token, "…"))
		}
	}
}
