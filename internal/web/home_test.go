package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/notice"
	"usher/internal/profile"
	"usher/internal/teststore"
)

// lives is a Home of ann's in which bo is a member, with their browsers; both have just typed their passwords.
func (h *house) lives() (ann, bo *browser) {
	h.t.Helper()
	h.account(annMail, "ann", annPassword)
	h.account(boMail, "boris", newPassword)
	ann, bo = h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
	ann.post("/home/invite", "who", "boris").leadsTo("/home?done=invited")
	bo.post(bo.invitation()+"/accept").leadsTo("/home?done=joined").shows("#main", "it is their Home")
	return ann, bo
}

// invitation is the address of the page about the one Home that invites.
func (b *browser) invitation() string {
	b.house.t.Helper()
	for _, n := range pick(b.get("/home").is(200).doc, "a") {
		if path, _ := attr(n, "href"); strings.HasPrefix(path, "/home/join/") {
			return path
		}
	}
	b.house.t.Fatal("no Home invites")
	return ""
}

// member is the id of a member that may be switched to.
func (b *browser) member(name string) string {
	b.house.t.Helper()
	h, err := b.house.db.FindHome(b.house.t.Context(), b.house.find(annMail).ID)
	b.house.must(err)
	for _, m := range h.Members {
		if m.Name == name || m.UserName == name || m.Label == name {
			return m.ID
		}
	}
	b.house.t.Fatalf("nobody in the Home is called %s", name)
	return ""
}

// watches says who is watching in a browser that is switched.
func (b *browser) watches(name string) {
	b.house.t.Helper()
	b.get("/home").is(200).shows("h1", "Hello, "+name)
}

func TestHomeOnPages(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		ann, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		ann.get("/home").is(200).shows("#main", "You are in no Home")
		ann.post("/home/invite", "who", "").is(422).shows(".error", "Enter an e-mail address or a user name.")
		ann.post("/home/invite", "who", "ann").is(422).shows(".error", "That is you.")
		var said []string
		for _, who := range []string{"boris", "nobody.here", boMail, "nobody@example.net"} { // who has an account is not told
			said = append(said, ann.post("/home/invite", "who", who).leadsTo("/home?done=invited").says(".notice"))
		}
		for _, one := range said {
			if one != said[0] {
				t.Errorf("%q and %q", one, said[0])
			}
		}
		if n := h.mails(notice.KindHomeInvitation); n == 0 {
			t.Error("no mail at all")
		}
		path := bo.invitation()
		bo.get(path).is(200).shows("#main", "everybody can switch to everybody else").shows("#main", "people you live with and trust")
		h.pass(credential.Fresh)
		bo.post(path + "/accept").leadsTo("/sign-in/again?next=" + strings.ReplaceAll(path, "/", "%2F")) // joining needs a fresh proof
		bo.post("/sign-in/again", "password", newPassword, "next", path).leadsTo(path)
		bo.post(path+"/accept").leadsTo("/home?done=joined").shows("#main", "it is their Home")
		bo.post(path + "/accept").leadsTo("/home") // pressed twice
		for _, kind := range []notice.Kind{notice.KindHomeJoined, notice.KindHomeEntered} {
			if h.mails(kind) != 1 {
				t.Errorf("%d mails of %s", h.mails(kind), kind)
			}
		}
		ann = h.signedIn(annMail, annPassword)
		ann.post("/home/add", "name", "  ").is(422).shows(".error", "Write a name")
		ann.post("/home/add", "name", "Mia", "picture", "4").leadsTo("/home?done=added").shows("#main", "no account of their own")
		mia, own := "/home/members/"+ann.member("Mia"), "/home/members/"+ann.member("boris")
		ann.post(mia+"/change", "name", "Mia Maria", "picture", "99").leadsTo(mia + "?done=change")
		ann.post(mia+"/pin", "pin", "12a4").is(422).shows(".error", "A PIN is four digits.")
		ann.post(mia+"/pin", "pin", "4711").leadsTo(mia+"?done=pin").shows("#main", "types a PIN")
		ann.post(own+"/pin", "pin", "4711").is(404) // each account its own
		bo = h.signedIn(boMail, newPassword)
		bo.post(mia+"/pin", "pin", "1111").is(404)
		bo.get(mia).is(404)
		bo.post(mia + "/remove").is(404)
		bo.post(own+"/pin", "pin", "0815").leadsTo(own + "?done=pin")
		bo.post(own+"/pin", "pin", "").leadsTo(own + "?done=no-pin")
		bo.get("/account").shows("#main", "3 people")
		bo.post("/home/leave").leadsTo("/home?done=left").shows("#main", "You are in no Home")
		ann.post(mia + "/remove").leadsTo("/home?done=remove")
		ann.post("/home/invite", "who", "somebody@example.org").is(303)
		waits := "/home/members/" + ann.member("somebody@example.org")
		ann.get(waits).is(200).shows("#main", "have not answered yet")
		ann.post(waits+"/remove").leadsTo("/home?done=taken-back").shows("#main", "The invitation is taken back.")
		if h.mails(notice.KindHomeLeft) != 1 {
			t.Error("the owner is not told who left")
		}
		ann.post("/home/add", "name", "Max").is(303)
		bo.get("/home/join/" + strings.Repeat("0", 26)).is(404)
	})
}

// The download has the Home as its reader sees it: the owner all of it, a member no address, no invitation and nothing that is switched between others; nobody a PIN.
func TestHomesAreInTheDownload(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		download := func(b *browser) (got profile.Data, raw string) {
			raw = b.get("/account/data/download").is(200).body
			h.must(json.Unmarshal([]byte(raw), &got))
			return got, raw
		}
		ann.post("/home/add", "name", "Mia", "picture", "4").is(303)
		ann.post("/home/invite", "who", "nobody@example.net").is(303)
		ann.post("/home/members/"+ann.member("Mia")+"/pin", "pin", "0417").is(303)
		other := h.signedIn(annMail, annPassword)
		other.post("/home/switch", "member", ann.member("Mia"), "pin", "0417").leadsTo("/home")
		third := h.signedIn(boMail, newPassword)
		third.post("/home/switch", "member", ann.member("ann")).leadsTo("/home")

		got, raw := download(ann)
		d := got.Home
		if d == nil || !d.Yours || len(d.Members) != 3 || len(d.Invited) != 1 || d.Invited[0].As != "nobody@example.net" || len(d.Switched) != 2 {
			t.Fatalf("ann's: %+v", d)
		}
		mia := d.Members[slices.IndexFunc(d.Members, func(m profile.DataMember) bool { return m.Name == "Mia" })]
		if !mia.Managed || mia.Picture != 4 || mia.You || mia.Owner {
			t.Errorf("Mia is %+v", mia)
		}
		if strings.Contains(raw, "0417") {
			t.Error("the PIN is in it")
		}
		got, raw = download(bo)
		d = got.Home
		if d == nil || d.Yours || len(d.Members) != 3 || len(d.Invited) != 0 || len(d.Switched) != 1 || d.Switched[0].As != "ann" || d.Switched[0].By != "boris" {
			t.Fatalf("bo's: %+v", d)
		}
		if strings.Contains(raw, annMail) || strings.Contains(raw, "nobody@example.net") {
			t.Error("bo reads addresses in it")
		}
		bo.post("/home/leave").is(303)
		if got, _ = download(bo); got.Home != nil {
			t.Errorf("bo's, who has left: %+v", got.Home)
		}
	})
}

// A Home ends by its owner's word, with a fresh proof: for everybody, who are told.
func TestOwnersEndTheirHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		ann.post("/home/add", "name", "Mia").is(303)
		bo.post("/home/end").is(404)
		ann.get("/home").is(200).has(1, "form[action=/home/end]").has(0, "form[action=/home/leave]")
		bo.get("/home").is(200).has(0, "form[action=/home/end]")
		h.pass(credential.Fresh)
		ann.post("/home/end").leadsTo("/sign-in/again?next=%2Fhome")
		ann.post("/sign-in/again", "password", annPassword, "next", "/home").leadsTo("/home")
		ann.post("/home/end").leadsTo("/home?done=ended").shows("#main", "You are in no Home")
		ann.post("/home/end").leadsTo("/home?done=ended") // pressed twice
		bo.get("/home").is(200).shows("#main", "You are in no Home")
		if n := h.mails(notice.KindHomeEnded); n != 1 {
			t.Errorf("%d mails that the Home has ended", n)
		}
		for who, mail := range map[string]string{"the owner": annMail, "the member": boMail} {
			if n := h.recorded(h.find(mail).ID, audit.HomeEnded); n != 1 {
				t.Errorf("%d records for %s", n, who)
			}
		}
		bo.get("/account/activity").shows("#main", "A Home that you were in ended.")
	})
}

// Attack S2: a browser that is switched is one person's at a time, whoever's cookies it has kept: no page of an account opens, and nothing is mixed.
func TestSwitchedBrowserIsOnePersons(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		ann.post("/home/add", "name", "Mia").is(303)
		before := ann.copyOf()
		ann.post("/home/switch", "member", ann.member("Mia")).leadsTo("/home")
		ann.watches("Mia")
		before.get("/account").is(303) // what the browser had before is worth nothing
		for _, rt := range h.door.routes() {
			method, path := parts(rt.pattern, nothing())
			if strings.HasPrefix(path, "/account") || strings.HasPrefix(path, "/servers") || strings.HasPrefix(path, "/admin") || strings.HasPrefix(path, "/claim") || strings.HasPrefix(path, "/link") || strings.HasPrefix(path, "/home/") && path != "/home/pin" && path != "/home/switch" && path != "/home/back" {
				if strings.Contains(path, "/confirm/") {
					continue
				}
				if a := ann.copyOf().send(method, path, map[string][]string{"password": {annPassword}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/home" {
					t.Errorf("%s answers %d %s to a browser that is switched", rt.pattern, a.status, a.header.Get("Location"))
				}
			}
		}
		ann.post("/home/switch", "member", ann.member("boris")).leadsTo("/home") // and on
		ann.watches("boris")
		h.count(1, "switched")
		page := ann.get("/home").is(200).body
		for _, secret := range []string{annMail, boMail} {
			if strings.Contains(page, secret) {
				t.Errorf("the page of a switched browser tells %s", secret)
			}
		}
		ann.post("/home/back").leadsTo("/home").shows("#main", "it is your Home")
		h.count(0, "switched")
		ann.post("/home/back").leadsTo("/home")                                                       // pressed twice
		ann.get("/account/data/download").leadsTo("/sign-in/again?next=%2Faccount%2Fdata%2Fdownload") // who comes back has proved nothing
		ann.post("/home/switch", "member", ann.member("Mia")).leadsTo("/home")
		ann.post("/sign-in", "login", boMail, "password", newPassword).is(303) // whoever signs in has the browser to themselves
		ann.get("/account").is(200).shows("h1", "boris")
		ann.post("/sign-out").is(303)
		ann.get("/home").leadsTo("/sign-in?next=%2Fhome")
		bo.get("/account").is(200)
	})
}

// Coming back and switching ask for the PIN where there is one, with one counter for each member, and whoever may unlock it is told.
func TestPINsInABrowser(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		own := ann.member("ann")
		ann.post("/home/members/"+own+"/pin", "pin", "4711").is(303)
		bo.post("/home/switch", "member", own).leadsTo("/home/pin?member="+own).has(1, "input[name=pin]") // nothing was typed, so nothing is wrong
		ann.post("/home/switch", "member", ann.member("boris")).leadsTo("/home")
		ann.post("/home/back").leadsTo("/home/pin?member="+own).has(1, "form[action=/home/back] input[name=pin]")
		ann.post("/home/back", "pin", "4711").leadsTo("/home")
		for i := range household.FreeTries {
			bo.post("/home/switch", "member", own, "pin", "0000").is(422).shows(".error", "That isn’t the PIN.")
			if want := i + 1; want == household.FreeTries && h.mails(notice.KindPINGuessed) != 1 {
				t.Error("the owner is not told")
			}
		}
		bo.post("/home/switch", "member", own, "pin", "4711").is(429) // the right one waits, too
		h.pass(household.Pause)
		for range household.MostTries - household.FreeTries {
			bo.post("/home/switch", "member", own, "pin", "0000").is(422)
		}
		h.pass(100 * 24 * time.Hour / 5)
		bo = h.signedIn(boMail, newPassword)
		bo.post("/home/switch", "member", own, "pin", "4711").is(422).shows("#main", "Too many wrong PINs")
		if n := h.mails(notice.KindPINGuessed); n != 2 {
			t.Errorf("%d mails about guesses", n)
		}
		ann = h.signedIn(annMail, annPassword)
		ann.get("/home/members/"+own).is(200).shows("#main", "It is locked.")
		ann.post("/home/members/" + own + "/unlock").is(303)
		bo.post("/home/switch", "member", own, "pin", "4711").leadsTo("/home")
		bo.watches("ann")
		if n := h.recorded(h.find(annMail).ID, audit.HomePINGuessed); n != 2 {
			t.Errorf("%d records of guesses", n)
		}
	})
}

// Attack R17, for the Home: while the owner of an account must choose a new password, nobody switches to it, and nobody comes back to it.
func TestNobodySwitchesWhileAResetIsRequired(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		bo.post("/home/switch", "member", ann.member("ann")).leadsTo("/home")
		parked := h.signedIn(annMail, annPassword)
		parked.post("/home/switch", "member", ann.member("boris")).leadsTo("/home")
		h.must(h.db.RequireReset(t.Context(), h.find(annMail).ID, "", audit.New(h.now, audit.ResetRequired, audit.CLI, h.find(annMail).ID)))
		bo.get("/home").is(200).shows("h1", "Nobody is watching")
		bo.post("/home/back").leadsTo("/home")
		bo.post("/home/switch", "member", ann.member("ann")).is(422).shows("#main", "that account is closed")
		parked.get("/home").leadsTo("/sign-in?next=%2Fhome")
		parked.post("/home/back").is(303)
		parked.get("/account").leadsTo("/sign-in?next=%2Faccount")
	})
}

// What members are switched on is the owner's to see and to end.
func TestOwnersSeeWhatIsSwitched(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		bo.post("/home/switch", "member", ann.member("ann")).leadsTo("/home")
		page := ann.get("/home").is(200).shows("#main", "What is switched").shows("#main", "on a device of boris")
		id := page.value("input[name=id]")
		stranger := h.signedIn(boMail, newPassword)
		stranger.get("/home").has(0, "form[action=/home/devices/sign-out]")
		stranger.post("/home/devices/sign-out", "id", id).is(404)
		bo.watches("ann")
		ann.post("/home/devices/sign-out", "id", id).leadsTo("/home?done=signed-out")
		ann.post("/home/devices/sign-out", "id", id).leadsTo("/home?done=signed-out")
		bo.get("/home").is(200).shows("h1", "Nobody is watching")
	})
}

// A server is opened to everybody of the Home or to some, and its page says to whom.
func TestOpenAServerToTheHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		ann.post("/home/add", "name", "Mia").is(303)
		path := "/servers/" + ann.claims()
		ann.post(path+"/home", "with", "chosen", "member-"+ann.member("Mia"), "yes").leadsTo(path+"?done=home").shows("#main", "household, by your Home").shows("#main", "Mia")
		bo.get("/servers").is(200).shows("#main", "No servers yet")
		ann.post(path+"/home", "with", "chosen", "member-"+ann.member("Mia"), "yes", "member-"+ann.member("boris"), "yes").leadsTo(path + "?done=home")
		ann.get(path+"/home").is(200).has(2, "input[type=checkbox][checked]")
		bo.get("/servers").is(200).shows("h2", "Shared with you")
		ann.post(path+"/home", "with", "chosen").is(422).shows("#main", "Choose at least one").has(1, "input[value=chosen][checked]").has(0, "input[type=checkbox][checked]")
		ann.post(path+"/home", "with", "chosen", "member-x", "yes").is(422).shows("#main", "left the Home meanwhile")
		ann.post(path+"/home", "with", "all").leadsTo(path + "?done=home")
		bo.get("/servers").is(200).shows("h2", "Shared with you")
		bo.post("/home/leave").is(303)
		bo.get("/servers").is(200).shows("#main", "No servers yet")
		ann.post(path+"/home", "with", "nobody").leadsTo(path+"?done=home").shows("#main", "Nobody of your Home gets in")
		ann.post(path+"/home", "with", "x").is(404)
		bo.post(path+"/home", "with", "all").is(404)
	})
}

// count fails unless there are so many credentials of a kind that count.
func (h *house) count(want int, kind credential.Kind) {
	h.t.Helper()
	all, err := h.db.ListSwitched(h.t.Context(), h.find(annMail).ID)
	h.must(err)
	if len(all) != want {
		h.t.Errorf("%d of %s, want %d", len(all), kind, want)
	}
}

// As what somebody was invited, which may be their address, is told to nobody but the owner: to no other member, and to nobody at a browser that is switched.
func TestNobodyElseReadsAddressesInAHome(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann, bo := h.lives()
		dora := teststore.Person(h.t, h.db, "dora", h.now, func(a *account.Account) { a.Name, a.UserName = "", "" })
		ann.post("/home/invite", "who", dora.Email).is(303)
		waiting, err := h.door.Home.Invitations(t.Context(), dora)
		h.must(err)
		fresh := credential.Found{Credential: credential.Credential{Kind: credential.Browser, AccountID: dora.ID, FreshAt: h.now}}
		h.must(h.door.Home.Join(t.Context(), fresh, dora, waiting[0].ID, device.Client{}))
		ann.get("/home").is(200).shows("#main", dora.Email)
		path := "/servers/" + bo.claims()
		for _, page := range []*answer{bo.get("/home"), bo.get(path + "/home"), bo.get(path)} {
			if strings.Contains(page.is(200).body, dora.Email) || strings.Contains(page.body, annMail) {
				t.Errorf("%s tells a member an address", page.path)
			}
		}
		ann.post("/home/switch", "member", ann.member("boris")).leadsTo("/home")
		if page := ann.get("/home").is(200).body; strings.Contains(page, "example.") {
			t.Error("a switched browser tells an address")
		}
	})
}
