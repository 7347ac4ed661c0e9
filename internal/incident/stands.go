package incident

import "time"

// How an incident stands where its state alone does not say so. Neither is kept.
const (
	Lapsed State = "lapsed" // proposed, and too old to be declared
	Paused State = "paused" // it holds, and the notices wait
)

// Stands is the state as people are told it.
func (i Incident) Stands(now time.Time) State {
	switch {
	case i.Lapsed(now):
		return Lapsed
	case i.Paused && i.Holds():
		return Paused
	}
	return i.State
}

// words tell operators how an incident stands, on the pages and at the command line alike.
var words = map[State]string{
	Drafted: "draft", Proposed: "waits for a second word", Lapsed: "lapsed", Listing: "list is being written", Open: "in force",
	Paused: "in force, e-mails paused", Withdrawn: "withdrawn",
}

// Word is the state in words.
func (s State) Word() string { return words[s] }
