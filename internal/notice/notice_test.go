package notice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"usher/internal/credential"
)

var at = time.Date(2026, 5, 3, 14, 32, 0, 0, time.FixedZone("here", 2*3600))

func one(t *testing.T, kind Kind) Notice {
	t.Helper()
	n, ok := every()[kind]
	if !ok {
		t.Fatalf("no constructor tried for %s", kind)
	}
	return n
}

func every() map[Kind]Notice {
	device := Device{Name: "Living room", Product: "Jellyfin", Place: "Lyon, France", Address: "203.0.113.7"}
	const to, name, code, link = "ann@example.org", "Ann", "482913", "/go?t=verysecret"
	event := Event{Device: device, At: at, NotMe: link}
	all := []Notice{
		ConfirmSignUp(to, code, link), AlreadyHaveAccount(to), ConfirmAddress(to, code, link),
		ConfirmNoticeAddress(to, code, link), Reset(to, link, 30), ResetRequired(to),
		Invitation(to, "Bea", link), Test(to),
		NewDevice(to, name, event), PasswordChanged(to, name, event),
		AddressChanged(to, name, "new@example.net", link, at), AddressRestored(to, name, at),
		NoticeAddressAdded(to, name, "two@example.net", link, at),
		NoticeAddressRemoved(to, name, "two@example.net", link, at),
		UserNameChanged(to, name, "annie", link, at), SignedOutEverywhere(to, name, at),
		DevicesTrimmed(to, name, 200, at), Locked(to, name, at), Unlocked(to, name, at),
		DeletionScheduled(to, name, at, at.AddDate(0, 0, 7), link), DeletionStopped(to, name, at),
		DeletionDone(to, name, at), SignedOutByOperator(to, name, at),
		DeletionByOperator(to, name, at, at.AddDate(0, 0, 7), link),
		ResetHandedOver(to, name, at), SecondFactorOn(to, name, event), SecondFactorOff(to, name, event), RecoveryCodesReplaced(to, name, event),
		RecoveryCodeUsed(to, name, event, 0), CodesRefused(to, name, event), FactorRemoval(to, name, at, link),
		FactorRemovalStopped(to, name, event), FactorRemoved(to, name, event), PasskeyAdded(to, name, event, "Bitwarden"), PasskeyRemoved(to, name, event, "Bitwarden"), PasskeyAlarm(to, name, event, "Bitwarden"), AppPasswordMade(to, name, event, AppPassword{Name: "Living room"}), ServerClaimed(to, name, event), ServersBack(to, name, event, "Attic"), ServerUnclaimed(to, name, event, "Attic"), ServerInvitation(to, Sharing{Owner: "anna", Server: "Attic", Path: "/invitations/1", EndsAt: event.At}), ConfirmArrival(to, code, "Facebook"), IdentityLinked(to, name, event, "Google"), IdentityUnlinked(to, name, event, "Google"), DeviceLinked(to, name, event.Device, event.At, event.NotMe),
		HomeInvitation(to, "anna", "/home"), HomeJoined(to, name, "Bea", "/home", at), HomeEntered(to, name, "anna", "/home", at), HomeLeft(to, name, "Bea", at), HomeRemoved(to, name, "anna", at), HomeEnded(to, name, "anna", at), PINGuessed(to, name, "Mia", "/home", 5, at),
		Incident(to, name, DefaultParts("watch.example.org", ""), "ABCD-EFGH"), IncidentAdvice(to, name, DefaultParts("watch.example.org", ""), "ABCD-EFGH"),
		IncidentAlone(to, "Bea", 12, at), IncidentProposed(to, "Bea", 12, at), IncidentWithdrawn(to, "Bea", 12, at),
		ProposalWithdrawn(to, "Bea", 12, at), IncidentPaused(to, "Bea", 12, at),
	}
	byKind := map[Kind]Notice{}
	for _, n := range all {
		byKind[n.Kind] = n
	}
	return byKind
}

func TestEveryKindHasAConstructorThatForgetsNothing(t *testing.T) {
	if got := slices.Sorted(maps.Keys(every())); !slices.Equal(got, Kinds()) {
		t.Fatalf("constructors make %v, the kinds are %v", got, Kinds())
	}
	for _, kind := range Kinds() {
		n := one(t, kind)
		if err := n.Check(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if n.To != "ann@example.org" || n.Priority != kind.Priority() {
			t.Errorf("%s: to or priority is not set", kind)
		}
		for _, key := range kind.Needs() {
			without := n
			without.Data = maps.Clone(n.Data)
			delete(without.Data, key)
			if err := without.Check(); !errors.Is(err, ErrIncomplete) {
				t.Errorf("%s without %s: %v, want ErrIncomplete", kind, key, err)
			}
		}
	}
}

func TestEveryKindHasItsRule(t *testing.T) {
	for _, kind := range Kinds() {
		if life := kind.Life(); life < 15*time.Minute || life > 7*24*time.Hour {
			t.Errorf("%s lives %v", kind, life)
		}
		if p := kind.Priority(); p < PriorityNow || p > PriorityLater {
			t.Errorf("%s has priority %d", kind, p)
		}
		if s := kind.Sender(); s != AccountMail && s != NoticeMail {
			t.Errorf("%s has sender %d", kind, s)
		}
		carriesCode := slices.Contains(kind.Needs(), DataCode)
		if carriesCode && (kind.Priority() != PriorityNow || kind.Sender() != AccountMail) {
			t.Errorf("%s carries a code and does not overtake notices", kind)
		}
		if kind.Sender() == NoticeMail && kind.Priority() <= KindReset.Priority() {
			t.Errorf("%s is a notice and not overtaken by a reset", kind)
		}
	}
}

// What a mail says about how long its link works is true.
func TestLivesAreThoseOfTheLinks(t *testing.T) {
	for kind, life := range map[credential.Kind]time.Duration{
		credential.SignUpLink: SignUpLife, credential.Change: AddressLife, credential.Reset: ResetLife, credential.Invitation: InvitationLife,
		credential.Undo: KindAddressChanged.Life(), credential.NotMe: KindNewDevice.Life(),
	} {
		if want := credential.Rules[kind].Life; life != want {
			t.Errorf("the mail with the link of %q lives %v, the link %v", kind, life, want)
		}
	}
}

func TestSignUpAndItsAnswerForAKnownAddressTravelAlike(t *testing.T) {
	a, b := KindConfirmSignUp, KindAlreadyHaveAccount
	if a.Life() != b.Life() || a.Priority() != b.Priority() || a.Sender() != b.Sender() {
		t.Error("a queue could tell whether the address has an account")
	}
}

func TestUnknownKindAndMissingAddressAreRefused(t *testing.T) {
	for name, n := range map[string]Notice{
		"no kind":      {To: "ann@example.org"},
		"foreign kind": {To: "ann@example.org", Kind: "lottery"},
		"no address":   Test(""),
	} {
		if err := n.Check(); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: %v, want ErrIncomplete", name, err)
		}
	}
}

func TestPostedSetsIDAndLife(t *testing.T) {
	n := Reset("ann@example.org", "/reset?t=x", 30).For("acc1").Posted("m1", at)
	if n.ID != "m1" || n.AccountID != "acc1" || !n.CreatedAt.Equal(at) {
		t.Errorf("posted with id %q, account %q, at %v", n.ID, n.AccountID, n.CreatedAt)
	}
	if n.Expired(at.Add(ResetLife - time.Millisecond)) {
		t.Error("expired before its link")
	}
	if !n.Expired(at.Add(ResetLife)) {
		t.Error("still sent when its link is dead")
	}
}

func TestTimesTravelInUTC(t *testing.T) {
	if got := one(t, KindNewDevice).Data[DataAt]; got != "2026-05-03T12:32:00Z" {
		t.Errorf("at = %q", got)
	}
}

func TestNoticePrintsWithoutWhatIsInIt(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	for _, n := range every() {
		n = n.Posted("m7", at)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&lines, verb+"\n", n)
			fmt.Fprintf(&lines, verb+"\n", &n)
			fmt.Fprintf(&lines, verb+"\n", []Notice{n})
		}
		log.Info("mail", "notice", n)
	}
	for _, secret := range []string{"482913", "verysecret", "ann@", "new@", "203.0.113.7", "Ann"} {
		if strings.Contains(lines.String(), secret) {
			t.Errorf("a printed notice tells %q", secret)
		}
	}
	if !strings.Contains(lines.String(), "m7") {
		t.Error("a printed notice does not tell its id")
	}
}

func TestNoticeSurvivesTheSealedBody(t *testing.T) {
	for kind, n := range every() {
		n = n.Posted("m7", at.UTC())
		body, err := json.Marshal(n)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var back Notice
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if !maps.Equal(back.Data, n.Data) || back.To != n.To || !back.ExpiresAt.Equal(n.ExpiresAt) {
			t.Errorf("%s came back different", kind)
		}
	}
}

func TestMasked(t *testing.T) {
	for address, want := range map[string]string{
		"ann@example.org":      "a…@example.org",
		"a@example.org":        "…@example.org",
		"äöü@example.org":      "ä…@example.org",
		`"a@b"@example.org`:    `"…@example.org`,
		"@example.org":         "…@example.org",
		"no address":           "…",
		"":                     "…",
		"\xffxy@example.org":   "\uFFFD…@example.org",
		"first.last@sub.a.org": "f…@sub.a.org",
	} {
		if got := Masked(address); got != want {
			t.Errorf("Masked(%q) = %q, want %q", address, got, want)
		}
	}
}

func FuzzMasked(f *testing.F) {
	for _, seed := range []string{"ann@example.org", "", "@", "a@", "\xff@x", `"q u"@x.org`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		at := strings.LastIndexByte(address, '@')
		if at < 0 || utf8.RuneCountInString(address[:at]) < 3 {
			return
		}
		got := Masked(address)
		if kept := strings.TrimSuffix(got, address[at:]); utf8.RuneCountInString(kept) != 2 {
			t.Errorf("Masked(%q) = %q keeps more than the first letter", address, got)
		}
	})
}
