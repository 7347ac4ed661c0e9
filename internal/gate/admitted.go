package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/gate/door"
)

// admittedFile keeps who was let in, so that they stay in when the gate starts again while the service does not answer.
const admittedFile = "admitted.json"

// rememberEvery is how often it is written where nothing has changed, rememberSoon after how long a change is: a gate that is killed forgets who came in since.
// Where much changes, one part of rememberPart of the time goes into writing.
const (
	rememberEvery = time.Minute
	rememberSoon  = time.Second
	rememberPart  = 20
)

// clockSlack is by how much the clock may have been set back while the gate was off. By more, and nobody knows how long the service has been silent: whoever sets
// the clock of a machine could have an outage last as long as they like.
const clockSlack = time.Minute

// forever is longer than any outage may be, and twice of it is still a Duration.
const forever = 100 * 365 * 24 * time.Hour

type admitted struct {
	All     []door.Admitted `json:"admitted"`
	Written time.Time       `json:"written"`
	Silent  time.Duration   `json:"silent"` // for how long the service had not answered then, in nanoseconds
	Left    []door.Left     `json:"left,omitempty"`
	// Names are whose user names are, at the media server; they stay when the server changes hands.
	Names map[string]string `json:"names,omitempty"`
}

// silence is for how long the service has not answered.
func (a admitted) silence(now time.Time) time.Duration {
	off := now.Sub(a.Written)
	if off < -clockSlack {
		return forever
	}
	return min(a.Silent, forever) + min(max(0, off), forever)
}

// restore gives a new decider what the one before knew. What is of another server opens nothing there.
func (g *gate) restore(d *door.Decider) error {
	_, err := g.folder.Read(admittedFile, g.Now(), func(raw []byte) error {
		var kept admitted
		if err := json.Unmarshal(raw, &kept); err != nil {
			return err
		}
		d.RestoreNames(kept.Names)
		d.Restore(kept.All, kept.silence(g.Now()))
		d.RestoreLeft(kept.Left)
		return nil
	})
	return err
}

// Remember writes down who is let in; nobody, where the server is nobody's.
func (g *gate) Remember() error {
	g.remembering.Lock() // what was written last is what was known last
	defer g.remembering.Unlock()
	d := g.door.Load()
	if d == nil {
		return nil
	}
	kept := admitted{Names: d.Decider.Names(), Written: g.Now()}
	if _, claimed := g.folder.Server(); claimed {
		kept.All, kept.Silent = d.Decider.Admitted()
		kept.Left = d.Decider.Left()
	}
	raw, err := json.Marshal(kept)
	if err == nil {
		err = g.folder.Write(admittedFile, raw)
	}
	if err != nil {
		return fmt.Errorf("writing down who is let in: %w", err)
	}
	return nil
}

// changed has it written soon.
func (g *gate) changed() {
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// keepRemembering writes it from time to time, and soon after a change, until ctx ends.
func (g *gate) keepRemembering(ctx context.Context) {
	pause := rememberSoon
	for {
		select {
		case <-ctx.Done():
			g.remember()
			return
		case <-time.After(rememberEvery):
		case <-g.news:
			select { // others may come in at the same time
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
		began := time.Now()
		g.remember()
		pause = max(rememberSoon, rememberPart*time.Since(began))
	}
}

// remember says so where it did not work.
func (g *gate) remember() {
	if err := g.Remember(); err != nil {
		g.Log.Warn("who is let in was not written down", "error", err)
	}
}
