package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Take takes the step that is due, for whoever only wants to watch. It goes by the same pages.
func (s *Story) Take(ctx context.Context) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := s.facts(ctx)
	due := s.at(f)
	if err != nil || due == len(steps) {
		return err
	}
	h := &hand{ctx: ctx, password: You.Password, digits: s.freshDigits}
	if f.times("password.reset") > 0 {
		h.password = second
	}
	if err := steps[due].take(s, h); err != nil {
		return fmt.Errorf("%s: %w", steps[due].Title, err)
	}
	return s.await(ctx, due)
}

// await waits until a step is done.
func (s *Story) await(ctx context.Context, due int) error {
	for {
		state, err := s.State(ctx)
		if err != nil || state.At > due {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: the story does not notice that it is done", steps[due].Title)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// freshDigits waits for digits that were not used before: each work once.
func (s *Story) freshDigits() string {
	for {
		digits, left := s.House.Digits(s.known().key)
		used := false
		s.note(func(k *seen) { used, k.used = k.used == digits, digits })
		if !used {
			return digits
		}
		time.Sleep(min(left, time.Second))
	}
}

// mailFor waits for a mail to an address whose subject says something, newer than a time.
func (s *Story) mailFor(h *hand, to, subject string, after time.Time) (Mail, error) {
	for {
		all, err := s.House.Mail(h.ctx)
		if err != nil {
			return Mail{}, err
		}
		i := slices.IndexFunc(all, func(m Mail) bool { return m.To == to && strings.Contains(m.Subject, subject) && !m.At.Before(after) })
		if i >= 0 {
			return all[i], nil
		}
		select {
		case <-h.ctx.Done():
			return Mail{}, fmt.Errorf("no mail “%s” came", subject)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func signUp(s *Story, h *hand) error {
	at := s.Now()
	if err := h.open(s.You.Origin + "/sign-up"); err != nil {
		return err
	}
	if err := h.fill("/sign-up", url.Values{"email": {You.Email}, "password": {You.Password}}); err != nil {
		return err
	}
	m, err := s.mailFor(h, You.Email, "Confirm", at.Add(-time.Second))
	if err != nil {
		return err
	}
	if err := h.fill("/sign-up/code", url.Values{"code": {codeIn(m.Text)}}); err != nil {
		return err
	}
	return h.fill("/welcome", url.Values{"display_name": {You.Name}, "user_name": {You.UserName}, "do": {"save"}})
}

func secondStep(s *Story, h *hand) error {
	err := h.open(s.You.Origin + "/account/second-step")
	if err == nil {
		err = h.fill("/account/second-step/begin", nil)
	}
	if err == nil {
		err = h.fill("/account/second-step/confirm", url.Values{"code": {s.freshDigits()}})
	}
	if err == nil {
		err = h.fill("/account/second-step/finish", url.Values{"stored": {"yes"}})
	}
	return err
}

func claim(s *Story, h *hand) error {
	ready, err := s.House.Ready()
	if err == nil {
		err = h.open(s.Doors.Server.Origin + "/web" + ready)
	}
	if err == nil {
		err = h.fill("/.usher/claim", nil)
	}
	if err != nil {
		return err
	}
	code := text(h.find(func(n *html.Node) bool { return attribute(n, "class") == "link-code" }))
	if err := h.open(s.You.Origin + "/claim?user_code=" + url.QueryEscape(code)); err != nil {
		return err
	}
	if err := h.fill("/claim", nil); err != nil {
		return err
	}
	for tries := 0; h.at.Path == "/claim/confirm" && tries < 2; tries++ { // the password may be asked in between
		if err := h.fill("/claim/confirm", nil); err != nil {
			return err
		}
	}
	server, err := s.server(h)
	if err != nil {
		return err
	}
	return h.fill(server+"/confirm-address", url.Values{"address": {s.Doors.Server.Origin}})
}

// server opens the page of your server, once it is there, and returns its path.
func (s *Story) server(h *hand) (path string, err error) {
	for {
		if err := h.open(s.You.Origin + "/servers"); err != nil {
			return "", err
		}
		link := h.find(func(n *html.Node) bool {
			return n.Data == "a" && serverPath.MatchString(attribute(n, "href"))
		})
		if link != nil {
			path = attribute(link, "href")
			return path, h.open(s.You.Origin + path)
		}
		select {
		case <-h.ctx.Done():
			return "", errors.New("the server does not arrive")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

var serverPath = regexp.MustCompile(`^/servers/[0-9a-v]+$`)

func share(s *Story, h *hand) error {
	server, err := s.server(h)
	if err != nil {
		return err
	}
	at := s.Now()
	for _, form := range []url.Values{{"who": {Nora.UserName}, "household": {"yes"}}, {"who": {Emil.UserName}}} {
		if err := h.open(s.You.Origin + server + "/access"); err != nil {
			return err
		}
		if err := h.fill(server+"/access", form); err != nil {
			return err
		}
	}
	return s.accept(&hand{ctx: h.ctx, password: Emil.Password}, at.Add(-time.Second))
}

// accept is Emil, who follows the link of his mail, says yes, and watches the film.
func (s *Story) accept(emil *hand, sent time.Time) error {
	m, err := s.mailFor(emil, Emil.Email, "You are invited", sent)
	if err != nil {
		return err
	}
	link := s.shown(m).Link
	if err := emil.open(s.Emil.Origin + "/sign-in"); err != nil {
		return err
	}
	if emil.form("/sign-in") != nil {
		if err := emil.fill("/sign-in", url.Values{"login": {Emil.Email}, "password": {Emil.Password}}); err != nil {
			return err
		}
	}
	if err := emil.open(link); err != nil {
		return err
	}
	if err := emil.fill(emil.at.Path+"/accept", nil); err != nil {
		return err
	}
	return emil.film(s.EmilServer.Origin)
}

func linkTV(s *Story, h *hand) error {
	tv := &hand{ctx: h.ctx}
	err := tv.open(s.TV.Origin + "/tv")
	if err == nil {
		err = tv.fill("/tv", nil)
	}
	if err == nil {
		err = h.open(s.You.Origin + "/link")
	}
	if err == nil {
		code := text(tv.find(func(n *html.Node) bool { return n.Data == "h1" }))
		err = h.fill("/link", url.Values{"user_code": {code}})
	}
	if err == nil {
		err = h.fill("/link/confirm", nil)
	}
	for err == nil && !s.known().tv { // it asks no more often than it is told to
		select {
		case <-h.ctx.Done():
			return errors.New("the TV does not go on")
		case <-time.After(5 * time.Second):
			err = tv.open(s.TV.Origin + "/tv")
		}
	}
	return err
}

func play(s *Story, h *hand) error { return h.film(s.Doors.Server.Origin) }

// film watches the beginning of the film, as soon as the server lets that be.
func (h *hand) film(server string) error {
	for {
		if err := h.open(server + filmPage); err != nil {
			return err
		}
		if h.find(func(n *html.Node) bool { return n.Data == "video" }) != nil {
			return h.watch(server + (&url.URL{Path: filmPath}).EscapedPath())
		}
		select {
		case <-h.ctx.Done():
			return errors.New("the server lets nobody in")
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func declare(s *Story, h *hand) error {
	if err := h.open(s.You.Origin + "/admin/incidents/new"); err != nil {
		return err
	}
	if err := h.prove(); err != nil {
		return err
	}
	if err := h.fill("/admin/incidents/new", url.Values{"action": {"require"}, "whom": {"all"}}); err != nil {
		return err
	}
	count := countAsked.FindStringSubmatch(text(h.page))
	if count == nil {
		return errors.New("the draft does not say how many accounts it covers")
	}
	return h.fill(h.at.Path+"/declare", url.Values{"count": {count[1]}})
}

var countAsked = regexp.MustCompile(`Type the number of accounts, (\d+)`)

// lookAround has every door find out how things stand.
func (s *Story) lookAround(h *hand) error {
	for {
		for _, page := range []string{s.Doors.Server.Origin + filmPage, s.TV.Origin + "/tv", s.You.Origin + "/account/devices"} {
			if err := h.open(page); err != nil {
				return err
			}
		}
		f, err := s.facts(h.ctx)
		if err != nil || since(f.shut, f.incident()) {
			return err
		}
		select {
		case <-h.ctx.Done():
			return errors.New("the server goes on")
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func comeBack(s *Story, h *hand) error {
	at := s.Now()
	if err := h.open(s.You.Origin + "/sign-in"); err != nil {
		return err
	}
	if err := h.fill("/sign-in", url.Values{"login": {You.Email}, "password": {You.Password}}); err != nil {
		return err
	}
	if err := h.fill("/reset/required", nil); err != nil {
		return err
	}
	m, err := s.mailFor(h, You.Email, "Choose a new password", at.Add(-time.Second))
	if err == nil {
		err = h.open(linkIn(m.Text))
	}
	if err == nil && h.form("/reset/code") != nil {
		err = h.fill("/reset/code", url.Values{"code": {s.freshDigits()}})
	}
	if err == nil {
		err = h.fill("/reset/new", url.Values{"password": {second}})
	}
	if err == nil {
		err = h.open(s.You.Origin + "/sign-in")
	}
	if err == nil {
		err = h.fill("/sign-in", url.Values{"login": {You.Email}, "password": {second}})
	}
	for tries := 0; err == nil && h.at.Path == "/sign-in/code" && tries < 2; tries++ {
		err = h.fill("/sign-in/code", url.Values{"code": {s.freshDigits()}})
	}
	if err == nil && h.at.Path == "/account/review" {
		err = h.fill("/account/review", nil)
	}
	return err
}

func bringBack(s *Story, h *hand) error {
	server, err := s.server(h)
	if err != nil {
		return err
	}
	if err := h.fill(server+"/back", nil); err != nil {
		return err
	}
	return s.awaitOpen(h)
}

// awaitOpen waits until the server lets you in again: its gate asks every few seconds how it stands.
func (s *Story) awaitOpen(h *hand) error {
	for {
		before := s.Now()
		if err := h.open(s.Doors.Server.Origin + "/"); err != nil {
			return err
		}
		f, err := s.facts(h.ctx)
		if err != nil || f.shut.Before(before) {
			return err
		}
		select {
		case <-h.ctx.Done():
			return errors.New("the server stays shut")
		case <-time.After(300 * time.Millisecond):
		}
	}
}

var (
	codeLine   = regexp.MustCompile(`(?m)^\s*\d{6}\s*$`)
	webAddress = regexp.MustCompile(`http://\S+`)
)

// codeIn is the code of a mail, which stands in a line of its own.
func codeIn(text string) string { return strings.TrimSpace(codeLine.FindString(text)) }

// linkIn is the first link of a mail.
func linkIn(text string) string { return webAddress.FindString(text) }
