package mail

import (
	"bytes"
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/mail/mailtest"
	"usher/internal/notice"
)

var usableAddresses = map[string]string{
	"ann@example.org":           "ann@example.org",
	"Ann.O'Neill+x@Example.ORG": "Ann.O'Neill+x@Example.ORG", // goes to the form its owner wrote
	"ann@localhost":             "ann@localhost",
	"ann@münchen.example":       "ann@xn--mnchen-3ya.example",
	"änn@example.org":           "änn@example.org",
	"!#$%&'*+-/=?^_`{|}~@a.org": "!#$%&'*+-/=?^_`{|}~@a.org",
}

var uselessAddresses = []string{
	"", "@", "ann", "ann@", "@example.org", "ann@@example.org", "ann@example.org@evil.example",
	"ann@example.org\r\nRCPT TO:<eve@evil.example>", "ann@example.org\n", "ann\x00@example.org", "ann@exa mple.org",
	`"ann eve"@example.org`, `"ann\"@evil.example"@example.org`, "Ann <ann@example.org>", "<ann@example.org>",
	"ann@example.org, eve@example.org", "ann@example.org;eve@example.org", "ann(comment)@example.org",
	"ann@example.org>", "a,b@example.org", strings.Repeat("a", 65) + "@example.org",
	"ann@" + strings.Repeat("a", 300) + ".org", "\xff@example.org", "ann@\xff.org", "group:ann@example.org;", "ann@[",
	"=?utf-8?q?eve=40evil.example=3E?=@", "ann@exam_ple\u00ad\u2060ß\u200b.org",
	"ann@\u200b",
}

func TestRoute(t *testing.T) {
	for in, want := range usableAddresses {
		if got, err := route(in); err != nil || got != want {
			t.Errorf("route(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range uselessAddresses {
		got, err := route(in)
		if !errors.Is(err, ErrAddress) {
			t.Errorf("route(%q) = %q, %v; want ErrAddress", in, got, err)
			continue
		}
		if strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "evil") {
			t.Errorf("the error tells the address: %v", err)
		}
	}
}

func TestEncodeRefusesWhatIsNoMessage(t *testing.T) {
	good, err := newComposer(t).Render(notice.Test(ann).Posted("m1", at))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Message){
		"no id":           func(m *Message) { m.ID = "" },
		"no date":         func(m *Message) { m.Date = time.Time{} },
		"line in subject": func(m *Message) { m.Subject = "a\r\nBcc: eve@evil.example" },
		"encoded word":    func(m *Message) { m.Subject = "=?utf-8?q?a?=" },
		"line in id":      func(m *Message) { m.ID = "a\r\nBcc: eve@evil.example" },
		"bad sender":      func(m *Message) { m.From = "nobody" },
		"bad recipient":   func(m *Message) { m.To = "ann@example.org\r\nBcc: eve@evil.example" },
	} {
		m := good
		spoil(&m)
		if _, err := m.encode(); !errors.Is(err, ErrRender) && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for in := range usableAddresses {
		f.Add(in)
	}
	for _, in := range uselessAddresses {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := route(in)
		if err != nil {
			if !errors.Is(err, ErrAddress) || got != "" {
				t.Fatalf("route(%q) = %q, %v", in, got, err)
			}
			return
		}
		wire := bracketed(got)
		if wire != "<"+got+">" || strings.ContainsAny(got, " \t\r\n\x00<>\"") || strings.Count(got, "@") != 1 {
			t.Fatalf("route(%q) = %q, on the wire %q", in, got, wire)
		}
		if local := in[:strings.LastIndexByte(in, '@')]; !strings.HasPrefix(got, local+"@") {
			t.Fatalf("route(%q) = %q: another person", in, got)
		}
		back, err := netmail.ParseAddress(got)
		if err != nil || back.Address != got {
			t.Fatalf("route(%q) = %q reads back as %v, %v", in, got, back, err)
		}
	})
}

// FuzzInjection puts strangers' words everywhere they can stand, and looks whether the mail still has our headers, our
// parts and our links only.
func FuzzInjection(f *testing.F) {
	for _, seed := range [][3]string{
		{"ann@example.org", "Ann", "Firefox on Linux"},
		{"ann@example.org", "Ann\r\nBcc: eve@evil.example", "TV\r\n\r\n<script>alert(1)</script>"},
		{"ann@example.org\r\nBcc: eve@evil.example", "\x00\x00", "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?="},
		{"änn@münchen.example", "日本語 \u202e\u2066", "\"><a href='https://evil.example'>"},
		{"a'b@example.org", "\r\n.\r\nMAIL FROM:<eve@evil.example>", "{{.Link}} %s ${x}"},
		{"ann@example.org", strings.Repeat("x", 5000), strings.Repeat("é ", 900)},
		{"ann@example.org", "\xff\xfe", "\n.\n"},
		{"ann@example.org", "=?utf-8?q?Your_bank?=", "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?="},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	c := newComposer(f)
	f.Fuzz(func(t *testing.T, to, name, text string) {
		device := notice.Device{Name: text, Product: name, Place: text, Address: name}
		for _, n := range []notice.Notice{
			notice.NewDevice(to, name, notice.Event{Device: device, At: at, NotMe: path}),
			notice.Invitation(to, text, path),
			notice.UserNameChanged(to, text, name, path, at),
			notice.AddressChanged(to, name, text, path, at),
		} {
			m, err := c.Render(n.Posted(name, at))
			if err != nil {
				if !errors.Is(err, ErrAddress) && !errors.Is(err, ErrRender) {
					t.Fatalf("%s: %v", n.Kind, err)
				}
				continue
			}
			e, err := m.encode()
			if err != nil {
				t.Fatalf("%s renders and does not encode: %v", n.Kind, err)
			}
			head, _, _ := bytes.Cut(e.body, []byte("\r\n\r\n"))
			if strings.Contains(strings.ReplaceAll(string(e.body), "\r\n", ""), "\n") {
				t.Fatalf("%s: a bare line feed", n.Kind)
			}
			if keys := headerKeys(string(head)); !slices.Equal(keys, ourHeaders) {
				t.Fatalf("%s: headers are %v", n.Kind, keys)
			}
			l, err := mailtest.Message{From: e.from, To: []string{e.to}, Raw: e.body}.Read()
			if err != nil {
				t.Fatalf("%s: %v", n.Kind, err)
			}
			if l.To != e.to || !slices.Equal(l.Links, []string{origin + path}) {
				t.Fatalf("%s: to %q, links %q", n.Kind, l.To, l.Links)
			}
			if l.Subject != m.Subject || l.Text != m.Text {
				t.Fatalf("%s: reads back differently: %q, %q", n.Kind, m.Subject, l.Subject)
			}
		}
	})
}

var ourHeaders = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To", "X-Auto-Response-Suppress",
}

func headerKeys(head string) (keys []string) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue
		}
		key, _, _ := strings.Cut(line, ":")
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
