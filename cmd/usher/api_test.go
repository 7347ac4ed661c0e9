package main

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// api METHOD PATH [name=value…] [basic:LOGIN:PASSWORD] [bearer:TOKEN] sends one request as a program does, with the fields as JSON. The answer is
// the page. What it says of tokens and codes is $TOKEN, $DEVICE, $SHORT
// and $LONG.
func cmdAPI(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	request, fields := args[:2:2], map[string]string{}
	for _, arg := range args[2:] {
		if name, value, found := strings.Cut(arg, "="); found && aField.MatchString(name) {
			fields[name] = value
			continue
		}
		request = append(request, arg)
	}
	if len(fields) > 0 {
		body, err := json.Marshal(fields)
		ts.Check(err)
		request = append(request, "Content-Type:application/json", "@"+string(body))
	}
	req, err := s.attack(request)
	ts.Check(err)
	ts.Check(s.browser().send(s, req))
	var answer struct {
		Token      string
		DeviceCode string `json:"device_code"`
		ShortCode  string `json:"user_code"`
		LongCode   string `json:"user_code_long"`
	}
	if json.Unmarshal([]byte(s.page(ts).body), &answer) != nil {
		return
	}
	for name, v := range map[string]string{"TOKEN": answer.Token, "DEVICE": answer.DeviceCode, "SHORT": answer.ShortCode, "LONG": answer.LongCode} {
		if v == "" {
			continue
		}
		ts.Setenv(name, v)
		s.keepSecret(v)
	}
}

// await FILE VARIABLE PATTERN waits until a running command has written what matches, and keeps its first group.
func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[2])
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if found := pattern.FindSubmatch(raw); err == nil && found != nil {
			ts.Setenv(args[1], string(found[1]))
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("nothing in %s matches %s: %s", args[0], args[2], raw)
		}
	}
}

// shown VARIABLE keeps the app password that the page shows.
func cmdShown(ts *testscript.TestScript, _ bool, args []string) {
	found := anAppPassword.FindString(storyOf(ts).page(ts).body)
	if found == "" {
		ts.Fatalf("no app password on the page\n%s", storyOf(ts).page(ts).text())
	}
	ts.Setenv(args[0], found)
}

var aField = regexp.MustCompile(`^[a-z_]+$`)

// authorize puts what a program shows into the request, for an argument basic:LOGIN:PASSWORD or bearer:TOKEN.
func (s *story) authorize(header http.Header, arg string) bool {
	scheme, rest, _ := strings.Cut(arg, ":")
	switch scheme {
	case "bearer":
		header.Set("Authorization", "Bearer "+rest)
		s.keepSecret(rest)
	case "basic":
		login, password, _ := strings.Cut(rest, ":")
		r := http.Request{Header: header}
		r.SetBasicAuth(login, password)
		s.keepSecret(login)
		s.keepSecret(password)
		s.keepSecret(strings.TrimPrefix(header.Get("Authorization"), "Basic "))
	default:
		return false
	}
	return true
}

// keepJSON remembers the secret fields of a JSON body.
func (s *story) keepJSON(body string) {
	var fields map[string]string
	if json.Unmarshal([]byte(body), &fields) != nil {
		return // an attacker's
	}
	for name, v := range fields {
		if secretFields[name] {
			s.keepSecret(v)
		}
	}
}
