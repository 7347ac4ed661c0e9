package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"testing"

	"usher/internal/audit"
	"usher/internal/look"
)

// notForPeople are acts that concern no single account, or only repeat the event beside them.
var notForPeople = []audit.Action{
	audit.ProvedAgain, audit.AccountErased, audit.InvitationMade, audit.CodeFailed, audit.InvitationEnded, audit.SetUpLinkMade, audit.KeysRotated, audit.MailRetried,
	audit.IncidentProposed, audit.IncidentDeclared, audit.IncidentAlone, audit.IncidentAdvised, audit.IncidentWithdrawn, audit.IncidentPaused, audit.IncidentResumed,
	audit.IncidentApplied, audit.ClientRegistered, audit.ClientChanged, audit.ClientRemoved, audit.ClientSecretMade, audit.ClientSecretEnded, audit.ClientTokensEnded,
}

func TestEveryActIsToldOrLeftOutOnPurpose(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../audit/audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	actions := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Action" {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			actions++
			_, told := eventTexts[audit.Action(text)]
			if told == slices.Contains(notForPeople, audit.Action(text)) {
				t.Errorf("%s: told %v; it must be either in the table or left out on purpose", text, told)
			}
		}
		return true
	})
	if actions < len(eventTexts) {
		t.Errorf("%d actions found, %d told", actions, len(eventTexts))
	}
	for action, words := range eventTexts {
		if !look.Drawn(words.icon) {
			t.Errorf("%s has no icon", action)
		}
	}
}

func TestWrongPasswordsInARowAreOneEvent(t *testing.T) {
	try := func(address string) audit.Entry {
		return audit.Entry{AccountID: "a", Action: audit.SignInFailed, Detail: map[string]string{audit.Address: address}}
	}
	events := eventsShown([]audit.Entry{
		try("192.0.2.1"), try("192.0.2.1"), try("198.51.100.7"),
		{AccountID: "a", Actor: "a", Action: audit.SignedIn, Detail: map[string]string{audit.Device: "Firefox", audit.Place: "Lyon", audit.Address: "203.0.113.1"}},
		try("192.0.2.1"), try("192.0.2.1"), try("192.0.2.1"), try("192.0.2.1"), try("192.0.2.1"),
	})
	var said []string
	for _, e := range events {
		said = append(said, e.Text+"|"+e.Detail+"|"+strconv.FormatBool(e.Unusual))
	}
	want := []string{
		"A wrong password was typed 2 times.|192.0.2.1|false",
		"A wrong password was typed.|198.51.100.7|false",
		"A device signed in.|Firefox · Lyon|false",
		"A wrong password was typed 5 times.|192.0.2.1|true",
	}
	if !slices.Equal(said, want) {
		t.Errorf("it says\n%q, want\n%q", said, want)
	}
}

func TestOperatorsAreNotLocated(t *testing.T) {
	detail := map[string]string{audit.Address: "192.0.2.9", audit.Place: "Lyon"}
	for _, actor := range []string{"an administrator", audit.CLI} {
		for action := range maps.Keys(eventTexts) {
			e := eventsShown([]audit.Entry{{AccountID: "a", Actor: actor, Action: action, Detail: detail}})[0]
			if e.Detail != "" {
				t.Errorf("%s by %s shows %q", action, actor, e.Detail)
			}
		}
	}
	e := eventsShown([]audit.Entry{{AccountID: "a", Actor: audit.CLI, Action: audit.SignedOutAll}})[0]
	if e.Text != "The person who runs this service signed everything out." {
		t.Errorf("it says %q", e.Text)
	}
}
