package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/store"
)

func TestEndDevice(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		kept, _ := w.signedIn(a)
		w.is(w.db.EndDevice(w.ctx(), other.ID, s.Device.ID, audit.Act{}), device.ErrNotFound) // attack S16: another's device
		w.race(device.ErrNotFound, func(db *store.DB, _ int) error {
			return db.EndDevice(w.ctx(), a.ID, s.Device.ID, w.act(audit.SignedOut, a.ID))
		})
		w.recorded(audit.SignedOut, 1)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, kept.Token))
	})
}

func TestListDevices(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		first, _ := w.signedIn(a)
		w.now = w.now.Add(time.Minute)
		second, _ := w.signedIn(a)
		w.signedIn(w.person("bert"))
		got, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		want := second.Device
		want.CreatedAt, want.UsedAt = w.now, w.now
		if len(got) != 2 || got[0] != want || got[1].ID != first.Device.ID {
			t.Errorf("got %+v", got)
		}
		for _, set := range []string{"UPDATE instance SET floor = epoch + 1", "UPDATE instance SET floor = 0, incident = epoch + 1", "UPDATE instance SET incident = 0"} {
			w.tamper(set)
			got, err = w.db.ListDevices(w.ctx(), a.ID)
			w.must(err)
			if alive := strings.HasSuffix(set, "incident = 0"); alive != (len(got) == 2) {
				t.Errorf("after %q: %d devices", set, len(got))
			}
		}
		got, err = w.db.ListDevices(w.ctx(), "gone")
		w.must(err)
		if len(got) != 0 {
			t.Error("devices of nobody")
		}
	})
}

func TestTouchDevices(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		used := s.Device
		used.UsedAt, used.Seen = w.now.Add(time.Hour), device.Seen{Address: "2001:db8::1"}
		gone := used
		gone.ID, gone.AccountID = "gone", "gone"
		w.must(w.db.TouchDevices(w.ctx(), []device.Device{gone, used}))
		older := used
		older.UsedAt, older.Seen = w.now.Add(time.Minute), device.Seen{Address: "192.0.2.1"}
		w.must(w.db.TouchDevices(w.ctx(), []device.Device{older})) // which came late
		got, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if !got[0].UsedAt.Equal(used.UsedAt) || got[0].Seen != used.Seen {
			t.Errorf("got %+v", got[0])
		}
		w.all(func(db *store.DB, i int) error {
			all := []device.Device{used, gone}
			if i%2 == 0 {
				slices.Reverse(all)
			}
			return db.TouchDevices(w.ctx(), all)
		})
	})
}
