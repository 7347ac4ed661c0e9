package web

import (
	"regexp"
	"strings"
	"testing"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/server"
)

var shownServerPassword = regexp.MustCompile(`gate(-[2-9a-z]{4}){7}`)

// An app password of a server is made on a page, shown once with the address and the name to type, listed, and removed; nobody else's server has such a page.
func TestServerPasswords(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann.walker", annPassword)
		h.account("bo@example.org", "bob", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		path := "/servers/" + id + "/app-password"
		b.get("/servers/"+id).is(200).has(1, "a[href="+path+"]")
		page := b.get(path).is(200).has(1, "svg.qr").shows("main", "No password is in the picture")
		page.submit(path).is(422).shows("#name-error", "Say which app it is for.")
		b.post(path, "name", strings.Repeat("x", 65)).is(422).shows("#name-error", "at most 64")
		made := b.post(path, "name", "Attic TV").is(200).shows("#app-login", "ann.walker").shows("main", "No address of")
		shown := shownServerPassword.FindString(made.says("#app-password"))
		if shown == "" || h.mails(notice.KindAppPasswordMade) != 1 || h.recorded(ann.ID, audit.AppPasswordMade) != 1 || strings.Contains(h.log.String(), shown) {
			t.Fatal("not shown, not told, not recorded, or in the log")
		}
		told := func(name, people string) {
			t.Helper()
			if said := h.mail(notice.KindAppPasswordMade, annMail).Data; said[notice.DataNew] != name || said[notice.DataServer] != "attic-nas" || said[notice.DataPeople] != people {
				t.Errorf("told %v", said)
			}
		}
		told("Attic TV", "")
		if got := made.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("it may be kept: %q", got)
		}
		b.post("/servers/"+id+"/confirm-address", "address", "https://attic.example").is(303)
		b.post(path, "name", "Server", "directory", "yes").is(200).shows("#app-login", "uid=ann.walker,ou=people,dc=usher").shows("#base", "dc=usher").has(0, "#server-address-0")
		told("Server", "yes")
		list := b.get(path).is(200).has(2, ".list li").shows(".where", "not used yet")
		if shownServerPassword.MatchString(list.body) {
			t.Error("it is shown again")
		}
		all := b.get("/account/app-passwords").is(200).shows("h2", "At media servers").has(2, ".list li")
		all.submit("/account/app-passwords/revoke").leadsTo("/account/app-passwords?done=app-password").is(200)
		last := b.get(path).is(200).has(1, ".list li")
		last.submit("/account/app-passwords/revoke?server="+id).leadsTo(path+"?done=app-password").is(200).shows(".notice", "The app password is gone.").has(0, ".list li")
		for _, elsewhere := range []string{"", "x", "//evil.example", "../../sign-out", "https://evil.example/" + id, id + "/..", id + "%0d%0aLocation:+https://evil.example"} { // no open redirect
			b.post(path, "name", "TV").is(200)
			b.post("/account/app-passwords/revoke?server="+elsewhere, "id", b.get(path).value("input[name=id]")).leadsTo("/account/app-passwords?done=app-password")
		}
		other := h.signedIn("bo@example.org", annPassword)
		other.get(path).is(404)
		other.post(path, "name", "TV").is(404)
		other.post("/servers/" + id + "/types-on").is(404)
		h.pass(credential.Fresh)
		b.post(path, "name", "TV").is(422).shows(".note", "It is a while since").submit(path).is(422).shows("#password-error", "Enter your password.")
		b.post(path, "name", "TV", "password", annPassword).is(200).shows("#server-address-0", "https://attic.example").has(0, "#base")
	})
}

// Its owner turns account passwords on and off, with a fresh proof, and is told what that means.
func TestAccountPasswordsAreTurnedOn(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann.walker", annPassword)
		b := h.signedIn(annMail, annPassword)
		id := b.claims()
		typed := func(want server.Typed) {
			t.Helper()
			if held, err := h.db.FindServer(t.Context(), id); err != nil || held.Types != want {
				t.Errorf("%q may be typed: %v", held.Types, err)
			}
		}
		b.get("/servers/"+id).shows("main", "Whoever runs the server could read it").submit("/servers/"+id+"/types-on").leadsTo("/servers/"+id+"?done=types-on").is(200).shows(".notice", "your household")
		typed(server.AccountPasswords)
		b.get("/servers/"+id+"/app-password").shows("main", "An app password is safer")
		h.pass(credential.Fresh)
		b.post("/servers/" + id + "/types-off").leadsTo("/sign-in/again?next=%2Fservers%2F" + id)
		typed(server.AccountPasswords)
		b = h.signedIn(annMail, annPassword)
		b.get("/servers/" + id).submit("/servers/" + id + "/types-off").leadsTo("/servers/" + id + "?done=types-off").is(200)
		typed(server.OnlyAppPasswords)
		if h.recorded(ann.ID, audit.ServerTypesOn) != 1 || h.recorded(ann.ID, audit.ServerTypesOff) != 1 {
			t.Error("not recorded")
		}
	})
}

// What stands for something in a name of LDAP is escaped in an owner's address, so that it binds as it is shown.
func TestBindNames(t *testing.T) {
	for login, want := range map[string]string{"ann.walker": "ann.walker", "ann+tv@example.org": `ann\+tv@example.org`, "#ann=1@example.org": `\#ann\=1@example.org`} {
		if got := bindName(login); got != "uid="+want+",ou=people,dc=usher" {
			t.Errorf("%s binds as %s", login, got)
		}
	}
}

// Who has no user name, and whose address only an operator has named, is known at media servers by a number: the page shows that one, and says why.
func TestTheNameThatWorksIsShown(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "", annPassword)
		b := h.signedIn(annMail, annPassword)
		path := "/servers/" + b.claims() + "/app-password"
		b.post(path, "name", "TV").is(200).shows("#app-login", ann.ID).shows("main", "this number is your name there")
		b.post(path, "name", "Jellyfin", "directory", "yes").is(200).shows("#app-login", "uid="+ann.ID+",ou=people,dc=usher").shows("main", "this number is your name there")
		ann.EmailProved = true
		if got := knownAs(ann); got != annMail {
			t.Errorf("with a proved address they are %s", got)
		}
	})
}
