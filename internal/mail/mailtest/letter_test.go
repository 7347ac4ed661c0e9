package mailtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const good = "From: Usher <a@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?q?H=C3=A9?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe code:\r\n\r\n    012345\r\n\r\n1234567\r\n" +
	"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p><a href=\"https://e.org/?a=1&amp;b=2\">one</a> <a name=x>two</a></p>\r\n--x--\r\n"

func TestRead(t *testing.T) {
	l, err := Message{Raw: []byte(good)}.Read()
	if err != nil {
		t.Fatal(err)
	}
	if l.From != "a@example.org" || l.To != "b@example.org" || l.Subject != "Hé" || l.Code != "012345" {
		t.Errorf("from %q, to %q, subject %q, code %q", l.From, l.To, l.Subject, l.Code)
	}
	if want := []string{"https://e.org/?a=1&b=2"}; !slices.Equal(l.Links, want) {
		t.Errorf("links %q, want %q", l.Links, want)
	}
}

func TestReadRefusesOtherForms(t *testing.T) {
	for name, change := range map[string][2]string{
		"no text part":    {"text/plain", "text/html"},
		"an attachment":   {"Content-Type: text/html; charset=utf-8\r\n", "Content-Type: text/html\r\nContent-Disposition: attachment\r\n"},
		"two recipients":  {"To: b@example.org", "To: b@example.org, c@example.org"},
		"no recipient":    {"To: b@example.org", "X-To: b@example.org"},
		"a foreign image": {"text/html; charset=utf-8", "image/png"},
	} {
		if _, err := (Message{Raw: []byte(strings.Replace(good, change[0], change[1], 1))}).Read(); !errors.Is(err, ErrLetter) {
			t.Errorf("%s: %v, want ErrLetter", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("Subject: x\r\n\r\nbody"))
	f.Add([]byte("From: =?x?q?y?=\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := Message{Raw: raw}.Read()
		if err == nil && l.Code != "" && len(l.Code) != 6 {
			t.Errorf("code %q", l.Code)
		}
	})
}
