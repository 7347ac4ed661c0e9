package door

import "strings"

// What bounds the names of which it is remembered whose they are: in all, and of one account, which may change its name as often as it likes. Whoever comes after that
// with another is told by the subject.
const (
	mostNames   = 10_000
	mostNamesOf = 20
)

// names says whose each user name was when it was first told to the media server, which knows people by it: one that somebody gives up is not told of the
// next person who takes it. It is guarded by the Decider.
type names map[string]string

// telling is the decision as the media server is told of it: without the user name where that is another's here.
func (n names) telling(d Decision) Decision {
	name := strings.ToLower(d.UserName)
	whose, known := n[name]
	switch {
	case name == "" || known && whose == d.Account:
	case known || !n.hasRoom(d.Account):
		d.UserName = ""
	default:
		n[name] = d.Account
	}
	return d
}

// hasRoom reports whether one more name of an account can be remembered. None is let go of for that: the next person who takes it would be taken for this one.
func (n names) hasRoom(account string) bool {
	if len(n) >= mostNames {
		return false
	}
	own := 0
	for _, whose := range n {
		if whose == account {
			own++
		}
	}
	return own < mostNamesOf
}
