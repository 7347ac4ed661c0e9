package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/certtest"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/loadtest/crowd"
	"usher/internal/mfa"
	"usher/internal/server"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// listed is a gate that media servers ask by LDAP: its owner is anna, and bert is of the household.
type listed struct {
	*sharing
	at, ca string
	// passwords are the media server's own, anna's and bert's.
	directory, anna, bert string
}

func openListed(t *testing.T, databaseURL string) *listed {
	folder := t.TempDir()
	l := &listed{ca: filepath.Join(folder, "chain.pem")}
	key := filepath.Join(folder, "key.pem")
	certtest.Make(t, certtest.Files{Chain: l.ca, Key: key}, time.Now().Add(time.Hour), "localhost", "127.0.0.1")
	free := listen(t)
	l.at = free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	l.sharing = openSharing(t, databaseURL, "USHER_GATE_LDAP_LISTEN="+l.at, "USHER_GATE_LDAP_CERTIFICATE="+l.ca, "USHER_GATE_LDAP_KEY="+key)
	for id, name := range map[string]string{l.ownerID: "anna", l.guestID: "bert"} {
		_, h, err := account.UserNameHandle(name)
		l.must(err)
		l.must(l.db.SetUserName(t.Context(), id, name, h, l.act(audit.ProfileChanged)))
	}
	l.directory, l.anna, l.bert = l.makes(l.ownerID, credential.Directory), l.makes(l.ownerID, ""), l.makes(l.guestID, "")
	return l
}

func in(name string) string { return "uid=" + name + ",ou=people,dc=usher" }

// whoami binds with ldapwhoami, and returns the code of the result and what is said.
func (l *listed) whoami(name, password string, more ...string) (code int, said string) {
	l.Helper()
	c := exec.CommandContext(l.Context(), "ldapwhoami", append([]string{"-x", "-H", "ldap://" + l.at, "-o", "nettimeout=20", "-D", name, "-w", password}, more...)...)
	c.Env = append(os.Environ(), "LDAPTLS_CACERT="+l.ca)
	out, err := c.CombinedOutput()
	failed := new(exec.ExitError)
	if err != nil && !errors.As(err, &failed) {
		l.Fatal(err)
	}
	return c.ProcessState.ExitCode(), strings.TrimSpace(string(out))
}

// finds searches with ldapsearch as the media server, and returns the first parts of the names.
func (l *listed) finds(base, filter string) []string {
	l.Helper()
	return l.findsAs("anna", l.directory, base, filter)
}

func (l *listed) findsAs(name, password, base, filter string) (found []string) {
	l.Helper()
	out, err := exec.CommandContext(l.Context(), "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", "ldap://"+l.at, "-D", in(name), "-w", password, "-b", base, filter, "uid").CombinedOutput()
	if err != nil {
		l.Fatalf("%s: %v\n%s", filter, err, out)
	}
	for _, m := range regexp.MustCompile(`(?m)^dn: (\w+=[^,]*)`).FindAllStringSubmatch(string(out), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

// binds opens a connection on which somebody has bound. Where the gate hears something in that very moment it says so, and is asked again, as media servers do.
func (l *listed) binds(name, password string) net.Conn {
	l.Helper()
	for since := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := tls.Dial("tcp", l.at, &tls.Config{InsecureSkipVerify: true})
		l.must(err)
		l.Cleanup(func() { _ = c.Close() })
		switch code := bindOn(l.T, c, name, password); {
		case code == 0:
			return c
		case code != 52 || time.Since(since) > promised:
			l.Fatalf("%s does not come in: %d", name, code)
		}
	}
}

func bindOn(t testing.TB, c net.Conn, name, password string) int64 {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 0, nil, "")
	op.AppendChild(whole(ber.TagInteger, 3))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, ""))
	op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, password, ""))
	code, err := asks(c, op)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// searchOn looks on a connection for everybody who may be seen there, and returns the code of the result.
func searchOn(c net.Conn) (code int64, err error) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 3, nil, "")
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "ou=people,dc=usher", ""))
	for _, n := range []*ber.Packet{whole(ber.TagEnumerated, 2), whole(ber.TagEnumerated, 0), whole(ber.TagInteger, 0), whole(ber.TagInteger, 0)} {
		op.AppendChild(n)
	}
	op.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, ""))
	op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 7, "uid", ""))
	op.AppendChild(ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, ""))
	return asks(c, op)
}

func whole(tag ber.Tag, n int64) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, n, "")
}

// asks sends one operation, and returns the code of its result, past what was found.
func asks(c net.Conn, op *ber.Packet) (code int64, err error) {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	m.AppendChild(whole(ber.TagInteger, 1))
	m.AppendChild(op)
	if _, err := c.Write(m.Bytes()); err != nil {
		return 0, err
	}
	for {
		answer, err := ber.ReadPacket(c)
		if err != nil {
			return 0, err
		}
		if code, is := answer.Children[1].Children[0].Value.(int64); is {
			return code, nil
		}
	}
}

// endsWithin fails the test unless a connection ends so soon after a moment.
func (l *listed) endsWithin(c net.Conn, since time.Time, most time.Duration) {
	l.Helper()
	l.must(c.SetReadDeadline(since.Add(10 * time.Second)))
	_, err := c.Read(make([]byte, 1))
	if took := time.Since(since); err == nil || errors.Is(err, os.ErrDeadlineExceeded) || took > most {
		l.Errorf("a connection lives for %v after: %v", took, err)
	}
}

// lets has the account's own password be typed at the server, or not.
func (l *listed) lets(to server.Typed) {
	l.Helper()
	l.must(l.servers().LetType(l.Context(), l.justNow(l.ownerID), l.id, to, device.Client{}))
}

// soon waits until somebody who types the account's own password binds with such a code and, where that is asked, is so by Basic, for as long as a gate may take to obey.
// A question that a signal overtakes is answered as in an outage.
func (l *listed) soon(what, name string, code int, basic string) {
	l.Helper()
	for since := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		got, said := l.whoami(name, crowd.Password)
		told := basic
		if got == code && basic != "" {
			told = l.told(basically(name, crowd.Password))
		}
		if got == code && told == basic {
			return
		}
		if time.Since(since) > promised {
			l.Fatalf("%s: %s binds with %d: %s; by Basic it is %q", what, name, got, said, told)
		}
	}
}

// settles waits until the gate has heard everything that it is to hear.
func (l *listed) settles() {
	l.Helper()
	for since := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		var waiting int
		l.must(l.raw.QueryRowContext(l.Context(), `SELECT COUNT(*) FROM signal`).Scan(&waiting))
		if waiting == 0 {
			return
		}
		if time.Since(since) > time.Minute {
			l.Fatalf("%d signals wait\n%s", waiting, l.log)
		}
	}
}

// Media servers and clients of other people sign people in by LDAP with the gate and the service that run.
func TestLDAPAtAGate(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		for _, command := range [][]string{{"node", "ldapts.mjs"}, {"/usr/bin/python3", "calibre-web.py"}, {"/usr/bin/python3", "python-ldap3.py"}} {
			c := exec.CommandContext(t.Context(), command[0], command[1:]...)
			c.Dir = "../../internal/clienttest"
			c.Env = append(os.Environ(), "LDAP_AT="+l.at, "LDAP_CA="+l.ca, "LDAP_OWNER=anna", "LDAP_DIRECTORY="+l.directory, "LDAP_GUEST=bert", "LDAP_PASSWORD="+l.bert)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command[1], err, out)
			}
		}
		for name, filter := range map[string]string{ // as Jellyfin's plug-in, Emby and LLDAP's guides write them
			"Jellyfin": "(uid=*)", "its groups": "(|(memberOf=cn=owners,ou=groups,dc=usher)(memberOf=cn=household,ou=groups,dc=usher))", "LLDAP": "(&(objectClass=person)(mail=*@crowd.example))",
		} {
			if found := l.finds("ou=people,dc=usher", filter); !slices.Equal(found, []string{"uid=anna", "uid=bert"}) {
				t.Errorf("%s finds %q", name, found)
			}
		}
		for filter, want := range map[string][]string{"(memberOf=cn=owners,ou=groups,dc=usher)": {"uid=anna"}, "(uid=bert)": {"uid=bert"}, "(enabledService=JellyfinAdministrator)": nil, "(memberOf=cn=guests,ou=groups,dc=usher)": nil} {
			if found := l.finds("dc=usher", filter); !slices.Equal(found, want) {
				t.Errorf("%s finds %q", filter, found)
			}
		}
		for _, c := range []struct {
			name, password string
			code           int
			said           string
		}{
			{in("bert"), l.bert, 0, "dn:" + in("bert")},
			{"UID=Bert, OU=People , dc=Usher", l.bert, 0, "dn:" + in("bert")},
			{"cn=BERT,ou=people,dc=usher", l.bert, 0, "dn:" + in("bert")},
			{"bert", strings.ToUpper(l.bert), 0, "dn:" + in("bert")},
			{crowd.Email(1), l.bert, 0, "dn:" + in("bert")},
			{in("anna"), l.anna, 0, "dn:" + in("anna")},
			{in("anna"), l.bert, 49, ""},
			{in("bert"), l.directory, 49, ""},
			{in("bert"), crowd.Password, 49, ""},
			{in("bert"), l.tokens["guest"], 49, ""},
			{in("bert"), "", 53, ""},
			{"", "", 53, ""},
		} {
			code, said := l.whoami(c.name, c.password)
			if code != c.code || c.said != "" && said != c.said {
				t.Errorf("%s comes in with %d: %s", c.name, code, said)
			}
		}
		if code, said := l.whoami(in("bert"), l.bert, "-ZZ"); code != 0 {
			t.Errorf("with StartTLS: %d %s", code, said)
		}
		for password, want := range map[string]string{l.anna: "player", l.directory: "401"} { // it looks people up, and is nobody's way to the films
			if got := l.told(basically("anna", password)); got != want {
				t.Errorf("by Basic %s comes in, want %s", got, want)
			}
		}
		_, nobody := l.whoami(in("nobody"), l.bert)
		_, wrong := l.whoami(in("bert"), l.bert[:len(l.bert)-1]+"0")
		if nobody != wrong {
			t.Errorf("nobody hears %q, a wrong password %q", nobody, wrong)
		}
	})
}

// Attack L5, and what an outage is: a bind is over within a second of the sign-out; while the service does not answer nobody is told that a password is wrong.
func TestLDAPEndsWithItsPassword(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		bert, directory := l.binds(in("bert"), l.bert), l.binds(in("anna"), l.directory)
		l.away.Store(true)
		made := strings.TrimSuffix(l.bert, l.bert[len(l.bert)-1:]) + map[bool]string{true: "b", false: "a"}[strings.HasSuffix(l.bert, "a")]
		for _, password := range []string{made, "wrong", l.bert} {
			deadline := time.Now().Add(20 * time.Second)
			for ; ; time.Sleep(50 * time.Millisecond) {
				code, said := l.whoami(in("bert"), password)
				if code == 52 {
					break
				}
				if code != 0 || password != l.bert || time.Now().After(deadline) {
					t.Fatalf("in an outage %q is %d: %s", password, code, said)
				}
			}
		}
		for _, name := range []string{"uid=bert,ou=people,dc=elsewhere", "bert=,", "nobody", in("nobody")} {
			if code, said := l.whoami(name, l.bert); code != 52 {
				t.Errorf("in an outage %s is %d: %s", name, code, said)
			}
		}
		l.away.Store(false)
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			if code, said := l.whoami(in("bert"), l.bert); code == 0 {
				break
			} else if code != 52 || time.Now().After(end) {
				t.Fatalf("after an outage: %d %s", code, said)
			}
		}
		since := time.Now()
		l.must(l.db.EndEverything(t.Context(), l.guestID, nil, l.act(audit.SignedOutAll)))
		l.endsWithin(bert, since, time.Second)
		if code, said := l.whoami(in("bert"), l.bert); code != 49 {
			t.Errorf("bert comes in afterwards: %d %s", code, said)
		}
		since = time.Now()
		l.presses("sign-out", url.Values{})
		l.endsWithin(directory, since, time.Second)
		if code, said := l.whoami(in("anna"), l.directory); code != 52 || !strings.Contains(said, "signed out") {
			t.Errorf("at a server that is signed out: %d %s", code, said)
		}
	})
}

// A connection on which somebody has bound is over at the end that its owner set, also while the service is away, with the app password itself, and when its person is
// taken off the list: whatever is asked on it then is answered by nobody. The media server's own goes on, and does not find them any more.
func TestLDAPEndsWithTheLine(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		directory := l.binds(in("anna"), l.directory)
		for _, c := range []struct {
			what string
			ends time.Time // zero: there is none
			act  func()
			code int // of a bind afterwards
		}{
			{"the end", time.Now().Add(3 * time.Second), func() {}, 49},
			{"the end while the service is away", time.Now().Add(8 * time.Second), func() { l.away.Store(true) }, 52},
			{"the app password", time.Time{}, func() { l.revokes() }, 49},
			{"off the list", time.Time{}, func() {
				l.must(l.db.DismissGuest(t.Context(), l.ownerID, l.id, l.line.ID, l.act(audit.GuestDismissed)))
			}, 49},
		} {
			l.changes(server.Terms{Role: server.Household, EndsAt: c.ends})
			l.bert = l.makes(l.guestID, "")
			bert, idle := l.binds(in("bert"), l.bert), l.binds(in("bert"), l.bert)
			if code, err := searchOn(bert); code != 0 || err != nil {
				t.Fatalf("%s: before it bert finds %d %v", c.what, code, err)
			}
			c.act()
			since := time.Now()
			if !c.ends.IsZero() {
				since = c.ends
			}
			l.endsWithin(idle, since, time.Second)
			l.must(bert.SetDeadline(since.Add(promised)))
			for err := error(nil); err == nil; {
				if _, err = searchOn(bert); errors.Is(err, os.ErrDeadlineExceeded) || time.Since(since) > promised {
					t.Fatalf("%s: on an open connection bert is answered still", c.what)
				}
			}
			if code, said := l.whoami(in("bert"), l.bert); code != c.code {
				t.Errorf("%s: bert binds with %d: %s", c.what, code, said)
			}
			l.must(directory.SetDeadline(time.Now().Add(30 * time.Second)))
			for back := l.away.Swap(false); ; time.Sleep(100 * time.Millisecond) {
				code, err := searchOn(directory)
				if err != nil || code != 0 && (!back || code != 52) {
					t.Fatalf("%s: the media server finds %d %v", c.what, code, err)
				}
				if code == 0 {
					break
				}
			}
		}
		if found := l.finds("ou=people,dc=usher", "(uid=*)"); !slices.Equal(found, []string{"uid=anna"}) {
			t.Errorf("the media server finds %q", found)
		}
	})
}

// Where the owner switched it on, the account's own password lets in owner and household by LDAP and by Basic, with the code of who has a second step behind it, which
// counts once and at one of the two; a guest's never does. Switched off it lets nobody in, and who was in by it is out.
func TestOwnPasswordsOverLDAP(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		key := mfa.NewKey()
		l.must(l.db.TurnOnFactor(t.Context(), credential.NewFactor{AccountID: l.ownerID, Key: key}, l.act(audit.SecondFactorOn)))
		now := mfa.Step(time.Now())
		first, second := crowd.Password+mfa.Code(key, now).Reveal(), crowd.Password+mfa.Code(key, now+1).Reveal()
		code := func(what, name, password string, want int) {
			t.Helper()
			if got, said := l.whoami(in(name), password); got != want {
				t.Errorf("%s: %d %s", what, got, said)
			}
		}
		basic := func(what, name, password, want string) {
			t.Helper()
			if got := l.told(basically(name, password)); got != want {
				t.Errorf("%s: %s", what, got)
			}
		}
		switches := func(to server.Typed, code int) {
			t.Helper()
			l.lets(to)
			l.soon(fmt.Sprintf("%q", to), in("bert"), code, "")
		}
		code("before it is wanted, the owner's", "anna", first, 49)
		code("before it is wanted, the household's", "bert", crowd.Password, 49)

		switches(server.AccountPasswords, 0)
		anna, bert := l.binds(in("anna"), first), l.binds(in("bert"), crowd.Password)
		code("the owner's with a code that was used", "anna", first, 49)
		basic("the same by Basic", "anna", first, "401")
		code("the owner's without a code", "anna", crowd.Password, 49)
		code("a wrong one", "bert", crowd.Password+"x", 49)
		basic("the household's by Basic", "bert", crowd.Password, "household")
		basic("the owner's by Basic, with the next code", "anna", second, "owner")
		code("the code that Basic has used", "anna", second, 49)
		basic("by Basic again", "anna", second, "owner")
		for name, c := range map[string]net.Conn{"anna": anna, "bert": bert} {
			if got, err := searchOn(c); got != 0 || err != nil {
				t.Errorf("%s finds %d %v", name, got, err)
			}
		}

		began := time.Now()
		switches(server.OnlyAppPasswords, 49)
		l.endsWithin(anna, began, promised)
		l.endsWithin(bert, began, promised)
		basic("switched off, by Basic", "bert", crowd.Password, "401")
		basic("switched off, the owner's by Basic", "anna", second, "401")

		switches(server.AccountPasswords, 0)
		bert, began = l.binds(in("bert"), crowd.Password), l.changes(server.Terms{Role: server.Friend})
		l.endsWithin(bert, began, promised)
		code("a guest's", "bert", crowd.Password, 49)
		basic("a guest's by Basic", "bert", crowd.Password, "401")
		code("a guest's app password", "bert", l.bert, 0)
	})
}

// Attack F17: an account that another service opened has no password, so none counts over LDAP or Basic, an empty one least of all, also where a server takes the account's own.
func TestNoPasswordIsNoPasswordOverLDAP(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		l.lets(server.AccountPasswords)
		l.soon("with a password", in("bert"), 0, "")
		carl := teststore.Person(t, l.db, "carl", time.Now(), func(a *account.Account) { a.Password, a.PasswordVersion = "", 0 })
		_, err := l.raw.Exec(`UPDATE server_access SET account_id = $1 WHERE account_id = $2`, carl.ID, l.guestID)
		l.must(err)
		for _, typed := range []string{"", " ", "\x00", "123456", crowd.Password, crowd.Password + "123456"} {
			c, err := tls.Dial("tcp", l.at, &tls.Config{InsecureSkipVerify: true})
			l.must(err)
			if code := bindOn(t, c, in("carl"), typed); code == 0 || code == 52 {
				t.Errorf("%q binds: %d", typed, code)
			}
			l.must(c.Close())
			if got := l.told(basically("carl", typed)); got != "401" {
				t.Errorf("%q by Basic: %s", typed, got)
			}
		}
	})
}

// Whoever accepts an invitation is let in within the time that a gate has to obey, also by a password that this very gate refused before. Being invited lets in nobody.
func TestAnAcceptanceOpensWhatWasRefused(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		finds := func(what string, want ...string) {
			t.Helper()
			if found := l.finds("ou=people,dc=usher", "(uid=*)"); !slices.Equal(found, want) {
				t.Errorf("%s, the media server finds %q", what, found)
			}
		}
		l.lets(server.AccountPasswords)
		l.settles()
		l.soon("account passwords are on", "bert", 0, "household")
		l.must(l.db.DismissGuest(t.Context(), l.ownerID, l.id, l.line.ID, l.act(audit.GuestDismissed)))
		l.settles()
		l.soon("off the list", "bert", 49, "401")
		now := time.Now()
		l.line.ID, l.line.AddedAt, l.line.InvitedAt = id.New(now), now, now
		l.must(l.db.AdmitGuest(t.Context(), l.ownerID, l.id, l.line, l.act(audit.GuestAdmitted)))
		l.settles() // what is refused from now on is so until the acceptance is told
		l.soon("invited only", "bert", 49, "401")
		l.soon("invited only", crowd.Email(1), 49, "401") // about which the service is asked for the first time
		finds("invited only", "uid=anna")
		l.must(l.say(http.MethodPost, "/invitations/"+l.id+"/accept", request{form: url.Values{}, cookies: map[string]string{"usher": crowd.Browser(1).Reveal()}}, nil))
		l.soon("accepted", "bert", 0, "household")
		l.soon("accepted", crowd.Email(1), 0, "household")
		finds("accepted", "uid=anna", "uid=bert")
	})
}

// onPage makes an app password on the page as person i, and returns the page.
func (l *listed) onPage(i int, form url.Values) (status int, page string) {
	l.Helper()
	form.Set("password", crowd.Password)
	r, err := http.NewRequestWithContext(l.Context(), http.MethodPost, "http://"+l.Host+"/servers/"+l.id+"/app-password", strings.NewReader(form.Encode()))
	l.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "usher", Value: crowd.Browser(i).Reveal()})
	answer, err := http.DefaultTransport.RoundTrip(r)
	l.must(err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	l.must(err)
	return answer.StatusCode, strings.ReplaceAll(string(text), "<wbr>", "")
}

// A guest who has come in makes an app password on the page, and comes in by it and the name that stands there, by Basic and by LDAP, as one of the guests. A password
// to look people up by they do not get.
func TestAGuestsAppPassword(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		l := openListed(t, databaseURL)
		l.changes(server.Terms{Role: server.Friend})
		if status, _ := l.onPage(1, url.Values{"name": {"Server"}, "directory": {"yes"}}); status != http.StatusNotFound {
			t.Errorf("to look people up: %d", status)
		}
		status, page := l.onPage(1, url.Values{"name": {"Radio"}})
		said := regexp.MustCompile(`(?s)id="server-address-0">([^<]*)<.*id="app-login">([^<]*)<.*id="app-password">([^<]*)<`).FindStringSubmatch(page)
		if status != http.StatusOK || said == nil || said[1] != l.origin() {
			t.Fatalf("%d %q", status, said)
		}
		login, password := said[2], said[3]
		if got := l.told(basically(login, password)); got != "guest" {
			t.Errorf("by Basic the media server is told %q", got)
		}
		if code, said := l.whoami(login, password); code != 0 || said != "dn:"+in("bert") {
			t.Errorf("by LDAP: %d %s", code, said)
		}
		for filter, want := range map[string][]string{
			"(memberOf=cn=guests,ou=groups,dc=usher)": {"uid=bert"}, "(memberOf=cn=household,ou=groups,dc=usher)": nil, "(member=uid=bert,ou=people,dc=usher)": {"cn=guests"}, "(uid=anna)": nil,
		} {
			if found := l.findsAs(login, password, "dc=usher", filter); !slices.Equal(found, want) {
				t.Errorf("by that password %s finds %q", filter, found)
			}
		}
		if found := l.finds("dc=usher", "(memberOf=cn=guests,ou=groups,dc=usher)"); !slices.Equal(found, []string{"uid=bert"}) {
			t.Errorf("the media server finds %q among the guests", found)
		}
	})
}
