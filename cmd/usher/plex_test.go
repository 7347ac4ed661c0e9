package main

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// plex METHOD PATH [name=value…] [as:IDENTIFIER] [token:TOKEN] [Header:value…] sends one request as a client of the plex.tv wire API does, with the
// fields as a form. A token in the answer is $TOKEN, a claim token $CLAIM, the number and the code of a PIN $PIN and $PINCODE.
func cmdPlex(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	request, form, identifier := args[:2:2], url.Values{}, "attic"
	for _, arg := range args[2:] {
		if name, value, found := strings.Cut(arg, "="); found && aPlexField.MatchString(name) {
			form.Set(name, value)
			continue
		}
		if name, is := strings.CutPrefix(arg, "as:"); is {
			identifier = name
			continue
		}
		if token, is := strings.CutPrefix(arg, "token:"); is {
			arg = "X-Plex-Token:" + token
		}
		request = append(request, arg)
	}
	request = append(request, "X-Plex-Client-Identifier:"+identifier, "X-Plex-Product:AtticPlayer")
	if len(form) > 0 {
		request = append(request, "@"+form.Encode())
	}
	req, err := s.attack(request)
	ts.Check(err)
	s.keepForm(form.Encode())
	ts.Check(s.browser().send(s, req))
	body := s.page(ts).body
	s.keepTokens(body)
	if pin := aPin.FindStringSubmatch(body); pin != nil {
		ts.Setenv("PIN", pin[1])
		ts.Setenv("PINCODE", pin[2])
		s.keepSecret(pin[2])
	}
	for name, found := range map[string]string{"TOKEN": aToken.FindString(body), "CLAIM": aClaim.FindString(body)} {
		if found != "" {
			ts.Setenv(name, found)
		}
	}
}

// aPin is how a PIN's number and code stand in JSON.
var aPin = regexp.MustCompile(`"id":([0-9]+),"code":"([0-9A-Z]+)"`)

var aPlexField = regexp.MustCompile(`^[A-Za-z]+(\[[a-z]+\])?$`)
