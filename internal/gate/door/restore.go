package door

import (
	"crypto/sha256"
	"maps"
	"time"
)

// Admitted is a decision as it is kept over a restart. Key is a hash, from which no token can be made.
type Admitted struct {
	Key      []byte   `json:"key"`
	Decision Decision `json:"decision"`
}

// Left is somebody who has signed out, as it is kept over a restart. Key is as that of Admitted.
type Left struct {
	Key   []byte    `json:"key"`
	Until time.Time `json:"until"`
}

// Admitted returns what is to be kept over a restart, and for how long the service has been silent: when that began would say nothing after the clock was set.
func (d *Decider) Admitted() (all []Admitted, silent time.Duration) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all = make([]Admitted, 0, len(d.known))
	for k, a := range d.known {
		if a.kind != byAccount {
			kept := a.Decision
			kept.Until = a.Until
			all = append(all, Admitted{k[:], kept})
		}
	}
	return all, max(0, d.now().Sub(d.contact))
}

// Left returns who has signed out here, to be kept over a restart: the service may not know of it.
func (d *Decider) Left() []Left {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Left, 0, len(d.left))
	for k, until := range d.left {
		if !d.now().Before(until) {
			delete(d.left, k)
			continue
		}
		all = append(all, Left{k[:], until})
	}
	return all
}

// RestoreLeft takes over what Left returned.
func (d *Decider) RestoreLeft(all []Left) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range all {
		if len(one.Key) == sha256.Size && len(d.left) < mostRefused {
			d.left[key(one.Key)] = one.Until
		}
	}
}

// Restore takes over what Admitted returned: it counts in an outage, and is asked about anew when there is none, for nobody knows what ended in between.
func (d *Decider) Restore(all []Admitted, silent time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.contact = now.Add(-silent)
	for _, one := range all {
		if len(one.Key) != sha256.Size || !now.Before(one.Decision.Until.Add(d.limit)) || one.Decision.Account == "" || len(d.known) >= mostAdmitted {
			continue
		}
		k := key(one.Key)
		d.known[k] = d.admit(k, one.Decision, time.Time{})
	}
}

// Names returns whose user names are, to be kept over a restart.
func (d *Decider) Names() map[string]string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.names)
}

// RestoreNames takes over what Names returned. It comes before Restore.
func (d *Decider) RestoreNames(all map[string]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, account := range all {
		if len(d.names) < mostNames && account != "" {
			d.names[name] = account
		}
	}
}
