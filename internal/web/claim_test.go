package web

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/notice"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

// gate is a media server with a key of its own.
type gate struct {
	*house
	key    ed25519.PrivateKey
	client device.Client
	codes  tvlink.Pending
}

func (h *house) gate(address string) *gate {
	h.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	h.must(err)
	return &gate{house: h, key: key, client: device.Client{Address: netip.MustParseAddrPort(address).Addr(), UserAgent: "usher-gate/1.0"}}
}

// asks lets the server ask for a code.
func (g *gate) asks() *gate {
	g.t.Helper()
	var err error
	g.codes, err = g.door.Links.Ask(g.t.Context(), tvlink.Asking{
		Name: "attic-nas", Product: "Media server", Party: linkcode.Party{Client: relyingparty.GateID, Scope: string(relyingparty.Claim)}, Client: g.client, Page: "/claim",
	})
	g.must(err)
	return g
}

// collects polls once, as the server does, and claims with what it gets.
func (g *gate) collects() string {
	g.t.Helper()
	g.pass(tvlink.Interval)
	in, err := g.door.Links.PollFor(g.t.Context(), relyingparty.GateID, g.codes.DeviceCode)
	g.must(err)
	token, err := g.door.Servers.Collect(g.t.Context(), in.Code, in.Request, g.client)
	g.must(err)
	return g.claims(token)
}

// claims shows a claim token, and returns the server's id.
func (g *gate) claims(token secret.Token) string {
	g.t.Helper()
	sum, now := sha256.Sum256([]byte(token.Reveal())), g.clock()
	raw, err := json.Marshal(map[string]any{"aud": testOrigin, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text(), "ath": base64.RawURLEncoding.EncodeToString(sum[:])})
	g.must(err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: g.key}}, (&jose.SignerOptions{EmbedJWK: true}).WithType("usher-claim+jwt"))
	g.must(err)
	signed, err := signer.Sign(raw)
	g.must(err)
	proof, err := signed.CompactSerialize()
	g.must(err)
	owned, err := g.door.Servers.ClaimServer(g.t.Context(), mediaserver.ByKey{
		Token: token, Proof: secret.TokenOf(proof), Name: "attic-nas", Product: "Usher gate", Version: "1.0", Addresses: []string{"https://attic.example.org", "http://192.168.1.20:32400"}, Client: g.client,
	})
	g.must(err)
	return owned.ID
}

// offered is the claim token on a page that shows one.
func (a *answer) offered() secret.Token {
	a.t.Helper()
	return secret.TokenOf(a.is(200).says("#claim"))
}

func TestAServerIsClaimedByItsCode(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		g := h.gate(b.address).asks()
		short, long := g.codes.Short.Reveal(), g.codes.Long.Reveal()
		if page := b.get("/claim?user_code=" + long); page.value("input[name=user_code]") != long {
			t.Error("the address does not fill the code in")
		}
		b.get("/claim").submit("/claim", "user_code", "7rq").is(422).shows("#user_code-error", "at least four")
		page := b.get("/claim").submit("/claim", "user_code", " "+strings.ToLower(short[:2])+" "+short[2:]).leadsTo("/claim/confirm").is(200)
		page.shows("h1", "Is this your server?").shows(".list", "attic-nas").shows(".list", "your network").shows(".list", "Media server").shows("b.link-code", short).shows("main", "belong to ann").shows(".card-foot", "15 minutes")
		b.get("/link/confirm").leadsTo("/claim/confirm")
		b.send(http.MethodPost, "/link/confirm", map[string][]string{"request": {page.value("form[action=/claim/confirm] input[name=request]")}}).leadsTo("/claim/confirm")
		if _, err := h.door.Links.PollFor(t.Context(), relyingparty.GateID, g.codes.DeviceCode); err == nil {
			t.Error("the page of TVs has let it in")
		}
		way := page.submit("/claim/confirm").is(303).header.Get("Location")
		waits := b.get(way).is(200).shows("h1", "on its way").shows("#arrival", "Nothing has arrived yet")
		if waits.header.Get("Refresh") == "" || !strings.HasPrefix(way, "/claim/arrival?since=") {
			t.Errorf("%s does not come back by itself", way)
		}
		id := g.collects()
		here := b.get(way).is(200).shows("h1", "is here").shows("#arrival", "attic-nas").shows("#arrival", "http://192.168.1.20:32400").has(2, "form[action=/servers/"+id+"/confirm-address]")
		if here.header.Get("Refresh") != "" {
			t.Error("the page goes on loading itself anew")
		}
		if h.mails(notice.KindServerClaimed) != 1 || h.recorded(ann.ID, audit.LinkApproved) != 1 {
			t.Error("the owner is not told, or it is not recorded")
		}
		b.get("/account/devices").is(200).has(0, "form[action=/account/devices/sign-out]") // it is no device
		h.pass(arrivalLife)
		b.get("/claim/arrival?since="+strings.TrimPrefix(way, "/claim/arrival?since=")).is(200).shows("h1", "is here")
		b.get(arrivalPath(h.clock().Unix())).is(200).shows("h1", "on its way")
		b.get(arrivalPath(h.clock().Add(-2 * linkcode.Life).Unix())).leadsTo("/servers")
		b.get(arrivalPath(h.clock().Add(time.Hour).Unix())).leadsTo("/servers")
		b.get("/claim/arrival?since=x").leadsTo("/servers")
	})
}

// A server that is claimed again with the key it had is named too, though it stands where it stood.
func TestAServerThatComesAgainIsNamed(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		g := h.gate(b.address)
		id := g.claims(b.get("/claim").submit("/claim/token").offered())
		b.get("/servers/" + id).is(200).submit("/servers/" + id + "/confirm-address").is(303)
		h.pass(time.Minute)
		page := b.get("/claim").submit("/claim/token").is(200)
		way := arrivalPath(h.clock().Unix())
		b.get(way).is(200).shows("h1", "on its way")
		if again := g.claims(page.offered()); again != id {
			t.Fatalf("it stands as %s, and stood as %s", again, id)
		}
		b.get(way).is(200).shows("h1", "is here").shows("#arrival", "attic-nas is here again").shows("#arrival", "as they were").shows("#arrival", "confirmed").has(0, "#arrival h2")
	})
}

// A code of a TV that is typed at /claim leads to the page about TVs, and what that page does not say is not confirmed by it.
func TestCodesFindTheirPage(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		shown := h.tv(b.address)
		b.get("/claim").submit("/claim", "user_code", shown.short).leadsTo("/claim/confirm").leadsTo("/link/confirm").is(200).shows("h1", "Is this your TV?")
		b.post("/claim/confirm", "request", b.get("/link/confirm").value("form[action=/link/confirm] input[name=request]")).leadsTo("/link/confirm")
		shown.looks().is(200).shows("h1", shown.short)
		g := h.gate(b.address).asks()
		b.get("/link").submit("/link", "user_code", g.codes.Short.Reveal()).leadsTo("/link/confirm").leadsTo("/claim/confirm").is(200).shows("h1", "Is this your server?")
		b.get("/claim/confirm").submit("/claim/deny").leadsTo("/claim?done=denied").is(200).shows("h1", "It stays nobody’s")
		b.get("/claim/confirm").leadsTo("/claim?why=late").is(200).shows(".problem", "request is over")
		b.post("/claim/confirm", "request", "x").leadsTo("/claim?why=late")
		b.post("/claim/deny", "request", "x").leadsTo("/claim?why=late")
	})
}

// A server that asks from elsewhere makes the page red: a pause, and a proof (attack D16).
func TestAServerElsewhereIsRed(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		g := h.gate(faraway).asks()
		page := b.get("/claim").submit("/claim", "user_code", g.codes.Long.Reveal()).leadsTo("/claim/confirm").is(200)
		page.shows("h1", "Somebody else’s server?").shows(".warning", "it is a trick").shows(".list", "another network").has(1, "button")
		request := page.value("input[name=request]")
		b.post("/claim/confirm", "request", request, "password", annPassword).is(422).shows("main", "Take a moment")
		h.pass(10 * time.Second)
		page = b.get("/claim/confirm").is(200).has(2, "button")
		page.submit("/claim/confirm", "password", "").is(422).shows("#password-error", "Enter your password")
		page.submit("/claim/confirm", "password", "not the password").is(422).shows("#password-error", "isn’t right")
		page.submit("/claim/confirm", "password", annPassword).is(303)
		g.collects()
		if h.recorded(ann.ID, audit.ServerClaimed) != 1 {
			t.Error("it is not recorded")
		}
	})
}

// One press of somebody who sits down at an open browser gives nobody a server, on the owner's own network neither: it takes a proof of the last minutes.
func TestAServerTakesAProofOfTheOwner(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		near := h.gate(b.address).asks()
		h.pass(credential.Fresh)
		page := b.get("/claim").submit("/claim", "user_code", near.codes.Short.Reveal()).leadsTo("/claim/confirm").is(200).shows("main", "you enter your password next").has(2, "button")
		again := page.submit("/claim/confirm").leadsTo("/sign-in/again?next=%2Fclaim%2Fconfirm").is(200)
		if _, err := h.door.Links.PollFor(t.Context(), relyingparty.GateID, near.codes.DeviceCode); err == nil {
			t.Error("it was let in without a proof")
		}
		again.submit("/sign-in/again", "password", annPassword).leadsTo("/claim/confirm").is(200).submit("/claim/confirm").is(303)
		near.collects()

		far := h.gate(faraway).asks()
		h.pass(credential.Fresh)
		b.get("/claim").submit("/claim", "user_code", far.codes.Long.Reveal()).leadsTo("/claim/confirm").is(200).shows("h1", "Somebody else’s server?")
		h.pass(10 * time.Second)
		page = b.get("/claim/confirm").is(200).has(0, "#password").submit("/claim/confirm").leadsTo("/sign-in/again?next=%2Fclaim%2Fconfirm").submit("/sign-in/again", "password", annPassword).leadsTo("/claim/confirm")
		page.is(200).has(0, "#password").submit("/claim/confirm").is(303)
		far.collects()
	})
}

func TestAClaimTokenIsShownOnce(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.account(annMail, "ann", annPassword)
		b := h.signedIn(annMail, annPassword)
		page := b.get("/claim").submit("/claim/token").is(200).shows("#line-run", "USHER_CLAIM=claim-").shows("#line-compose", "USHER_CLAIM: claim-").shows("#line-plex", "PLEX_CLAIM=claim-").has(1, "[data-countdown]")
		token := page.offered()
		if page.header.Get("Cache-Control") != "no-store" || strings.Contains(strings.Join(page.header["Set-Cookie"], ""), token.Reveal()) || strings.Contains(h.newLog(), token.Reveal()) {
			t.Error("the claim token stays somewhere")
		}
		h.gate(b.address).claims(token)
		b.get("/servers").is(200).shows(".list", "attic-nas").shows(".list", "On")
		for range 5 {
			b.get("/claim").submit("/claim/token").is(200)
		}
		b.get("/claim").submit("/claim/token").is(422).shows(".problem", "Five claim tokens wait already")
		h.pass(credential.Fresh)
		for range 3 {
			b.get("/claim").submit("/claim/token").leadsTo("/sign-in/again?next=%2Fclaim").submit("/sign-in/again", "password", annPassword).leadsTo("/claim").submit("/claim/token").is(200)
			h.pass(credential.Fresh)
		}
		page = b.get("/claim").submit("/claim/token").leadsTo("/sign-in/again?next=%2Fclaim").submit("/sign-in/again", "password", annPassword).leadsTo("/claim")
		page.submit("/claim/token").is(429).shows(".problem", "Too many tries")
	})
}

// claims lets whoever is signed in claim a media server.
func (b *browser) claims() (id string) {
	b.t.Helper()
	return b.gate(b.address).claims(b.get("/claim").submit("/claim/token").offered())
}
