package door

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Attack S14: who takes the user name that another has given up is not taken for them by the media server, also not by a gate that was started again.
func TestANameThatChangesHandsIsNotTold(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	user := func(g *gate, who Decision) string {
		t.Helper()
		return g.through(t, http.MethodGet, "/", bearer(g.let(who))).Header.Get(UserHeader)
	}
	renamed, next := ann(), Decision{Account: "acc-eve", UserName: "Ann"}
	if got := user(g, ann()); got != "ann" {
		t.Errorf("she is told as %q", got)
	}
	renamed.UserName = "anna"
	if got := user(g, renamed); got != "anna" {
		t.Errorf("renamed, she is told as %q", got)
	}
	if got := user(g, next); got != "acc-eve" {
		t.Errorf("who has her name now is told as %q", got)
	}
	again := open(t, echo(t).URL, nil)
	again.decider.RestoreNames(g.decider.Names())
	if got := user(again, next); got != "acc-eve" {
		t.Errorf("after a restart she is told as %q", got)
	}
	if got := user(again, ann()); got != "ann" {
		t.Errorf("who takes her own name back is told as %q", got)
	}
	if signed := again.through(t, http.MethodGet, "/", bearer(again.let(next))).Header.Get(AssertionHeader); strings.Contains(assertionBody(signed), `"Ann"`) {
		t.Error("the name stands in the assertion")
	}
}

func TestNamesAreBounded(t *testing.T) {
	n := names{}
	for i := range mostNames + 1 {
		n.telling(Decision{Account: fmt.Sprint(i), UserName: fmt.Sprint("name", i)})
	}
	if late := n.telling(Decision{Account: "x", UserName: "late"}); len(n) != mostNames || late.UserName != "" {
		t.Errorf("%d names, and the last is told as %q", len(n), late.UserName)
	}
	if early := n.telling(Decision{Account: "0", UserName: "name0"}); early.UserName != "name0" {
		t.Error("who was known is not any more")
	}
}
