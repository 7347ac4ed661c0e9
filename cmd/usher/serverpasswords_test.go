package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/mediaserver"
	"usher/internal/ratelimit"
	"usher/internal/server"
	"usher/internal/signin"
	"usher/internal/teststore"
)

// justNow is an account's browser where the password was typed just now.
func (h *holder) justNow(who account.Account) credential.Found {
	h.Helper()
	f := h.here(who)
	f.FreshAt = h.at
	return f
}

// passwordAt is an app password of a server that a person makes for an app.
func (h *holder) passwordAt(gate *app, who account.Account) string {
	h.Helper()
	token, err := h.servers().MakePassword(h.Context(), h.justNow(who), gate.ID, mediaserver.NewPassword{Name: "Attic TV"}, device.Client{})
	h.must(err)
	return token.Reveal()
}

// another is a password with its last letter changed.
func another(password string) string {
	changed := "7"
	if strings.HasSuffix(password, changed) {
		changed = "6"
	}
	return password[:len(password)-1] + changed
}

// An app password of a server counts there alone, for who made it and no longer than that person may come: not at another server, for no token, and for nobody
// else.
func TestAServersAppPassword(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
		_, err := h.servers().MakePassword(d.Context(), h.justNow(h.bert), gate.ID, mediaserver.NewPassword{Name: "TV"}, device.Client{})
		h.isErr(err, server.ErrNotFound) // who has not come in yet has agreed to nothing
		h.codeFor(gate, h.signedIn(h.bert))
		mine, theirs := h.passwordAt(gate, h.anna), h.passwordAt(gate, h.bert)
		owner, guest := gate.sees(mine), gate.sees(theirs)
		if !owner.Active || owner.Sub != h.anna.ID || !slices.Equal(owner.Groups, []server.Group{server.Player}) || owner.Username != h.anna.UserName || owner.Sid == "" {
			d.Errorf("the owner is %+v", owner)
		}
		if !guest.Active || guest.Sub != h.bert.ID || !slices.Equal(guest.Groups, []server.Group{server.Friend}) {
			d.Errorf("the guest is %+v", guest)
		}
		if w := gate.introspects(mine); !strings.Contains(w.Body.String(), `"token_type":"app_password"`) || strings.Contains(w.Body.String(), `"scope"`) {
			d.Errorf("told %s", w.Body)
		}
		if v := gate.sees(strings.ToUpper(mine[:8]) + "-" + mine[8:] + " "); v.Sub != h.anna.ID {
			d.Errorf("as it is copied: %+v", v)
		}
		for what, v := range map[string]visitor{"another server": other.sees(mine), "with one letter changed": gate.sees(another(mine)), "nobody's": gate.sees("gate" + strings.Repeat("a", 28))} {
			if v.Active || v.Sub != "" {
				d.Errorf("%s: %+v", what, v)
			}
		}
		d.at = d.at.Add(credential.Rules[credential.ServerPassword].Idle)
		if gate.sees(mine).Active {
			d.Error("it outlives a year without use")
		}
	})
}

// Asking about right ones and wrong ones computes no password hash, and leaves every budget as it is: nothing of it counts, and nothing is forgiven.
func TestServersAppPasswordsCostNothing(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.opened(h.anna), h.opened(h.anna)
		mine, elsewhere, token := h.passwordAt(gate, h.anna), h.passwordAt(other, h.anna), gate.own()
		d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": h.anna.UserName, "password": "not the password"}})
		budgets := func() []string {
			return append(d.rows("SELECT key || ' ' || count || ' ' || until FROM failure ORDER BY key"), d.rows("SELECT key || ' ' || tat FROM rate ORDER BY key")...)
		}
		hashes, spent := d.pool.Evaluations(), budgets()
		if failures := d.rows("SELECT count FROM failure"); hashes == 0 || !slices.Equal(failures, []string{"1"}) || len(spent) < 2 {
			d.Fatalf("a wrong password of hers counts nowhere: %d hashes, %q, %q", hashes, failures, spent)
		}
		for what, shown := range map[string]string{
			"right": mine, "of another server": elsewhere, "with one letter changed": mine[:31] + "7", "nobody's": "gate" + strings.Repeat("a", 28), "no app password": h.password,
		} {
			for range 12 { // more than an account's wrong passwords in a row
				q := asBearer(token)
				q.form = url.Values{"token": {shown}}
				if w := d.send(http.MethodPost, "/oauth/introspect", q); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"active":true`) != (shown == mine) {
					d.Fatalf("%s: %d %s", what, w.Code, w.Body)
				}
			}
		}
		if n := d.pool.Evaluations(); n != hashes {
			d.Errorf("%d password hashes were computed", n-hashes)
		}
		if now := budgets(); !slices.Equal(now, spent) {
			d.Errorf("something counts, or is forgiven: %q, before %q", now, spent)
		}
	})
}

// What was noted of its use keeps it, and says of its person not where they are.
func TestServersAppPasswordsAreUsed(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		mine := h.passwordAt(gate, h.anna)
		for _, later := range []time.Duration{2 * time.Second, 300 * 24 * time.Hour} { // the first use is known at once
			d.at = d.at.Add(later)
			if v := gate.sees(mine); !v.Active || v.Exp != d.at.Add(24*time.Hour).Unix() {
				d.Errorf("%+v", v)
			}
			d.must(d.touches.Flush(d.Context(), d.db))
			list, err := d.db.ListDevices(d.Context(), h.anna.ID)
			d.must(err)
			i := slices.IndexFunc(list, func(dev device.Device) bool { return dev.Method == device.ByServerPassword })
			if i < 0 || !list[i].UsedAt.Equal(d.at) || list[i].Seen != (device.Seen{}) || list[i].Product != "App password of Attic" {
				d.Errorf("after %v: %+v", later, list)
			}
		}
		d.at = d.at.Add(300 * 24 * time.Hour)
		if !gate.sees(mine).Active {
			d.Error("its use did not keep it")
		}
	})
}

// It ends with whatever ends its person's being there, and with its device; while the server is suspended it does not count, and is there again afterwards.
func TestServersAppPasswordsEnd(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		for what, end := range map[string]func(){
			"taken off the list": func() {
				all, err := h.servers().Guests(d.Context(), h.here(h.anna), gate.ID)
				h.must(err)
				h.must(h.servers().Dismiss(d.Context(), h.here(h.anna), gate.ID, all[0].ID, device.Client{}))
			},
			"taken back":            func() { h.must(d.db.RevokeConsent(d.Context(), h.bert.ID, gate.ID, audit.Act{At: d.at})) },
			"everything signed out": func() { h.must(d.db.EndEverything(d.Context(), h.bert.ID, nil, audit.Act{At: d.at})) },
			"a new password is due": func() {
				h.must(d.db.RequireReset(d.Context(), h.bert.ID, "", audit.Act{At: d.at}))
				d.do("UPDATE account SET secured = incident")
			},
			"its device signed out": func() { h.signsOutPasswords(h.bert) },
			"the server's, for good": func() {
				h.must(h.servers().Unclaim(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
				gate = h.opened(h.anna)
			},
		} {
			h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
			h.codeFor(gate, h.signedIn(h.bert))
			theirs, at := h.passwordAt(gate, h.bert), gate
			h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
			if w := gate.introspects(theirs); !strings.Contains(w.Body.String(), `"standing":"suspended"`) {
				d.Errorf("%s: of a suspended server: %s", what, w.Body)
			}
			h.must(h.servers().BringBack(d.Context(), h.here(h.anna), h.anna, gate.ID, device.Client{}))
			if !gate.sees(theirs).Active {
				d.Fatalf("%s: it does not count before, or not again", what)
			}
			end()
			if w := at.introspects(theirs); w.Code == http.StatusOK {
				d.Errorf("%s: it lives on: %s", what, w.Body)
			}
			for more := true; more; {
				var err error
				more, err = d.db.EndRemovedClient(d.Context())
				h.must(err)
			}
			list, err := d.db.ListDevices(d.Context(), h.bert.ID)
			h.must(err)
			if slices.ContainsFunc(list, func(dev device.Device) bool { return dev.Method == device.ByServerPassword }) {
				d.Errorf("%s: it is listed still", what)
			}
		}
	})
}

// It ends at the very moment at which its person's time there does, and the server is told of that moment before.
func TestServersAppPasswordsEndWithTheLine(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		h.must(h.servers().Invite(d.Context(), h.here(h.anna), h.anna, gate.ID, guest("bert@example.org")))
		h.codeFor(gate, h.signedIn(h.bert))
		theirs, ends := h.passwordAt(gate, h.bert), d.at.Add(time.Hour)
		d.do("UPDATE server_access SET ends_at = $1", ends.UnixMilli())
		if v := gate.sees(theirs); !v.Active || v.Exp != ends.Unix() {
			d.Errorf("%+v", v)
		}
		d.at = ends.Add(-time.Second)
		if !gate.sees(theirs).Active {
			d.Error("it does not count until the end")
		}
		d.at = ends
		if gate.sees(theirs).Active {
			d.Error("it counts after the end")
		}
		d.do("UPDATE server_access SET ends_at = $1", ends.Add(time.Hour).UnixMilli()) // its owner lets them in for longer
		if v := gate.sees(theirs); !v.Active || v.Exp != ends.Add(time.Hour).Unix() {
			d.Errorf("for longer: %+v", v)
		}
	})
}

// signsOutPasswords signs out what an account's app passwords of servers have signed in.
func (h *holder) signsOutPasswords(who account.Account) {
	h.Helper()
	list, err := h.db.ListDevices(h.Context(), who.ID)
	h.must(err)
	for _, dev := range list {
		if dev.Method == device.ByServerPassword {
			h.must(h.db.EndDevice(h.Context(), who.ID, dev.ID, audit.Act{At: h.at}))
		}
	}
}

// types is what a server is told of a name and a password that somebody typed there.
func (a *app) types(login, password string) *httptest.ResponseRecorder {
	a.Helper()
	q := asBearer(a.own())
	q.object = map[string]string{"login": login, "password": password}
	return a.send(http.MethodPost, "/api/v1/server/sign-ins", q)
}

// problemIn is the type of a problem.
func problemIn(w *httptest.ResponseRecorder) string {
	_, name, _ := strings.Cut(w.Body.String(), "/api/v1/problems/")
	name, _, _ = strings.Cut(name, `"`)
	return name
}

// typing is a server where the account's own password may be typed, with its owner, who has a second step, and somebody in the household.
func (h *holder) typing() *app {
	h.Helper()
	gate := h.opened(h.anna)
	h.turnOnFactor(h.anna)
	h.admitted(gate, h.bert, server.Household)
	h.isErr(h.servers().LetType(h.Context(), h.here(h.anna), gate.ID, server.AccountPasswords, device.Client{}), credential.ErrStale)
	h.must(h.servers().LetType(h.Context(), h.justNow(h.anna), gate.ID, server.AccountPasswords, device.Client{}))
	return gate
}

// admitted lets somebody in at a server, and has them come.
func (h *holder) admitted(gate *app, who account.Account, role server.Group) {
	h.Helper()
	h.line(gate, who, role)
	h.codeFor(gate, h.signedIn(who))
}

// line puts somebody on the list of a server.
func (h *holder) line(gate *app, who account.Account, role server.Group) {
	h.Helper()
	now := h.at
	g := server.Guest{ID: id.New(now), Label: who.Email, Handle: account.LoginHandle(who.Email), Terms: server.Terms{Role: role}, AddedAt: now, InvitedAt: now}
	h.must(h.db.AdmitGuest(h.Context(), h.anna.ID, gate.ID, g, audit.Act{At: now}))
}

// The account's own password counts at a server where its owner says so, for the owner and the household, with the code behind it, which is used once at whatever
// door; and where nobody said so it is refused before anybody looks at it.
func TestTheAccountsOwnPasswordAtAServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.opened(h.anna)
		before := d.pool.Evaluations()
		if w := gate.types(h.anna.UserName, h.password); w.Code != http.StatusForbidden || problemIn(w) != "app-passwords-only" || d.pool.Evaluations() != before {
			t.Errorf("while it is off: %d %s", w.Code, w.Body)
		}
		gate = h.typing()
		if w := d.send(http.MethodGet, "/api/v1/server", asBearer(gate.own())); !strings.Contains(w.Body.String(), `"account_passwords":true`) {
			t.Errorf("the server is told %s", w.Body)
		}
		code := h.code(h.anna)
		w := gate.types(h.anna.UserName, h.password+code)
		var owner, member visitor
		h.must(json.Unmarshal(h.is(w, http.StatusOK).Body.Bytes(), &owner))
		if !slices.Equal(owner.AMR, []string{"pwd", "otp"}) || !owner.Active || owner.Sub != h.anna.ID || owner.Aud != gate.ID || owner.Sid != "" || owner.Exp-owner.Iat != 900 || !slices.Equal(owner.Groups, []server.Group{server.Owner}) {
			t.Errorf("the owner is %s", w.Body)
		}
		h.must(json.Unmarshal(h.is(gate.types(strings.ToUpper(h.bert.Email), h.password), http.StatusOK).Body.Bytes(), &member))
		if !slices.Equal(member.AMR, []string{"pwd"}) || member.Sub != h.bert.ID || member.Username != h.bert.UserName || !slices.Equal(member.Groups, []server.Group{server.Household}) {
			t.Errorf("who lives there is %+v", member)
		}
		list, err := d.db.ListDevices(d.Context(), h.bert.ID)
		h.must(err)
		for _, dev := range list {
			if dev.Kind == device.App {
				t.Errorf("something is kept: %+v", dev)
			}
		}
		object := map[string]string{"login": h.anna.UserName, "password": h.password + code}
		if w := d.send(http.MethodPost, "/api/v1/sign-in", request{object: object}); w.Code != http.StatusForbidden {
			t.Errorf("the code counts at another door, too: %d %s", w.Code, w.Body)
		}
		d.at = d.at.Add(time.Minute)
		object["password"] = h.password + h.code(h.anna)
		h.is(d.send(http.MethodPost, "/api/v1/sign-in", request{object: object}), http.StatusOK)
		if w := gate.types(h.anna.UserName, object["password"]); w.Code != http.StatusUnauthorized || problemIn(w) != "wrong" {
			t.Errorf("it was used at another door: %d %s", w.Code, w.Body)
		}
		token := gate.own()
		h.must(h.servers().SignOut(d.Context(), h.here(h.anna), gate.ID, device.Client{}))
		q := asBearer(token)
		q.object = map[string]string{"login": h.bert.UserName, "password": h.password}
		if w := d.send(http.MethodPost, "/api/v1/server/sign-ins", q); w.Code != http.StatusUnauthorized || problemIn(w) != "dead-token" {
			t.Errorf("a suspended server: %d %s", w.Code, w.Body)
		}
	})
}

// Whoever is no member of the household is nobody at a server: a right password and a wrong one, of a guest, of somebody who is not on the list, and of nobody, are
// answered alike, after as many hashes; and so is what opens another door. Attacks F3, F17.
func TestAServerTriesOutNobodysPassword(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.typing()
		guest, stranger := d.person("carl", h.password, false), d.person("dora", h.password, false)
		d.do("UPDATE account SET email_proved = $1", true)
		h.admitted(gate, guest, server.Friend)
		own, err := (&signin.AppPasswords{Store: d.db, Now: d.now}).Make(d.Context(), h.justNow(h.bert), signin.NewAppPassword{Name: "TV"}, device.Client{})
		h.must(err)
		var bodies []string
		for _, c := range []struct {
			what, login, password string
			hashes                uint64
		}{
			{"a wrong one", h.bert.UserName, "not the password", 2}, {"without the code", h.anna.UserName, h.password, 2}, {"with a wrong code", h.anna.UserName, h.password + "000000", 2},
			{"a guest's", guest.UserName, h.password, 2}, {"a stranger's", stranger.Email, h.password, 2}, {"nobody's", "nobody.at.all", h.password, 2},
			{"an app password of the account", h.bert.UserName, own.Reveal(), 0}, {"one of this server", h.bert.UserName, h.passwordAt(gate, h.bert), 0},
			{"six digits alone", h.bert.UserName, "123456", 2},
		} {
			h.unlimited()
			before := d.pool.Evaluations()
			w := gate.types(c.login, c.password)
			if n := d.pool.Evaluations() - before; w.Code != http.StatusUnauthorized || problemIn(w) != "wrong" || n != c.hashes {
				t.Errorf("%s: %d %s, after %d hashes", c.what, w.Code, w.Body, n)
			}
			body, _, _ := strings.Cut(w.Body.String(), "#")
			bodies = append(bodies, body)
		}
		if slices.Sort(bodies); bodies[0] != bodies[len(bodies)-1] {
			t.Errorf("they differ: %s, %s", bodies[0], bodies[len(bodies)-1])
		}
		before := d.pool.Evaluations()
		if w := gate.types(h.bert.UserName, ""); w.Code != http.StatusUnprocessableEntity || d.pool.Evaluations() != before {
			t.Errorf("an empty one: %d %s", w.Code, w.Body)
		}
		imported := teststore.Draft(d, d.db, "emil", d.at)
		imported.Password = ""
		handles, err := imported.Handles()
		h.must(err)
		h.must(d.db.CreateAccount(d.Context(), imported, handles, audit.Act{At: d.at}))
		h.line(gate, imported, server.Household)
		d.do("UPDATE server_access SET account_id = $1 WHERE account_id = ''", imported.ID)
		for _, password := range []string{h.password, "", " ", "000000"} {
			if w := gate.types(imported.UserName, password); w.Code == http.StatusOK {
				t.Errorf("%q opens an account without a password", password)
			}
		}
	})
}

// Tries at a server count against the account as those at every other door do, and other doors' tries count here; the house's own network is not charged.
func TestOneBudgetAtServersToo(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.typing()
		h.unlimited()
		for i := range 5 {
			if w := gate.types(h.bert.UserName, "not the password"); w.Code != http.StatusUnauthorized {
				t.Fatalf("try %d: %d %s", i, w.Code, w.Body)
			}
		}
		object := map[string]string{"login": h.bert.Email, "password": h.password}
		if w := d.send(http.MethodPost, "/api/v1/sign-in", request{object: object}); w.Code != http.StatusTooManyRequests {
			t.Errorf("the API: %d %s", w.Code, w.Body)
		}
		if w := gate.types(h.bert.UserName, h.password); w.Code != http.StatusTooManyRequests {
			t.Errorf("the server: %d %s", w.Code, w.Body)
		}
		if w := gate.types("nobody.at.all", h.password); w.Code != http.StatusUnauthorized {
			t.Errorf("nobody: %d %s", w.Code, w.Body)
		}
		h.unlimited()
		h.is(d.send(http.MethodPost, "/api/v1/sign-in", request{object: object}), http.StatusOK) // from the same address
	})
}

// At a media server whoever is not of its household is nobody: however often somebody types their name there, they sign in elsewhere at once, and their record says
// nothing of it. The name is limited at that server as one that nobody has is, so that the limits tell nothing either.
func TestAServerUsesUpNoStrangersTries(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate, other := h.typing(), h.opened(h.anna)
		h.must(h.servers().LetType(d.Context(), h.justNow(h.anna), other.ID, server.AccountPasswords, device.Client{}))
		guest, stranger := d.person("carl", h.password, false), d.person("dora", h.password, false)
		d.do("UPDATE account SET email_proved = $1", true)
		h.admitted(gate, guest, server.Friend)
		failed := len(d.rows("SELECT action FROM audit WHERE action = 'sign-in-failed'"))
		for _, login := range []string{guest.UserName, stranger.UserName, stranger.Email, "nobody.at.all"} {
			h.unlimited()
			var codes []int
			for range ratelimit.FreeFailures + 1 {
				codes = append(codes, gate.types(login, "not the password").Code)
			}
			if want := append(slices.Repeat([]int{http.StatusUnauthorized}, ratelimit.FreeFailures), http.StatusTooManyRequests); !slices.Equal(codes, want) {
				t.Errorf("%s: %d", login, codes)
			}
			if w := other.types(login, "not the password"); w.Code != http.StatusUnauthorized {
				t.Errorf("%s at another server: %d %s", login, w.Code, w.Body)
			}
		}
		if n := len(d.rows("SELECT action FROM audit WHERE action = 'sign-in-failed'")); n != failed {
			t.Errorf("the record says it %d times", n-failed)
		}
		for _, who := range []account.Account{guest, stranger} {
			h.is(d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": who.UserName, "password": h.password}}), http.StatusOK)
		}
		w := d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": "nobody.at.all", "password": h.password}})
		h.is(w, http.StatusUnauthorized) // what nobody's name is limited to here does not tell it from a stranger's
	})
}

// All servers of one owner together have no more hashes computed than one, and those of another have their own.
func TestManyServersHaveNoMoreHashesComputed(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		type pair struct {
			gate *app
			code int
		}
		first, second, anothers := h.typing(), h.opened(h.anna), h.opened(h.bert)
		h.must(h.servers().LetType(d.Context(), h.justNow(h.anna), second.ID, server.AccountPasswords, device.Client{}))
		h.must(h.servers().LetType(d.Context(), h.justNow(h.bert), anothers.ID, server.AccountPasswords, device.Client{}))
		h.unlimited()
		h.is(first.types("nobody.at.all", "x"), http.StatusUnauthorized)
		for range ratelimit.ServerSignInsAll.Limit - 1 {
			h.must(d.db.Take(d.Context(), []ratelimit.Take{ratelimit.ServerSignInsAll.For(h.anna.ID)}, d.at))
		}
		for _, c := range []pair{{first, http.StatusTooManyRequests}, {second, http.StatusTooManyRequests}, {anothers, http.StatusUnauthorized}} {
			before := d.pool.Evaluations()
			w := c.gate.types("nobody.else", "x")
			if h.is(w, c.code); c.code == http.StatusTooManyRequests && d.pool.Evaluations() != before {
				t.Error("a hash was computed")
			}
		}
	})
}

// Who guesses at a server, at one name or at many, keeps nobody of another name out there, until there are far more tries than a household makes.
func TestStrangersShutNobodyOutAtAServer(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		gate := h.typing()
		h.unlimited()
		for range ratelimit.ServerSignIns.Limit {
			h.must(d.db.Take(d.Context(), []ratelimit.Take{ratelimit.ServerSignIns.For(gate.ID + "\x00user name\x00nobody"), ratelimit.ServerSignInsAll.For(h.anna.ID)}, d.at))
		}
		if w := gate.types("NOBODY", "x"); w.Code != http.StatusTooManyRequests {
			t.Errorf("one name: %d %s", w.Code, w.Body)
		}
		for i := range 5 * ratelimit.ServerSignIns.Limit {
			if w := gate.types("nobody."+strconv.FormatInt(i, 10), "x"); w.Code != http.StatusUnauthorized {
				t.Fatalf("name %d: %d %s", i, w.Code, w.Body)
			}
		}
		if w := gate.types(h.bert.UserName, h.password); w.Code != http.StatusOK {
			t.Errorf("the household: %d %s", w.Code, w.Body)
		}
		for range ratelimit.ServerSignInsAll.Limit - 6*ratelimit.ServerSignIns.Limit {
			h.must(d.db.Take(d.Context(), []ratelimit.Take{ratelimit.ServerSignInsAll.For(h.anna.ID)}, d.at))
		}
		if w := gate.types(h.bert.UserName, h.password); w.Code != http.StatusTooManyRequests {
			t.Errorf("all names: %d %s", w.Code, w.Body)
		}
	})
}
