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

// Whoever changes their name again and again does not use up what is remembered, nor takes names without end that others will choose; and is let in all the same.
func TestOneAccountHasFewNames(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	d := g.decider
	d.Heard(g.now())
	eve := Decision{Account: "acc-eve", Email: "eve@example.org"}
	for i := range 2 * mostNamesOf {
		eve.UserName = fmt.Sprint("eve", i)
		want := eve.UserName
		if i >= mostNamesOf {
			want = eve.Account
		}
		if got := g.through(t, http.MethodGet, "/", bearer(g.let(eve))).Header.Get(UserHeader); got != want {
			t.Errorf("name %d is told as %q", i, got)
		}
	}
	for i := range 2 * mostNamesOf { // the names that are typed into a media server count as well
		eve.Email = fmt.Sprintf("eve%d@example.org", i)
		bindAs(t, d, eve.Email, g.make(eve), ErrRefused)
	}
	bindAs(t, d, eve.Account, g.make(eve), nil)
	if all := d.Names(); len(all) != mostNamesOf {
		t.Errorf("%d names are remembered", len(all))
	}
	if got := g.through(t, http.MethodGet, "/", bearer(g.let(bob()))).Header.Get(UserHeader); got != "bob" {
		t.Errorf("who comes then is told as %q", got)
	}
	if got := g.through(t, http.MethodGet, "/", bearer(g.let(Decision{Account: "acc-carl", UserName: "eve0"}))).Header.Get(UserHeader); got != "acc-carl" {
		t.Errorf("who takes a name that was given up is told as %q", got)
	}
}
