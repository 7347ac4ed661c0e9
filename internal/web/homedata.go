package web

import (
	"time"
)

// HomePage is "home", for who is signed in as themselves. Its forms post member to /home/switch, nothing to /home/leave and /home/end, and id to /home/devices/sign-out.
type HomePage struct {
	In      bool // the visitor is in a Home
	Own     bool // which is their own
	Owner   string
	Members []HomeMember     // who has joined, the visitor too
	Waiting []HomeMember     // invited by the visitor
	Invited []HomeInvitation // that the visitor may accept
	Devices []HomeDevice     // for the owner
	Full    bool
	// Nameless says that the visitor has chosen no name, for the others to see.
	Nameless bool
}

// HomeMember is somebody of a Home.
type HomeMember struct {
	ID      string
	Name    string
	Label   string // as the owner typed it; for the owner
	Letter  string // that stands in the face of who has no picture
	Picture int
	Managed bool
	Owner   bool
	You     bool
	Asks    bool // for a PIN
	Locked  bool // no PIN counts until it is unlocked
	Lapsed  bool // the invitation is too old
	Said    time.Time
}

// Path is the member's own page; its acts post below it.
func (m HomeMember) Path() string { return "/home/members/" + m.ID }

// HomeInvitation is a Home that the visitor may join.
type HomeInvitation struct{ ID, Owner string }

// Path is the page about it.
func (i HomeInvitation) Path() string { return "/home/join/" + i.ID }

// HomeDevice is something that a member is switched to another one on.
type HomeDevice struct {
	Device
	As, By string // what the members are called; By may be empty
}

// HomeJoinPage is "home-join"; it posts nothing to /home/join/{id}/accept and /home/join/{id}/decline.
type HomeJoinPage struct {
	Form
	HomeInvitation
	Called, Address string
}

// HomeInvitePage is "home-invite"; it posts who.
type HomeInvitePage struct {
	Form
	Who string
}

// HomeAddPage is "home-add"; it posts name and picture.
type HomeAddPage struct {
	Form
	Name     string
	Picture  int
	Pictures []int
}

// HomeMemberPage is "home-member"; it posts name and picture, or pin, to what stands below its address.
type HomeMemberPage struct {
	Form
	HomeMember
	MayPIN, MayRemove bool
	Waits             bool // invited, and has not said yes
	Typed             string
	Pictures          []int
}

// HomeWatchPage is "home-watch", for a browser that is switched, or was: it posts member to /home/switch.
type HomeWatchPage struct {
	Form
	Who     string       // who is watching; empty where nobody is any more
	Members []HomeMember // to whom one may switch
	Back    HomeMember   // whose browser it is; posts to /home/back
}

// HomePINPage is "home-pin"; it posts member and pin.
type HomePINPage struct {
	Form
	HomeMember
	Action string
}

// ServerHomePage is "server-home"; it posts with, and for each member that is chosen member-{id}, yes.
type ServerHomePage struct {
	Form
	ID, Name string
	With     string // nobody, all or chosen
	Members  []HomeChoice
}

// HomeChoice is a member that may be chosen.
type HomeChoice struct {
	HomeMember
	Chosen bool
}

// Others are the members to whom the visitor may switch.
func (p HomePage) Others() (all []HomeMember) {
	for _, m := range p.Members {
		if !m.You {
			all = append(all, m)
		}
	}
	return all
}
