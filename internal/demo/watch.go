package demo

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// sawAccount is your browser at the service. The authenticator app sees the picture as soon as the page shows it.
func (s *Story) sawAccount(path string, status int, page string) {
	s.note(func(k *seen) {
		if key := keyIn(page); key != "" {
			k.key = key
		}
		if status == http.StatusOK && serverPath.MatchString(path) {
			k.page = path
		}
		if path == "/account" || strings.HasPrefix(path, "/account/") {
			k.in = status == http.StatusOK
		}
	})
}

var keyOnPage = regexp.MustCompile(`id="key">([A-Z2-7 ]+)<`)

// keyIn is the key for an authenticator app that a page shows.
func keyIn(page string) string {
	if found := keyOnPage.FindStringSubmatch(page); found != nil {
		return strings.ReplaceAll(found[1], " ", "")
	}
	return ""
}

// sawTV is the TV. What it says, it says in words.
func (s *Story) sawTV(path string, _ int, page string) {
	if path == "/tv" && page != "" {
		s.note(func(k *seen) {
			k.tv = strings.Contains(page, "This TV is signed in.")
			k.linked = k.linked || k.tv
		})
	}
}

// sawServer is your browser at the server.
func (s *Story) sawServer(path string, status int, _ string) {
	at := s.Now()
	s.note(func(k *seen) {
		switch {
		case path != "/" && path != filmPath:
		case status >= http.StatusBadRequest:
			k.shut = at
		case path == filmPath && (status == http.StatusOK || status == http.StatusPartialContent):
			k.played = at
		}
	})
}

var filmPath = "/" + Film

// filmPage is where the film plays.
var filmPage = (&url.URL{Path: filmPath}).EscapedPath() + "?watch"
