package credential

import (
	"errors"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/device"
)

// What gets an app password is an app under the name it was given, not the browser where that was done, and no more fresh than anything that nobody has typed a
// password into.
func TestNewAppPassword(t *testing.T) {
	f := Found{Credential: Credential{AccountID: "a", FreshAt: now}, Clock: Clock{Epoch: 3}, Account: account.Standing{ID: "a", Epoch: 2}}
	browser := device.Client{UserAgent: "Firefox/1 Linux", Place: "Lyon"}
	for kind, method := range map[Kind]string{AppPassword: device.ByAppPassword, ServerPassword: device.ByServerPassword} {
		in, err := NewAppPassword(f, kind, " Attic \t TV ", browser, now)
		d := in.Device
		if err != nil || in.Kind != kind || d.AccountID != "a" || d.Kind != device.App || d.Name != "Attic TV" || d.Method != method || d.Seen.Place != "Lyon" {
			t.Errorf("%s: %+v %v", kind, in, err)
		}
		if in.Token.IsAppPassword() != (kind == AppPassword) || in.Token.IsServerPassword() != (kind == ServerPassword) {
			t.Errorf("%s: its password is of another shape", kind)
		}
		if !in.FreshAt.IsZero() || in.Stamp != (Stamp{Born: 3, Account: 2}) {
			t.Errorf("%s: fresh since %v, stamped %+v", kind, in.FreshAt, in.Stamp)
		}
	}
	stale := f
	stale.FreshAt = now.Add(-Fresh)
	for _, c := range []struct {
		f    Found
		name string
		want error
	}{{stale, "TV", ErrStale}, {f, " \n", ErrNoName}, {f, strings.Repeat("x", 65), account.ErrBadName}, {f, "T\x00V", account.ErrBadName}} {
		if in, err := NewAppPassword(c.f, AppPassword, c.name, browser, now); !errors.Is(err, c.want) || in.Device.ID != "" {
			t.Errorf("%q: %v, want %v", c.name, err, c.want)
		}
	}
}
