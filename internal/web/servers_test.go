package web

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mediaserver"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/server"
	"usher/internal/signup"
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
		b.get(path).has(2, "a.row-act")
		b.post(path+"/access", "who", "").is(422).shows("#who-error", "Enter an e-mail address")
		b.post(path+"/access", "who", "a@").is(422).shows("#who-error", "e-mail address")
		b.post(path+"/access", "who", "x y").is(422).shows("#who-error", "user name")
		h.pass(credential.Fresh)
		b.post(path+"/access", "who", "cyd").is(422).shows(".note", "It is a while since").submit(path+"/access").is(422).shows("#password-error", "Enter your password")
		page := b.get(path + "/access").is(200)
		page.submit(path+"/access", "who", "cydney", "password", annPassword).leadsTo(path + "?done=let-in")
		guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
		h.must(err)
		b.post(path+"/dismiss", "id", guests[0].ID).leadsTo(path+"?done=dismiss").is(200).has(2, "a.row-act")
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

// Whether somebody who is put on a list has an account shows in nothing that its owner is answered with: in no header, not on the list, and not where the line is
// changed. Neither does whether the account's address is proved.
func TestInvitationsTellOfNoAccount(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account("un@example.org", "cyril", newPassword)
		bo := h.browser()
		bo.begin(boMail, newPassword).submit("/sign-up/code", "code", h.code(notice.KindConfirmSignUp, boMail)).leadsTo("/welcome").submit("/welcome", "user_name", "boris")
		b := h.signedIn(annMail, annPassword)
		for _, names := range [][]string{{boMail, "un@example.org", "no@example.org"}, {"boris", "cyril", "zqxwv"}} { // of one length
			var wholes []string
			for _, who := range names {
				id := b.claims()
				path := "/servers/" + id
				posted := b.post(path+"/access", "who", who)
				list := posted.leadsTo(path+"?done=let-in").is(200).shows(".list", who)
				guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
				h.must(err)
				change := b.get(path+"/change?line="+guests[0].ID).is(200).shows("main", who)
				var whole strings.Builder
				for _, a := range []*answer{posted, list, change} {
					a.header.Del("X-Request-Id")
					fmt.Fprintln(&whole, a.status, a.header)
					whole.WriteString(a.body)
				}
				text := strings.NewReplacer(who, "WHO", id, "SERVER", guests[0].ID, "LINE").Replace(whole.String())
				wholes = append(wholes, ofAPolicy.ReplaceAllString(bare(text), ""))
			}
			for i, whole := range wholes {
				at := 0
				for at < min(len(whole), len(wholes[0])) && whole[at] == wholes[0][at] {
					at++
				}
				if whole != wholes[0] {
					t.Errorf("%s is told from %s by %q", names[i], names[0], whole[max(0, at-100):min(len(whole), at+100)])
				}
			}
		}
	})
}

var ofAPolicy = regexp.MustCompile(`'nonce-[^']*'`)

// The way of somebody without an account: the mail, sign-up with its address, the invitation, and the server (issue: invited people land at the server).
func TestAnInvitationLeadsThroughSignUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		path := "/servers/" + id
		b.post(path+"/confirm-address", "address", "https://attic.example.org").is(303)
		b.get(path+"/access").submit(path+"/access", "who", boMail, "household", "yes", "until", "2099-12-31").is(422).shows("#until-error", "within ten years")
		last := h.clock().AddDate(0, 0, 30).Format(time.DateOnly)
		b.get(path+"/access").submit(path+"/access", "who", boMail, "household", "yes", "until", last).leadsTo(path+"?done=let-in").is(200).shows(".list", "household").shows(".list", "has not come yet")
		mail := h.mail(notice.KindServerInvitation, boMail)
		if mail.Data[notice.DataFrom] != "ann" || mail.Data[notice.DataLink] != "/invitations/"+id {
			t.Errorf("the mail says %v", mail.Data)
		}

		bo := h.browser()
		page := bo.get("/invitations/"+id).is(200).shows("h1", "An invitation to a media server").has(1, "a[href=/sign-up]")
		if other := bo.get("/invitations/" + strings.Repeat("0", len(id))).is(200); bare(strings.ReplaceAll(other.body, strings.Repeat("0", len(id)), id)) != bare(page.body) {
			t.Error("who is not signed in can tell which invitations there are")
		}
		bo.post("/sign-up", "email", boMail, "password", newPassword).leadsTo("/sign-up/code")
		bo.post("/sign-up/code", "code", h.mail(notice.KindConfirmSignUp, boMail).Data[notice.DataCode]).leadsTo("/welcome").submit("/welcome", "user_name", "boris").leadsTo("/invitations/"+id).is(200).
			shows("h1", "ann lets you in").shows("li", "sees your e-mail address").submit("/invitations/"+id+"/accept").leadsTo("/invitations/"+id).is(200).shows("h1", "You are in").has(1, "a[href=https://attic.example.org]")
		bo.post("/invitations/" + id + "/accept").leadsTo("/invitations/" + id) // pressed twice is done once
		bo.get("/servers").is(200).shows(".list", "of ann").shows(".list", "you are household there")
		b.get(path).shows(".list", "came in as boris")
		b.get("/account/activity").shows("main", "Somebody you invited came in to a media server.").shows("main", "attic-nas · "+boMail)
		if h.recorded(ann.ID, audit.ServerJoined) != 0 {
			t.Error("it stands in the owner's record")
		}
		bo.get("/servers").submit("/servers/"+id+"/leave").leadsTo("/servers?done=leave").is(200).has(0, ".list")
		bo.post("/servers/" + id + "/leave").is(404)
		b.get(path).shows(".list", "has not come yet")
	})
}

// bare is a page without what is another each time.
func bare(body string) string { return ofTheRequest.ReplaceAllString(body, "") }

// Whoever shares or is invited is led to the help about it, in every state of those pages.
func TestPagesAboutSharingLeadToHelp(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		if !slices.Contains([]string{"servers", "server-access", "server-guest", "server-invitation", "help/no-server-appears"}, s.name) && s.name+s.state != "consentoutside" {
			return
		}
		if !slices.ContainsFunc(all(doc, "a"), func(a *html.Node) bool {
			to, _ := attr(a, "href")
			return to == "/help/sharing-a-server"
		}) {
			t.Error("no link leads to the help about sharing")
		}
	})
}

// attacks S16: another account sees no invitation that is not for it, accepts none, and changes no line; and cannot tell why not.
func TestInvitationsAreForWhomTheyAreMeant(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		h.account("cy@example.org", "cydney", newPassword)
		b, bo, cy := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword), h.signedIn("cy@example.org", newPassword)
		id, empty := b.claims(), b.claims()
		path := "/servers/" + id
		b.post(path+"/access", "who", "boris").is(303)
		guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
		h.must(err)
		line := guests[0].ID

		refused := cy.get("/invitations/" + id).is(404).body
		same := func(what, body string) {
			t.Helper()
			if bare(body) != bare(refused) {
				t.Errorf("%s can be told from an invitation for somebody else", what)
			}
		}
		same("no server", cy.get("/invitations/"+strings.Repeat("0", len(id))).is(404).body)
		same("no id", cy.get("/invitations/x").is(404).body)
		same("a server that invites nobody", cy.get("/invitations/"+empty).is(404).body)
		same("accepting", cy.post("/invitations/"+id+"/accept").is(404).body)
		same("declining", cy.post("/invitations/"+id+"/decline").is(404).body)
		cy.get("/servers").is(200).has(0, ".list")
		for _, act := range []string{"/change", "/invite-again", "/dismiss", "/access", "/leave"} {
			for _, other := range []*browser{bo, cy} {
				other.post(path+act, "line", line, "id", line, "who", "cydney", "household", "yes").is(404)
			}
		}
		bo.get(path + "/change?line=" + line).is(404)
		b.get("/servers/" + empty + "/change?line=" + line).is(404)
		if after, err := h.db.ListGuests(t.Context(), ann.ID, id); err != nil || after[0] != guests[0] {
			t.Errorf("changed to %+v", after)
		}

		bo.get("/servers").is(200).shows("h2", "You are invited").has(1, "a.primary")
		b.post(path+"/dismiss", "id", line).is(303)
		bo.get("/invitations/" + id).is(404)
		b.post(path+"/access", "who", "boris").is(303)
		h.pass(server.InvitationLife - time.Minute)
		bo = h.signedIn(boMail, newPassword)
		bo.get("/invitations/"+id).is(200).submit("/invitations/"+id+"/decline").leadsTo("/servers?done=decline").is(200).shows(".notice", "Nobody is told").has(0, ".list")
		b = h.signedIn(annMail, annPassword)
		b.get(path).shows(".list", "has not come yet")
		h.pass(time.Minute)
		same("one that is too old", strings.ReplaceAll(bo.get("/invitations/"+id).is(404).body, boMail, "cy@example.org"))
		b.get(path).shows(".list", "the invitation is too old")
	})
}

// attacks L12, PW-12: what an owner hears of an invitation is one and the same, whether there is an account, and however many mails went there; and no address
// gets more than three such mails a day, whoever invites.
func TestInvitationsFloodNobody(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(boMail, "boris", newPassword)
		var owners []*browser
		for i := range 3 {
			mail := fmt.Sprintf("owner%d@example.org", i)
			h.account(mail, fmt.Sprintf("owner%d", i), annPassword)
			owners = append(owners, h.signedIn(mail, annPassword))
		}
		var said []string
		for i, b := range owners {
			for range 2 {
				path := "/servers/" + b.claims()
				for _, who := range []string{boMail, "boris", "nobody.at.all"} {
					a := b.post(path+"/access", "who", who).leadsTo(path + "?done=let-in").is(200)
					said = append(said, a.says(".notice"))
					b.post(path+"/access", "who", who).is(303)
				}
			}
			if i == 0 && h.mails(notice.KindServerInvitation) == 0 {
				t.Error("no mail at all")
			}
		}
		for _, one := range said {
			if one != said[0] {
				t.Errorf("%q and %q", one, said[0])
			}
		}
		if n := h.mails(notice.KindServerInvitation); n > 3 {
			t.Errorf("%d mails in a day", n)
		}
		b := owners[0]
		path := "/servers/" + b.claims()
		for i := range 8 {
			b.post(path+"/access", "who", fmt.Sprintf("friend%d@example.org", i)).is(303)
		}
		b.post(path+"/access", "who", "one.more@example.org").is(429)
	})
}

// Whoever says yes and leaves again and again is asked to wait, and told until when; and comes in then.
func TestWhoComesAndLeavesWaits(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		b, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		id := b.claims()
		b.post("/servers/"+id+"/access", "who", "boris").is(303)
		for range ratelimit.ServerArrivals.Limit {
			bo.post("/invitations/" + id + "/accept").is(303)
			bo.post("/servers/" + id + "/leave").leadsTo("/servers?done=leave")
		}
		bo.post("/invitations/"+id+"/accept").is(429).shows("main", "You can try again at")
		bo.get("/invitations/"+id).is(200).has(1, "form[action=/invitations/"+id+"/accept]")
	})
}

// attacks L12: where nobody can sign up, an owner's invitation opens no door.
func TestInvitationsOpenNoSignUp(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		b.post("/servers/"+id+"/access", "who", boMail).is(303)
		for mode, status := range map[signup.Mode]int{signup.ModeInvitation: 410, signup.ModeClosed: 403} {
			h.door.SignUp.Mode, h.door.Pages.site.SignUp = mode, SignUpMode(mode)
			bo := h.browser()
			bo.get("/invitations/"+id).is(200).has(0, "a[href=/sign-up]").shows("p", "Ask the person who runs").shows("p", "with the address that the e-mail came to")
			bo.post("/sign-up", "email", boMail, "password", newPassword).is(403)
			bo.get("/invitation/" + id).leadsTo("/invitation").is(status)
		}
		h.door.SignUp.Mode, h.door.Pages.site.SignUp = signup.ModeOpen, SignUpOpen
		h.browser().get("/invitations/"+id).is(200).has(1, "a[href=/sign-up]")
		if h.mails(notice.KindConfirmSignUp) != 0 {
			t.Error("a sign-up began")
		}
	})
}

// Who has chosen no user name invites all the same, and their address stays theirs.
func TestOwnersWithoutAUserNameInvite(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "", annPassword)
		h.account(boMail, "boris", newPassword)
		b, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		id := b.claims()
		b.post("/servers/"+id+"/access", "who", "boris").is(303)
		if h.mails(notice.KindServerInvitation) != 1 {
			t.Error("no mail is written")
		}
		if page := bo.get("/invitations/"+id).is(200).shows("h1", "Its owner lets you in"); strings.Contains(page.body, annMail) {
			t.Error("the page names the owner's address")
		}
	})
}

func TestOwnersChangeWhatPeopleMay(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account(boMail, "boris", newPassword)
		b, bo := h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		id := b.claims()
		path := "/servers/" + id
		b.post(path+"/access", "who", "boris").is(303)
		guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
		h.must(err)
		line := guests[0].ID
		b.get(path + "/change?line=" + line).is(200).submit(path + "/invite-again").leadsTo(path + "?done=invite-again").is(200)
		bo.post("/invitations/" + id + "/accept").is(303)
		b.post(path+"/invite-again", "id", line).leadsTo(path) // nobody is: who came in needs none
		page := b.get(path+"/change?line="+line).is(200).has(0, "form[action="+path+"/invite-again]")
		page.submit(path+"/change", "until", "31.12.").is(422).shows("#until-error", "Choose a day")
		yesterday := h.clock().AddDate(0, 0, -1).Format(time.DateOnly)
		page.submit(path+"/change", "until", yesterday).is(422).shows("#until-error", "Choose a day")
		today := h.clock().Format(time.DateOnly)
		page.submit(path+"/change", "household", "yes", "until", today).leadsTo(path+"?done=change").is(200).shows(".list", "household · until").shows(".list", "came in as boris")
		bo.get("/servers").is(200).shows(".list", "you are household there")
		h.pass(24 * time.Hour)
		b, bo = h.signedIn(annMail, annPassword), h.signedIn(boMail, newPassword)
		b.get(path).shows(".list", "household · ended")
		bo.get("/servers").is(200).has(0, ".list")
		h.pass(credential.Fresh)
		b.get(path+"/change?line="+line).is(200).has(0, ".note").submit(path+"/change").is(422).shows("#password-error", "Enter your password")
		b.post(path+"/invite-again", "id", line).leadsTo("/sign-in/again?next=" + strings.ReplaceAll(path, "/", "%2F"))
		b.post(path+"/change", "line", line, "password", annPassword).leadsTo(path+"?done=change").is(200).shows(".list", "guest")
		bo.get("/servers").is(200).shows(".list", "of ann")
		b.post(path+"/dismiss", "id", line).is(303)
		bo.get("/servers").is(200).has(0, ".list")
		bo.get("/account/activity").is(200).shows("main", "You were taken off the list of somebody’s media server").shows("main", "attic-nas")
	})
}

// An invitation that ends while its owner looks at it is sent to nobody, and the owner is led to where a later day is chosen.
func TestWhatHasEndedInvitesNobodyAgain(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		path := "/servers/" + b.claims()
		b.post(path+"/access", "who", boMail, "until", h.clock().Format(time.DateOnly)).is(303)
		guests, err := h.db.ListGuests(t.Context(), ann.ID, strings.TrimPrefix(path, "/servers/"))
		h.must(err)
		h.pass(24 * time.Hour)
		b = h.signedIn(annMail, annPassword)
		page := b.post(path+"/invite-again", "id", guests[0].ID).leadsTo(path + "/change?line=" + guests[0].ID)
		page.is(200).shows("main", "Choose a later day above first")
		if sent := h.mails(notice.KindServerInvitation); sent != 1 {
			t.Errorf("%d mails were sent", sent)
		}
	})
}

// What an owner has typed outlives the proof: who opened a form in time and sends it later sees it again, with all that they typed and the fields for the proof
// in it, and without blame.
func TestWhatOwnersTypeOutlivesTheProof(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		path := "/servers/" + id
		b.post(path+"/access", "who", "boris").is(303)
		guests, err := h.db.ListGuests(t.Context(), ann.ID, id)
		h.must(err)
		last := h.clock().AddDate(0, 1, 0).Format(time.DateOnly)
		forms := []struct {
			action, query string
			typed         []string
		}{
			{"/change", "?line=" + guests[0].ID, []string{"household", "yes", "until", last}},
			{"/access", "", []string{"who", "cydney", "household", "yes", "until", last}},
			{"/app-password", "", []string{"name", "Attic TV", "directory", "yes"}},
		}
		sent := func(secondStep bool) {
			t.Helper()
			for _, form := range forms {
				action, typed := path+form.action, form.typed
				b = h.signedIn(annMail, annPassword)
				page := b.get(action+form.query).is(200).has(0, "#password")
				h.pass(credential.Fresh)
				again := page.submit(action, typed...).is(422).shows(".note", "It is a while since you typed your password").has(1, "#password").has(0, "[aria-invalid]")
				for i := 0; i < len(typed); i += 2 {
					if again.value("#"+typed[i]) != typed[i+1] {
						t.Errorf("%s: %s is lost", action, typed[i])
					}
				}
				if has := len(pick(again.doc, "#code")) == 1; has != secondStep {
					t.Errorf("%s: asks for a code: %v", action, has)
				}
				proof := []string{"password", annPassword}
				if secondStep {
					again = again.submit(action, proof...).is(422).shows("#code-error", "six digits").has(0, ".note")
					proof = append(proof, "code", h.authenticator(annMail))
				}
				if a := again.submit(action, proof...); a.status != 303 && !strings.HasSuffix(action, "/app-password") || a.status > 303 {
					t.Errorf("%s: %d: %q", action, a.status, a.says("main"))
				}
			}
		}
		sent(false)
		h.turnOnFactor(ann)
		sent(true)
		after, err := h.db.ListGuests(t.Context(), ann.ID, id)
		if h.must(err); len(after) != 2 || after[0].Role != server.Household || after[1].EndsAt.IsZero() {
			t.Errorf("the list is %+v", after)
		}
	})
}

// The days that a form offers are those that may be chosen, to the last.
func TestEndsThatAreOffered(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		path := "/servers/" + b.claims() + "/access"
		field := pick(b.get(path).is(200).doc, "#until")[0]
		for _, end := range []struct {
			name string
			on   int
		}{{"min", -1}, {"max", 1}} {
			offered, _ := attr(field, end.name)
			day, err := time.Parse(time.DateOnly, offered)
			h.must(err)
			b.post(path, "who", "boris", "until", day.AddDate(0, 0, end.on).Format(time.DateOnly)).is(422).shows("#until-error", "Choose a day from today on")
			b.post(path, "who", "boris", "until", offered).is(303)
		}
		if kind, _ := attr(field, "type"); kind != "date" {
			t.Errorf("its type is %q", kind)
		}
	})
}
