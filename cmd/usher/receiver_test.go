package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is an app of a story that is told of sign-outs.
type receiver struct {
	mu  sync.Mutex
	got map[string]int // calls by sid
}

// receiver starts one, and leaves its address in $RECEIVER.
func cmdReceiver(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	s.receiver = &receiver{got: map[string]int{}}
	server := httptest.NewServer(s.receiver)
	ts.Defer(server.Close)
	ts.Setenv("RECEIVER", server.URL+"/logout")
}

func (v *receiver) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.PostFormValue("logout_token"), ".")
	var said struct {
		SID string `json:"sid"`
	}
	if len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(raw, &said) // what is none is no sign-out
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.got[said.SID]++
}

// heard NUMBER waits until the receiver was told of so many sign-ins, and of no other.
func cmdHeard(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	v := storyOf(ts).receiver
	have := 0
	for range 600 {
		v.mu.Lock()
		have = len(v.got)
		v.mu.Unlock()
		if have >= want {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if have != want || v.got[""] > 0 {
		ts.Fatalf("told of %d sign-ins", have)
	}
}
