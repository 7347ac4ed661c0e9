package door

import (
	"embed"
	"net/http"
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
	Back       bool
}

const tryAgain = "Try again"

// wordsOf says each refusal to a person.
var wordsOf = map[Refusal]words{
	NotSignedIn: {Title: "Sign in to go on", Paragraphs: []string{"This media server opens for people who are signed in."}, Action: "Sign in", Path: SignInPath},
	NotLetIn: {Title: "This server is not open to you", Paragraphs: []string{"You are signed in, but the owner of this server has not let this account in, or has taken it back.",
		"Ask the owner to let you in, or sign in with another account."}, Action: "Sign in again", Path: SignInPath},
	Suspended: {Title: "This server is signed out", Paragraphs: []string{"Its owner signed out all connected devices, and this server with them. Nothing of what is on it is lost.",
		"Is it yours? Sign in at your account, open Servers, and bring it back."}, Action: tryAgain, Path: "/"},
	ServiceAway: {Title: "Nobody new can come in right now", Paragraphs: []string{"This server cannot reach the place where accounts live. Who came in a short while ago can stay; everybody else has to wait until it answers again.",
		"You do not have to do anything."}, Action: tryAgain, Path: "/"},
	Busy:          {Title: "Too many at the door", Paragraphs: []string{"Wait a moment, then try again."}, Action: tryAgain, Path: "/"},
	UpstreamAway:  {Title: "The media server does not answer", Paragraphs: []string{"You are signed in, and the door is open, but the program behind it does not answer. It may be starting, or it has stopped.", "Wait a minute, then try again."}, Action: tryAgain, Path: "/"},
	OddPath:       {Title: "This address cannot be used", Paragraphs: []string{"It is spelled in a way that programs read differently, so it is not passed on."}, Action: "To the start", Path: "/"},
	OddRequest:    {Title: "This was not understood", Paragraphs: []string{"Your browser or app sent two different proofs of who you are."}, Action: "Sign in again", Path: SignInPath},
	OtherWebsite:  {Title: "This came from another website", Paragraphs: []string{"Another website asked for something to be changed here in your name. Nothing was changed."}, Action: "To the start", Path: "/"},
	UnknownMethod: {Title: "This cannot be done here", Paragraphs: []string{"Nothing was changed."}, Action: "To the start", Path: "/"},
	NothingHere:   {Title: "There is nothing here", Paragraphs: []string{"The address may be misspelled."}, Action: "To the start", Path: "/"},
}

// elsewhere says that nobody can sign in at an address, where it works, and what the owner can do about it.
func elsewhere(origin string, confirmed []string, service string) words {
	if len(confirmed) > 0 {
		return words{Title: "Sign in at another address", Action: "Go there", Path: confirmed[0] + SignInPath, Paragraphs: []string{
			"The owner of this server has not confirmed that it is at " + origin + ", so you cannot sign in here. It works at " + confirmed[0] + ".",
			"Is it yours, and this address as well? Open Servers at " + service + ", and confirm it there.",
		}}
	}
	return words{Title: "Nobody can sign in here yet", Action: "Open Servers", Path: service + "/servers", Paragraphs: []string{
		"The owner of this server has to confirm first where it is.",
		"Is it yours? Open Servers, choose this server, and confirm " + origin + ". Then come back here. An address has to begin with https, or be a number in your own network.",
	}}
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
