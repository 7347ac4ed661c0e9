package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/loadtest/crowd"
	"usher/internal/mediaserver"
	"usher/internal/server"
	"usher/internal/testdb"
)

// promised is how long a gate may take to obey its owner.
const promised = 5 * time.Second

// sharing is a gate whose owner lets somebody else in, who has come in.
type sharing struct {
	*testing.T
	*guarded
	raw              *sql.DB
	away             atomic.Bool // the service answers nobody
	line             server.Guest
	ownerID, guestID string
	browser          *http.Client // the guest's
	tokens           map[string]string
}

// openSharing has the guest let in as a member of the household, at a gate with further settings.
func openSharing(t *testing.T, databaseURL string, settings ...string) *sharing {
	s := &sharing{T: t, raw: behind(t, databaseURL), tokens: map[string]string{}}
	h := &talker{house: openHouseBehind(t, databaseURL, 2, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.away.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, r)
		})
	})}
	var jobs sync.WaitGroup
	for _, j := range h.jobs() {
		if j.name == "signals watched" {
			jobs.Go(func() { h.loop(t.Context(), j, "") })
		}
	}
	t.Cleanup(jobs.Wait)
	_, err := s.raw.Exec(`UPDATE account SET email_proved = $1`, true)
	s.must(err)
	upstream := endless()
	t.Cleanup(func() { upstream.CloseClientConnections(); upstream.Close() })
	s.guarded = h.claimGate(t, 0, append(settings, "USHER_GATE_UPSTREAM="+upstream.URL)...)
	s.must(s.raw.QueryRow(`SELECT id, account_id FROM server`).Scan(&s.id, &s.ownerID))
	s.presses("confirm-address", url.Values{"address": {s.origin()}})
	now := time.Now()
	s.line = server.Guest{ID: id.New(now), Label: crowd.Email(1), Handle: account.LoginHandle(crowd.Email(1)), Terms: server.Terms{Role: server.Household}, AddedAt: now, InvitedAt: now}
	s.must(h.db.AdmitGuest(t.Context(), s.ownerID, s.id, s.line, s.act(audit.GuestAdmitted)))
	s.browser = s.comes(1)
	for i, who := range []string{"owner", "guest"} {
		program, err := h.signIn(i)
		s.must(err)
		var listed struct{ Servers []struct{ Token string } }
		s.must(s.say(http.MethodGet, "/api/v1/servers", program, &listed))
		s.tokens[who] = listed.Servers[0].Token
	}
	s.must(s.raw.QueryRow(`SELECT account_id FROM consent WHERE account_id <> $1`, s.ownerID).Scan(&s.guestID))
	return s
}

// justNow is the browser of somebody who typed the account's password just now.
func (s *sharing) justNow(who string) credential.Found {
	s.Helper()
	clock, err := s.db.ReadClock(s.Context())
	s.must(err)
	a, err := s.db.LoadAccount(s.Context(), who)
	s.must(err)
	return credential.Found{Credential: credential.Credential{Kind: credential.Browser, AccountID: who, FreshAt: time.Now()}, Clock: clock, Account: a.Standing}
}

// makes makes an app password of the server.
func (s *sharing) makes(who, detail string) string {
	s.Helper()
	token, err := s.servers().MakePassword(s.Context(), s.justNow(who), s.id, mediaserver.NewPassword{Name: "Attic TV", Detail: detail}, device.Client{})
	s.must(err)
	return token.Reveal()
}

// revokes signs out the one device of the guest that an app password of the server is.
func (s *sharing) revokes() time.Time {
	s.Helper()
	all, err := s.db.ListDevices(s.Context(), s.guestID)
	s.must(err)
	i := slices.IndexFunc(all, func(d device.Device) bool { return d.Method == device.ByServerPassword })
	s.must(s.db.EndDevice(s.Context(), s.guestID, all[i].ID, s.act(audit.SignedOut)))
	return time.Now()
}

func (s *sharing) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *sharing) origin() string { return "http://" + s.at }

func (s *sharing) act(action audit.Action) audit.Act {
	return audit.New(time.Now(), action, s.ownerID, s.ownerID)
}

// presses does what the owner may do on the server's page.
func (s *sharing) presses(act string, form url.Values) {
	s.Helper()
	s.must(s.say(http.MethodPost, "/servers/"+s.id+"/"+act, request{form: form, cookies: s.guarded.browser}, nil))
}

// comes has the browser of person i sign in at the gate, and agree to what is asked.
func (s *sharing) comes(i int) *http.Client {
	s.Helper()
	jar, err := cookiejar.New(nil)
	s.must(err)
	jar.SetCookies(&url.URL{Scheme: "http", Host: s.Host}, []*http.Cookie{{Name: "usher", Value: crowd.Browser(i).Reveal(), Path: "/"}})
	b := &http.Client{Jar: jar, Timeout: time.Minute}
	answer, err := b.Get(s.origin() + "/.usher/sign-in?rd=/who")
	s.must(err)
	page, err := io.ReadAll(answer.Body)
	s.must(err)
	_ = answer.Body.Close()
	form := url.Values{"act": {"allow"}}
	for _, field := range hidden.FindAllStringSubmatch(string(page), -1) {
		form.Set(field[1], field[2])
	}
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, "http://"+s.Host+"/authorize/consent", strings.NewReader(form.Encode()))
	s.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err = b.Do(r)
	s.must(err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/who" {
		s.Fatalf("the browser is at %s with %s", answer.Request.URL, answer.Status)
	}
	return b
}

// asking are the headers by which somebody asks: a player by its token, the guest's browser by its cookie, or the guest's old app by its app password.
func (s *sharing) asking(who string) http.Header {
	switch who {
	case "app":
		return basically(s.guestID, s.tokens[who])
	case "owner", "guest":
		return http.Header{"Authorization": {"Bearer " + s.tokens[who]}}
	}
	h := http.Header{"Origin": {s.origin()}}
	for _, c := range s.browser.Jar.Cookies(&url.URL{Scheme: "http", Host: s.at, Path: "/"}) {
		h.Add("Cookie", c.String())
	}
	return h
}

// basically is how an old app shows a name and a password.
func basically(name, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))}}
}

// begin asks the gate for something, and returns the connection when it has answered.
func (s *sharing) begin(path string, header http.Header) (status int, body *bufio.Reader, conn net.Conn) {
	s.Helper()
	conn, err := net.Dial("tcp", s.at)
	s.must(err)
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.origin()+path, nil)
	s.must(err)
	r.Header = header.Clone()
	if path == "/socket" {
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			r.Header.Set(name, value)
		}
	}
	s.must(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	s.must(r.Write(conn))
	body = bufio.NewReader(conn)
	answer, err := http.ReadResponse(body, r)
	s.must(err)
	s.must(conn.SetDeadline(time.Time{}))
	return answer.StatusCode, body, conn
}

// who is what the media server is told of somebody, or how the gate refuses.
func (s *sharing) who(who string) string {
	s.Helper()
	return s.told(s.asking(who))
}

// told is what the media server is told of whoever asks with these headers.
func (s *sharing) told(of http.Header) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.origin()+"/who", nil)
	s.must(err)
	r.Header = of
	answer, err := http.DefaultTransport.RoundTrip(r)
	s.must(err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	if answer.StatusCode != http.StatusOK {
		return fmt.Sprint(answer.StatusCode)
	}
	_, group, _ := strings.Cut(string(text), " is ")
	return group
}

// plays has somebody listen to a stream without end, watch a film, and hold a websocket. What it returns is done when that was cut.
func (s *sharing) plays(who string) map[string]context.Context {
	s.Helper()
	all := map[string]context.Context{}
	for path, want := range map[string]int{"/stream": 200, "/film": 200, "/socket": 101} {
		status, body, conn := s.begin(path, s.asking(who))
		if status != want {
			s.Fatalf("%s: %s is answered %d", who, path, status)
		}
		s.Cleanup(func() { _ = conn.Close() })
		if path == "/socket" {
			_, err := io.WriteString(conn, "0123456789")
			s.must(err)
		}
		_, err := io.ReadFull(body, make([]byte, 10)) // it flows
		s.must(err)
		cut, end := context.WithCancel(context.Background())
		all[who+" "+path] = cut
		go func() {
			defer end()
			_, _ = io.Copy(io.Discard, body) // its end is what counts
		}()
	}
	return all
}

// refused is what the media server is not told.
const refused = "nothing"

// turns fails the test unless what the guest plays is cut, and the gate tells the media server so much of them as player, as browser and
// as old app, soon enough after a moment.
func (s *sharing) turns(what, want string, since time.Time, playing ...map[string]context.Context) {
	s.Helper()
	late := time.After(time.Until(since.Add(promised)))
	for _, all := range playing {
		for name, cut := range all {
			select {
			case <-cut.Done():
			case <-late:
				s.Errorf("%s: %s goes on\n%s", what, name, s.log)
				return
			}
		}
	}
	for _, who := range []string{"guest", "browser", "app"} {
		for got := ""; ; time.Sleep(20 * time.Millisecond) {
			if got = s.who(who); got == want || want == refused && slices.Contains([]string{"401", "403", "303"}, got) { // or led to where it can sign in
				break
			}
			if time.Since(since) > promised {
				s.Fatalf("%s: the %s is %q still, want %q\n%s", what, who, got, want, s.log)
			}
		}
	}
	s.Logf("%s: after %v", what, time.Since(since).Round(time.Millisecond))
}

// changes sets the terms on which the guest is let in.
func (s *sharing) changes(to server.Terms) time.Time {
	s.Helper()
	s.must(s.db.ChangeGuest(s.Context(), s.ownerID, s.id, s.line.ID, to, s.act(audit.GuestAdmitted)))
	return time.Now()
}

// The gate obeys its owner within five seconds: in another group, at the end that was set and without being told of it, also while the service is away, when the
// server is signed out, and when somebody is taken off the list. What the guest plays is cut, and what the owner plays goes on. A server that is brought back lets
// everybody in who was let in before.
func TestTheGateObeysWhoShares(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		s := openSharing(t, databaseURL)
		all := func() []map[string]context.Context {
			return []map[string]context.Context{s.plays("guest"), s.plays("browser"), s.plays("app")}
		}
		s.tokens["app"] = s.makes(s.guestID, "")
		owners := s.plays("owner")
		s.turns("invited to the household", "household", time.Now())

		playing := all()
		s.turns("made a guest", "guest", s.changes(server.Terms{Role: server.Friend}), playing...)

		ends := time.Now().Add(4 * time.Second)
		s.turns("let in for a while", "household", s.changes(server.Terms{Role: server.Household, EndsAt: ends}))
		playing = all()
		s.turns("the end", refused, ends, playing...)

		ends = time.Now().Add(6 * time.Second)
		s.turns("let in anew", "guest", s.changes(server.Terms{Role: server.Friend, EndsAt: ends}))
		playing = all()
		s.away.Store(true)
		s.turns("the end while the service is away", "503", ends, playing...) // whether another line lets them in only the service knows
		s.away.Store(false)
		s.turns("without an end", "guest", s.changes(server.Terms{Role: server.Friend}))

		for name, cut := range owners {
			if cut.Err() != nil {
				t.Errorf("%s was cut", name)
			}
		}
		playing = append(all(), owners)
		s.presses("sign-out", url.Values{})
		s.turns("the server is signed out", refused, time.Now(), playing...)
		s.presses("back", url.Values{"password": {crowd.Password}})
		s.turns("the server is back", "guest", time.Now())

		others, app := s.plays("guest"), s.plays("app")
		s.revokes()
		for name, cut := range app {
			select {
			case <-cut.Done():
			case <-time.After(promised):
				t.Errorf("its app password was revoked, and %s goes on", name)
			}
		}
		if got := s.who("app"); got != "401" {
			t.Errorf("by a revoked app password the media server is told %q", got)
		}
		for name, cut := range others {
			if cut.Err() != nil {
				t.Errorf("%s was cut with an app password", name)
			}
		}
		s.tokens["app"] = s.makes(s.guestID, "")

		owners, playing = s.plays("owner"), all()
		s.must(s.db.DismissGuest(t.Context(), s.ownerID, s.id, s.line.ID, s.act(audit.GuestDismissed)))
		s.turns("taken off the list", refused, time.Now(), playing...)
		for name, cut := range owners {
			if cut.Err() != nil {
				t.Errorf("%s was cut", name)
			}
		}
	})
}

// A gate that stops tells its service who was there; the owner sees it of the guest.
func TestAGateTellsWhoWasThere(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		var began time.Time
		t.Run("running", func(t *testing.T) {
			s := openSharing(t, databaseURL)
			began = time.Now().Truncate(time.Second)
			for _, who := range []string{"guest", "owner"} {
				if got := s.who(who); len(got) < 4 {
					t.Fatalf("the %s is answered %s", who, got)
				}
			}
		}) // and here its gate stops
		raw, seen := behind(t, databaseURL), int64(0)
		if err := raw.QueryRow(`SELECT seen_at FROM server_access`).Scan(&seen); err != nil {
			t.Fatal(err)
		}
		if at := time.UnixMilli(seen); at.Before(began.Add(-time.Minute)) || at.After(time.Now()) {
			t.Errorf("the guest was there at %v, it was %v", at, began)
		}
	})
}
