// Package accounts is the gate's side of what it has to do with the account service: it asks for claim tokens, claims, proves itself by its key, and learns how
// it stands. It knows the service only by its protocols, and refuses to know what the answers mean for those who want in.
package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"usher/internal/gate/keep"
	"usher/internal/outage"
	"usher/internal/secret"
)

// longestAnswer bounds what is read of an answer, in bytes; patience is how long one may take.
const (
	longestAnswer = 512 << 10
	patience      = 30 * time.Second
	// longPatience is how long a poll for signals may take, which waits until there is one.
	longPatience = 45 * time.Second
)

// Client talks to one service in the name of one server.
type Client struct {
	service *url.URL
	folder  *keep.Folder
	http    *http.Client
	waits   *http.Client
	agent   string
	now     func() time.Time

	mu        sync.Mutex
	endpoints endpoints
	signals   transmitter
	token     secret.Token
	tokenEnds time.Time
}

// dead is when a connection counts as lost whose other end says nothing any more, or whose state a router has forgotten: after eleven seconds. A poll that
// waits on one would hear of no sign-out.
var dead = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// New returns a client of the service at an origin; version is what the gate says of itself.
func New(service *url.URL, folder *keep.Folder, version string, now func() time.Time) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.DialContext = (&net.Dialer{Timeout: patience, KeepAliveConfig: dead}).DialContext
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // nothing we ask moves, and our proofs are for one place
	return &Client{
		service: service, folder: folder, agent: "usher-gate/" + version, now: now,
		http:  &http.Client{Transport: transport, Timeout: patience, CheckRedirect: stay},
		waits: &http.Client{Transport: transport, Timeout: longPatience, CheckRedirect: stay},
	}
}

// Issuer is the service's origin, as it calls itself in tokens.
func (c *Client) Issuer() string { return strings.TrimSuffix(c.service.String(), "/") }

// Refused is an answer of the service that says no.
type Refused struct {
	Status   int
	Code     string // an OAuth error, or the last part of a problem's type
	Text     string // what the service says about it
	Standing string // where the service says how the server stands
}

// WrongPassword is the code where it was a person's name and password that do not count, and not the server's token.
const WrongPassword = "wrong"

// The codes of what was no name and password that the service could read. It looked nothing up.
const (
	Unreadable  = "bad-request"
	WrongFields = "bad-fields"
	TooLarge    = "too-large"
)

// ErrLimited says that the service answers no more of this for a while.
var ErrLimited = errors.New("it asks to wait: there were too many")

// Unknown is the code of an answer in words that are not the service's: something else may stand in its place just now.
const Unknown = "unknown"

// Error never carries what was sent.
func (r *Refused) Error() string {
	return fmt.Sprintf("the service says no (%d %s): %s", r.Status, r.Code, r.Text)
}

// Is reports whether the error is a refusal with one of the codes.
func Is(err error, codes ...string) bool {
	refused := new(Refused)
	if !errors.As(err, &refused) {
		return false
	}
	for _, code := range codes {
		if refused.Code == code {
			return true
		}
	}
	return false
}

// endpoints are the parts of the service's metadata (RFC 8414) that a gate needs.
type endpoints struct {
	Issuer        string `json:"issuer"`
	Token         string `json:"token_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Introspection string `json:"introspection_endpoint"`
}

// discover reads where the endpoints are, once. What stands on another origin is not the service.
func (c *Client) discover(ctx context.Context) (endpoints, error) {
	c.mu.Lock()
	known := c.endpoints
	c.mu.Unlock()
	if known.Issuer != "" {
		return known, nil
	}
	var e endpoints
	if err := c.send(ctx, call{method: http.MethodGet, url: c.at("/.well-known/openid-configuration")}, &e); err != nil {
		return endpoints{}, err
	}
	if e.Issuer != c.Issuer() {
		return endpoints{}, fmt.Errorf("%s calls itself %q: give the gate the address that the service itself uses (its setting origin)", c.Issuer(), e.Issuer)
	}
	for _, endpoint := range []string{e.Token, e.Device, e.Introspection} {
		if !c.owns(endpoint) {
			return endpoints{}, fmt.Errorf("the service at %s names an endpoint elsewhere", c.Issuer())
		}
	}
	c.mu.Lock()
	c.endpoints = e
	c.mu.Unlock()
	return e, nil
}

func (c *Client) at(path string) string { return c.service.JoinPath(path).String() }

// call is one request. At most one of form and json is set.
type call struct {
	method, url string
	form        url.Values
	json        any
	bearer      string
	login       string       // of a person, with
	password    secret.Token // (RFC 7617)
	waits       bool         // the answer may take longPatience
}

// send asks the service and reads its answer. outage.Err when nobody answers, or the service says that it cannot; *Refused.
func (c *Client) send(ctx context.Context, what call, into any) error {
	r, err := c.request(ctx, what)
	if err != nil {
		return err
	}
	client := c.http
	if what.waits {
		client = c.waits
	}
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return away(c.Issuer(), plain(err))
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if err != nil {
		return away(c.Issuer(), plain(err))
	}
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		return away(c.Issuer(), ErrLimited)
	case answer.StatusCode >= http.StatusInternalServerError:
		return away(c.Issuer(), fmt.Errorf("it answers with status %d", answer.StatusCode))
	case answer.StatusCode >= http.StatusBadRequest:
		return refusal(answer.StatusCode, raw)
	case answer.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("the service at %s sends somewhere else: give the gate the address that the service itself uses", c.Issuer())
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("no Usher service answers at %s: its answer is not what one would say", c.Issuer())
	}
	return nil
}

func (c *Client) request(ctx context.Context, what call) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case what.form != nil:
		body, kind = strings.NewReader(what.form.Encode()), "application/x-www-form-urlencoded"
	case what.json != nil:
		raw, err := json.Marshal(what.json)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(raw), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, what.method, what.url, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", c.agent)
	r.Header.Set("Accept", "application/json")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if what.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+what.bearer)
	}
	if what.login != "" {
		r.SetBasicAuth(what.login, what.password.Reveal())
	}
	return r, nil
}

// plain takes the address off an error of net/http, which would repeat what stands in it.
func plain(err error) error {
	wrapped := new(url.Error)
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func away(issuer string, err error) error {
	return fmt.Errorf("the service at %s does not answer: %w (%w)", issuer, outage.Err, err)
}

// refusal reads an OAuth error (RFC 6749 §5.2) or a problem document (RFC 9457).
func refusal(status int, raw []byte) error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Detail      string `json:"detail"`
		Standing    string `json:"standing"`
	}
	if json.Unmarshal(raw, &said) != nil {
		return &Refused{Status: status, Code: Unknown, Text: http.StatusText(status)}
	}
	if said.Error != "" {
		return &Refused{status, said.Error, said.Description, said.Standing}
	}
	text := said.Title
	if said.Detail != "" {
		text += ": " + said.Detail
	}
	return &Refused{status, path.Base(said.Type), text, said.Standing}
}
