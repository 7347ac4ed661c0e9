package door

import (
	"cmp"
	"maps"
	"time"
)

// Suspension is why a server lets nobody in. The zero Suspension says no more than that.
type Suspension struct {
	// Reason is the service's word for it, as at its address of standing.
	Reason string
	// Servers is the page of the service where the owner brings the server back.
	Servers string
}

// Ended says whose decisions end: those of a session, those of an account, or, when it is empty, all.
type Ended struct{ Account, Session string }

func (e Ended) covers(d Decision) bool {
	return e == Ended{} || e.Session != "" && e.Session == d.Session && cmp.Or(e.Account, d.Account) == d.Account ||
		e.Session == "" && e.Account == d.Account
}

// End drops what was decided; whoever comes again is asked about. What is open is cut.
func (d *Decider) End(who Ended) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endAll(who)
}

func (d *Decider) endAll(who Ended) {
	d.forget(who.Account) // of one device that is told without its account, everybody's
	for _, a := range d.known {
		if who.covers(a.Decision) || a.kind == byAccount && who.Account == a.Account {
			d.remove(a)
		}
	}
}

// forget has everything asked anew that was refused, since of whom that was is not known, and answers about an account count for nothing that are on their way; empty,
// whosever they are. Those about others count: a guest who signs in and out without end holds up nobody.
func (d *Decider) forget(account string) {
	d.generation++
	for _, f := range d.flights {
		if f.ended == nil {
			f.ended = map[string]bool{}
		}
		f.ended[account] = true
	}
	maps.DeleteFunc(d.refused, func(_ key, r refusal) bool { return !r.used })
}

// EndPasswords drops whom an account's own password has let in; empty, whoever's it is. What apps have got by passwords of this server stays. What was refused is
// asked about anew.
func (d *Decider) EndPasswords(account string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(account)
	for _, a := range d.known {
		if a.kind == byAccount && (account == "" || account == a.Account) {
			d.remove(a)
		}
	}
}

// Doubt has everybody asked about anew, and cuts nothing that the service still lets in: something may have ended of which nothing was said.
func (d *Decider) Doubt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget("")
	for _, a := range d.known {
		if a.asked = (time.Time{}); a.spent() {
			d.remove(a)
		}
	}
}

// Suspend lets nobody in from now on, and cuts what is open.
func (d *Decider) Suspend(why Suspension) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspended = &why
	d.endAll(Ended{})
}

// Resume takes Suspend back. Everybody is asked about anew.
func (d *Decider) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspended = nil
	d.endAll(Ended{})
}

// Suspended reports whether nobody is let in, whoever comes.
func (d *Decider) Suspended() bool { return d.suspension() != nil }

// suspension is why nobody is let in; nil when people are.
func (d *Decider) suspension() *Suspension {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.suspended
}
