package door

import "strings"

// mostNames bounds for how many names it is remembered whose they are. Whoever comes after that with another is told by the subject.
const mostNames = 10_000

// names says whose each user name was when it was first told to the media server, which knows people by it: one that somebody gives up is not told of the
// next person who takes it. It is guarded by the Decider.
type names map[string]string

// telling is the decision as the media server is told of it: without the user name where that is another's here.
func (n names) telling(d Decision) Decision {
	name := strings.ToLower(d.UserName)
	whose, known := n[name]
	switch {
	case known && whose != d.Account, !known && len(n) >= mostNames:
		d.UserName = ""
	case name != "":
		n[name] = d.Account
	}
	return d
}
