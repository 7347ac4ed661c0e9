package main

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"strconv"
	"strings"

	"usher/internal/api"
	"usher/internal/server"
)

// review compares what was answered with what there is, after the program has come back.
func (l *life) review() {
	for token, out := range l.programs {
		a, err := l.ask(http.MethodGet, "/api/v1/me", asBearer(token))
		switch {
		case out == unsure || out == pending && l.ended == unsure: // either is right
		case out == done || l.ended == done:
			err = a.is(http.StatusUnauthorized, err)
		default:
			err = a.is(http.StatusOK, err)
		}
		if err != nil {
			l.Errorf("a program that was signed in, out %d: %v", out, err)
		}
	}
	for _, c := range l.claims {
		l.reviewClaim(c)
		for _, m := range c.rivals {
			if err := l.reviewMachine(m); err != nil {
				l.Error(err)
			}
		}
	}
}

// stands asks how a machine stands.
func (s *siege) stands(m *machine) (server.State, error) {
	if m.ID == "" {
		return server.Unclaimed, nil
	}
	var told answered
	err := s.tell(http.MethodGet, api.StandingPath, asBearer(m.now().asking("aud", s.origin()+api.StandingPath)), http.StatusOK, &told)
	return server.State(told.Standing), err
}

// reviewClaim has two other servers show the token, which has to claim one server by now.
func (l *life) reviewClaim(c *claiming) {
	for range 2 {
		m := l.newMachine()
		claimed, err := l.shows(m, c.token)
		if err != nil {
			l.Error(err)
		}
		if claimed {
			m.state = server.Good
		}
		c.rivals = append(c.rivals, m)
	}
}

// reviewOwners compares whose servers there are with what was answered: a token has claimed one of its servers, for its account. owners are the accounts by the
// thumbprint of the server's key.
func (l *life) reviewOwners(owners map[string]string) {
	for _, c := range l.claims {
		var owned []*machine
		for _, m := range c.rivals {
			sum, err := m.key.Thumbprint(crypto.SHA256)
			if err != nil {
				l.Fatal(err)
			}
			owner, is := owners[base64.RawURLEncoding.EncodeToString(sum)]
			if is {
				owned = append(owned, m)
			}
			if owner != m.owner && m.owner != "" {
				l.Errorf("a server is %q's, want %q's", owner, m.owner)
			}
		}
		if len(owned) > 1 || len(owned) == 0 && (c.spent == done || l.ended == pending) {
			l.Errorf("a claim token (spent %d) has claimed %d servers", c.spent, len(owned))
		}
	}
}

// unclear is what the machine is told if what was asked last came to be, where how it stands does not say.
func (m *machine) unclear() string {
	if m.perhaps == "" {
		return m.untold
	}
	return ""
}

func (l *life) reviewMachine(m *machine) error {
	got, err := l.stands(m)
	if err != nil {
		return err
	}
	if got != m.state && got != m.perhaps {
		return fmt.Errorf("a server stands %q, want %q or %q", got, m.state, m.perhaps)
	}
	if got == m.state {
		m.perhaps, m.untold = "", m.unclear()
	} else {
		m.happened()
	}
	if m.assertion != "" {
		if token, err := l.prove(m, m.assertion); err != nil {
			return err
		} else if token != "" {
			return errors.New("an assertion counts twice")
		}
	}
	if got == server.Suspended {
		if l.browser == "" {
			return nil
		}
		asked := m.untold
		if err := l.press(m, "back", server.Good, machineBack); err != nil {
			return err
		}
		m.untold = asked
	}
	if m.state != server.Good || !m.reads {
		return nil
	}
	wants := maps.Clone(m.read)
	for _, jti := range m.acking {
		delete(wants, jti) // which the service may have heard
	}
	before := m.read
	m.read = map[string]string{}
	if err := l.hears(m); err != nil {
		return err
	}
	for jti, what := range wants {
		if m.acked[jti] == "" {
			return fmt.Errorf("%s was not acknowledged, and is lost: %s", jti, what)
		}
	}
	maps.Copy(m.acked, before)
	count := map[string]int{}
	for _, what := range m.acked {
		count[what]++
	}
	for _, what := range []string{oneEnded, allEnded, machineEnded, machineBack} {
		most := m.told[what]
		if what == m.untold {
			most++
		}
		if count[what] < m.told[what] || count[what] > most {
			return fmt.Errorf("told %q %d times, want %d to %d", what, count[what], m.told[what], most)
		}
	}
	return nil
}

// reviewRows looks into the database: every server is the client of one account, and the record is whole.
func (s *siege) reviewRows(all []*life) {
	s.Helper()
	owners := map[string]string{}
	for _, row := range s.rows(`SELECT s.thumbprint || ' ' || s.account_id FROM server s JOIN client c ON c.id = s.id AND c.removed_at = 0`) {
		thumbprint, owner, _ := strings.Cut(row, " ")
		owners[thumbprint] = owner
	}
	for _, l := range all {
		l.reviewOwners(owners)
	}
	if n := s.rows(`SELECT COUNT(*) FROM server`); n[0] != strconv.Itoa(len(owners)) {
		s.Errorf("of %s servers %d are clients", n[0], len(owners))
	}
	c := exec.Command("usher", "audit", "verify")
	c.Dir, c.Env = s.dir, s.environ
	if out, err := c.CombinedOutput(); err != nil {
		s.Errorf("the record is broken: %v %s", err, out)
	}
}
