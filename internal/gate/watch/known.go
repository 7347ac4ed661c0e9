package watch

import (
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
)

// File keeps what is known of how the server stands.
const File = "standing.json"

// noteEvery is how often it is written down that nothing has changed.
const noteEvery = time.Minute

// Known is what the gate knows of how the server stands with the service. The zero Known is nothing.
type Known struct {
	Server  string    `json:"server"`
	State   string    `json:"standing"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Servers string    `json:"servers,omitempty"`
	// Heard is when signals were last read to their end; zero: never.
	Heard time.Time `json:"heard,omitzero"`
}

func (k Known) suspends(server string) bool {
	return k.Server == server && k.State == accounts.Suspended
}

func (k Known) suspension() door.Suspension {
	return door.Suspension{Reason: k.Reason, Servers: k.Servers}
}

// Parse reads what a Watch has written down.
func Parse(raw []byte) (k Known, err error) {
	if err := json.Unmarshal(raw, &k); err != nil {
		return Known{}, fmt.Errorf("reading how the server stands: %w", err)
	}
	return k, nil
}

// Known returns what is known now.
func (w *Watch) Known() Known {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known
}

// Suspends reports whether a server was signed out when the service last answered, and why.
func (w *Watch) Suspends(server string) (door.Suspension, bool) {
	k := w.Known()
	return k.suspension(), k.suspends(server)
}

func (w *Watch) load() error {
	_, err := w.Folder.Read(File, w.Now(), func(raw []byte) error {
		k, err := Parse(raw)
		w.known, w.noted = k, k
		return err
	})
	return err
}

// learn writes down what is known, where that has changed.
func (w *Watch) learn(now Known) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = now
	if last := w.noted; last.sameBut(now) && now.Heard.Sub(last.Heard) < noteEvery {
		return nil
	}
	raw, err := json.Marshal(now)
	if err == nil {
		err = w.Folder.Write(File, raw)
	}
	if err != nil {
		return fmt.Errorf("writing down how the server stands: %w", err)
	}
	w.noted = now
	return nil
}

// sameBut reports whether two say the same, whenever signals were heard.
func (k Known) sameBut(other Known) bool {
	k.Heard, other.Heard = time.Time{}, time.Time{}
	return k == other
}
