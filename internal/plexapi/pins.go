package plexapi

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"usher/internal/devicekey"
	"usher/internal/linkcode"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

// asksPin makes a request wait under the name that the client has for itself.
func (c *call) asksPin() (tvlink.Pin, error) {
	if _, err := c.identifier(); err != nil {
		return tvlink.Pin{}, err
	}
	asking := tvlink.Asking{Name: c.said("X-Plex-Device-Name"), Product: c.said("X-Plex-Product"), Claim: c.says(), Client: c.door.client(c.r)}
	if key := c.jwk(); key != (devicekey.JWK{}) {
		var err error
		if asking.Key.Public, asking.Key.ID, err = key.Read(); err != nil {
			return tvlink.Pin{}, err
		}
	}
	return c.door.Links.AskPin(c.r.Context(), asking)
}

// createPin lets software wait. Its code is the short one, which is typed by hand, or, for the page that the software opens by itself, the long one.
func (d *Door) createPin(c *call) error {
	pin, err := c.asksPin()
	if err != nil {
		return err
	}
	long := strings.ReplaceAll(pin.Long.Reveal(), "-", "")
	code := pin.Short.Reveal()
	if strong, err := strconv.ParseBool(strings.ToLower(c.strong())); err == nil && strong {
		code = long
	}
	return c.reply(http.StatusCreated, d.pin(c, pin.ID, code, long, tvlink.PinState{CreatedAt: d.Now(), ExpiresAt: pin.ExpiresAt}))
}

func (c *call) strong() string {
	if asked := c.query.Get("strong"); asked != "" {
		return asked
	}
	return c.body["strong"]
}

// pollPin answers software that waits, when it calls itself as it did before. What code it was given, only it knows any more: the answer has it
// when it is sent along.
func (d *Door) pollPin(c *call) error {
	id, state, err := c.polls()
	if err != nil {
		return err
	}
	code, err := linkcode.Read(c.query.Get("code"))
	if err != nil || !linkcode.Spelled(code) {
		code = secret.Token{}
	}
	return c.reply(http.StatusOK, d.pin(c, id, code.Reveal(), code.Reveal(), state))
}

// polls looks a PIN up by its number and the name of who asks.
func (c *call) polls() (id int64, state tvlink.PinState, err error) {
	name, err := c.identifier()
	if err != nil {
		return 0, state, err
	}
	if id, err = c.number(); err != nil {
		return 0, state, tvlink.ErrExpired
	}
	signed := c.said("deviceJWT")
	state, err = c.door.Links.PollPin(c.r.Context(), tvlink.PinPoll{ID: id, Name: name, Signs: signed != "", Client: c.door.client(c.r)})
	if err == nil && signed != "" && !state.Token.Empty() { // before, the nonce is not spent: clients show the same again and again
		state.Token, _, err = c.door.Keys.Token(c.r.Context(), name, signed)
	}
	return id, state, err
}

// pin is one as strict clients want it: with a place, which is never looked up here, and with a picture of a code that is known.
func (d *Door) pin(c *call, id int64, code, picture string, state tvlink.PinState) node {
	product := c.said("X-Plex-Product")
	if product == "" {
		product = "0"
	}
	var token, registered any
	drawn := ""
	if picture != "" {
		drawn = d.Origin.JoinPath("api/v2/pins/qr", picture).String()
	}
	if !state.Token.Empty() {
		token, registered = state.Token.Reveal(), false
	}
	return node{name: "pin", fields: []field{
		{"id", id}, {"code", code}, {"product", product}, {"trusted", false}, {"qr", drawn},
		{"clientIdentifier", c.says().Identifier},
		{"location", node{fields: []field{
			{"code", ""}, {"continent_code", ""}, {"country", ""}, {"city", ""}, {"european_union_member", false}, {"time_zone", ""}, {"postal_code", ""},
			{"in_privacy_restricted_country", false}, {"in_privacy_restricted_region", false}, {"subdivisions", ""}, {"coordinates", ""},
		}}},
		{"expiresIn", int64(math.Ceil(state.ExpiresAt.Sub(d.Now()).Seconds()))}, {"createdAt", state.CreatedAt.UTC().Format(time.RFC3339)},
		{"expiresAt", state.ExpiresAt.UTC().Format(time.RFC3339)}, {"authToken", token}, {"newRegistration", registered},
	}}
}

// createPinOld is the older way, always with a short code.
func (d *Door) createPinOld(c *call) error {
	pin, err := c.asksPin()
	if err != nil {
		return err
	}
	form := ".xml"
	if c.json {
		form = ".json"
	}
	c.w.Header().Set("Location", d.Origin.JoinPath("pins", strconv.FormatInt(pin.ID, 10)+form).String())
	return c.reply(http.StatusCreated, pinOld(c, pin.ID, pin.Short.Reveal(), tvlink.PinState{ExpiresAt: pin.ExpiresAt}))
}

func (d *Door) pollPinOld(c *call) error {
	id, state, err := c.polls()
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, pinOld(c, id, "", state))
}

func pinOld(c *call, id int64, code string, state tvlink.PinState) node {
	return node{name: "pin", fields: []field{
		{"id", text{strconv.FormatInt(id, 10), integer}}, {"code", text{value: code}}, {"expires-at", text{state.ExpiresAt.UTC().Format(time.RFC3339), "datetime"}},
		{"client-identifier", text{value: c.says().Identifier}}, {"auth_token", text{value: state.Token.Reveal()}},
	}}
}

// link lets a waiting device in, by the word of software into which its owner typed the code.
func (d *Door) link(c *call) error {
	in, err := c.member()
	if err != nil {
		return err
	}
	code := c.body["code"]
	if code == "" {
		code = c.query.Get("code")
	}
	err = d.Links.ApproveTyped(c.r.Context(), in.Found, in.Account, code, d.client(c.r))
	for _, none := range []error{linkcode.ErrTooShort, linkcode.ErrTooLong, linkcode.ErrAskLong, tvlink.ErrGone} {
		if errors.Is(err, none) {
			err = linkcode.ErrNotFound
		}
	}
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// picture draws the address of the page where a code is typed, with the code filled in. Whether it waits for anybody is not looked up.
func (d *Door) picture(c *call) error {
	code, err := linkcode.Read(c.r.PathValue("code"))
	if err != nil || !linkcode.Spelled(code) {
		return errNotFound
	}
	drawn, err := qr.Encode(d.Links.Address(code).Reveal(), qr.M)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "image/png")
	c.w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin") // a player that is a page shows it
	_, _ = c.w.Write(drawn.PNG())                                    // the reader may be gone
	return nil
}
