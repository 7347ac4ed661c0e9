package door

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"usher/internal/secret"
)

// What nobody is called, and what is no password anywhere, is refused without a question: the service would not even read it, and count it against nobody.
func TestWhatIsNoPasswordIsNotAskedAbout(t *testing.T) {
	g := own(t, false)
	g.set(func(r *registry) { r.takes = true })
	app := secret.NewServerPassword().Reveal()
	for name, c := range map[string][2]string{
		"no name": {"", "secret123456"}, "blanks": {"  ", "secret123456"}, "NUL in a name": {"bob\x00", "secret123456"}, "no UTF-8 in a name": {"bob\xff", "secret123456"},
		"endless name": {strings.Repeat("b", longestLogin+1), "secret123456"}, "NUL in a password": {"bob", "secret\x00"}, "no UTF-8 in a password": {"bob", "secret\xff"},
		"bytes": {"bob", strings.Repeat("🐝", 258)}, "code points": {"bob", strings.Repeat("b", 263)}, "a megabyte": {"bob", strings.Repeat("b", 100<<10)},
		"app password of no name": {"", app}, "of NUL": {"\x00", app},
	} {
		if answer, _ := g.ask(t, http.MethodGet, "/", basicAuth(c[0], c[1])); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, answer.Status)
		}
		bindAs(t, g.decider, c[0], secret.TokenOf(c[1]), ErrRefused)
	}
	if n := g.asked.Load(); n != 0 {
		t.Errorf("%d questions", n)
	}
	for password, who := range map[string]Decision{strings.Repeat("b", 262): bob(), strings.Repeat("e\u0301", 256) + "123456": ann()} { // the longest, and one that shrinks in NFC
		g.choose(who.UserName, password, who)
		bindAs(t, g.decider, who.UserName, secret.TokenOf(password), nil)
	}
}

// An app password that opens nothing here is never tried as the account's own, where those are taken: that would count against the account.
func TestDeadAppPasswordsAreNotTriedAsTheAccountsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		make  func() secret.Token
		asked int64 // about each
	}{
		"of a server": {secret.NewServerPassword, 1}, "of an account": {secret.NewAppPassword, 0}, // which is for no server to see
	} {
		t.Run(name, func(t *testing.T) {
			g := own(t, false)
			g.set(func(r *registry) { r.takes = true })
			for _, p := range []secret.Token{c.make(), c.make().Grouped()} {
				g.choose("bob", p.Reveal(), bob()) // as the account's own it would let in
				if answer, _ := g.ask(t, http.MethodGet, "/", basicAuth("bob", p.Reveal())); answer.StatusCode != http.StatusUnauthorized {
					t.Errorf("by Basic: %s", answer.Status)
				}
			}
			for _, p := range []secret.Token{c.make(), c.make().Grouped()} {
				g.choose("bob", p.Reveal(), bob())
				bindAs(t, g.decider, "bob", p, ErrRefused)
			}
			if asked, typed := g.asked.Load(), g.typed.Load(); typed != 0 || asked != 4*c.asked {
				t.Errorf("%d questions, %d of them as passwords of the account", asked, typed)
			}
			if answer, _ := g.ask(t, http.MethodGet, "/", basicAuth("bob", "secret123456")); answer.StatusCode != http.StatusOK || g.typed.Load() != 1 {
				t.Errorf("the account's own password: %s; %d were typed", answer.Status, g.typed.Load())
			}
		})
	}
}

// A question about a password that the service leaves unanswered costs nobody's budget; so there are few of them, and what is no password is not held up.
func TestPasswordsRestWhileTheyGoUnanswered(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	d.Passwords = breaking{r}
	guess := func(want error) {
		t.Helper()
		_, err := d.Bind(t.Context(), secret.NewToken().Reveal(), secret.TokenOf("guess"), netip.MustParseAddr("192.0.2.1"))
		if !errors.Is(err, want) {
			t.Errorf("it is %v, want %v", err, want)
		}
	}
	for range 100 {
		guess(ErrAway)
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d questions", n)
	}
	bindAs(t, d, "ann", r.make(ann()), nil)
	r.pass(afterFailure)
	d.Passwords = r
	guess(ErrRefused) // and nothing of what went unanswered is on anybody's account
}

// breaking is a service that answers everything but passwords of accounts.
type breaking struct{ *registry }

func (b breaking) SignIn(context.Context, string, secret.Token) (Decision, error) {
	b.asked.Add(1)
	return Decision{}, ErrAway
}
