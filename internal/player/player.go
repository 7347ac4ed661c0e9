// Package player owns a player that signs in as a TV does, from a terminal: it asks a service for a code, shows it, and waits. It knows the service
// only by its API, as anybody's program would.
package player

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// product is what this player calls itself.
const product = "usher player"

// Player talks to one service.
type Player struct {
	service *url.URL
	client  *http.Client
}

// At returns a player of the service at an address.
func At(service *url.URL) *Player {
	return &Player{service, &http.Client{Timeout: 30 * time.Second}}
}

// Refused is an answer of the service that is a problem document (RFC 9457).
type Refused struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`

	Wait time.Duration `json:"-"` // of Retry-After (RFC 9110 §10.2.3); 0 where nothing is said
}

// Error is what the service says to people.
func (r *Refused) Error() string {
	if r.Wait > 0 { // the detail speaks to programs, of a header
		return r.Title + ": try again in " + r.Wait.String()
	}
	return r.Title + ": " + r.Detail
}

// is reports which problem it is, by the end of its type.
func (r *Refused) is(name string) bool { return filepath.Base(r.Type) == name }

// Waiting is a code that was asked for.
type Waiting struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	LongCode   string `json:"user_code_long"`
	Where      string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

// Person is whose account it is.
type Person struct {
	Name     string `json:"name"`
	UserName string `json:"user_name"`
}

// Kept is what a player keeps: its token, and where that counts.
type Kept struct {
	Service string `json:"service"`
	Token   string `json:"token"`
	// Watching is the token of who of the Home was switched to; empty where nobody was.
	Watching string `json:"watching,omitempty"`
}

// shown is the token of whoever is watching.
func (k Kept) shown() string { return cmp.Or(k.Watching, k.Token) }

// Why a player is not signed in.
var (
	ErrDenied  = errors.New("somebody said no to this player")
	ErrExpired = errors.New("the code has expired; run the command again for a new one")
	// ErrAway says that no Usher service answers there.
	ErrAway = errors.New("no Usher service answers there: is it running, and is its address right, without a path?")
)

// Ask asks for a code. The installation is a name that this player always has: the code it asked for before is replaced. ErrAway.
func (p *Player) Ask(ctx context.Context, name, installation string) (w Waiting, err error) {
	err = p.send(ctx, http.MethodPost, "/api/v1/link", "", map[string]string{"device": name, "product": product, "client": installation}, &w)
	return w, err
}

// Wait asks every few seconds whether somebody has let it in. A service that is away for a moment is asked again; ErrDenied, ErrExpired.
func (p *Player) Wait(ctx context.Context, w Waiting) (Kept, Person, error) {
	interval := time.Duration(max(1, w.Interval)) * time.Second
	end := time.Now().Add(time.Duration(w.ExpiresIn) * time.Second)
	for {
		select {
		case <-ctx.Done():
			return Kept{}, Person{}, ctx.Err()
		case <-time.After(interval):
		}
		var in struct {
			Token   string `json:"token"`
			Account Person `json:"account"`
		}
		err := p.send(ctx, http.MethodPost, "/api/v1/link/token", "", map[string]string{"device_code": w.DeviceCode}, &in)
		refused := new(Refused)
		switch {
		case err == nil:
			return Kept{Service: p.service.String(), Token: in.Token}, in.Account, nil
		case !errors.As(err, &refused), refused.Status >= http.StatusInternalServerError:
			if time.Now().After(end) {
				return Kept{}, Person{}, err
			}
		case refused.is("authorization-pending"):
		case refused.is("slow-down"):
			interval += 5 * time.Second
		case refused.is("access-denied"):
			return Kept{}, Person{}, ErrDenied
		case refused.is("expired-token"):
			return Kept{}, Person{}, ErrExpired
		default:
			return Kept{}, Person{}, err
		}
	}
}

// Me returns whose account the player is signed in to.
func (p *Player) Me(ctx context.Context, k Kept) (who Person, err error) {
	err = p.send(ctx, http.MethodGet, "/api/v1/me", k.shown(), nil, &who)
	return who, err
}

// SignOut ends the player's sign-in.
func (p *Player) SignOut(ctx context.Context, k Kept) error {
	return p.send(ctx, http.MethodPost, "/api/v1/sign-out", k.Token, nil, nil)
}

// longestAnswer bounds what is read of an answer, in bytes.
const longestAnswer = 64 << 10

func (p *Player) send(ctx context.Context, method, path, token string, fields map[string]string, into any) error {
	var body io.Reader
	if fields != nil {
		raw, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.service.JoinPath(path).String(), body)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "usher-player")
	if fields != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return away(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return refusal(answer, raw)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return ErrAway
	}
	return nil
}

// away says of a connection that failed what a person can do; who stopped waiting needs no advice.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w (%w)", ErrAway, err)
}

// refusal reads a problem document.
func refusal(answer *http.Response, raw []byte) error {
	refused := &Refused{}
	if err := json.Unmarshal(raw, refused); err != nil || refused.Title == "" {
		return fmt.Errorf("%w (it answers with status %d)", ErrAway, answer.StatusCode)
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		refused.Wait = time.Duration(seconds) * time.Second
	}
	refused.Status = answer.StatusCode
	return refused
}

// Keep writes what a player keeps to a file that only its owner may read.
func Keep(path string, k Kept) error {
	raw, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// Load reads what Keep wrote; fs.ErrNotExist when nothing was kept.
func Load(path string) (k Kept, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(raw, &k); err != nil || k.Token == "" {
		return k, fmt.Errorf("%s holds no sign-in of a player", path)
	}
	return k, nil
}
