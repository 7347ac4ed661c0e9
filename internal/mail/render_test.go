package mail

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"usher/internal/mail/mailtest"
	"usher/internal/notice"
)

const (
	origin = "https://watch.example.org"
	ann    = "ann@example.net"
	code   = "482913"
	path   = "/go?t=0a1b2c3d"
)

var (
	at     = time.Date(2026, 5, 3, 14, 32, 7, 0, time.UTC)
	device = notice.Device{Name: "Firefox on Linux", Product: "Jellyfin", Place: "Lyon, France", Address: "203.0.113.7"}
)

func newComposer(t testing.TB) *Composer {
	t.Helper()
	c, err := NewComposer(Letterhead{
		Service: "Usher", Origin: origin,
		From: "Usher <account@watch.example.org>", NoticeFrom: "Usher notices <notices@watch.example.org>",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// said is a notice with what its text must say.
type said struct {
	n    notice.Notice
	says []string
}

// everyKind is one notice of each kind, and of each that speaks in several ways.
func everyKind() []said {
	day, until := "3 May 2026 at 14:32 UTC", "10 May 2026 at 14:32 UTC"
	event := notice.Event{Device: device, At: at, NotMe: path}
	return []said{
		{notice.ConfirmSignUp(ann, code, path), []string{"finish signing up", "one hour", "password you chose"}},
		{notice.AlreadyHaveAccount(ann), []string{"already has an account", "Forgot?"}},
		{notice.ConfirmAddress(ann, code, path), []string{"the address of your account", "24 hours"}},
		{notice.ConfirmNoticeAddress(ann, code, path), []string{"come to this address too", "24 hours"}},
		{notice.Reset(ann, path, 30), []string{"within 30 minutes", "works once"}},
		{notice.ResetRequired(ann), []string{"watch.example.org", "no link on purpose"}},
		{notice.Invitation(ann, "Bea", path), []string{"Bea invites you", "seven days"}},
		{notice.Test(ann), []string{"This is a test"}},
		{notice.NewDevice(ann, "Ann", event),
			[]string{"Firefox on Linux near Lyon, France", day, "App: Jellyfin", "IP address: 203.0.113.7", "Ann"}},
		{notice.PasswordChanged(ann, "Ann", event),
			[]string{"password", "Firefox on Linux near Lyon, France", day, "IP address: 203.0.113.7"}},
		{notice.AddressChanged(ann, "Ann", "new@example.com", path, at), []string{"n…@example.com", day, "seven days"}},
		{notice.AddressRestored(ann, "Ann", at), []string{"this address again", day}},
		{notice.NoticeAddressAdded(ann, "Ann", "two@example.com", path, at), []string{"t…@example.com", day}},
		{notice.NoticeAddressRemoved(ann, "Ann", "two@example.com", path, at), []string{"t…@example.com", day}},
		{notice.UserNameChanged(ann, "Ann", "annie", path, at), []string{"annie", day}},
		{notice.SignedOutEverywhere(ann, "Ann", at), []string{"All devices, browsers and apps", day}},
		{notice.DevicesTrimmed(ann, "Ann", 200, at), []string{"More than 200 devices", "unused for longest", day}},
		{notice.Locked(ann, "Ann", at), []string{"locked your account", day}},
		{notice.Unlocked(ann, "Ann", at), []string{"unlocked your account", day}},
		{notice.DeletionScheduled(ann, "Ann", at, at.AddDate(0, 0, 7), path), []string{day, until}},
		{notice.SignedOutByOperator(ann, "Ann", at), []string{"The people who run Usher signed all devices", day}},
		{notice.DeletionByOperator(ann, "Ann", at, at.AddDate(0, 0, 7), path), []string{"The people who run Usher decided", day, until}},
		{notice.DeletionStopped(ann, "Ann", at), []string{"won't be deleted", day}},
		{notice.DeletionDone(ann, "Ann", at), []string{"was deleted", day, "last e-mail"}},
		{notice.ResetHandedOver(ann, "Ann", at), []string{"handed", day}},
		{notice.SecondFactorOn(ann, "Ann", event), []string{"six digits", "Firefox on Linux near Lyon, France", day, "IP address: 203.0.113.7"}},
		{notice.SecondFactorOff(ann, "Ann", event), []string{"password alone", "Firefox on Linux near Lyon, France", day, "IP address: 203.0.113.7"}},
		{notice.RecoveryCodesReplaced(ann, "Ann", event), []string{"old ones don't work any more", "Firefox on Linux near Lyon, France", day}},
		{notice.RecoveryCodeUsed(ann, "Ann", event, 3), []string{"3 are left", "Firefox on Linux near Lyon, France", day}},
		{notice.CodesRefused(ann, "Ann", event), []string{"your password", "wrong codes", "Firefox on Linux near Lyon, France", day}},
		{notice.FactorRemoval(ann, "Ann", at.AddDate(0, 0, 7), path), []string{"The people who run Usher", until, "Nobody who only signs in stops it"}},
		{notice.FactorRemovalStopped(ann, "Ann", event), []string{"stays", day}},
		{notice.FactorRemoved(ann, "Ann", event), []string{"password alone", day, "same password"}},
		{notice.AppPasswordMade(ann, "Ann", event, notice.AppPassword{Name: "Kodi"}), []string{`"Kodi" for your account with Usher`, "use the account like one more device", "Firefox on Linux near Lyon, France", day}},
		{notice.AppPasswordMade(ann, "Ann", event, notice.AppPassword{Name: "Kodi", Server: "Attic"}), []string{`"Kodi" for the media server "Attic"`, "as you at this one media server.", "opens nothing of your account", "Firefox on Linux near Lyon, France", day}},
		{notice.AppPasswordMade(ann, "Ann", event, notice.AppPassword{Name: "Kodi", Server: "Attic", People: true}), []string{`the media server "Attic"`, "look up who has access to this one media server, and may be taken for you there.", "opens nothing of your account"}},
		{notice.PasskeyAdded(ann, "Ann", event, "Bitwarden"), []string{`"Bitwarden" for your account with Usher`, "without your password and without a code", "Firefox on Linux near Lyon, France", day, "IP address: 203.0.113.7"}},
		{notice.PasskeyRemoved(ann, "Ann", event, "Bitwarden"), []string{`"Bitwarden" for your account with Usher`, "Nobody can sign in with it", "Firefox on Linux near Lyon, France", day}},
		{notice.PasskeyAlarm(ann, "Ann", event, "Bitwarden"), []string{`"Bitwarden"`, "counted backwards", "remove this passkey", "Firefox on Linux near Lyon, France", day}},
		{notice.ServerClaimed(ann, "Ann", event), []string{"media server", "Firefox on Linux", "Lyon, France", day}},
		{notice.ServersBack(ann, "Ann", event, "Attic"), []string{"Attic", "lets people in again", "Firefox on Linux near Lyon, France", day}},
		{notice.ServerInvitation(ann, notice.Sharing{Server: "Attic", Path: path}), []string{"Its owner lets you in", "Attic"}}, // who has chosen no user name
		{notice.ServerInvitation(ann, notice.Sharing{Owner: "boris", Server: "Attic", Path: path, EndsAt: at.AddDate(0, 0, 7)}), []string{"boris lets you in", "Attic", "until ", "with the address that this e-mail came to", "ignore this e-mail"}},
		{notice.HomeInvitation(ann, "boris", path), []string{"boris invites you", "without a password and without a code", "people you live with and trust", "ignore this e-mail"}},
		{notice.HomeInvitation(ann, "", path), []string{"Somebody invites you"}},
		{notice.HomeJoined(ann, "Ann", "Bea", path, at), []string{"Bea joined your Home", day, "without a password and without a code"}},
		{notice.HomeEntered(ann, "Ann", "boris", path, at), []string{"the Home of boris", day, "without your password and without a code", "PIN"}},
		{notice.HomeLeft(ann, "Ann", "Bea", at), []string{"Bea left your Home", day}},
		{notice.HomeRemoved(ann, "Ann", "boris", at), []string{"boris took you out", day}},
		{notice.HomeEnded(ann, "Ann", "boris", at), []string{"The Home of boris", day, "Your own account and its devices stay as they are"}},
		{notice.HomeEnded(ann, "Ann", "", at), []string{"The Home you were in"}},
		{notice.PINGuessed(ann, "Ann", "Mia", path, 5, at), []string{"5 wrong PINs", "Mia", day, "15 minutes"}},
		{notice.PINGuessed(ann, "Ann", "Mia", path, 10, at), []string{"10 wrong PINs", "locked until"}},
		{notice.ServerUnclaimed(ann, "Ann", event, "Attic"), []string{"Attic", "no longer belongs", day}},
		{notice.ConfirmArrival(ann, code, "Facebook"), []string{"go on to Usher with Facebook", "15 minutes"}},
		{notice.IdentityLinked(ann, "Ann", event, "Google"), []string{"by Google", "Firefox on Linux near Lyon, France", day, "Ways to sign in"}},
		{notice.IdentityUnlinked(ann, "Ann", event, "Google"), []string{"by Google", "Firefox on Linux near Lyon, France", day}},
		{notice.DeviceLinked(ann, "Ann", notice.Device{Name: "Living room", Product: "Jellyfin", Place: "Lyon, France", Address: "203.0.113.7"}, at, path), []string{
			"A code signed Living room near Lyon, France in to your account", day, "App: Jellyfin", "IP address: 203.0.113.7", "Remove this device"}},
		{notice.Incident(ann, "Ann", incidentParts(), "ABCD-EFGH"), []string{
			"closed until you choose a new password", "What happened", "A copy of our list was taken.", "Of its second part too.", "no payment data",
			"What to do", "Further protection", "payment card by e-mail", "watch.example.org/notice", "ABCD-EFGH", "no link and no button"}},
		{notice.IncidentAdvice(ann, "Ann", incidentParts(), "ABCD-EFGH"), []string{"We advise you", "you stay signed in", "ABCD-EFGH"}},
		{notice.IncidentAlone(ann, "Bea", 1204, at), []string{"Bea declared", "1204 accounts", day, "can be withdrawn"}},
		{notice.IncidentProposed(ann, "Bea", 1204, at), []string{"Bea wants to declare", "1204 accounts", "Nothing has happened so far"}},
		{notice.ProposalWithdrawn(ann, "Bea", 1204, at), []string{"Bea withdrew", "1204 accounts", "Nothing has happened"}},
		{notice.IncidentPaused(ann, "Bea", 1204, at), []string{"Bea paused", "1204 accounts"}},
		{notice.IncidentWithdrawn(ann, "Bea", 1204, at), []string{"Bea withdrew", "1204 accounts", "count again"}},
	}
}

func incidentParts() notice.Parts {
	p := notice.DefaultParts("watch.example.org", "")
	p.Happened = "A copy of our list was taken.\n\nOf its second part too."
	return p
}

// sent takes a notice through words, encoding and a foreign reader.
func sent(t testing.TB, c *Composer, n notice.Notice) (Message, mailtest.Letter) {
	t.Helper()
	m, err := c.Render(n.Posted("m1", at))
	if err != nil {
		t.Fatalf("%s: %v", n.Kind, err)
	}
	e, err := m.encode()
	if err != nil {
		t.Fatalf("%s: %v", n.Kind, err)
	}
	l, err := mailtest.Message{From: e.from, To: []string{e.to}, Raw: e.body}.Read()
	if err != nil {
		t.Fatalf("%s: %v", n.Kind, err)
	}
	return m, l
}

func TestEveryKindSaysWhatItMust(t *testing.T) {
	c := newComposer(t)
	all := everyKind()
	for _, kind := range notice.Kinds() {
		if !slices.ContainsFunc(all, func(one said) bool { return one.n.Kind == kind }) {
			t.Errorf("%s is not tried", kind)
		}
	}
	for _, one := range all {
		t.Run(string(one.n.Kind), func(t *testing.T) {
			m, l := sent(t, c, one.n)
			shown := visible(t, l.HTML)
			for _, want := range one.says {
				if !strings.Contains(l.Text, want) {
					t.Errorf("text does not say %q:\n%s", want, l.Text)
				}
				if !strings.Contains(shown, want) {
					t.Errorf("HTML does not say %q", want)
				}
			}
			if l.Subject != m.Subject || l.Text != m.Text || l.HTML != m.HTML {
				t.Error("encoding changed the words")
			}
			if l.To != ann {
				t.Errorf("goes to %q", l.To)
			}
			for _, problem := range lint(one.n, l) {
				t.Error(problem)
			}
		})
	}
}

func TestSecretsStandInAMailExactlyOnce(t *testing.T) {
	c := newComposer(t)
	for _, one := range everyKind() {
		kind := one.n.Kind
		_, l := sent(t, c, one.n)
		if slices.Contains(kind.Needs(), notice.DataCode) {
			if l.Code != code {
				t.Errorf("%s: the code reads %q", kind, l.Code)
			}
			if strings.Count(l.Text, code) != 1 || strings.Count(l.HTML, code) != 1 {
				t.Errorf("%s: the code stands not exactly once in each part", kind)
			}
		}
		if slices.Contains(kind.Needs(), notice.DataLink) {
			if !slices.Equal(l.Links, []string{origin + path}) {
				t.Errorf("%s: HTML links are %v", kind, l.Links)
			}
			if strings.Count(l.Text, origin+path) != 1 || strings.Count(l.HTML, path) != 1 {
				t.Errorf("%s: the link stands not exactly once in each part", kind)
			}
		}
		if strings.Contains(l.Subject, code) || strings.Contains(l.Subject, "0a1b2c3d") {
			t.Errorf("%s: the subject tells a secret", kind)
		}
	}
}

func TestResetRequiredHasNoLink(t *testing.T) {
	_, l := sent(t, newComposer(t), notice.ResetRequired(ann))
	if len(l.Links) > 0 || strings.Contains(l.Text, "://") {
		t.Error("it has a link")
	}
}

// An incident's notice is what everybody expects a false one of: it carries no link, no button, and nothing that a mail reader makes a link of.
func TestIncidentHasNothingToPress(t *testing.T) {
	p := incidentParts()
	p.Contact = "You reach us at help@watch.example.org."
	for _, n := range []notice.Notice{notice.Incident(ann, "Ann", p, "ABCD-EFGH"), notice.IncidentAdvice(ann, "Ann", p, "ABCD-EFGH")} {
		_, l := sent(t, newComposer(t), n)
		for _, forbidden := range []string{"<a", "href", "http", "<button", "www.", "help@watch"} {
			if strings.Contains(strings.ToLower(l.HTML), forbidden) || strings.Contains(strings.ToLower(l.Text), forbidden) {
				t.Errorf("%s: it has %q", n.Kind, forbidden)
			}
		}
	}
}

func TestSenderFollowsTheKind(t *testing.T) {
	c := newComposer(t)
	for _, one := range everyKind() {
		kind := one.n.Kind
		want := "account@watch.example.org"
		if kind.Sender() == notice.NoticeMail {
			want = "notices@watch.example.org"
		}
		if _, l := sent(t, c, one.n); l.From != want {
			t.Errorf("%s comes from %s", kind, l.From)
		}
	}
}

func TestHeaders(t *testing.T) {
	_, l := sent(t, newComposer(t), notice.Test(ann))
	want := map[string]string{
		"Auto-Submitted": "auto-generated",
		"Message-Id":     "<m1@watch.example.org>",
		"Date":           "Sun, 03 May 2026 14:32:07 +0000",
		"Mime-Version":   "1.0",
	}
	for key, value := range want {
		if got := l.Header.Values(key); len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q once", key, got, value)
		}
	}
	for _, key := range []string{"User-Agent", "X-Mailer", "List-Unsubscribe", "Reply-To", "Bcc", "Cc"} {
		if l.Header.Has(key) {
			t.Errorf("%s is there", key)
		}
	}
}

func TestMessageIDIsTheSameAtEveryTryAndNeverStrange(t *testing.T) {
	c := newComposer(t)
	for _, id := range []string{"m1", "", "a b", "x>\r\nBcc: <eve@example.com", strings.Repeat("k", 500), "ä"} {
		got := c.messageID(id)
		if got != c.messageID(id) {
			t.Errorf("%q has two ids", id)
		}
		if strings.ContainsAny(got, " <>\r\n") || len(got) > 200 || !ascii(got) {
			t.Errorf("%q becomes %q", id, got)
		}
	}
	if c.messageID("a b") == c.messageID("a  b") {
		t.Error("two notices share an id")
	}
	for host, want := range map[string]string{
		"127.0.0.1": "[127.0.0.1]", "::1": "[IPv6:::1]", "LOCALHOST": "localhost",
	} {
		if got := idHost(host); got != want {
			t.Errorf("idHost(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestMissingFactsLeaveNoHole(t *testing.T) {
	c := newComposer(t)
	_, l := sent(t, c, notice.NewDevice(ann, "", notice.Event{Device: notice.Device{}, At: at, NotMe: path}))
	if !strings.HasPrefix(l.Text, "A device we don't know signed in to your account with Usher on 3 May") {
		t.Errorf("begins %.80q", l.Text)
	}
	if strings.Contains(l.Text, "IP address") || strings.Contains(l.Text, "App:") || strings.Contains(l.Text, "of  at") {
		t.Errorf("shows empty facts:\n%s", l.Text)
	}
	_, l = sent(t, c, notice.NewDevice(ann, "", notice.Event{Device: notice.Device{Name: "TV", Address: "::ffff:192.0.2.1"}, At: at, NotMe: path}))
	if !strings.Contains(l.Text, "IP address: 192.0.2.1") || l.Subject != "New sign-in to Usher: TV" {
		t.Errorf("subject %q, text:\n%s", l.Subject, l.Text)
	}
	_, l = sent(t, c, notice.Invitation(ann, "", path))
	if l.Subject != "You are invited to Usher" {
		t.Errorf("subject %q", l.Subject)
	}
	_, l = sent(t, c, notice.NewDevice(ann, "", notice.Event{Device: notice.Device{Name: "Firefox on Linux", Product: "Firefox"}, At: at, NotMe: path}))
	if strings.Contains(l.Text, "App:") {
		t.Error("says the app twice")
	}
}

func TestLinksLeadNowhereElse(t *testing.T) {
	c := newComposer(t)
	for _, bad := range []string{
		"https://evil.example/x", "//evil.example/x", "https://watch.example.org.evil.example/", "http://watch.example.org/x",
		"javascript:alert(1)", origin, origin + "@evil.example/", "/a b", "/a\"b", "/a\nb", "/ä", "/<b>", "x",
		"/" + strings.Repeat("a", 3000), `/\evil.example`,
	} {
		_, err := c.Render(notice.Reset(ann, bad, 30).Posted("m1", at))
		if !errors.Is(err, ErrRender) {
			t.Errorf("link %.60q: %v, want ErrRender", bad, err)
		}
		if err != nil && strings.Contains(err.Error(), "evil") {
			t.Errorf("the error tells the link: %v", err)
		}
	}
	for _, good := range []string{path, origin + path} {
		m, err := c.Render(notice.Reset(ann, good, 30).Posted("m1", at))
		if err != nil || !strings.Contains(m.Text, "\n"+origin+path+"\n") {
			t.Errorf("link %q: %v", good, err)
		}
	}
}

func TestIncompleteNoticesAreRefused(t *testing.T) {
	c := newComposer(t)
	broken := notice.NewDevice(ann, "", notice.Event{Device: device, At: at, NotMe: path})
	broken.Data[notice.DataAt] = "yesterday"
	oddCode := notice.ConfirmSignUp(ann, "12\r\n34", path)
	for name, n := range map[string]notice.Notice{
		"no kind": {To: ann}, "no code": notice.ConfirmSignUp(ann, "", path), "no time": broken, "odd code": oddCode,
	} {
		if _, err := c.Render(n); !errors.Is(err, ErrRender) {
			t.Errorf("%s: %v, want ErrRender", name, err)
		}
	}
	if _, err := c.Render(notice.Test("ann@example.org, eve@example.org")); !errors.Is(err, ErrAddress) {
		t.Errorf("two addresses: %v, want ErrAddress", err)
	}
}

func TestLetterheadIsChecked(t *testing.T) {
	good := Letterhead{Service: "Usher", Origin: origin, From: "usher@example.org"}
	for name, spoil := range map[string]func(*Letterhead){
		"no service":       func(h *Letterhead) { h.Service = " \t" },
		"no origin":        func(h *Letterhead) { h.Origin = "" },
		"no scheme":        func(h *Letterhead) { h.Origin = "watch.example.org" },
		"odd scheme":       func(h *Letterhead) { h.Origin = "ftp://watch.example.org" },
		"origin with path": func(h *Letterhead) { h.Origin = origin + "/usher" },
		"origin with user": func(h *Letterhead) { h.Origin = "https://a:b@watch.example.org" },
		"no sender":        func(h *Letterhead) { h.From = "" },
		"two senders":      func(h *Letterhead) { h.From = "a@example.org, b@example.org" },
		"odd notices":      func(h *Letterhead) { h.NoticeFrom = "notices" },
		"long sender":      func(h *Letterhead) { h.From = strings.Repeat("a", 500) + "@example.org" },
	} {
		head := good
		spoil(&head)
		if _, err := NewComposer(head); !errors.Is(err, ErrLetterhead) {
			t.Errorf("%s: %v, want ErrLetterhead", name, err)
		}
	}
	c, err := NewComposer(good)
	if err != nil {
		t.Fatal(err)
	}
	if account, notices := c.Senders(); account != "usher@example.org" || notices != account {
		t.Errorf("senders are %s and %s", account, notices)
	}
}

func TestStrangersChooseNoLinksAndNoLines(t *testing.T) {
	c := newComposer(t)
	hostile := "Win now at evil.example or https://evil.example/x mail eve@evil.example\r\n\r\nClick\u202e\u200b <a href=\"http://evil.example\">x</a>"
	n := notice.NewDevice(ann, hostile, notice.Event{Device: notice.Device{Name: hostile, Product: hostile, Place: hostile, Address: hostile}, At: at, NotMe: path})
	_, l := sent(t, c, n)
	for _, problem := range lint(n, l) {
		t.Error(problem)
	}
	if strings.Contains(l.Text, "evil.example") || strings.Contains(l.Text, "://evil") {
		t.Errorf("a reader would make a link of it:\n%s", l.Text)
	}
	if strings.ContainsAny(l.Text+l.Subject, "\u202e\u200b\r") {
		t.Error("invisible characters came through")
	}
	if len([]rune(l.Subject)) > 250 {
		t.Error("the subject has no end")
	}
}

func TestTame(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  a \t\r\n b ": "a b", "a\x00b": "a b", "\u202eabc": "abc", "\xffa": "\uFFFDa",
		"abcdefghij": "abcdefgh…", "12345678": "12345678", "日本語": "日本語", "a\u2028b": "a b",
	} {
		if got := tame(in, 8); got != want {
			t.Errorf("tame(%q) = %q, want %q", in, got, want)
		}
	}
}

// lint holds every mail to the house rules.
func lint(n notice.Notice, l mailtest.Letter) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	doc, err := html.Parse(strings.NewReader(l.HTML))
	if err != nil {
		return []string{err.Error()}
	}
	allowed := strings.Fields("html head meta title body div p span h1 strong br a")
	for node := range doc.Descendants() {
		if node.Type == html.ElementNode && !slices.Contains(allowed, node.Data) {
			complain("HTML has <%s>", node.Data)
		}
		for _, a := range node.Attr {
			if a.Key == "src" || a.Key == "background" || strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "url(") {
				complain("HTML has %s=%q", a.Key, a.Val)
			}
		}
	}
	for _, part := range []string{l.Text, l.HTML} {
		for rest := part; ; {
			i := strings.Index(rest, "://")
			if i < 0 {
				break
			}
			begin := strings.LastIndexAny(rest[:i], " \n\"'(>") + 1
			if !strings.HasPrefix(rest[begin:], origin+"/") {
				complain("a link leads away: %.60q", rest[begin:])
			}
			rest = rest[i+3:]
		}
		if !strings.Contains(part, "We never ask for your password or a code by e-mail.") {
			complain("a part does not say what we never do")
		}
		if !strings.Contains(part, n.To) {
			complain("a part does not say whom it is for")
		}
	}
	shown := strings.ToLower(l.Subject + " " + l.Text)
	for _, word := range []string{
		"session", "token", "mfa", "2fa", "totp", "credential", "invalid", "revoked", "authenticati", "authenticate", "oops", "!",
		"flagged", "rate limit", "click here", "dear ", "<no value>", "%!", "&#", "{{",
	} {
		if strings.Contains(shown, word) {
			complain("it says %q", word)
		}
	}
	if first, _, _ := strings.Cut(l.Text, "\n"); !strings.HasSuffix(first, ".") {
		complain("the first line is no sentence: %q", first)
	}
	if l.Subject == "" || strings.HasSuffix(l.Subject, ".") {
		complain("subject is %q", l.Subject)
	}
	if a, b := sameWords(l); a != b {
		complain("text and HTML differ:\n%s\n%s", a, b)
	}
	return problems
}

// sameWords gives the words of both parts, links and layout aside.
func sameWords(l mailtest.Letter) (text, page string) {
	doc, err := html.Parse(strings.NewReader(l.HTML))
	if err != nil {
		return "unreadable", err.Error()
	}
	page = strings.Join(strings.Fields(strings.NewReplacer("●", "", ":", "").Replace(bodyText(doc))), " ")
	for _, link := range l.Links {
		l.Text = strings.ReplaceAll(l.Text, link+"\n", "")
	}
	text = strings.Join(strings.Fields(strings.NewReplacer("\n-- \n", "\n", ":", "").Replace(l.Text)), " ")
	_, page, _ = strings.Cut(page, " ") // the wordmark
	return text, page
}

func visible(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(bodyText(doc)), " ")
}

func bodyText(doc *html.Node) string {
	var out strings.Builder
	for node := range doc.Descendants() {
		switch {
		case node.Type == html.ElementNode && slices.Contains([]string{"p", "br", "h1", "div"}, node.Data):
			out.WriteByte(' ')
		case node.Type == html.TextNode && node.Parent.Data != "title":
			out.WriteString(node.Data)
		}
	}
	return out.String()
}

func TestLintSees(t *testing.T) {
	n := notice.Test(ann)
	_, good := sent(t, newComposer(t), n)
	if problems := lint(n, good); len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, spoil := range map[string]func(*mailtest.Letter){
		"an image":        func(l *mailtest.Letter) { l.HTML = strings.Replace(l.HTML, "<p", `<img src="/x"><p`, 1) },
		"a foreign link":  func(l *mailtest.Letter) { l.Text += "\nhttps://evil.example/x" },
		"a foreign href":  func(l *mailtest.Letter) { l.HTML += `<a href="https://evil.example/">x</a>` },
		"a remote sheet":  func(l *mailtest.Letter) { l.HTML = `<link rel="stylesheet">` + l.HTML },
		"jargon":          func(l *mailtest.Letter) { l.Text = "Your session ended.\n" + l.Text },
		"shouting":        func(l *mailtest.Letter) { l.Subject += "!" },
		"differing parts": func(l *mailtest.Letter) { l.Text = "More.\n" + l.Text },
		"an empty text":   func(l *mailtest.Letter) { l.Text = "" },
	} {
		bad := good
		spoil(&bad)
		if len(lint(n, bad)) == 0 {
			t.Errorf("lint does not see %s", name)
		}
	}
}
