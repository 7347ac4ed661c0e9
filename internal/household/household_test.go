package household

import (
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// home is Anna's, with somebody who joined, a managed member, and somebody who has not answered.
func home() Home {
	return Home{ID: "anna", Members: []Member{
		{ID: "m1", HomeID: "anna", AccountID: "anna", Name: "Anna", JoinedAt: now},
		{ID: "m2", HomeID: "anna", AccountID: "bert", Label: "bert@example.org", JoinedAt: now},
		{ID: "m3", HomeID: "anna", AccountID: "mia", Managed: true, Name: "Mia", JoinedAt: now},
		{ID: "m4", HomeID: "anna", Label: "carl@example.org", InvitedAt: now},
	}}
}

func TestWhoIsInAHome(t *testing.T) {
	h := home()
	for account, want := range map[string]string{"anna": "m1", "bert": "m2", "mia": "m3", "carl": "", "": ""} { // nobody is the account of who has not answered
		if m, is := h.Of(account); m.ID != want || is != (want != "") {
			t.Errorf("account %q is %q", account, m.ID)
		}
	}
	for _, id := range []string{"m1", "m4"} {
		if m, is := h.Find(id); !is || m.ID != id {
			t.Errorf("%s is %q", id, m.ID)
		}
	}
	if _, is := h.Find("anna"); is {
		t.Error("an account is no member's id")
	}
	var joined, owners []string
	for _, m := range h.Joined() {
		joined = append(joined, m.ID)
	}
	for _, m := range h.Members {
		if m.IsOwner() {
			owners = append(owners, m.ID)
		}
	}
	if !slices.Equal(joined, []string{"m1", "m2", "m3"}) || !slices.Equal(owners, []string{"m1"}) {
		t.Errorf("%v have joined, it is the Home of %v", joined, owners)
	}
}

// What somebody was invited as may be their address, which the others never read.
func TestNobodyIsCalledByAnAddress(t *testing.T) {
	var called []string
	for _, m := range home().Members {
		called = append(called, m.Called())
	}
	if !slices.Equal(called, []string{"Anna", Nameless, "Mia", Nameless}) {
		t.Errorf("they are called %q", called)
	}
}

func TestInvitationsLapse(t *testing.T) {
	waits := home().Members[3]
	for after, want := range map[time.Duration]bool{0: false, InvitationLife - 1: false, InvitationLife: true} {
		if got := waits.Lapsed(now.Add(after)); got != want {
			t.Errorf("after %v: %t", after, got)
		}
	}
	if home().Members[1].Lapsed(now.Add(10 * InvitationLife)) {
		t.Error("who has joined is invited no more")
	}
}
