package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// plex METHOD PATH [name=value…] [as:IDENTIFIER] [token:TOKEN] [Header:value…] sends one request as a client of the plex.tv wire API does, with the
// fields as a form. A token in the answer is $TOKEN, a claim token $CLAIM, the number and the code of a PIN $PIN and $PINCODE,
// and somebody of a Home $MEMBER by number and $MEMBERID by account.
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
	if member := aMember.FindStringSubmatch(body); member != nil {
		ts.Setenv("MEMBER", member[1])
		ts.Setenv("MEMBERID", member[2])
	}
	for name, found := range map[string]string{"TOKEN": aToken.FindString(body), "CLAIM": aClaim.FindString(body)} {
		if found != "" {
			ts.Setenv(name, found)
		}
	}
}

// aPin is how a PIN's number and code stand in JSON.
var aPin = regexp.MustCompile(`"id":([0-9]+),"code":"([0-9A-Z]+)"`)

// aMember is how somebody of a Home begins in JSON.
var aMember = regexp.MustCompile(`^\{"id":([0-9]+),"uuid":"([0-9a-v]+)"`)

var aPlexField = regexp.MustCompile(`^[A-Za-z]+(\[[a-z]+\])?$`)

// A poll for a PIN that waits writes nothing, whoever polls.
func TestPinPollsWriteNothing(t *testing.T) {
	eachDoors(t, func(d *doors) {
		pin := aPin.FindStringSubmatch(d.send(http.MethodPost, "/api/v2/pins.json", asPlex("")).Body.String())
		const everything = "SELECT hash || subject || expires_at FROM credential UNION ALL SELECT id || state FROM link_request UNION ALL SELECT key || tat FROM rate UNION ALL SELECT id FROM audit ORDER BY 1"
		before := d.rows(everything)
		for range 20 {
			d.at = d.at.Add(time.Second)
			if w := d.send(http.MethodGet, "/api/v2/pins/"+pin[1]+".json", asPlex("")); !strings.Contains(w.Body.String(), `"authToken":null`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if after := d.rows(everything); len(before) == 0 || !slices.Equal(after, before) {
			t.Errorf("polls wrote: before %d rows, after %d", len(before), len(after))
		}
	})
}
