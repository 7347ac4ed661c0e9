package gate

import (
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/gate/door"
)

// admittedFile keeps who was let in, so that they stay in when the gate starts again while the service does not answer.
const admittedFile = "admitted.json"

// rememberEvery is how often it is written; a gate that is killed forgets who came in since.
const rememberEvery = time.Minute

type admitted struct {
	All     []door.Admitted `json:"admitted"`
	Contact time.Time       `json:"contact"` // when the service last answered
	// Names are whose user names are, at the media server; they stay when the server changes hands.
	Names map[string]string `json:"names,omitempty"`
}

// restore gives a new decider what the one before knew. What is of another server opens nothing there.
func (g *gate) restore(d *door.Decider) error {
	_, err := g.folder.Read(admittedFile, g.Now(), func(raw []byte) error {
		var kept admitted
		if err := json.Unmarshal(raw, &kept); err != nil {
			return err
		}
		d.RestoreNames(kept.Names)
		d.Restore(kept.All, kept.Contact)
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
	kept := admitted{Names: d.Decider.Names()}
	if _, claimed := g.folder.Server(); claimed {
		kept.All, kept.Contact = d.Decider.Admitted()
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

// remember does so from time to time.
func (g *gate) remember() {
	if err := g.Remember(); err != nil {
		g.Log.Warn("who is let in was not written down", "error", err)
	}
}
