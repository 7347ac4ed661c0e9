package plexapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/argon2id"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/devicekey"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// What is wrong with a request before anybody looks at what it wants.
var (
	errBadRequest    = errors.New("plexapi: the request cannot be read")
	errTooLarge      = errors.New("plexapi: the body is too large")
	errNotFound      = errors.New("plexapi: there is nothing here")
	errMethod        = errors.New("plexapi: that is not done here")
	errNoIdentifier  = errors.New("plexapi: the client does not name itself")
	errBadIdentifier = errors.New("plexapi: the client's name for itself is too long, or not to be seen")
	errNoToken       = errors.New("plexapi: no token")
	errDeadToken     = errors.New("plexapi: the token does not count")
	errNoPassword    = errors.New("plexapi: no name or no password")
)

// refusal is one numbered error. SITE in its words stands for the public address.
type refusal struct {
	code   int64
	status int
	words  string
}

// The refusals that are not the meaning of one error.
var (
	tooOften = refusal{1003, http.StatusTooManyRequests, "Too many requests. Try again later."}
	tooTried = refusal{1031, http.StatusUnauthorized, "Too many sign-ins have failed. Wait a while, then try again."}
	broken   = refusal{1007, http.StatusInternalServerError, "Something went wrong on our side."}
	deadPin  = refusal{1020, http.StatusNotFound, "There is no such code: it has expired, was used, or is another's."}
	wrongPIN = refusal{1003, http.StatusTooManyRequests, "Too many wrong PINs, or too many switches. Try again later."}
	notYours = refusal{1009, http.StatusForbidden, "Managed users may not do this. The owner of the Home can, at SITE/home in a browser."}
	notNow   = refusal{1013, http.StatusServiceUnavailable, "There is more to do than can be done at once. Try again in a moment."}
)

// meanings are the numbers that clients know, by what went wrong.
var meanings = []struct {
	err error
	refusal
}{
	{argon2id.ErrBusy, notNow}, {outage.Err, notNow}, {context.DeadlineExceeded, notNow}, {context.Canceled, notNow},
	{signin.ErrCodeRequired, refusal{1029, http.StatusUnauthorized, "Please enter the verification code: add the six digits of your authenticator app to the end of the password."}},
	{signin.ErrWrongCode, refusal{1028, http.StatusUnauthorized, "Invalid verification code. Wait for the next six digits, and add them to the end of the password."}},
	{signin.ErrWrong, refusal{1001, http.StatusUnauthorized, "User could not be authenticated. Name and password do not belong together."}},
	{errNoPassword, refusal{1001, http.StatusUnauthorized, "User could not be authenticated. Send a name and a password."}},
	{credential.ErrResetRequired, refusal{1040, http.StatusForbidden, "This account needs a new password before it can be used again. Choose one at SITE/reset in a browser."}},
	{credential.Exhausted{}, refusal{1040, http.StatusForbidden, "The password is turned off after too many failed sign-ins. Choose a new one at SITE/reset in a browser."}},
	{credential.ErrLocked, refusal{1043, http.StatusForbidden, "This account is locked. Ask the person who runs SITE."}},
	{credential.ErrDeleting, refusal{1043, http.StatusForbidden, "This account is going to be deleted. To keep it, sign in at SITE in a browser."}},
	{credential.ErrMayNotAct, refusal{1068, http.StatusForbidden, "This device may not do that. Its owner can, at SITE in a browser."}},
	{linkcode.ErrNotFound, deadPin}, {tvlink.ErrExpired, deadPin}, {tvlink.ErrDenied, deadPin},
	{linkcode.ErrMost, refusal{1003, http.StatusTooManyRequests, "Too many codes wait on this network. Use one of them, or wait a few minutes."}},
	{tvlink.ErrElsewhere, refusal{1068, http.StatusForbidden, "That device is not where you are. Look at it first: type its code at SITE/link in a browser."}},
	{tvlink.ErrUnseen, refusal{1068, http.StatusForbidden, "This app was given your password too long ago to let a device in from here. Type the device's code at SITE/link in a browser."}},
	{devicekey.ErrExpired, refusal{1069, statusExpired, "What was signed has expired, or its nonce has, or was used. Get a new nonce."}},
	{devicekey.ErrInvalid, refusal{1008, http.StatusUnprocessableEntity, "The signature is not that key's, or it is not for SITE."}},
	{devicekey.ErrForeign, refusal{1097, http.StatusUnprocessableEntity, "The issuer is not the device that asks, or that the nonce was given to."}},
	{devicekey.ErrDead, refusal{1001, http.StatusUnauthorized, "User could not be authenticated. There is no such key, or its device was signed out."}},
	{devicekey.ErrTaken, refusal{1014, http.StatusUnprocessableEntity, "A key of this name is registered for another device."}},
	{devicekey.ErrBadKey, refusal{1004, http.StatusBadRequest, "The key has to be an Ed25519 public key as a JSON Web Key, without its private half."}},
	{devicekey.ErrNoName, refusal{1000, http.StatusBadRequest, "The device signed in without X-Plex-Client-Identifier."}},
	{credential.ErrTooMany, refusal{1003, http.StatusTooManyRequests, "As many claim tokens wait as may. Use one of them, or wait until one is over."}},
	{mediaserver.ErrDeadClaim, refusal{1069, http.StatusUnprocessableEntity, "This claim token does not count: it lives four minutes and works once. Get a new one."}},
	{device.ErrTooMany, refusal{1008, http.StatusUnprocessableEntity, "This account has as many media servers as it may have. Sign one out at SITE in a browser."}},
	{errDeadToken, refusal{1001, http.StatusUnauthorized, "User could not be authenticated. The token does not count any more: sign in again."}},
	{errNoToken, refusal{1001, http.StatusUnauthorized, "User could not be authenticated. No token was sent."}},
	{errNoIdentifier, refusal{1000, http.StatusBadRequest, "X-Plex-Client-Identifier is missing."}},
	{errBadIdentifier, refusal{1004, http.StatusBadRequest, "X-Plex-Client-Identifier has to be at most 255 bytes of letters that can be seen."}},
	{credential.ErrStale, refusal{1040, http.StatusForbidden, "The password is asked for this: sign in with it again, and do it within five minutes. Or do it at SITE/home in a browser."}},
	{home.ErrSource, refusal{1068, http.StatusForbidden, "Nobody switches with this token: sign in with the account's password, or by a code."}},
	{home.ErrMayNot, refusal{1043, http.StatusForbidden, "That is for the owner of the Home to do, or for the person it is about."}},
	{home.ErrName, refusal{1008, http.StatusUnprocessableEntity, "A member needs a name, of at most 64 characters."}},
	{errProfiles, refusal{1008, http.StatusUnprocessableEntity, "There are no restriction profiles here. Open chosen media servers to a member instead, at SITE/servers in a browser."}},
	{errInvites, refusal{1068, http.StatusForbidden, "Who has an account is invited at SITE/home in a browser, where it says what that means."}},
	{household.ErrBadPIN, refusal{1038, http.StatusUnprocessableEntity, "A PIN is four digits."}},
	{household.ErrPIN, refusal{1041, http.StatusForbidden, "The PIN is missing, or is not right."}},
	{household.ErrPINLocked, refusal{1043, http.StatusForbidden, "Too many wrong PINs. Whoever set the PIN can unlock it, at SITE/home in a browser."}},
	{household.ErrTooMany, refusal{1008, http.StatusUnprocessableEntity, "The Home has as many people as it may have."}},
	{household.ErrInOne, refusal{1008, http.StatusUnprocessableEntity, "An account is in one Home at most."}},
	{household.ErrNotFound, refusal{1002, http.StatusNotFound, "There is no such person in the Home."}},
	{household.ErrNone, refusal{1002, http.StatusNotFound, "There is no such person in the Home."}},
	{device.ErrNotFound, refusal{1002, http.StatusNotFound, "There is no such device."}},
	{errNotFound, refusal{1002, http.StatusNotFound, "There is nothing here."}},
	{errMethod, refusal{1005, http.StatusMethodNotAllowed, "That is not done here. The header Allow lists what is."}},
	{errTooLarge, refusal{1004, http.StatusRequestEntityTooLarge, "The body is too large."}},
	{errBadRequest, refusal{1004, http.StatusBadRequest, "The request cannot be read."}},
}

// refusalOf finds the number that an error has; what it does not know is broken.
func (c *call) refusalOf(err error) refusal {
	if errors.As(err, new(*ratelimit.LimitedError)) {
		if c.signsIn && !c.old && !errors.Is(err, signin.ErrTooManyApps) { // clients take 401 for a verdict on the password
			return tooTried
		}
		if c.triesPIN {
			return wrongPIN
		}
		return tooOften
	}
	if c.managed && errors.Is(err, credential.ErrMayNotAct) {
		return notYours
	}
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return m.refusal
		}
	}
	return broken
}

// answer adapts a handler for the mux.
func (d *Door) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dress(w.Header())
		c := d.call(w, r)
		err := c.read()
		if err == nil {
			err = h(c)
		}
		if err != nil {
			c.fail(err)
		}
	})
}

// statusExpired is what clients of this API know for a signature that is too old.
const statusExpired = 498

// fail answers with the numbered error that an error is. What is nobody's fault but ours goes to the log.
func (c *call) fail(err error) {
	if response.Left(c.w, c.r) {
		return
	}
	why := c.refusalOf(err)
	limited, many := new(ratelimit.LimitedError), new(credential.TooManyError)
	switch {
	case errors.As(err, &limited):
		response.RetryAfter(c.w, limited.Until.Sub(c.door.Now()))
	case errors.Is(err, linkcode.ErrMost):
		response.RetryAfter(c.w, time.Minute) // one of them may be used or expire meanwhile
	case errors.As(err, &many):
		response.RetryAfter(c.w, many.Until.Sub(c.door.Now()))
	case why.status == http.StatusServiceUnavailable:
		response.RetryAfter(c.w, response.BusyPause)
	}
	if why.status >= http.StatusInternalServerError {
		response.LogFailure(c.door.Log, c.r, err)
	}
	if errors.Is(err, errDeadToken) && c.old && !strings.HasPrefix(c.r.URL.Path, "/api/claim/") {
		why = refusal{status: http.StatusUnprocessableEntity, words: "Invalid token"} // clients of the older generation know these two words
	}
	c.refuse(why)
}

// refuse sends a refusal in the form of its generation.
func (c *call) refuse(why refusal) {
	if why.status == http.StatusUnauthorized {
		c.challenge()
	}
	words := strings.ReplaceAll(why.words, "SITE", c.door.Origin.String())
	_ = c.reply(why.status, c.spelled(why, words))
}

// challenge says how to get in, as every 401 has to (RFC 9110 §15.5.2).
func (c *call) challenge() {
	scheme := "Bearer"
	if c.signsIn && c.old {
		scheme = "Basic"
	}
	c.w.Header().Set("WWW-Authenticate", scheme+" realm="+strconv.Quote(c.door.Origin.Host))
}

func (c *call) spelled(why refusal, words string) node {
	switch {
	case !c.old:
		one := node{name: "error", fields: []field{{"code", why.code}, {"message", words}, {"status", int64(why.status)}}}
		return node{name: "errors", fields: []field{{"errors", list{nodes: []node{one}, bare: true}}}}
	case c.json:
		return node{plain: true, fields: []field{{"error", words}}}
	}
	return node{name: "errors", fields: []field{{"error", text{value: words}}}}
}

// Refused answers what was turned away before it reached a handler.
func (d *Door) Refused(w http.ResponseWriter, r *http.Request, status int, kind string) {
	dress(w.Header())
	why := refusal{1004, status, "The request cannot be read."}
	switch {
	case status >= http.StatusInternalServerError:
		why.code, why.words = broken.code, broken.words
	case kind == request.RefusedCrossOrigin:
		why.code, why.words = 1043, "Pages of other websites cannot do this."
	case kind == request.RefusedHost:
		why.words = "This service does not answer to this name."
	case kind == request.RefusedMethod:
		why.code, why.words = 1005, "That is not done here."
	case kind == request.RefusedSize:
		why.words = "The body is too large."
	}
	d.call(w, r).refuse(why)
}
