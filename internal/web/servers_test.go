package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mediaserver"
	"usher/internal/notice"
	"usher/internal/server"
)

// stands is how a server stands.
func (h *house) stands(id string, want server.State) {
	h.t.Helper()
	held, err := h.db.FindServer(h.t.Context(), id)
	got := held.Standing(h.clock()).State
	if err != nil || got != want {
		h.t.Errorf("the server is %s, want %s; %v", got, want, err)
	}
}

func TestASuspendedServerComesBack(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		b.get("/servers").is(200).shows(".empty", "No servers yet")
		b.get("/account").is(200).has(1, ".facts a[href=/claim]")
		one, two := b.claims(), b.claims()
		b.get("/account/devices").shows("main", "Your 2 media servers let nobody in until you bring them back")
		b.get("/account/password").shows("#sign_out-hint", "Your 2 media servers let nobody in")
		b.get("/account").is(200).shows(".panel", "Everything looks right").has(1, ".facts a[href=/servers]")
		b.get("/servers/"+one).is(200).submit("/servers/"+one+"/sign-out").leadsTo("/servers/"+one+"?done=sign-out").is(200).shows(".notice", "signed out").shows(".look", "You signed this server out")
		h.stands(one, server.Suspended)
		h.stands(two, server.Good)
		b.post("/servers/" + one + "/sign-out").is(303) // pressed twice is done once
		b.get("/account").shows(".look", "A server is waiting for you").has(1, ".look a[href=/servers]")
		b.get("/servers").shows(".note", "One server is waiting").has(0, "form[action=/servers]").submit("/servers/"+one+"/back").leadsTo("/servers?done=back").is(200).shows(".notice", "It is back")
		h.stands(one, server.Good)

		b.get("/account/devices").submit("/account/devices/sign-out-all").is(303)
		b.get("/account/password").has(0, ".look")
		b.get("/account").shows(".look", "2 servers are waiting for you")
		h.pass(credential.Fresh)
		list := b.get("/servers").is(200).shows("h2", "Servers waiting for you").shows(".list", "signed out with everything else").has(0, "form[action=/servers]").shows("main", "one by one")
		b.post("/servers").leadsTo("/sign-in/again?next=%2Fservers")
		list.submit("/servers/"+one+"/back").leadsTo("/sign-in/again?next=%2Fservers%2F"+one).submit("/sign-in/again", "password", annPassword).leadsTo("/servers/" + one).is(200)
		h.stands(one, server.Suspended)
		b.post("/servers").leadsTo("/servers?done=older-back").is(200).shows(".notice", "claimed in the last seven days")
		h.stands(one, server.Suspended)
		h.pass(7 * 24 * time.Hour)
		b = h.signedIn(annMail, annPassword)
		young := b.claims()
		b.post("/servers/" + young + "/sign-out").is(303)
		b.get("/servers").is(200).shows("summary", "Bring the others back").shows("main", "Bring the other 2 back?").submit("/servers").leadsTo("/servers?done=older-back").is(200)
		h.stands(young, server.Suspended)
		h.stands(one, server.Good)
		h.stands(two, server.Good)
		b.post("/servers/" + one + "/sign-out").is(303)
		h.pass(7 * 24 * time.Hour)
		b = h.signedIn(annMail, annPassword)
		b.get("/servers").submit("/servers").leadsTo("/servers?done=all-back").is(200).has(0, ".note").shows(".list", "Not reached")
		h.stands(young, server.Good)
		h.stands(one, server.Good)
		if h.recorded(ann.ID, audit.ServerBack) != 3 || h.mails(notice.KindServersBack) != 3 {
			t.Error("it is not recorded, or told to nobody")
		}
		h.pass(20 * time.Minute)
		b.get("/servers").is(200).shows(".list", "Not reached")
	})
}

func TestAddressesOfAServer(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		path := "/servers/" + id
		b.get(path).is(200).shows("main", "No address is confirmed yet").has(3, "form[action="+path+"/confirm-address]")
		for _, bad := range []string{"", "attic", "http://attic.example.org", "http://8.8.8.8", "https://attic.example.org/x", "javascript:alert(1)"} {
			b.post(path+"/confirm-address", "address", bad).is(422).shows("#address-error", "begins with https://")
		}
		b.post(path+"/confirm-address", "address", "https://media.example.org/").leadsTo(path+"?done=confirm-address").is(200).shows(".list", "confirmed").shows(".notice", "confirmed")
		page := b.post(path+"/confirm-address", "address", "http://192.168.1.20:32400").leadsTo(path+"?done=confirm-address").has(2, "form[action="+path+"/remove-address]")
		held, err := h.db.FindServer(t.Context(), id)
		h.must(err)
		if uris := held.Client().RedirectURIs; len(uris) != 2 || !strings.HasPrefix(uris[1], "https://media.example.org/") {
			t.Errorf("people come back to %v", uris)
		}
		page.submit(path+"/remove-address", "id", "https://media.example.org").leadsTo(path+"?done=remove-address").has(1, "form[action="+path+"/remove-address]")
		b.get("/servers").shows(".list", "http://192.168.1.20:32400")
		for i := range server.MostAddresses - 1 {
			b.post(path+"/confirm-address", "address", fmt.Sprintf("https://attic%d.example.org", i)).is(303)
		}
		b.post(path+"/confirm-address", "address", "https://one.more.example.org").is(422).shows("#address-error", "ten addresses at most")
	})
}

// Whoever is put on the list: the answer is the same whether or not there is such an account.
func TestPeopleAreLetIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		path := "/servers/" + id
		var answers []string
		for _, who := range []string{boMail, "nobody@example.net"} {
			a := b.get(path+"/access").is(200).submit(path+"/access", "who", who).leadsTo(path+"?done=let-in").is(200).shows(".notice", "They are on the list").shows(".list", who)
			answers = append(answers, strings.ReplaceAll(a.says(".notice"), who, ""))
		}
		if answers[0] != answers[1] {
			t.Errorf("%q, %q", answers[0], answers[1])
		}
		b.post(path+"/access", "who", boMail).is(303) // once
		b.get(path).has(2, "form[action="+path+"/dismiss]")
		b.post(path+"/access", "who", "").is(422).shows("#who-error", "Enter an e-mail address")
		b.post(path+"/access", "who", "a@").is(422).shows("#who-error", "e-mail address")
		b.post(path+"/access", "who", "x y").is(422).shows("#who-error", "user name")
		h.pass(credential.Fresh)
		b.post(path+"/access", "who", "cy").is(422).shows("#password-error", "Enter your password")
		page := b.get(path + "/access").is(200)
		page.submit(path+"/access", "who", "cydney", "password", annPassword).leadsTo(path + "?done=let-in")
		guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
		h.must(err)
		b.post(path+"/dismiss", "id", guests[0].ID).leadsTo(path+"?done=dismiss").is(200).has(2, "form[action="+path+"/dismiss]")
		b.post(path+"/dismiss", "id", guests[0].ID).is(303)
	})
}

func TestAServerIsGivenUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		b.get("/servers/"+id).submit("/servers/"+id+"/unclaim").leadsTo("/servers?done=unclaim").is(200).shows(".notice", "belongs to your account no longer").has(0, ".list")
		b.get("/servers/" + id).is(404)
		b.post("/servers/" + id + "/back").is(404)
		b.get("/servers/x").is(404)
		other := b.claims()
		b.post("/servers/" + other + "/burn").is(404)
		if h.recorded(ann.ID, audit.ServerUnclaimed) != 1 || h.mails(notice.KindServerUnclaimed) != 1 {
			t.Error("it is not recorded, or told to nobody")
		}
	})
}

// Servers that hold a token only are devices, and are signed out like them.
func TestServersWithATokenOnly(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		_, err := h.door.Servers.Exchange(t.Context(), mediaserver.Claim{Token: b.get("/claim").submit("/claim/token").offered(), Name: "old-laptop", Client: device.Client{}})
		h.must(err)
		b.get("/servers").is(200).shows(".list", "old-laptop").submit("/servers/plain/sign-out").leadsTo("/servers?done=device").is(200).has(0, ".list")
	})
}

// Other people's servers are out of reach on every page, and an administrator frees those that are suspended, and only those.
func TestServersOfOthers(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		b, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		id := b.claims()
		path := "/servers/" + id
		for _, act := range []string{"back", "sign-out", "unclaim", "confirm-address", "remove-address", "dismiss", "access"} {
			bo.post(path+"/"+act, "address", "https://bo.example.org", "who", "boris", "id", "x").is(404)
		}
		bo.get(path).is(404)
		bo.get(path + "/access").is(404)
		h.stands(id, server.Good)

		admin := h.administrator("root@example.org", newPassword)
		root := h.browser()
		root.signIn("root@example.org", newPassword)
		at := "/admin/accounts/" + ann.ID
		root.get(at).is(200).shows("main", "attic-nas").has(0, "form[action="+at+"/free-server]")
		root.post(at+"/free-server", "id", id).is(422).shows(".problem", "in use again")
		root.post(at+"/free-server", "id", "x").is(404)
		root.post("/admin/accounts/"+admin.ID+"/free-server", "id", id).is(403).shows(".problem", "your own account")
		b.post(path + "/sign-out").is(303)
		root.get(at).is(200).shows("main", "signed out by its owner").submit(at+"/free-server").leadsTo(at+"?done=free-server").is(200).shows(".notice", "belongs to nobody now")
		b.get(path).is(404)
		b.get("/account/activity").shows("main", "The person who runs this service took a media server off your account")
		if h.mails(notice.KindServerUnclaimed) != 1 {
			t.Error("the owner is not told")
		}
	})
}
