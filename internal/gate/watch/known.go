package watch

import (
	"encoding/json"
	"fmt"
	"slices"
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

// written is what stands in the file.
type written struct {
	Known
	// Done are the ids of the signals that were done last: those that were not acknowledged come again.
	Done []string `json:"done,omitempty"`
}

// mostDone is how many of them are kept. What comes again is what the last poll brought, and perhaps what the one before did.
const mostDone = 100

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

// GivenUp says that the server was given up here: that the service knows nothing of it is no news then.
func (w *Watch) GivenUp() error { return w.learn(Known{}) }

// Taken is when the gate learned that the server which it had is nobody's at the service; who made it so is not known. Zero: it did not happen, or it was claimed since.
func (k Known) Taken() time.Time {
	if k.State != accounts.Unclaimed {
		return time.Time{}
	}
	return k.Since
}

// Suspends reports whether a server was signed out when the service last answered, and why.
func (k Known) Suspends(server string) (door.Suspension, bool) {
	return k.suspension(), k.suspends(server)
}

func (w *Watch) load() error {
	_, err := w.Folder.Read(File, w.Now(), func(raw []byte) error {
		var kept written
		if err := json.Unmarshal(raw, &kept); err != nil {
			return err
		}
		w.known, w.done, w.noted = kept.Known, kept.Done, kept
		return nil
	})
	return err
}

// wasDone reports whether what a signal says was done and written down.
func (w *Watch) wasDone(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.done, id)
}

// learn writes down what is known, and what was done, where that has changed.
func (w *Watch) learn(now Known, done ...accounts.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = now
	next := written{now, slices.Clone(w.done)}
	for _, signal := range done {
		if !slices.Contains(next.Done, signal.ID) {
			next.Done = append(next.Done, signal.ID)
		}
	}
	next.Done = next.Done[max(0, len(next.Done)-mostDone):]
	if last := w.noted; last.sameBut(now) && now.Heard.Sub(last.Heard) < noteEvery && slices.Equal(last.Done, next.Done) {
		return nil
	}
	raw, err := json.Marshal(next)
	if err == nil {
		err = w.Folder.Write(File, raw)
	}
	if err != nil {
		return fmt.Errorf("writing down how the server stands: %w", err)
	}
	w.noted, w.done = next, next.Done
	return nil
}

// sameBut reports whether two say the same, whenever signals were heard.
func (k Known) sameBut(other Known) bool {
	k.Heard, other.Heard = time.Time{}, time.Time{}
	return k == other
}
