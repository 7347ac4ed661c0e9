package web

import (
	"time"

	"usher/internal/household"
)

func sampleHome() []HomeMember {
	return []HomeMember{
		{ID: "m1", Name: "Mara Lindqvist", Letter: "M", Owner: true, You: true},
		{ID: "m2", Name: nasty, Letter: "A", Asks: true},
		{ID: "m3", Name: "Kim", Picture: 4, Managed: true, Asks: true, Locked: true},
		{ID: "m4", Name: "Grandmother Aleksandra Konstantinopolska-of-the-very-long-name", Letter: "G"},
		{ID: "m5", Name: "Ole", Picture: 8, Managed: true},
	}
}

// homeSamples are the pages of Homes.
func homeSamples(ann *Person) []sample {
	all := sampleHome()
	waiting := []HomeMember{{ID: "m6", Label: nasty, Name: nasty, Said: sampleNow.Add(-time.Hour)}, {ID: "m7", Label: "bo@example.org", Name: "bo@example.org", Said: sampleNow.Add(-40 * 24 * time.Hour), Lapsed: true}}
	devices := []HomeDevice{{sampleDevices()[1], "Kim", "Mara Lindqvist"}, {sampleDevices()[2], nasty, ""}}
	theirs := append([]HomeMember{}, all...)
	theirs[0].You, theirs[1].You = false, true
	return []sample{
		{name: "home", page: Page{Person: ann, Nav: "home", Notice: "They are in your Home.", Data: HomePage{In: true, Own: true, Owner: "Mara", Members: all, Waiting: waiting, Devices: devices}}},
		{name: "home", state: "none", page: Page{Person: ann, Nav: "home", Data: HomePage{Invited: []HomeInvitation{{"i1", nasty}, {"i2", ""}}}}},
		{name: "home", state: "full", page: Page{Person: ann, Nav: "home", Data: HomePage{In: true, Own: true, Owner: "Mara", Members: all, Full: true}}},
		{name: "home", state: "somebody else's", page: Page{Person: ann, Nav: "home", Data: HomePage{In: true, Owner: nasty, Members: theirs, Nameless: true}}},
		{name: "home-invite", page: Page{Person: ann, Nav: "home", Data: HomeInvitePage{}}},
		{name: "home-invite", state: "refused", page: Page{Person: ann, Nav: "home", Data: HomeInvitePage{Who: nasty, Form: refused("who", "That is you. You are in your Home already.")}}},
		{name: "home-add", page: Page{Person: ann, Nav: "home", Data: HomeAddPage{Pictures: pictures()}}},
		{name: "home-add", state: "refused", page: Page{Person: ann, Nav: "home", Data: HomeAddPage{Name: nasty, Picture: household.Pictures - 1, Pictures: pictures(), Form: refused("name", nameNeeded)}}},
		{name: "home-join", page: Page{Person: ann, Data: HomeJoinPage{HomeInvitation: HomeInvitation{"i1", "mara"}, Called: "Ann", Address: "ann@example.org"}}},
		{name: "home-join", state: "no name", page: Page{Person: ann, Data: HomeJoinPage{HomeInvitation: HomeInvitation{"i1", "mara"}, Called: "ann@example.org", Address: "ann@example.org"}}},
		{name: "home-join", state: "refused", page: Page{Person: ann, Data: HomeJoinPage{HomeInvitation: HomeInvitation{"i1", ""}, Called: nasty, Address: "ann@example.org", Form: Form{Problem: "You can be in one Home only."}}}},
		{name: "home-member", page: Page{Person: ann, Nav: "home", Data: HomeMemberPage{HomeMember: all[0], MayPIN: true}}},
		{name: "home-member", state: "managed", page: Page{Person: ann, Nav: "home", Notice: "It is unlocked. The PIN counts again.", Data: HomeMemberPage{HomeMember: all[2], MayPIN: true, MayRemove: true, Typed: "Kim", Pictures: pictures()}}},
		{name: "home-member", state: "refused", page: Page{Person: ann, Nav: "home", Data: HomeMemberPage{HomeMember: all[4], MayPIN: true, MayRemove: true, Typed: nasty, Pictures: pictures(), Form: refused("pin", "A PIN is four digits.", "name", nameNeeded)}}},
		{name: "home-member", state: "invited", page: Page{Person: ann, Nav: "home", Data: HomeMemberPage{HomeMember: waiting[0], Waits: true, MayRemove: true}}},
		{name: "home-watch", page: Page{Data: HomeWatchPage{Who: "Kim", Members: all[1:], Back: all[0]}}},
		{name: "home-watch", state: "PIN", page: Page{Data: HomeWatchPage{Who: nasty, Back: HomeMember{ID: "m1", Name: nasty, Asks: true}}}},
		{name: "home-watch", state: "ended", page: Page{Data: HomeWatchPage{}}},
		{name: "home-pin", page: Page{Data: HomePINPage{HomeMember: all[1], Action: "/home/switch"}}},
		{name: "home-pin", state: "refused", page: Page{Data: HomePINPage{HomeMember: all[1], Action: "/home/back", Form: refused("pin", "That isn’t the PIN.")}}},
		{name: "home-pin", state: "limited", page: Page{Data: HomePINPage{HomeMember: all[1], Action: "/home/switch", Form: Form{RetryAt: sampleNow.Add(household.Pause)}}}},
		{name: "home-pin", state: "locked", page: Page{Data: HomePINPage{HomeMember: all[2], Action: "/home/switch"}}},
		{name: "server-home", page: Page{Person: ann, Nav: "servers", Data: ServerHomePage{ID: "s1", Name: nasty, With: "chosen", Members: []HomeChoice{{all[1], true}, {all[2], false}}}}},
		{name: "server-home", state: "empty", page: Page{Person: ann, Nav: "servers", Data: ServerHomePage{ID: "s1", Name: "attic", With: "nobody", Form: Form{Problem: "Somebody has left the Home meanwhile. Choose again."}}}},
	}
}
