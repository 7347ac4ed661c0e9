package web

import (
	"net/http"
	"strconv"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/secret"
)

// managed is a member without address and password in somebody's Home, with a PIN where one is given.
func (h *house) managed(owner account.Account, name, pin string) household.Member {
	h.t.Helper()
	m := household.Managed{ID: id.New(h.now), AccountID: id.New(h.now), Name: name}
	h.must(h.db.AddManaged(h.t.Context(), owner.ID, m, audit.Act{At: h.now}))
	h.setPIN(owner, m.ID, pin)
	home, err := h.db.FindHome(h.t.Context(), owner.ID)
	h.must(err)
	got, _ := home.Find(m.ID)
	return got
}

func (h *house) setPIN(owner account.Account, memberID, pin string) {
	h.t.Helper()
	h.must(h.db.SetPIN(h.t.Context(), owner.ID, memberID, secret.TokenOf(pin), audit.Act{At: h.now}))
}

// letIn is a TV that somebody signed in to their account.
func (h *house) letIn(phone *browser) *tv {
	h.t.Helper()
	shown := h.tv(phone.address)
	phone.get("/link").submit("/link", "user_code", shown.short).leadsTo("/link/confirm").submit("/link/confirm").leadsTo("/link?done=allowed")
	shown.looks().leadsTo("/tv")
	return shown
}

func TestATVAsksWhoIsWatching(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		h.account("bob@example.org", "bob", annPassword)
		phone := h.signedIn(annMail, annPassword)
		shown := h.letIn(phone)
		shown.get("/tv").shows("h1", "Hello, ann").has(0, "form[action=/tv/who]") // alone, nobody is asked

		kim, ole := h.managed(ann, "Kim", ""), h.managed(ann, "Ole", "0417")
		page := shown.get("/tv").is(200).shows("h1", "Who’s watching?").has(2, ".person[name=member]").has(1, "a.person")
		page.shows("a.person", "Ole").shows("a.person", "PIN")
		page = page.submit("/tv/switch", "member", kim.ID).leadsTo("/tv").is(200).shows("h1", "Hello, Kim")
		page = page.submit("/tv/who").leadsTo("/tv").is(200).shows("h1", "Who’s watching?")
		page.submit("/tv/switch", "member", ole.ID).leadsTo("/tv/pin?member=" + ole.ID) // without the PIN nobody is let through, whatever is sent

		page = shown.get("/tv/pin?member="+ole.ID).is(200).shows("h1", "Ole").has(1, "input[inputmode=numeric]")
		page = page.submit("/tv/switch", "pin", "0000").is(422).shows(".problem", "That isn’t the PIN.")
		page.submit("/tv/switch", "pin", "0417").leadsTo("/tv").is(200).shows("h1", "Hello, Ole")
		shown.get("/tv").is(200).shows("h1", "Hello, Ole")

		h.must(h.db.RemoveMember(h.t.Context(), ann.ID, ole.ID, audit.Act{At: h.now}, audit.Act{At: h.now}))
		shown.get("/tv").is(200).shows("h1", "Who’s watching?").has(0, "a.person")
		shown.get("/tv/pin?member=" + ole.ID).leadsTo("/tv")
		shown.get("/tv").submit("/tv/sign-out").leadsTo("/tv?why=out")
		if len(shown.cookies) != 0 {
			t.Errorf("the TV keeps %v", shown.cookies)
		}
	})
}

// Attack L24: the PIN is guessed on the TV, and on another one, and again after the wait.
func TestAPINIsNotGuessedOnTVs(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		one, other := h.letIn(phone), h.letIn(phone)
		kim := h.managed(ann, "Kim", "0417")
		guess := func(shown *tv, pin string) *answer {
			return shown.get("/tv/pin?member="+kim.ID).is(200).submit("/tv/switch", "pin", pin)
		}
		for n := range household.FreeTries {
			guess([]*tv{one, other}[n%2], strconv.Itoa(1000+n)).is(422)
		}
		for _, shown := range []*tv{one, other} {
			shown.post("/tv/switch", "member", kim.ID, "pin", "0417").is(http.StatusTooManyRequests).shows(".problem", "Too many tries. You can try again at")
			shown.get("/tv/pin?member="+kim.ID).is(200).shows(".problem", "Too many tries")
		}
		h.pass(household.Pause)
		for n := range household.MostTries - household.FreeTries {
			guess(one, strconv.Itoa(2000+n)).is(422)
		}
		other.post("/tv/switch", "member", kim.ID, "pin", "0417").is(422).shows(".problem", "Too many wrong PINs.").has(0, "input[name=pin]")
		h.pass(100 * linkcode.Life)
		other.get("/tv/pin?member="+kim.ID).is(200).shows(".problem", "Too many wrong PINs.").shows("main", "The person whose Home this is can unlock it")
		h.must(h.db.UnlockMember(h.t.Context(), ann.ID, kim.ID, audit.Act{At: h.now}))
		guess(one, "0417").leadsTo("/tv").is(200).shows("h1", "Hello, Kim")
	})
}

// What was chosen on one TV is nobody on another, and nobody's page elsewhere.
func TestWhoIsWatchingIsOfOneTV(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		phone := h.signedIn(annMail, annPassword)
		one, other := h.letIn(phone), h.letIn(phone)
		kim := h.managed(ann, "Kim", "")
		one.get("/tv").submit("/tv/switch", "member", kim.ID).leadsTo("/tv").is(200).shows("h1", "Hello, Kim")
		chosen := one.cookies["__Host-"+cookieTVHome]
		other.cookies["__Host-"+cookieTVHome] = chosen
		other.get("/tv").is(200).shows("h1", "Who’s watching?")
		h.holding(chosen).get("/account").leadsTo("/sign-in?next=%2Faccount&why=ended")
		b := h.browser()
		b.cookies["__Host-"+cookieTV] = chosen
		b.get("/tv").leadsTo("/tv?why=out")
	})
}
