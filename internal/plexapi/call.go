package plexapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/signing"
)

// call is one request, what it says, and the form that its answer takes.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	door  *Door
	old   bool // of the older generation: XML unless the path says otherwise, errors without a number
	json  bool
	query url.Values
	body  fields
	// signsIn calls are refused for too many wrong tries as a failed sign-in is.
	signsIn bool
	// triesPIN calls say so when they are refused for too many wrong tries.
	triesPIN bool
	// managed calls show the token of a managed member of a Home.
	managed bool
}

func (d *Door) call(w http.ResponseWriter, r *http.Request) *call {
	old := !strings.HasPrefix(r.URL.Path, "/api/v2/")
	return &call{w: w, r: r, door: d, old: old, json: wantsJSON(r, old), query: r.URL.Query()}
}

// wantsJSON: the suffix of a path decides; without one, older addresses answer XML, and newer ones what Accept names first.
func wantsJSON(r *http.Request, old bool) bool {
	switch {
	case strings.HasSuffix(r.URL.Path, ".json"):
		return true
	case old || strings.HasSuffix(r.URL.Path, ".xml"):
		return false
	}
	for _, line := range r.Header["Accept"] {
		for media := range strings.SplitSeq(line, ",") {
			media, _, _ = strings.Cut(media, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case "application/json":
				return true
			case "application/xml", "text/xml":
				return false
			}
		}
	}
	return false
}

// said is what a call says about its client: in a header, in the query, or as a field of the body.
func (c *call) said(name string) string {
	for _, text := range []string{c.r.Header.Get(name), c.query.Get(name), c.body[name]} {
		if text != "" {
			return text
		}
	}
	return ""
}

// token is the one token a call shows, wherever it shows it. Two different ones are errBadRequest: which of them counts would be a guess.
func (c *call) token() (secret.Token, error) {
	const name = "X-Plex-Token"
	var token string
	for _, shown := range append(append(c.r.Header.Values(name), c.query[name]...), c.body[name]) {
		if shown == "" || shown == token {
			continue
		}
		if token != "" {
			return secret.Token{}, errBadRequest
		}
		token = shown
	}
	if token == "" {
		return secret.Token{}, errNoToken
	}
	return secret.TokenOf(token), nil
}

// number is the number in the path.
func (c *call) number() (int64, error) { return strconv.ParseInt(c.part("id"), 10, 64) }

// part is one part of the path, whatever form of an answer comes behind it.
func (c *call) part(name string) string {
	text := c.r.PathValue(name)
	for _, suffix := range suffixes[1:] {
		text = strings.TrimSuffix(text, suffix)
	}
	return text
}

// identifier is the client's lasting name for itself, without which nobody signs in. It counts to the letter.
func (c *call) identifier() (string, error) {
	name := c.says().Identifier
	switch {
	case name == "":
		return "", errNoIdentifier
	case !device.IsIdentifier(name):
		return "", errBadIdentifier
	}
	return name, nil
}

// says is what the client says about itself.
func (c *call) says() device.Claim {
	return device.Claim{
		Identifier: c.said("X-Plex-Client-Identifier"), Version: c.said("X-Plex-Version"), Platform: c.said("X-Plex-Platform"),
		PlatformVersion: c.said("X-Plex-Platform-Version"), Hardware: c.said("X-Plex-Device"), Model: c.said("X-Plex-Model"),
		Vendor: c.said("X-Plex-Device-Vendor"), Provides: c.said("X-Plex-Provides"),
	}.Tame()
}

// holder lets in who shows a token. It notes that the token's device was used, and nothing else: what the call says about its client moves no
// device.
func (c *call) holder() (signin.Admitted, error) {
	token, err := c.token()
	if err != nil {
		return signin.Admitted{}, err
	}
	in, err := c.bearer(token)
	if credential.IsDead(err) {
		return signin.Admitted{}, errDeadToken
	}
	if err == nil {
		c.managed = isManaged(in.Account)
		c.used(in.Found)
	}
	return in, err
}

// used notes that a device was used.
func (c *call) used(f credential.Found) {
	f.NoteUse(c.door.Touches, c.door.Now(), func() device.Client { return c.door.client(c.r) })
}

// bearer resolves a token of either make.
func (c *call) bearer(token secret.Token) (signin.Admitted, error) {
	if !signing.Looks(token.Reveal()) {
		return c.door.SignIn.Program(c.r.Context(), token)
	}
	h, err := c.door.Keys.Holder(c.r.Context(), token)
	return signin.Admitted{Found: h.Found, Account: h.Account, Token: token}, err
}

// member lets in software that may read what else belongs to the account.
func (c *call) member() (signin.Admitted, error) {
	in, err := c.holder()
	if err == nil {
		err = in.Found.MayRead()
	}
	return in, err
}
