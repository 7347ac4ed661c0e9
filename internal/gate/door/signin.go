package door

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/secret"
)

// The places of the door's own, where browsers come to be let in and go out again.
const (
	SignInPath   = "/.usher/sign-in" // rd is the path it comes back to
	CallbackPath = "/.usher/callback"
	SignOutPath  = "/.usher/sign-out"
)

// Provider signs browsers in at the service by OpenID Connect.
type Provider interface {
	// Begin returns where a browser is sent (OpenID Connect Core §3.1.2.1). ErrAway.
	Begin(ctx context.Context, f Flow) (string, error)
	// Redeem exchanges the code that came back for a token for this server, once it is sure that the answer is to this flow. ErrRefused, ErrAway.
	Redeem(ctx context.Context, f Flow, code string) (secret.Token, error)
	// Revoke has the service end the sign-in at this server that a token stands for (RFC 7009). ErrRefused, ErrAway.
	Revoke(ctx context.Context, token secret.Token) error
}

// Flow is what one sign-in of one browser is bound to.
type Flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // RFC 7636 §4.1
	Redirect string    `json:"redirect"`
	Return   string    `json:"rd"`
	Until    time.Time `json:"until"`
}

const (
	flowLife = 10 * time.Minute
	// mostFlows is how many sign-ins a browser may have begun at once.
	mostFlows = 8
	// flowCookie is followed by the beginning of the state, so that two tabs do not disturb each other.
	flowCookie = cookieName + "-flow-"
)

// signIn sends a browser to the service, or straight on when it is in already.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request) {
	if d.Decider.Suspended() {
		d.refuse(w, r, Suspended)
		return
	}
	rd := localPath(r.URL.Query().Get("rd"))
	if asked, err := d.present(r); err == nil && asked.cookie {
		switch _, err := d.Decider.decide(r.Context(), asked.proof, nil); {
		case err == nil:
			d.sendOn(w, r, rd)
			return
		case !errors.Is(err, ErrRefused):
			d.refuse(w, r, refusalOf(err))
			return
		}
	}
	if d.Decider.outage() { // at the service its browser would show an error of its own
		d.refuse(w, r, ServiceAway)
		return
	}
	origin, confirmed := d.confirmed(w, r)
	if !confirmed {
		return
	}
	f := Flow{State: secret.NewToken().Reveal(), Nonce: secret.NewToken().Reveal(), Verifier: secret.NewToken().Reveal(), Redirect: origin + CallbackPath, Return: rd, Until: d.Now().Add(flowLife)}
	to, err := d.Provider.Begin(r.Context(), f)
	if err != nil {
		d.refuse(w, r, refusalOf(err))
		return
	}
	raw, err := json.Marshal(f)
	if err != nil {
		d.refuse(w, r, ServiceAway)
		return
	}
	scheme, _, _ := strings.Cut(origin, ":")
	clearFlows(w, r, scheme)
	http.SetCookie(w, cookieFor(scheme, flowCookie+f.State[:8], d.seal.Seal(string(raw), d.cookiePlace("flow")), flowLife))
	d.sendOn(w, r, to)
}

// clearFlows takes back the sign-ins that a browser began and did not finish, once there are many: a neighbouring site can have it begin them, until its requests
// are too long for anybody.
func clearFlows(w http.ResponseWriter, r *http.Request, scheme string) {
	var names []string
	for _, c := range r.Cookies() {
		if name := strings.TrimPrefix(c.Name, nameFor(scheme, "")); strings.HasPrefix(name, flowCookie) {
			names = append(names, name)
		}
	}
	if len(names) < mostFlows {
		return
	}
	for _, name := range names {
		http.SetCookie(w, cookieFor(scheme, name, "", 0))
	}
}

// confirmed returns the address the browser is at, where people can come back to it after signing in; where not, it says what to do, and the answer is given.
func (d *Door) confirmed(w http.ResponseWriter, r *http.Request) (origin string, ok bool) {
	_, proto, host := d.origin(r)
	origin = plainOrigin(proto, host)
	if d.Addresses == nil || slices.Contains(d.Addresses.Known(), origin) {
		return origin, true
	}
	all, err := d.Addresses.Learn(r.Context())
	switch {
	case err != nil:
		d.refuse(w, r, refusalOf(err))
	case slices.Contains(all, origin):
		return origin, true
	default:
		d.show(w, r, http.StatusMisdirectedRequest, elsewhere(origin, all, d.Issuer))
	}
	return origin, false
}

// plainOrigin spells an origin as browsers do (RFC 6454 §6.2).
func plainOrigin(proto, host string) string {
	host = strings.ToLower(host)
	if proto == "https" {
		return "https://" + strings.TrimSuffix(host, ":443")
	}
	return "http://" + strings.TrimSuffix(host, ":80")
}

func (d *Door) sendOn(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// callback takes the browser back from the service.
func (d *Door) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 {
			d.startAgain(w, r, "the service's answer says "+name+" twice")
			return
		}
	}
	f, ok := d.flow(r, q.Get("state"))
	if !ok {
		d.startAgain(w, r, "no sign-in of this browser is under way")
		return
	}
	clearCookies(w, flowCookie+f.State[:8])
	if q.Get("iss") != d.Issuer { // RFC 9207 §2.4
		d.startAgain(w, r, "the answer is of another service")
		return
	}
	if why := q.Get("error"); why != "" || q.Get("code") == "" {
		d.declined(w, r, why)
		return
	}
	back, may := d.Decider.spend(proof{}, d.client(r)) // anybody can make up codes
	if !may {
		d.refuse(w, r, Busy)
		return
	}
	token, err := d.Provider.Redeem(r.Context(), f, q.Get("code"))
	if errors.Is(err, ErrRefused) {
		d.startAgain(w, r, "the service did not confirm it")
		return
	}
	back()
	var who *admitted
	if err == nil {
		who, err = d.Decider.decide(r.Context(), tokenProof(token), nil)
	}
	if err != nil {
		d.refuse(w, r, refusalOf(err))
		return
	}
	_, proto, _ := d.origin(r)
	http.SetCookie(w, cookieFor(proto, cookieName, d.seal.Seal(token.Reveal(), d.cookiePlace("sign-in")), who.Until.Sub(d.Now())+d.Decider.limit)) // in an outage it may outlast its token
	d.sendOn(w, r, f.Return)
}

// flow returns the sign-in that this browser began with the state.
func (d *Door) flow(r *http.Request, state string) (f Flow, ok bool) {
	if len(state) != secret.TokenLength {
		return f, false
	}
	_, scheme, _ := d.origin(r)
	for _, c := range r.CookiesNamed(nameFor(scheme, flowCookie+state[:8])) {
		text, err := d.seal.Open(c.Value, d.cookiePlace("flow"))
		if err == nil && json.Unmarshal([]byte(text), &f) == nil && f.State == state && d.Now().Before(f.Until) {
			return f, true
		}
	}
	return Flow{}, false
}

func (d *Door) startAgain(w http.ResponseWriter, r *http.Request, why string) {
	d.show(w, r, http.StatusBadRequest, words{Title: "Signing in did not work", Fault: true, Action: "Sign in again", Path: SignInPath,
		Paragraphs: []string{"It took too long, or was begun in another browser (" + why + ")."}})
}

// declined is the service's no (RFC 6749 §4.1.2.1).
func (d *Door) declined(w http.ResponseWriter, r *http.Request, why string) {
	if why == "access_denied" {
		d.show(w, r, http.StatusForbidden, wordsOf[NotLetIn])
		return
	}
	if why == "temporarily_unavailable" || why == "server_error" {
		d.refuse(w, r, ServiceAway)
		return
	}
	d.startAgain(w, r, "the service refused it")
}

// askSignOut asks, because a link alone must change nothing.
func (d *Door) askSignOut(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusOK, words{Title: "Sign out of this server?", Action: "Sign out", Form: SignOutPath, Back: true,
		Paragraphs: []string{"This browser is signed out of this server. You stay signed in at your account, and on your other devices."}})
}

func (d *Door) signOut(w http.ResponseWriter, r *http.Request) {
	if d.cross.Check(r) != nil {
		d.refuse(w, r, OtherWebsite)
		return
	}
	clearCookies(w, cookieName)
	for _, c := range r.Cookies() {
		for _, scheme := range []string{"http", "https"} {
			if token, ours := d.openCookie(c, scheme); ours {
				d.end(r.Context(), token)
			}
		}
		if name := strings.TrimPrefix(c.Name, securePrefix); strings.HasPrefix(name, flowCookie) {
			clearCookies(w, name)
		}
	}
	d.show(w, r, http.StatusOK, words{Title: "You are signed out of this server", Action: "Sign in again", Path: SignInPath,
		Paragraphs: []string{"This browser is no longer let in here. To leave your account as well, sign out on its own page."}})
}

// revokeWait bounds how long somebody who signs out waits until the service was told.
const revokeWait = 5 * time.Second

// end has what a browser's cookie holds let in nobody any more: a copy of it may be somewhere. What the service is not told now ends with the token.
func (d *Door) end(ctx context.Context, token secret.Token) {
	if !d.Decider.leave(token) {
		return
	}
	if d.Remember != nil {
		d.Remember()
	}
	if d.Provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeWait)
	defer cancel()
	switch err := d.Provider.Revoke(ctx, token); {
	case errors.Is(err, ErrRefused): // such as to a server that is signed out
		d.Log.Info("the service refused to be told that somebody signed out here", "error", err)
	case err != nil:
		d.Log.Warn("the service was not told that somebody signed out here", "error", err)
	}
}

// localPath is a path of this server to come back to; whatever else it is given, it is the start.
func localPath(rd string) string {
	path, query, has := strings.Cut(rd, "?")
	p, err := CanonicalPath(path)
	if err != nil || path == "" || p.Own() {
		return "/"
	}
	if !has {
		return p.Encoded
	}
	if values, err := url.ParseQuery(query); err == nil {
		return p.Encoded + "?" + values.Encode()
	}
	return p.Encoded
}
