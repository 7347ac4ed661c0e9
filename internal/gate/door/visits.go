package door

import (
	"slices"
	"time"
)

// Visit is when an account was here last.
type Visit struct {
	Account string
	At      time.Time // to the second, and up to seenEvery before
}

const (
	// seenEvery is how often it is noted at most that somebody is here: a request that need not say so writes nothing.
	seenEvery = time.Minute
	// mostVisits is more than a server lets in people.
	mostVisits = 200
)

// visits are when accounts were here last, in seconds since 1970, of which the service was not told yet. It is guarded by the Decider.
type visits map[string]int64

// note takes over what is known of somebody who is let in.
func (v visits) note(a *admitted) {
	at := a.seen.Swap(0)
	if last, known := v[a.Account]; at > last && (known || len(v) < mostVisits) {
		v[a.Account] = at
	}
}

// here notes that whoever was let in is here.
func (a *admitted) here(now time.Time) {
	at, last := now.Unix(), a.seen.Load()
	if at < last || at-last >= int64(seenEvery/time.Second) { // before: the clock was set back
		a.seen.Store(at)
	}
}

// Visits returns who was here since the service was told last. What lasts, such as a film, counts until it ends.
func (d *Decider) Visits() (all []Visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.known {
		d.visits.note(a)
	}
	for account, at := range d.visits {
		all = append(all, Visit{account, time.Unix(at, 0).UTC()})
	}
	slices.SortFunc(all, func(a, b Visit) int { return a.At.Compare(b.At) })
	return all
}

// Told says that the service was told that.
func (d *Decider) Told(all []Visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range all {
		if d.visits[v.Account] == v.At.Unix() {
			delete(d.visits, v.Account)
		}
	}
}
