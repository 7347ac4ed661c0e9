package main

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"
)

// letter is a mail that waits.
type letter struct{ to, subject, text string }

var (
	sixDigits = regexp.MustCompile(`(?m)^ *(\d{3}) ?(\d{3})\r?$`)
	anyLink   = regexp.MustCompile(`https?://[^\s<>]+`)
)

// mail ADDRESS [SUBJECT] reads the newest mail that waits for an address: its text is $MAIL, its six digits $CODE, its link $LINK, and the
// secret at the link's end $TICKET.
func cmdMail(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	subject := ""
	if len(args) > 1 {
		subject = args[1]
	}
	for range 600 { // some mails are written by a job
		if l, ok := s.newestMail(ts, args[0], subject); ok {
			s.read(ts, l)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("no mail with subject %q waits for %s", subject, args[0])
}

func (s *story) read(ts *testscript.TestScript, l letter) {
	code, link, ticket := "", "", ""
	if found := sixDigits.FindStringSubmatch(l.text); found != nil {
		code = found[1] + found[2]
		s.keepSecret(code)
	}
	for _, found := range anyLink.FindAllString(l.text, -1) {
		if link == "" || ticket == "" && aToken.MatchString(found) {
			link, ticket = strings.TrimRight(found, ".,"), aToken.FindString(found)
		}
	}
	s.keepTokens(l.text)
	for key, value := range map[string]string{"MAIL": l.text, "SUBJECT": l.subject, "CODE": code, "LINK": link, "TICKET": ticket} {
		ts.Setenv(key, value)
	}
}

// nomail ADDRESS [SUBJECT] checks that no such mail waits.
func cmdNoMail(ts *testscript.TestScript, _ bool, args []string) {
	subject := ""
	if len(args) > 1 {
		subject = args[1]
	}
	if l, ok := storyOf(ts).newestMail(ts, args[0], subject); ok {
		ts.Fatalf("mail waits for %s: %s\n%s", args[0], l.subject, l.text)
	}
}

// newestMail looks into the outbox: its page where there is one, else the command.
func (s *story) newestMail(ts *testscript.TestScript, address, subject string) (letter, bool) {
	if s.node.running() {
		list, status, err := s.node.ask("/outbox")
		ts.Check(err)
		if status == http.StatusOK {
			return s.fromPage(ts, list, address, subject)
		}
	}
	c := exec.Command(usherCommand(ts), "outbox", "--last", "500")
	c.Dir, c.Env = s.dir, s.environ(ts)
	out, err := c.CombinedOutput()
	if err != nil {
		ts.Fatalf("usher outbox: %v\n%s", err, out)
	}
	mails := strings.Split(string(out), strings.Repeat("-", 72)+"\n")
	for i := len(mails) - 1; i >= 0; i-- {
		head, text, _ := strings.Cut(mails[i], "\n\n")
		_, of, _ := strings.Cut(head, "\nSubject: ")
		if strings.Contains(head, "\nTo: "+address+"\n") && strings.Contains(of, subject) {
			return letter{address, of, text}, true
		}
	}
	return letter{}, false
}

func (s *story) fromPage(ts *testscript.TestScript, list, address, subject string) (letter, bool) {
	root, err := html.Parse(strings.NewReader(list))
	ts.Check(err)
	for a := range root.Descendants() {
		if a.Type != html.ElementNode || a.Data != "a" || !strings.HasPrefix(attr(a, "href"), "/outbox/") {
			continue
		}
		of, to := textOf(first(a, "strong")), textOf(first(a, "span"))
		if to != "to "+address || !strings.Contains(of, subject) {
			continue
		}
		one, _, err := s.node.ask(attr(a, "href"))
		ts.Check(err)
		shown, err := html.Parse(strings.NewReader(one))
		ts.Check(err)
		return letter{address, of, textOf(first(shown, "pre"))}, true
	}
	return letter{}, false
}

func first(n *html.Node, element string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == element {
			return d
		}
	}
	return &html.Node{}
}

// textOf is the text inside an element, as it stands.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// link FILE finds a link in what a command printed: it is $LINK, and the secret at its end $TICKET.
func cmdLink(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	found := anyLink.FindString(text)
	if found == "" {
		ts.Fatalf("no link in %q", text)
	}
	storyOf(ts).keepTokens(text)
	ts.Setenv("LINK", found)
	ts.Setenv("TICKET", aToken.FindString(found))
}
