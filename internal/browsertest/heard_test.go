package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// heard keeps what a tab said and did behind the page: its console, the issues Chromium found, and every request.
type heard struct {
	origin string

	mu        sync.Mutex
	said      []string
	asked     []string // "GET /path" of everything of ours, redirects included
	documents []string // addresses of pages, ours and others, without what follows the path
}

func listen(ctx context.Context, origin string) *heard {
	h := &heard{origin: origin}
	chromedp.ListenTarget(ctx, h.hear)
	return h
}

func (h *heard) hear(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		h.request(e)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			h.say("console: %s", consoleText(e.Args))
		}
	case *runtime.EventExceptionThrown:
		h.say("exception: %v", e.ExceptionDetails)
	case *cdplog.EventEntryAdded:
		h.entry(e.Entry)
	case *audits.EventIssueAdded:
		h.issue(e.Issue)
	}
}

func (h *heard) say(format string, args ...any) {
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

func (h *heard) request(e *network.EventRequestWillBeSent) {
	u, err := url.Parse(e.Request.URL)
	if err != nil {
		h.say("request to an address that does not parse: %v", err)
		return
	}
	ours := u.Scheme+"://"+u.Host == h.origin
	if ours {
		h.asked = append(h.asked, e.Request.Method+" "+u.Path)
	}
	if e.Type == network.ResourceTypeDocument {
		h.documents = append(h.documents, u.Scheme+"://"+u.Host+u.Path)
	}
	// Where the person goes is the person's; what a page of ours loads must be ours.
	if from := e.DocumentURL; !ours && e.Type != network.ResourceTypeDocument && strings.HasPrefix(from, h.origin+"/") && u.Scheme != "data" {
		h.say("a page of ours asked %s for something", u.Host)
	}
}

// uselessHere begins what Chromium says of a header that counts over https and on the machine itself alone, and not at the number of a gate in a house.
const uselessHere = "The Cross-Origin-Opener-Policy header has been ignored"

// entry leaves out what Chromium says about pages whose status is no success, which tests read themselves.
func (h *heard) entry(e *cdplog.Entry) {
	if e.Source == cdplog.SourceNetwork && strings.HasPrefix(e.Text, "Failed to load resource: the server responded with a status of 4") && h.isDocument(e.URL) {
		return
	}
	if strings.HasPrefix(e.Text, uselessHere) && strings.HasPrefix(h.origin, "http://") {
		return
	}
	if strings.HasPrefix(e.Text, "Blocked autofocusing on ") { // a page that stands in a frame of the demonstration leaves the focus where the person has it
		return
	}
	if e.Level == cdplog.LevelError || e.Level == cdplog.LevelWarning {
		h.say("%s %s: %s %s", e.Source, e.Level, e.Text, e.URL)
	}
}

func (h *heard) isDocument(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return slices.Contains(h.documents, u.Scheme+"://"+u.Host+u.Path)
}

// issue is what Chromium's own checks found: refused by the content security policy, a field without a label, and such.
func (h *heard) issue(i *audits.InspectorIssue) {
	switch d := i.Details; {
	case d.ContentSecurityPolicyIssueDetails != nil:
		h.say("content security policy: %s refused %s", d.ContentSecurityPolicyIssueDetails.ViolatedDirective, d.ContentSecurityPolicyIssueDetails.BlockedURL)
	case d.MixedContentIssueDetails != nil:
		h.say("mixed content: %s", d.MixedContentIssueDetails.InsecureURL)
	case d.CookieIssueDetails != nil:
		h.say("cookie: %v %v", d.CookieIssueDetails.CookieExclusionReasons, d.CookieIssueDetails.CookieWarningReasons)
	case d.GenericIssueDetails != nil && d.GenericIssueDetails.ErrorType != unknownAutocomplete:
		h.say("form: %s", d.GenericIssueDetails.ErrorType)
	case d.QuirksModeIssueDetails != nil:
		h.say("quirks mode: %s", d.QuirksModeIssueDetails.URL)
	}
}

// unknownAutocomplete is what Chromium says of autocomplete="nickname", which the HTML standard has and Chromium has
// not. The values are tested field by field elsewhere.
const unknownAutocomplete = audits.GenericIssueErrorTypeFormInputHasWrongButWellIntendedAutocompleteValueError

func consoleText(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

// complaints are what should not have been said, each once.
func (h *heard) complaints() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := slices.Clone(h.said)
	slices.Sort(all)
	return slices.Compact(all)
}

// visited is all the tab asked us for, with the methods.
func (h *heard) visited() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.asked)
}
