package stream

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Whatever can happen is told by one event, which a reader can ask for, and says why where CAEP wants it (SG-3, SG-4).
func TestToken(t *testing.T) {
	s := Stream{ID: "stream", ClientID: "jellyfin", Events: Every()}
	const user = `{"format":"iss_sub","iss":"https://a.example","sub":"anna"}`
	subjects := map[What]string{
		SessionEnded: `{"format":"complex","session":{"format":"opaque","id":"part"},"user":` + user + `}`,
		ServerEnded:  `{"device":{"format":"opaque","id":"part"},"format":"complex","user":` + user + `}`,
		ServerBack:   `{"device":{"format":"opaque","id":"part"},"format":"complex","user":` + user + `}`,
		Verified:     `{"format":"opaque","id":"stream"}`,
		everybody:    `{"format":"uri","uri":"https://a.example"}`,
		missed:       `{"format":"uri","uri":"https://a.example"}`,
	}
	for what := range rules {
		c := s.Token("https://a.example", Signal{ID: "id", AccountID: "anna", What: what, Subject: "part", Cause: "txn", At: at})
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		want := []string{"aud", "events", "iat", "iss", "jti", "sub_id", "txn"}
		var got []string
		for name := range members {
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s has the members %v", what, got)
		}
		subject := subjects[what]
		if subject == "" {
			subject = user
		}
		if string(members["sub_id"]) != subject {
			t.Errorf("%s is about %s, want %s", what, members["sub_id"], subject)
		}
		if len(c.Events) != 1 {
			t.Fatalf("%s has %d events", what, len(c.Events))
		}
		for event, said := range c.Events {
			if event != verification && !slices.Contains(Supported(), event) {
				t.Errorf("%s is told by %s, for which nobody can ask", what, event)
			}
			reason, has := said["reason_admin"].(map[string]string)
			if strings.HasPrefix(string(event), caep) && (!has || reason["en"] == "" || said["event_timestamp"] != at.Unix()) {
				t.Errorf("%s says %v", what, said)
			}
			if event == verification && said["state"] != "part" {
				t.Errorf("a verification says %v", said)
			}
			if strings.HasSuffix(string(event), "/sessions-revoked") { // of RISC, which is not for new work
				t.Errorf("%s is told by %s", what, event)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	if got := Every().List(); !slices.Equal(got, Supported()) {
		t.Errorf("%v", got)
	}
	set := EventsOf([]Event{sessionRevoked, "https://example.org/other", verification, accountPurged})
	if got := set.List(); !slices.Equal(got, []Event{sessionRevoked, accountPurged}) {
		t.Errorf("%v", got)
	}
	if set&SessionEnded.Mask() == 0 || set&PasswordChanged.Mask() != 0 || Verified.Mask() != 0 {
		t.Error("the bits are others")
	}
}

// What concerns everybody is told as long as the reader is behind, under an identifier that says how far.
func TestDerived(t *testing.T) {
	s := Stream{Events: Every(), Floor: at.Unix() - 60, Told: 7, Missed: at.Add(-time.Hour)}
	all := s.Derived(at)
	if len(all) != 2 || all[0].What != everybody || !all[0].At.Equal(at.Add(-time.Minute)) || all[1].What != missed || !all[1].At.Equal(s.Missed) {
		t.Fatalf("%+v", all)
	}
	a := Acknowledge([]string{all[1].ID, "a.session-ended.b", all[0].ID, "everybody.x", "a\x00b", strings.Repeat("a", longestID+1)})
	if a.Told != s.Floor || !a.Missed.Equal(s.Missed) || !slices.Equal(a.Signals, []string{"a.session-ended.b", "everybody.x"}) {
		t.Errorf("%+v", a)
	}
	if s.Told, s.Missed = s.Floor, (time.Time{}); len(s.Derived(at)) != 0 {
		t.Error("told again")
	}
	if s.Told, s.Events = 0, EventsOf([]Event{credentialChange}); len(s.Derived(at)) != 0 {
		t.Error("told to somebody who did not ask")
	}
	s.Events, s.Floor = Every(), at.Unix()+5 // many incidents in one second
	if got := s.Derived(at); len(got) != 1 || got[0].At.After(at) {
		t.Errorf("%+v", got)
	}
}
