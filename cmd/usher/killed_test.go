package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/grant"
	"usher/internal/loadtest/crowd"
	"usher/internal/server"
	"usher/internal/testdb"
)

// fate is what became of something that can happen once.
type fate int

const (
	pending fate = iota // it has not been asked for
	unsure              // it was asked for, and no answer came
	done
)

// life is one person's, until the program is killed: what was asked, and what was answered.
type life struct {
	*siege
	i        int    // in the crowd
	browser  string // token of the browser that is signed in; empty: nobody knows
	programs map[string]fate
	claims   []*claiming
	ended    fate // everything was signed out
}

// claiming is a claim token, and the servers that have shown it: two at once, and two more after the program was killed.
type claiming struct {
	token  string
	spent  fate
	rivals []*machine
}

// machine is a media server with a key of its own.
type machine struct {
	*app
	state, perhaps server.State // how it stands, and how if what was asked last came to be; empty: the same
	owner          string       // the account
	assertion      string       // that has brought a token
	reads          bool         // it has a stream
	told           map[string]int
	untold         string            // what it is told if what was asked last came to be
	read, acked    map[string]string // signals that came, and those of which the service knows that they did; what they tell by their id
	acking         []string          // nobody knows whether the service does
}

func (s *siege) newMachine() *machine {
	return &machine{app: (&doors{T: s.T, at: time.Now()}).unclaimed(), state: server.Unclaimed, told: map[string]int{}, read: map[string]string{}, acked: map[string]string{}}
}

// now sets the machine's clock.
func (m *machine) now() *machine { m.at = time.Now(); return m }

// born takes a person out of the crowd.
func (s *siege) born() *life {
	i := int(s.people.Add(1)) - 1
	return &life{siege: s, i: i, browser: crowd.Browser(i).Reveal(), programs: map[string]fate{}}
}

// signIn signs a program in.
func (l *life) signIn() (token string, err error) {
	var in struct{ Token string }
	err = l.tell(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": crowd.Email(l.i), "password": crowd.Password}}, http.StatusOK, &in)
	if err == nil {
		l.programs[in.Token] = pending
	}
	return in.Token, err
}

func (l *life) signOut(token string, machines ...*machine) error {
	l.programs[token] = unsure
	for _, m := range machines {
		m.untold = oneEnded
	}
	if err := l.tell(http.MethodPost, "/api/v1/sign-out", asBearer(token), http.StatusNoContent, nil); err != nil {
		return err
	}
	l.programs[token] = done
	for _, m := range machines {
		m.happened()
	}
	return nil
}

// happened notes that what was asked last came to be.
func (m *machine) happened() {
	if m.perhaps != "" {
		m.state, m.perhaps = m.perhaps, ""
	}
	if m.untold != "" && m.reads {
		m.told[m.untold]++
	}
	m.untold = ""
}

func (l *life) offer(program string) (*claiming, error) {
	var told struct {
		Token string `json:"claim_token"`
	}
	if err := l.tell(http.MethodPost, "/api/v1/claim-tokens", asBearer(program), http.StatusCreated, &told); err != nil {
		return nil, err
	}
	c := &claiming{token: told.Token, rivals: []*machine{l.newMachine(), l.newMachine()}}
	l.claims = append(l.claims, c)
	return c, nil
}

// shows has a server show a claim token; claimed is false where it is told that the token does not count.
func (s *siege) shows(m *machine, token string) (claimed bool, err error) {
	proof := m.now().proof(token, func(c map[string]any) { c["aud"] = s.origin() })
	raw, err := json.Marshal(map[string]any{"claim_token": token, "proof": proof, "name": "Attic", "product": "Gate", "version": "1.0", "addresses": []string{"http://192.168.1.5:32400"}})
	if err != nil {
		return false, err
	}
	a, err := s.ask(http.MethodPost, "/api/v1/servers", request{json: string(raw)})
	if err == nil && a.status == http.StatusBadRequest && strings.Contains(string(a.body), "/claim-dead") {
		return false, nil
	}
	var got struct {
		ID    string
		Owner struct{ Sub string }
	}
	if err = a.is(http.StatusCreated, err); err == nil {
		err = json.Unmarshal(a.body, &got)
	}
	if err != nil {
		return false, err
	}
	m.ID, m.owner = got.ID, got.Owner.Sub
	return true, nil
}

// race has both servers show the token at once, and returns the one that has won.
func (l *life) race(c *claiming) (winner *machine, err error) {
	c.spent = unsure
	var won [2]bool
	var errs [2]error
	var both sync.WaitGroup
	for i, m := range c.rivals {
		m.perhaps = server.Good
		both.Go(func() {
			if won[i], errs[i] = l.shows(m, c.token); won[i] {
				m.happened()
			} else if errs[i] == nil {
				m.perhaps = ""
			}
		})
	}
	both.Wait()
	if won[0] && won[1] {
		return nil, errors.New("one claim token has claimed two servers")
	}
	for i, m := range c.rivals {
		if won[i] {
			c.spent, winner = done, m
		}
	}
	if err = errors.Join(errs[:]...); err == nil && winner == nil {
		err = errors.New("a claim token has claimed nothing")
	}
	return winner, err
}

// own brings a token of the machine's own, for one assertion.
func (s *siege) own(m *machine) (token string, err error) {
	claims := m.now().claims()
	claims["aud"] = s.origin()
	assertion := m.signed(claims)
	if token, err = s.prove(m, assertion); err == nil && token == "" {
		err = errors.New("a server that stands well gets no token")
	}
	if err == nil {
		m.assertion = assertion
	}
	return token, err
}

// prove shows an assertion; the token is empty where it does not count.
func (s *siege) prove(m *machine, assertion string) (token string, err error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {m.ID}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	a, err := s.ask(http.MethodPost, grant.TokenPath, request{form: form})
	if err != nil || a.status == http.StatusUnauthorized {
		return "", err
	}
	var told struct {
		Access string `json:"access_token"`
	}
	if err = a.is(http.StatusOK, nil); err == nil {
		err = json.Unmarshal(a.body, &told)
	}
	return told.Access, err
}

// hears makes the machine's stream, where it has none, and reads it to its end.
func (s *siege) hears(m *machine) error {
	token, err := s.own(m)
	if err != nil {
		return err
	}
	q := asBearer(token)
	if !m.reads {
		q.json = `{"delivery":{"method":"urn:ietf:rfc:8936"}}`
		if err := s.tell(http.MethodPost, "/ssf/stream", q, http.StatusCreated, nil); err != nil {
			return err
		}
		m.reads = true
	}
	for {
		m.acking = slices.Sorted(maps.Keys(m.read))
		raw, err := json.Marshal(map[string]any{"returnImmediately": true, "maxEvents": 1 + rand.N(3), "ack": m.acking})
		if err != nil {
			return err
		}
		q.json = string(raw)
		var got struct{ Sets map[string]string }
		if err := s.tell(http.MethodPost, "/ssf/poll", q, http.StatusOK, &got); err != nil {
			return err
		}
		for _, jti := range m.acking {
			m.acked[jti] = m.read[jti]
			delete(m.read, jti)
		}
		m.acking = nil
		if len(got.Sets) == 0 {
			return nil
		}
		for jti, token := range got.Sets {
			if m.acked[jti] != "" {
				return fmt.Errorf("%s was acknowledged, and comes again", jti)
			}
			if m.read[jti], err = readSignal(token); err != nil {
				return err
			}
		}
	}
}

// readSignal is what a token tells, believed without a look at its signature.
func readSignal(token string) (string, error) {
	var said struct {
		About  map[string]any `json:"sub_id"`
		Events map[string]map[string]any
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("no token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &said)
	}
	for uri := range said.Events {
		return heard{uri: uri, about: said.About}.short(), err
	}
	return "", errors.Join(err, errors.New("no event"))
}

const (
	machineEnded = "session-revoked device+user"
	machineBack  = "session-established device+user"
)

// press is what the person does with a machine at our own page.
func (l *life) press(m *machine, act string, becomes server.State, told string) error {
	m.perhaps, m.untold = becomes, told
	a, err := l.ask(http.MethodPost, "/servers/"+m.ID+"/"+act, request{form: url.Values{}, cookies: map[string]string{"usher": l.browser}})
	if err = a.is(http.StatusSeeOther, err); err == nil && !strings.Contains(a.header.Get("Location"), "done="+act) {
		err = fmt.Errorf("%s leads to %s", act, a.header.Get("Location"))
	}
	if err == nil {
		m.happened()
	}
	return err
}

// everything signs everything out, which suspends the person's machines and ends what else there is.
func (l *life) everything(machines ...*machine) error {
	l.ended = unsure
	browser := l.browser
	l.browser = ""
	for _, m := range machines {
		m.perhaps, m.untold = server.Suspended, allEnded
	}
	a, err := l.ask(http.MethodPost, "/account/devices/sign-out-all", request{form: url.Values{}, cookies: map[string]string{"usher": browser}})
	if err = a.is(http.StatusSeeOther, err); err != nil {
		return err
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "usher" {
			l.browser = c.Value
		}
	}
	l.ended = done
	for _, m := range machines {
		m.happened()
	}
	return nil
}

// live is all that issue 5 brings, until no answer comes.
func (l *life) live() error {
	program, err := l.signIn()
	if err != nil {
		return err
	}
	c, err := l.offer(program)
	if err != nil {
		return err
	}
	m, err := l.race(c)
	if err != nil {
		return err
	}
	if err := l.hears(m); err != nil {
		return err
	}
	for range 2 {
		if err := l.press(m, "sign-out", server.Suspended, machineEnded); err != nil {
			return err
		}
		if err := l.press(m, "back", server.Good, machineBack); err != nil {
			return err
		}
		other, err := l.signIn()
		if err != nil {
			return err
		}
		if err := l.signOut(other, m); err != nil {
			return err
		}
		if err := l.hears(m); err != nil {
			return err
		}
	}
	if _, err := l.offer(program); err != nil {
		return err
	}
	if l.i%2 == 0 {
		return l.everything(m)
	}
	return l.press(m, "sign-out", server.Suspended, machineEnded)
}

// Killed while claim tokens are made and spent, servers are claimed, signed out and brought back, signals are read, and people come to a gate, the program comes back
// with whatever was answered with a yes, and nothing counts twice; the gate keeps those who are in, and comes back by itself.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	kills, crowded, people := 2, 8, 600
	if os.Getenv("USHER_TEST_FULL") != "" {
		kills, crowded, people = 7, 24, 5000
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		s := besiege(t, databaseURL, people)
		g := s.openGate()
		var all []*life
		for range kills {
			var mu sync.Mutex
			var lives []*life
			acts := []func() error{g.comes, g.comes}
			for range crowded {
				acts = append(acts, func() error {
					l := s.born()
					mu.Lock()
					lives = append(lives, l)
					mu.Unlock()
					return l.live()
				})
			}
			s.storm(int64(crowded)*(10+rand.Int64N(30)), acts...)
			g.outage()
			s.serve()
			var reviews sync.WaitGroup
			for _, l := range lives {
				reviews.Go(l.review)
			}
			reviews.Wait()
			g.back()
			all = append(all, lives...)
		}
		g.staysOut()
		s.reviewRows(all)
	})
}
