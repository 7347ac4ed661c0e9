package audit

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// An act is a value: what is made from it leaves it as it was.
func TestActIsAValue(t *testing.T) {
	base := New(now, SignedIn, "actor", "a").With(Reason, "one")
	first := base.With(Reason, "two").Telling(notice.Test("x@example.org")).Linking(credential.Link{Kind: credential.NotMe})
	second := base.With(Place, "Lyon").Telling(notice.Test("y@example.org"), notice.Test("z@example.org"))
	third := first.Telling(notice.Test("v@example.org")).Linking(credential.Link{Kind: credential.Undo})
	fourth := first.Telling(notice.Test("w@example.org")).Linking(credential.Link{Kind: credential.Reset})
	if !maps.Equal(base.Done.Detail, map[string]string{Reason: "one"}) || len(base.Tell)+len(base.Links) != 0 {
		t.Errorf("the first act became %+v", base)
	}
	if first.Done.Detail[Reason] != "two" || len(first.Tell) != 1 || len(first.Links) != 1 || second.Done.Detail[Reason] != "one" || len(second.Tell) != 2 {
		t.Error("acts mix")
	}
	if third.Tell[1].To != "v@example.org" || fourth.Tell[1].To != "w@example.org" || third.Links[1].Kind != credential.Undo || fourth.Links[1].Kind != credential.Reset {
		t.Error("two acts share their mail or their links")
	}
	if base.Done.Action != SignedIn || base.Done.Actor != "actor" || base.Done.AccountID != "a" || !base.At.Equal(now) {
		t.Errorf("%+v", base.Done)
	}
}

func TestFrom(t *testing.T) {
	a := New(now, SignedIn, "", "a").From(device.Client{Address: netip.MustParseAddr("192.0.2.7"), Place: "Lyon"})
	if !maps.Equal(a.Done.Detail, map[string]string{Address: "192.0.2.7", Place: "Lyon"}) {
		t.Errorf("%v", a.Done.Detail)
	}
}

func TestNotMe(t *testing.T) {
	d := device.Device{ID: "d", Name: "Firefox on Linux"}
	a, path := New(now, SignedIn, "", "a").NotMe("a", d)
	if len(a.Links) != 1 {
		t.Fatalf("%d links", len(a.Links))
	}
	l := a.Links[0]
	if l.Kind != credential.NotMe || l.AccountID != "a" || l.Subject != d.ID || l.Detail != d.Name || !strings.HasSuffix(path, l.Token.Reveal()) {
		t.Errorf("%s", l.Kind)
	}
	if strings.Contains(fmt.Sprintf("%+v %v", a, a), l.Token.Reveal()) {
		t.Error("printing an act tells its link")
	}
}

// Every address hears, with one link between them, and an act stays as it was.
func TestWarn(t *testing.T) {
	who := account.Account{Standing: account.Standing{ID: "a"}, Email: "ann@example.org", NoticeEmail: "two@example.org", Name: "Ann"}
	base := New(now, SecondFactorOff, "a", "a")
	a := base.Warn(who, device.Client{UserAgent: "Firefox/1 Linux", Place: "Lyon"}, notice.SecondFactorOff)
	if len(base.Tell)+len(base.Links) != 0 || len(a.Tell) != 2 || len(a.Links) != 1 || a.Links[0].Kind != credential.NotMe || a.Links[0].AccountID != "a" {
		t.Fatalf("%d mails, %d links", len(a.Tell), len(a.Links))
	}
	named := base.WarnOf(who, device.Device{ID: "d", Name: "Living room", Product: "Jellyfin"}, device.Client{UserAgent: "Firefox/1 Linux"}, notice.NewDevice)
	if n := named.Tell[0]; n.Data[notice.DataName] != "Living room" || n.Data[notice.DataProduct] != "Jellyfin" || n.Data[notice.DataAddress] != "" || named.Links[0].Subject != "d" {
		t.Errorf("%v", n)
	}
	for i, to := range who.NoticeAddresses() {
		n := a.Tell[i]
		if n.To != to || n.AccountID != "a" || n.Name != "Ann" || n.Check() != nil || n.Data[notice.DataName] != "Firefox on Linux" || n.Data[notice.DataPlace] != "Lyon" {
			t.Errorf("%v", n)
		}
		if n.Data[notice.DataLink] != "/not-me/"+a.Links[0].Token.Reveal() {
			t.Error("the mail's link is not the one that is stored")
		}
	}
}
