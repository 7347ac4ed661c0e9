package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"usher/internal/argon2id"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/server"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// problem is one kind of refusal (RFC 9457). Its name is the end of its type.
type problem struct {
	name   string
	status int
	title  string
	detail string // ORIGIN stands for the public address
}

// problems are all there are, by name.
var problems = byName(
	problem{"wrong", http.StatusUnauthorized, "Wrong name or password", "Name and password do not belong together."},
	problem{"no-credentials", http.StatusUnauthorized, "Not signed in", "Send the token of a sign-in, or a name and a password."},
	problem{"dead-token", http.StatusUnauthorized, "The token does not count", "It is none of this service's, has expired, or what it belonged to was signed out. Sign in again."},
	problem{"code-required", http.StatusForbidden, "A code is needed", "Add the six digits of your authenticator app to the end of the password, or send them as code."},
	problem{"wrong-code", http.StatusForbidden, "Wrong code", "The six digits are not right, or were used before. Wait for the next ones, and add them to the end of the password, or send them as code."},
	problem{"reset-required", http.StatusForbidden, "A new password is needed", "This account needs a new password before it can be used again. Choose one at ORIGIN/reset in a browser."},
	problem{"locked", http.StatusForbidden, "The account is locked", "Ask the person who runs this service."},
	problem{"deleting", http.StatusForbidden, "The account is going to be deleted", "To keep it, sign in at ORIGIN in a browser."},
	problem{"password-off", http.StatusForbidden, "The password is turned off", "There were too many wrong passwords for this account. Choose a new one at ORIGIN/reset in a browser."},
	problem{"no-say", http.StatusForbidden, "Not for this token", "A token that was got by a code, and an app password, have no say in the account: sign in with the account's password. An app's needs the scope for this."},
	problem{"app-passwords-only", http.StatusForbidden, "Only app passwords of the server", "Its owner does not let people type the account's own password at this server. An app password of the server is made at ORIGIN/servers."},
	problem{"pin-required", http.StatusForbidden, "A PIN is asked", "Ask for the four digits of this person, and send them as pin."},
	problem{"wrong-pin", http.StatusForbidden, "Wrong PIN", "Five wrong ones in a row are followed by a wait, and ten by a lock."},
	problem{"pin-locked", http.StatusForbidden, "The PIN is locked", "There were too many wrong ones. Whoever set the PIN can unlock it, at ORIGIN/home in a browser."},
	problem{"no-member", http.StatusNotFound, "Nobody of the Home", "There is no such person in the Home of this account. ORIGIN/api/v1/home lists who is."},
	problem{"authorization-pending", http.StatusBadRequest, "Nobody has decided yet", "Ask again after as many seconds as interval said."},
	problem{"slow-down", http.StatusBadRequest, "Too fast", "Ask five seconds later than you did, each time from now on."},
	problem{"access-denied", http.StatusBadRequest, "Not let in", "Somebody said no. Ask for a new code if it should be tried again."},
	problem{"expired-token", http.StatusBadRequest, "The code has expired", "Ask for a new one."},
	problem{"claim-dead", http.StatusBadRequest, "The claim token does not count", "It is unknown, was used, or is older than four minutes. Get a new one at ORIGIN/claim."},
	problem{"claim-proof", http.StatusBadRequest, "The proof does not count", "It is a JSON Web Token of the type usher-claim+jwt, signed a moment ago by the Ed25519 key in its own header, for this service and for this claim token."},
	problem{"server-claimed", http.StatusConflict, "Claimed already", "A server with this key is claimed already. Whoever it belongs to can give it up; a server with a new key can be claimed."},
	problem{"too-many-servers", http.StatusConflict, "Too many servers", "The account has as many media servers as it may have. Give one up first, at ORIGIN/servers."},
	problem{"too-many-claims", http.StatusTooManyRequests, "Too many claim tokens are waiting", "Several claim tokens of this account wait already. Use one of them, or wait for as many seconds as Retry-After says."},
	problem{"too-many-codes", http.StatusTooManyRequests, "Too many codes are waiting", "Several codes wait on this network already. Use one of them, or wait for as many seconds as Retry-After says."},
	problem{"too-many-tries", http.StatusTooManyRequests, "Too many tries", "Wait for as many seconds as Retry-After says."},
	problem{"not-now", http.StatusServiceUnavailable, "Not now", "There is more to do than can be done at once. Try again after as many seconds as Retry-After says."},
	problem{"bad-request", http.StatusBadRequest, "The request cannot be read", "It is not what HTTP, UTF-8 or JSON allow. Nothing was done."},
	problem{"bad-fields", http.StatusUnprocessableEntity, "The fields are not right", "One JSON object is wanted, with the fields that ORIGIN/api/v1/openapi.yaml lists, each once and of the kind that stands there. The list fields says which are meant. Nothing was done."},
	problem{"not-json", http.StatusUnsupportedMediaType, "JSON is wanted", "Send the body as application/json. Nothing was done."},
	problem{"too-large", http.StatusRequestEntityTooLarge, "Too much was sent", "A body has at most 64 KiB. Nothing was done."},
	problem{"other-site", http.StatusForbidden, "Sent from another website", "Pages of other websites cannot use this. Nothing was done."},
	problem{"wrong-host", http.StatusMisdirectedRequest, "Not the right address", "This service does not answer to this name."},
	problem{"not-found", http.StatusNotFound, "There is nothing here", "ORIGIN/api/v1/openapi.yaml lists what there is."},
	problem{"wrong-method", http.StatusMethodNotAllowed, "That is not done here", "The header Allow lists what is."},
	problem{"broken", http.StatusInternalServerError, "Something went wrong on our side", "It is in the log, under the number at the end of instance."},
)

func byName(all ...problem) map[string]problem {
	table := map[string]problem{}
	for _, p := range all {
		table[p.name] = p
	}
	return table
}

// named errors and the problems they are.
var meaning = []struct {
	err  error
	name string
}{
	{argon2id.ErrBusy, "not-now"}, {outage.Err, "not-now"}, {context.DeadlineExceeded, "not-now"}, {context.Canceled, "not-now"},
	{signin.ErrCodeRequired, "code-required"}, {signin.ErrWrongCode, "wrong-code"}, {signin.ErrWrong, "wrong"},
	{credential.ErrResetRequired, "reset-required"}, {credential.ErrLocked, "locked"}, {credential.ErrDeleting, "deleting"},
	{credential.Exhausted{}, "password-off"},
	{tvlink.ErrPending, "authorization-pending"}, {tvlink.ErrSlowDown, "slow-down"}, {tvlink.ErrDenied, "access-denied"}, {tvlink.ErrExpired, "expired-token"},
	{home.ErrSource, "no-say"}, {errNoPIN, "pin-required"}, {household.ErrPIN, "wrong-pin"}, {household.ErrBadPIN, "wrong-pin"}, {household.ErrPINLocked, "pin-locked"}, {household.ErrNotFound, "no-member"}, {household.ErrNone, "no-member"},
	{linkcode.ErrMost, "too-many-codes"}, {credential.ErrTooMany, "too-many-claims"}, {credential.ErrMayNotAct, "no-say"},
	{mediaserver.ErrProof, "claim-proof"}, {mediaserver.ErrDeadClaim, "claim-dead"}, {server.ErrClaimed, "server-claimed"}, {server.ErrTooMany, "too-many-servers"},
	{server.ErrNotFound, "dead-token"}, {errDeadToken, "dead-token"}, {errOtherSite, "other-site"}, {errNotTyped, "app-passwords-only"}, {errNoCredentials, "no-credentials"}, {device.ErrNotFound, "dead-token"},
	{errBadRequest, "bad-request"}, {errFields, "bad-fields"}, {errNotJSON, "not-json"}, {errTooLarge, "too-large"}, {errNotFound, "not-found"},
}

// problemOf finds the problem that an error is; what it does not know is broken.
func problemOf(err error) problem {
	if errors.As(err, new(*ratelimit.LimitedError)) {
		return problems["too-many-tries"]
	}
	for _, m := range meaning {
		if errors.Is(err, m.err) {
			return problems[m.name]
		}
	}
	return problems["broken"]
}

// answer adapts a handler for the mux.
func (d *Door) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open(w, r)
		if err := h(w, r); err != nil {
			d.fail(w, r, err)
		}
	})
}

// fail answers with the problem that an error is. What is nobody's fault but ours goes to the log.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	if response.Left(w, r) {
		return
	}
	p := problemOf(err)
	limited, many := new(ratelimit.LimitedError), new(credential.TooManyError)
	switch {
	case errors.As(err, &many):
		response.RetryAfter(w, many.Until.Sub(d.Now()))
	case errors.As(err, &limited):
		response.RetryAfter(w, limited.Until.Sub(d.Now()))
	case p.status == http.StatusServiceUnavailable:
		response.RetryAfter(w, response.BusyPause)
	case p.status == http.StatusTooManyRequests:
		response.RetryAfter(w, time.Minute) // one of them may be used or expire meanwhile
	}
	if p.status >= http.StatusInternalServerError {
		response.LogFailure(d.Log, r, err)
	}
	var wrong wrongFields
	_ = errors.As(err, &wrong)
	d.write(w, r, p, wrong...)
}

// refusals are the problems that the pieces before every door find.
var refusals = map[string]string{
	request.RefusedHost: "wrong-host", request.RefusedMethod: "wrong-method", request.RefusedTarget: "bad-request", request.RefusedCrossOrigin: "other-site",
	request.RefusedSize: "too-large", request.RefusedBody: "bad-request", request.RefusedInternal: "broken", request.RefusedProxy: "broken",
}

// Refused answers what was turned away before it reached a handler.
func (d *Door) Refused(w http.ResponseWriter, r *http.Request, status int, kind string) {
	p, known := problems[refusals[kind]]
	if !known {
		p = problems["bad-request"]
	}
	p.status = status
	d.write(w, r, p)
}

// body is a problem as it is sent.
type body struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`

	Fields wrongFields `json:"fields,omitempty"` // of bad-fields (RFC 9457 §3.2)
}

func (d *Door) write(w http.ResponseWriter, r *http.Request, p problem, wrong ...wrongField) {
	open(w, r)
	switch { // RFC 9110 §15.5.2
	case p.status != http.StatusUnauthorized:
		w.Header().Del("WWW-Authenticate")
	case w.Header().Get("WWW-Authenticate") == "":
		w.Header().Set("WWW-Authenticate", "Bearer realm="+d.realm())
	}
	request.Refuse(r.Context(), p.name)
	send(w, p.status, "application/problem+json", body{
		Type: d.Origin.String() + "/api/v1/problems/" + p.name, Title: p.title, Status: p.status, Detail: d.spell(p.detail),
		Instance: r.URL.EscapedPath() + "#" + request.From(r.Context()).ID, Fields: wrong,
	})
}

func send(w http.ResponseWriter, status int, contentType string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("api: an answer is no JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the reader may be gone; nothing is left to tell them
}
