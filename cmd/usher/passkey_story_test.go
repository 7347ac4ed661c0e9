package main

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"usher/internal/passkey/passkeytest"
)

// fingersOf is the authenticator of the story's browser.
func (s *story) fingersOf(ts *testscript.TestScript) *passkeytest.Authenticator {
	if s.fingers[s.who] == nil {
		s.fingers[s.who] = passkeytest.New(storyTest{ts}, "http://"+s.nodes["one"].listen)
	}
	return s.fingers[s.who]
}

// asked is what the script of a page gets to hand to an authenticator.
func (s *story) asked(ts *testscript.TestScript, path string) []byte {
	ts.Check(s.browser().open(s, http.MethodPost, s.absolute(path+"/begin"), url.Values{}))
	p := s.page(ts)
	if p.status != http.StatusOK {
		ts.Fatalf("passkey: nothing is asked at %s: %d\n%s", path, p.status, p.text())
	}
	return []byte(p.body)
}

func (s *story) answers(ts *testscript.TestScript, path, text string) {
	ts.Check(s.browser().open(s, http.MethodPost, s.absolute(path), url.Values{"passkey": {text}}))
}

// passkey make makes a passkey in the browser's authenticator. passkey use PATH [quirk] answers with it what the page that posts to PATH asks. A quirk is one of:
// origin=ORIGIN, asked by another page; unverified, without its owner; copied, counted from the beginning; again, the answer sent twice; elsewhere=BROWSER, the answer sent
// in another browser.
func cmdPasskey(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	own := s.fingersOf(ts)
	if args[0] == "make" {
		const path = "/account/passkeys/new"
		s.answers(ts, path, own.Create(s.asked(ts, path)))
		return
	}
	path, how := args[1], *own
	quirk, value, _ := strings.Cut(strings.Join(args[2:], ""), "=")
	switch quirk {
	case "origin":
		how.Origin = value
	case "unverified":
		how.Unverified = true
	case "copied":
		how.Keys[0].Counter = 0
	}
	text := how.Get(s.asked(ts, path))
	if quirk == "elsewhere" {
		s.who = value
	}
	s.answers(ts, path, text)
	if quirk == "again" {
		s.answers(ts, path, text)
	}
}
