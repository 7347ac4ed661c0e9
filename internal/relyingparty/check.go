package relyingparty

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/id"
)

// Field names a part of a client, as the pages, the command and the configuration call it.
type Field string

// The parts of a client.
const (
	FieldID             Field = "id"
	FieldName           Field = "name"
	FieldRedirectURIs   Field = "redirect_uris"
	FieldPostLogoutURIs Field = "post_logout_uris"
	FieldScopes         Field = "scopes"
	FieldGrants         Field = "grants"
	FieldAuth           Field = "auth"
	FieldKeys           Field = "keys"
	FieldLogoutURI      Field = "logout_uri"
	FieldTrustedPrivate Field = "trusted_private"
	FieldFirstParty     Field = "first_party"
)

// Problem is why a client is refused.
type Problem struct {
	Field Field
	Err   error // its text is for people
}

func (p Problem) Error() string { return string(p.Field) + ": " + p.Err.Error() }

// Errors about a client that somebody wants to register. Their texts are for people.
var (
	errID            = errors.New("An id has at most 64 small letters or digits; dots, dashes and underscores may stand inside. The words new and usher-gate are taken.")
	errName          = errors.New("A name has 1 to 64 characters, and no line breaks.")
	errMany          = errors.New("At most 20 addresses.")
	errNoRedirect    = errors.New("Say where people come back to after signing in.")
	ErrScopes        = errors.New("Scopes are openid, profile, email, offline_access, player, servers, ssf.read and ssf.manage; at least one.")
	ErrGrants        = errors.New("Grants are authorization_code, refresh_token, " + string(DeviceCode) + " and client_credentials; at least one.")
	ErrRefreshAlone  = errors.New("refresh_token goes with authorization_code or " + string(DeviceCode) + ": alone it gets nobody in.")
	ErrCredentials   = errors.New("client_credentials is for clients that prove themselves with private_key_jwt.")
	ErrOffline       = errors.New("offline_access needs the grant refresh_token too: by that, an app stays signed in.")
	errAuth          = errors.New("A client proves itself by none, client_secret_basic, client_secret_post or private_key_jwt.")
	ErrKeysMissing   = errors.New("private_key_jwt needs the client's public keys.")
	ErrKeysUseless   = errors.New("Only private_key_jwt needs keys.")
	ErrLogout        = errors.New("It begins with https://, and has no user and no #. In your own network it may begin with http://: say that it is trusted there.")
	ErrLogoutPrivate = errors.New("This address is in a private network. Say that it may be, if you run the app yourself.")
	errHouse         = errors.New("An app that does not prove itself can belong to the house only where all its addresses begin with https://: " +
		"any other program on a device could pass for it.")
	errLogoutInner = errors.New("It begins with https:// or http://, and has no user and no #.")
)

// NewID returns a fresh client_id.
func NewID(now time.Time) string { return id.New(now) }

// Check returns everything that is wrong with a client, in the order of its parts; nil when it may be registered.
func (c Client) Check() (all []Problem) {
	wrong := func(f Field, err error) {
		if err != nil {
			all = append(all, Problem{f, err})
		}
	}
	wrong(FieldID, checkID(c.ID))
	wrong(FieldName, checkName(c.Name))
	wrong(FieldRedirectURIs, c.checkRedirects())
	wrong(FieldPostLogoutURIs, c.checkURIs(c.PostLogoutURIs))
	wrong(FieldScopes, c.checkScopes())
	wrong(FieldGrants, c.checkGrants())
	wrong(FieldAuth, among([]Auth{c.Auth}, Auths(), errAuth))
	wrong(FieldKeys, c.checkKeys())
	wrong(FieldLogoutURI, c.checkLogout())
	wrong(FieldFirstParty, c.checkHouse())
	return all
}

// reservedID is where the page for a new client is.
const reservedID = "new"

func checkID(s string) error {
	const inside = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	if _, builtin := Builtin(s); builtin || s == "" || s == reservedID || len(s) > longestID || strings.Trim(s, inside) != "" || strings.ContainsAny(s[:1]+s[len(s)-1:], "._-") {
		return errID
	}
	return nil
}

func checkName(s string) error {
	if s == "" || utf8.RuneCountInString(s) > LongestName || s != strings.TrimSpace(s) || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return errName
	}
	return nil
}

func (c Client) checkRedirects() error {
	if len(c.RedirectURIs) == 0 && c.MayUse(Code) {
		return errNoRedirect
	}
	return c.checkURIs(c.RedirectURIs)
}

func (c Client) checkURIs(all []string) error {
	if len(all) > mostURIs {
		return errMany
	}
	for _, uri := range all {
		err := CheckRedirect(uri)
		if scheme, _, _ := strings.Cut(uri, ":"); err == nil && scheme != "https" && scheme != "http" && !c.Public() {
			err = errURIOnlyInApp
		}
		switch {
		case err == nil:
		case len(all) == 1:
			return err
		default:
			return fmt.Errorf("%w This is about %s", err, shortened(uri))
		}
	}
	return nil
}

// shortened is an address that somebody typed, as one of several, fit to be shown beside what is wrong with it.
func shortened(uri string) string {
	const most = 60
	if utf8.RuneCountInString(uri) > most {
		uri = string([]rune(uri)[:most]) + "…"
	}
	return strconv.Quote(uri)
}

// among wants at least one, each of those there are, and none twice.
func among[T comparable](some, all []T, wrong error) error {
	for i, v := range some {
		if !slices.Contains(all, v) || slices.Contains(some[:i], v) {
			return wrong
		}
	}
	if len(some) == 0 {
		return wrong
	}
	return nil
}

func (c Client) checkScopes() error {
	if err := among(c.Scopes, Scopes(), ErrScopes); err != nil {
		return err
	}
	if slices.Contains(c.Scopes, OfflineAccess) && !c.MayUse(Refresh) {
		return ErrOffline
	}
	return nil
}

func (c Client) checkGrants() error {
	if err := among(c.Grants, Grants(), ErrGrants); err != nil {
		return err
	}
	switch {
	case c.MayUse(Refresh) && !c.MayUse(Code) && !c.MayUse(DeviceCode):
		return ErrRefreshAlone
	case c.MayUse(Credentials) && c.Auth != PrivateKey:
		return ErrCredentials
	}
	return nil
}

func (c Client) checkKeys() error {
	switch {
	case c.Auth != PrivateKey && c.Keys == "":
		return nil
	case c.Auth != PrivateKey:
		return ErrKeysUseless
	case c.Keys == "":
		return ErrKeysMissing
	}
	_, err := ParseKeys(c.Keys)
	return err
}

func (c Client) checkLogout() error {
	if c.LogoutURI == "" {
		return nil
	}
	return c.CheckCalled(c.LogoutURI)
}

// CheckCalled reports whether an address is one at which the client may be called. An error's text is for people.
func (c Client) CheckCalled(uri string) error {
	refusal := ErrLogout
	if c.TrustedPrivate {
		uri, refusal = strings.Replace(uri, "http://", "https://", 1), errLogoutInner
	}
	rest, secure := strings.CutPrefix(uri, "https://")
	if !secure || CheckRedirect(uri) != nil {
		return refusal
	}
	if !c.TrustedPrivate && inside(rest) {
		return ErrLogoutPrivate
	}
	return nil
}

func (c Client) checkHouse() error {
	if c.FirstParty && slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !c.Provable(uri) }) {
		return errHouse
	}
	return nil
}

// inside reports whether what follows "https://" begins with an address that shows at once that it is nobody's on the internet. What a name leads to
// shows only when it is called.
func inside(rest string) bool {
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	host, _ := cutPort(authority)
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && (!a.IsGlobalUnicast() || a.IsPrivate())
}

// Differs names the parts in which a client is not as another one.
func (c Client) Differs(from Client) (fields []string) {
	for _, part := range []struct {
		field Field
		same  bool
	}{
		{FieldName, c.Name == from.Name},
		{FieldRedirectURIs, slices.Equal(c.RedirectURIs, from.RedirectURIs)},
		{FieldPostLogoutURIs, slices.Equal(c.PostLogoutURIs, from.PostLogoutURIs)},
		{FieldScopes, slices.Equal(c.Scopes, from.Scopes)},
		{FieldGrants, slices.Equal(c.Grants, from.Grants)},
		{FieldAuth, c.Auth == from.Auth},
		{FieldKeys, c.Keys == from.Keys},
		{FieldLogoutURI, c.LogoutURI == from.LogoutURI},
		{FieldTrustedPrivate, c.TrustedPrivate == from.TrustedPrivate},
		{FieldFirstParty, c.FirstParty == from.FirstParty},
	} {
		if !part.same {
			fields = append(fields, string(part.field))
		}
	}
	return fields
}
