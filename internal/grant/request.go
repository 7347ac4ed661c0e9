package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// Asked is an authorization request as it came (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636 §4.3). What was not sent is empty.
type Asked struct {
	ClientID, RedirectURI, ResponseType, ResponseMode, Scope, State, Nonce string
	Challenge, ChallengeMethod                                             string
	Prompt, MaxAge, ACRValues                                              string
	// Object is the parameter that carries the request in another way: "request" or "request_uri". Both are refused.
	Object string
}

// Refusals that must not be sent to where the request says, because it is not known that the client is there.
var (
	ErrUnknownClient = errors.New("grant: no such client")
	ErrRedirect      = errors.New("grant: the redirect URI is none of the client's")
	// ErrUntold comes with the *Refusal of a media server's request: nobody's browser is sent on to a server for nothing but a link, since any member has one.
	ErrUntold = errors.New("grant: the server is not told")
)

// Refusal is an error that the client is told (RFC 6749 §4.1.2.1 and §5.2). Its text is for developers, and holds nothing that was sent.
type Refusal struct {
	Code string
	Text string
	// To is where an authorization request is answered; empty for the token endpoint's.
	To Return `json:"-"`
	// Standing tells a claimed media server how it stands; else empty.
	Standing string `json:"-"`
}

func (r *Refusal) Error() string { return "grant: " + r.Code + ": " + r.Text }

func refuse(code, text string) *Refusal { return &Refusal{Code: code, Text: text} }

// question is a request that may be answered, kept sealed until it is.
type question struct {
	To        Return               `json:"to"`
	Scopes    []relyingparty.Scope `json:"scopes"`
	Nonce     string               `json:"nonce,omitempty"`
	Challenge string               `json:"challenge"`
	Prompt    []string             `json:"prompt,omitempty"`
	MaxAge    int64                `json:"max_age"` // seconds; below zero: any
	Stepped   bool                 `json:"stepped,omitempty"`
	Refused   *Refusal             `json:"refused,omitempty"` // that waits for a page which posts it
}

// Pending is a request that waits for its person.
type Pending struct {
	ID     secret.Token
	Client relyingparty.Client

	question
	hash  string
	begun time.Time
}

// Ended returns the refusal that the request got before anybody was asked; nil when there is none.
func (p Pending) Ended() *Refusal { return p.Refused }

// Silent reports whether nothing may be shown (prompt=none).
func (p Pending) Silent() bool { return slices.Contains(p.Prompt, "none") }

// AtServer reports whether a media server of some member asks. It is told nothing of people who have agreed to nothing there, not even whether they are signed
// in: until they press a button, the browser stays here.
func (p Pending) AtServer() bool { return p.Client.AccountID != "" }

// Origin is where the answer goes, as a Content-Security-Policy names it.
func (p Pending) Origin() string { return p.To.origin() }

// Begin checks a request and keeps it until its person has answered, for ten minutes. ErrUnknownClient, ErrRedirect, *Refusal,
// *ratelimit.LimitedError; ErrUntold.
func (s *Service) Begin(ctx context.Context, a Asked, client device.Client) (secret.Token, error) {
	c, err := s.Store.FindClient(ctx, a.ClientID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		err = ErrUnknownClient
	}
	if err != nil {
		return secret.Token{}, err
	}
	if !c.AllowsRedirect(a.RedirectURI) {
		return secret.Token{}, ErrRedirect
	}
	q, err := a.check(c)
	if refusal := new(Refusal); errors.As(err, &refusal) {
		refusal.To = q.To
		if c.AccountID != "" {
			return secret.Token{}, fmt.Errorf("%w: %w", ErrUntold, refusal)
		}
		if !q.To.Form {
			return secret.Token{}, refusal
		}
		q, err = question{To: q.To, Refused: refusal}, nil // and nothing else that a stranger sent
	}
	if err != nil {
		return secret.Token{}, err
	}
	return s.keep(ctx, credential.AuthorizationRequest, c.ID, write(q), client)
}

// keep writes down what a browser brought from a client until its page has been answered, and returns the name that it waits under. Limits.
func (s *Service) keep(ctx context.Context, kind credential.Kind, clientID, detail string, client device.Client) (secret.Token, error) {
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.Authorizations.From(client.Address), now); err != nil {
		return secret.Token{}, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	link := credential.Link{Kind: kind, Token: secret.NewToken(), Subject: clientID, Detail: detail, Stamp: credential.Stamp{Born: clock.Epoch}}
	return link.Token, s.Store.Record(ctx, audit.Act{At: now}.Linking(link))
}

// longestText bounds what a client may have us carry, in bytes.
const longestText = 2000

// check reads a request whose client and redirect URI are proved. With a *Refusal, where to send it is known.
func (a Asked) check(c relyingparty.Client) (q question, err error) {
	q.To = Return{URI: a.RedirectURI, State: a.State, Form: a.ResponseMode == "form_post" && strings.HasPrefix(a.RedirectURI, "http")}
	for _, text := range []string{a.State, a.Nonce, a.ACRValues, a.Prompt} {
		if len(text) > longestText {
			q.To.State = a.State[:min(len(a.State), longestText)]
			return q, refuse("invalid_request", "state, nonce, acr_values or prompt is too long")
		}
	}
	q.Nonce, q.Challenge = a.Nonce, a.Challenge
	switch {
	case a.Object != "":
		return q, refuse(a.Object+"_not_supported", "send the parameters themselves")
	case a.ResponseType == "":
		return q, refuse("invalid_request", "response_type is missing")
	case a.ResponseType != "code":
		return q, refuse("unsupported_response_type", "only code is supported")
	case !c.MayUse(relyingparty.Code):
		return q, refuse("unauthorized_client", "the client may not use this grant")
	case a.ResponseMode != "" && a.ResponseMode != "query" && a.ResponseMode != "form_post":
		return q, refuse("invalid_request", "response_mode is query or form_post")
	case a.Challenge == "":
		return q, refuse("invalid_request", "code_challenge is missing")
	case a.ChallengeMethod != "S256":
		return q, refuse("invalid_request", "code_challenge_method is not S256")
	case !isChallenge(a.Challenge):
		return q, refuse("invalid_request", "code_challenge is not a SHA-256 hash in base64url")
	}
	if q.Scopes, err = askedScopes(c, a.Scope); err != nil {
		return q, err
	}
	return q, a.checkPerson(&q)
}

// checkPerson reads what is asked about the person's sign-in.
func (a Asked) checkPerson(q *question) error {
	q.MaxAge = -1
	if a.MaxAge != "" {
		n, err := strconv.ParseInt(a.MaxAge, 10, 32)
		if err != nil || n < 0 {
			return refuse("invalid_request", "max_age is not a number of seconds")
		}
		q.MaxAge = n
	}
	if a.Prompt != "" {
		q.Prompt = strings.Split(a.Prompt, " ")
	}
	for i, p := range q.Prompt {
		if !slices.Contains(Prompts(), p) || slices.Contains(q.Prompt[:i], p) || p == "none" && len(q.Prompt) > 1 {
			return refuse("invalid_request", "prompt is none, or some of login, consent and select_account, each once")
		}
	}
	q.Stepped = slices.Contains(strings.Split(a.ACRValues, " "), acrSecondStep)
	return nil
}

// Prompts lists the values of prompt (OpenID Connect Core §3.1.2.1).
func Prompts() []string { return []string{"none", "login", "consent", "select_account"} }

// askedScopes reads the scopes of a request for a person. Those that nobody knows are passed over (OpenID Connect Core §3.1.2.1); one that is known
// and not the client's is refused. offline_access is passed over where the client may not refresh.
func askedScopes(c relyingparty.Client, text string) ([]relyingparty.Scope, error) {
	all, err := relyingparty.ParseScopes(text)
	if err != nil {
		return nil, refuse("invalid_scope", "scope is not a list of scopes, divided by single spaces")
	}
	var kept []relyingparty.Scope
	for _, s := range all {
		switch {
		case !slices.Contains(relyingparty.Scopes(), s) && !c.MayAsk(s):
			continue
		case slices.Contains(relyingparty.ForClients(), s):
			return nil, refuse("invalid_scope", "the scope "+string(s)+" is for clients themselves, by the grant client_credentials")
		case !c.MayAsk(s):
			return nil, refuse("invalid_scope", "the client is not registered for the scope "+string(s))
		case s == relyingparty.OfflineAccess && !c.MayUse(relyingparty.Refresh):
			continue
		}
		kept = append(kept, s)
	}
	switch {
	case len(kept) > 0:
		return kept, nil
	case len(all) > 0:
		return nil, refuse("invalid_scope", "none of the scopes counts here for this client")
	}
	return nil, refuse("invalid_scope", "scope is missing")
}

// isChallenge reports whether a text is 32 bytes in base64url (RFC 7636 §4.2).
func isChallenge(text string) bool {
	return len(text) == 43 && unreserved(text) && !strings.ContainsAny(text, ".~")
}

// unreserved reports whether a text has only the characters of a code verifier (RFC 7636 §4.1).
func unreserved(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
	})
}

// Look returns the request that waits under an id. ErrGone.
func (s *Service) Look(ctx context.Context, id secret.Token) (Pending, error) {
	f, err := s.Resolver.Resolve(ctx, credential.AuthorizationRequest, id)
	if credential.IsDead(err) {
		err = ErrGone
	}
	if err != nil {
		return Pending{}, err
	}
	p := Pending{ID: id, hash: f.Hash, begun: f.CreatedAt}
	if err := json.Unmarshal([]byte(f.Detail), &p.question); err != nil {
		return p, fmt.Errorf("reading a request: %w", err)
	}
	p.Client, err = s.Store.FindClient(ctx, f.Subject)
	if errors.Is(err, relyingparty.ErrNotFound) || err == nil && !p.Client.AllowsRedirect(p.To.URI) { // taken away meanwhile
		err = ErrGone
	}
	return p, err
}
