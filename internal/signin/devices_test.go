package signin_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/signin"
)

// What software is told of the other devices of its account: never browsers, and their own names only where it may act.
func TestWhatSoftwareIsTold(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann", "", false)
		signedIn := map[device.Kind]string{}
		for _, kind := range []device.Kind{device.Browser, device.Phone, device.App, device.Server, device.TV} {
			in := credential.NewSignIn(ann.ID, "password", device.Client{}, w.now)
			in.Kind, in.Device.Kind, in.Device.Claim.Identifier = credential.App, kind, string(kind)
			clock, err := w.db.ReadClock(w.Context())
			w.must(err)
			in.Stamp = credential.StampNow(clock, ann.Standing)
			w.must(w.db.AddDevice(w.Context(), in, audit.Act{At: w.now}))
			signedIn[kind] = in.Device.ID
		}
		found := func(kind credential.Kind, subject string, on device.Kind) credential.Found {
			return credential.Found{Credential: credential.Credential{Kind: kind, Subject: subject, AccountID: ann.ID, DeviceID: signedIn[on]}}
		}
		flow := &signin.Devices{Store: w.db, Now: func() time.Time { return w.now }}
		for name, c := range map[string]struct {
			asks  credential.Found
			names []string // the own names that it learns
			all   bool
		}{
			"an app":          {found(credential.App, "", device.App), []string{"app", "server", "tv"}, true},
			"a signed token":  {found(credential.DeviceToken, "", device.App), []string{"app", "server", "tv"}, true},
			"a player":        {found(credential.App, credential.Player, device.TV), []string{"server", "tv"}, false},
			"an app password": {found(credential.AppPassword, "", device.App), []string{"app", "server"}, false},
		} {
			software, err := flow.ListSoftware(w.Context(), c.asks)
			w.must(err)
			var names []string
			for _, d := range software {
				if d.Claim.Identifier != "" {
					names = append(names, d.Claim.Identifier)
				}
			}
			slices.Sort(names)
			if len(software) != 3 || !slices.Equal(names, c.names) {
				t.Errorf("%s sees %d devices, and the names of %q", name, len(software), names)
			}
			switch all, err := flow.ListFor(w.Context(), c.asks); {
			case c.all && (err != nil || len(all) != len(signedIn)):
				t.Errorf("%s sees %d of all: %v", name, len(all), err)
			case !c.all && !errors.Is(err, credential.ErrMayNotAct):
				t.Errorf("%s sees all: %v", name, err)
			}
		}
		if _, err := flow.ListSoftware(w.Context(), found(credential.Server, "", device.Server)); !errors.Is(err, credential.ErrMayNotAct) {
			t.Errorf("a media server: %v", err)
		}
	})
}
