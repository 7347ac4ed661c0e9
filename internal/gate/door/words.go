package door

import (
	"cmp"
	"embed"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"usher/internal/gate/page"
)

//go:embed refusal.html
var files embed.FS

// words are a page of the door: what happened, what it means, what to do.
type words struct {
	Title      string
	Paragraphs []string
	Action     string
	Path, Form string
	Also       []way // more that Path would do as well
	Back       bool
	Fault      bool // something is wrong that whoever runs the server may have to mend
}

// way is where it goes on, at an address that is shown.
type way struct{ At, Path string }

const tryAgain = "Try again"

// wordsOf says each refusal to a person.
var wordsOf = map[Refusal]words{
	NotSignedIn: {Title: "Sign in to go on", Paragraphs: []string{"This media server opens for people who are signed in."}, Action: "Sign in", Path: SignInPath},
	NotLetIn: {Title: "This server is not open to you", Paragraphs: []string{"You are signed in, but the owner of this server has not let this account in, or has taken it back.",
		"Ask the owner to let you in, or sign in with another account."}, Action: "Sign in again", Path: SignInPath},
	ServiceAway: {Title: "Nobody new can come in right now", Paragraphs: []string{"This server cannot reach the place where accounts live. Who came in a short while ago can stay; everybody else has to wait until it answers again.",
		"You do not have to do anything."}, Action: tryAgain, Path: "/", Fault: true},
	Busy:          {Title: "Too many at the door", Paragraphs: []string{"Wait a moment, then try again."}, Action: tryAgain, Path: "/", Fault: true},
	UpstreamAway:  {Title: "The media server does not answer", Paragraphs: []string{"You are signed in, and the door is open, but the program behind it does not answer. It may be starting, or it has stopped.", "Wait a minute, then try again."}, Action: tryAgain, Path: "/", Fault: true},
	OddPath:       {Title: "This address cannot be used", Paragraphs: []string{"It is spelled in a way that programs read differently, so it is not passed on."}, Action: "To the start", Path: "/"},
	OddRequest:    {Title: "This was not understood", Paragraphs: []string{"Your browser or app sent two different proofs of who you are."}, Action: "Sign in again", Path: SignInPath, Fault: true},
	OtherWebsite:  {Title: "This came from another website", Paragraphs: []string{"Another website asked for something to be changed here in your name. Nothing was changed."}, Action: "To the start", Path: "/"},
	UnknownMethod: {Title: "This cannot be done here", Paragraphs: []string{"Nothing was changed."}, Action: "To the start", Path: "/"},
	NothingHere:   {Title: "There is nothing here", Paragraphs: []string{"The address may be misspelled."}, Action: "To the start", Path: "/"},
}

// elsewhere says that nobody can sign in at an address, where it works, and what the owner can do about it.
func elsewhere(origin string, confirmed []string, service string) words {
	confirmed = likeliest(origin, confirmed)
	if len(confirmed) > 0 {
		var also []way
		for _, address := range confirmed[1:] {
			also = append(also, way{address, address + SignInPath})
		}
		return words{Title: "Sign in at another address", Action: "Go there", Path: confirmed[0] + SignInPath, Also: also, Paragraphs: []string{
			"The owner of this server has not confirmed that it is at " + origin + ", so you cannot sign in here. It works at " + confirmed[0] + ".",
			"Is it yours, and this address as well? Open Servers at " + service + ", and confirm it there.",
		}}
	}
	return words{Title: "Nobody can sign in here yet", Action: "Open Servers", Path: service + "/servers", Paragraphs: []string{
		"The owner of this server has to confirm first where it is.",
		"Is it yours? Open Servers, choose this server, and confirm " + origin + ". Then come back here. An address has to begin with https, or be a number in your own network.",
	}}
}

// likeliest orders addresses for whoever came by another: https first, then numbers. A loopback address leads everybody to their own machine: it comes last, and
// only for who came by one.
func likeliest(origin string, all []string) []string {
	rank := func(address string) int {
		switch {
		case onLoopback(address):
			return 2
		case strings.HasPrefix(address, "https://"):
			return 0
		}
		return 1
	}
	all = slices.DeleteFunc(slices.Clone(all), func(address string) bool { return onLoopback(address) && !onLoopback(origin) })
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

// onLoopback reports whether an origin is one of the machine itself.
func onLoopback(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// suspendedWords say by the service's reason why a server is signed out, and what its owner does.
var suspendedWords = map[string][]string{
	"signed-out": {"Its owner signed out everything that was connected, and this server with it.",
		"Is it yours? Sign in at your account, open Servers, and bring it back."},
	"server-signed-out": {"Its owner signed this server out.",
		"Is it yours? Sign in at your account, open Servers, and bring it back."},
	"incident": {"To be safe, the account service signed out everything that was connected, and this server with it.",
		"Is it yours? Sign in at your account. What has to be done first is told to you there; then open Servers, and bring it back."},
	"reset-required": {"Its owner’s account needs a new password first.",
		"Is it yours? Sign in at your account, choose a new password, then open Servers, and bring it back."},
	"locked": {"Its owner’s account is closed for now.",
		"Is it yours? Ask the people who run the account service to open your account again. Then open Servers there, and bring this server back."},
	"deleting": {"Its owner’s account is about to be deleted.",
		"Is it yours, and you want to keep it? Sign in at your account, keep it, then open Servers, and bring this server back."},
}

const nothingLost = "Nothing of what is on it is lost. It opens by itself as soon as it is brought back."

// Sentences say why the server lets nobody in, what its owner does about it, and that nothing is lost.
func (s Suspension) Sentences() []string {
	text, known := suspendedWords[s.Reason]
	if !known {
		text = []string{"It lets nobody in just now.", suspendedWords["server-signed-out"][1]}
	}
	return []string{text[0], text[1], nothingLost}
}

// Back is the page where the owner brings the server back, at the service of an issuer.
func (s Suspension) Back(issuer string) string { return cmp.Or(s.Servers, issuer+"/servers") }

// wordsFor are a refusal's words. Those of a server that is signed out lead its owner to where it is brought back.
func (d *Door) wordsFor(why Refusal) words {
	if why != Suspended {
		return wordsOf[why]
	}
	var s Suspension
	if told := d.Decider.suspension(); told != nil {
		s = *told
	}
	return words{Title: "This server is signed out", Paragraphs: s.Sentences(), Action: "Open Servers", Path: s.Back(d.Issuer)}
}

// show answers with one of the door's pages.
func (d *Door) show(w http.ResponseWriter, r *http.Request, status int, what words) {
	if err := page.Show(w, r, status, d.page, what); err != nil {
		d.Log.Error("page not rendered", "error", err)
	}
}

// reads reports whether a person looks at the answer.
func reads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}
