package account

import (
	"slices"
	"testing"
)

func TestCalled(t *testing.T) {
	a := Account{Email: "anna@example.org"}
	for _, c := range []struct{ set, want string }{{"", "anna@example.org"}, {"user", "annas"}, {"name", "Anna"}} {
		switch c.set {
		case "user":
			a.UserName = "annas"
		case "name":
			a.Name = "Anna"
		}
		if got := a.Called(); got != c.want {
			t.Errorf("called %q, want %q", got, c.want)
		}
	}
}

func TestNoticeAddresses(t *testing.T) {
	a := Account{Email: "anna@example.org"}
	if got := a.NoticeAddresses(); !slices.Equal(got, []string{"anna@example.org"}) {
		t.Errorf("%q", got)
	}
	a.NoticeEmail = "second@example.org"
	if got := a.NoticeAddresses(); !slices.Equal(got, []string{"anna@example.org", "second@example.org"}) {
		t.Errorf("%q", got)
	}
}

func TestHasAddress(t *testing.T) {
	a := Account{Email: "ann@example.org", NoticeEmail: "two@example.org"}
	for typed, want := range map[string]bool{" Ann@Example.org ": true, "two@example.org": true, "bob@example.org": false, "": false, "ann": false} {
		if a.HasAddress(typed) != want {
			t.Errorf("%q: %t", typed, !want)
		}
	}
	if (Account{Email: "ann@example.org"}).HasAddress("") {
		t.Error("no second address is an address")
	}
}

func TestWords(t *testing.T) {
	a := Account{Email: "e", UserName: "u", Name: "n"}
	if got := a.Words(); !slices.Equal(got, []string{"e", "u", "n"}) {
		t.Errorf("%q", got)
	}
}

func TestHandles(t *testing.T) {
	a := Account{Email: "Anna@Example.org"}
	for _, test := range []struct {
		userName string
		want     []Handle
	}{
		{"", []Handle{{ByEmail, "anna@example.org"}}},
		{"AnnaS", []Handle{{ByEmail, "anna@example.org"}, {ByUserName, "annas"}}},
		{"@", nil},
	} {
		a.UserName = test.userName
		if got, err := a.Handles(); !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%q: %v, %v", test.userName, got, err)
		}
	}
	if got, err := (Account{UserName: "annas"}).Handles(); err == nil || got != nil {
		t.Errorf("without an address: %v", got)
	}
}

func TestAnswersTo(t *testing.T) {
	a := Account{Email: "Ann@Example.org", UserName: "Ann.Walker"}
	for login, want := range map[string]bool{
		"ann@example.org": true, "ANN@EXAMPLE.ORG": true, "ann.walker": true, " ANN.walker": true,
		"ann": false, "ann@example.com": false, "": false, "@": false,
	} {
		if a.AnswersTo(LoginHandle(login)) != want {
			t.Errorf("%q: %t", login, !want)
		}
	}
	for _, login := range []string{"", "@", " "} {
		if (Account{}).AnswersTo(LoginHandle(login)) || (Account{Email: "ann@example.org"}).AnswersTo(LoginHandle(login)) {
			t.Errorf("nobody answers to %q", login)
		}
	}
}
