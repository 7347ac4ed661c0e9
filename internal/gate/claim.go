package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/outage"
	"usher/internal/secret"
)

// againAfter is how long a claim from a terminal waits for a service that does not answer.
const againAfter = 5 * time.Second

// lookAfter is how long a claim that waits for somebody takes no look at whose the server is.
const lookAfter = 2 * time.Second

// manner is how a claim asks for its token, and what it does before it takes the server from one service to another.
type manner struct {
	ask   func(ctx context.Context, s Settings, name string) (secret.Token, error)
	moves func(out io.Writer, from, to string) error
}

// Claim asks for a claim code, shows it, and claims the server of the folder when somebody has confirmed it, whether its gate runs or not. Of a server that
// belongs to somebody already, or does so meanwhile, it says so, and ends. One that belongs to somebody at another service it moves, and says that first.
func Claim(ctx context.Context, s Settings) error { return claim(ctx, s, manner{askOnce, sayMoves}) }

// ClaimPatiently is Claim, but a code that has run out is followed by another, and a service that does not answer is asked again. It moves no server: nobody
// may be there to read what that means.
func ClaimPatiently(ctx context.Context, s Settings) error {
	return claim(ctx, s, manner{askAgain, refuseMoves})
}

func claim(ctx context.Context, s Settings, by manner) (err error) {
	before := kept(s)
	if done, err := already(ctx, s, by); done || err != nil {
		return err
	}
	token, done, err := askMeanwhile(ctx, s, before, by)
	if done || err != nil {
		return err
	}
	folder, err := keep.Open(s.Config.Folder, s.Now())
	if errors.Is(err, keep.ErrInUse) {
		return handToGate(ctx, s, token)
	}
	if err != nil {
		return Barred(err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	host, port, err := net.SplitHostPort(s.Config.Listen)
	if err != nil {
		return err
	}
	client := accounts.New(s.Config.ServiceURL(), folder, s.Version, s.Now)
	claims := &accounts.Claims{Client: client, About: func() accounts.About { return about(s, origins(host, port)) }, Log: s.Log}
	if err := claims.Redeem(ctx, token); err != nil {
		return err
	}
	return claimed(s.Out, s.Config.ServiceURL())
}

// already reports whether the server of the folder belongs to somebody, and says so: a container that is started again has nobody to type a code. A service
// that does not answer takes nothing away. What belongs to somebody at another service is moved by whoever was told so, not patiently.
func already(ctx context.Context, s Settings, by manner) (done bool, err error) {
	folder, _, err := keep.Look(s.Config.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, Barred(err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	client := accounts.New(s.Config.ServiceURL(), folder, s.Version, s.Now)
	whose, has := folder.Server()
	if has && whose.Service != client.Issuer() {
		return false, by.moves(s.Out, whose.Service, client.Issuer())
	}
	st, err := client.Standing(ctx)
	says := "This server belongs to " + whose.Owner.Called() + " already"
	switch {
	case ctx.Err() != nil:
		return false, errStopped
	case err == nil && st.State == accounts.Suspended:
		says += ". It is signed out: its owner signs in at the service, and brings it back at " + st.Servers
	case errors.Is(err, outage.Err):
		says += "; the service does not answer just now, so how it stands there is not known"
	case err != nil || st.State != accounts.Good:
		return false, nil // nobody's, there or here
	}
	_, err = fmt.Fprintln(s.Out, says+".")
	return true, err
}

// sayMoves says that a claim takes the server from one service to another.
func sayMoves(out io.Writer, from, to string) error {
	_, err := fmt.Fprintf(out, "This server belongs to an account at %s. Going on moves it to %s. Is it to stay where it is, stop this with Ctrl+C, and give --service %s.\n", from, to, from)
	return err
}

// refuseMoves refuses that, and says what helps.
func refuseMoves(_ io.Writer, from, to string) error {
	return fmt.Errorf("this server belongs to an account at %s, and --wait does not move it. Is it to stay there, give --service %s; is it to move to %s, claim it on its own page, or by 'usher gate claim' without --wait", from, from, to)
}

// kept is whose server it is by the folder; the zero Server: nobody's, or it cannot be read.
func kept(s Settings) keep.Server {
	folder, _, err := keep.Look(s.Config.Folder)
	if err != nil {
		return keep.Server{}
	}
	defer func() { _ = folder.Close() }() // it was only read
	whose, _ := folder.Server()
	return whose
}

// errStopped says that somebody ended the command.
var errStopped = errors.New("stopped; nothing was claimed")

// claimed says so, and what is left to do for its owner.
func claimed(out io.Writer, service *url.URL) error {
	_, err := fmt.Fprintf(out, "The server is claimed. Before anybody can sign in there, confirm the address that people open it by: %s\n", service.JoinPath("servers"))
	return err
}

// askMeanwhile gets a claim token for the server of the folder, unless the server gets an owner in another way first, such as on its own page: then it is done.
// before is whose it was when the command began.
func askMeanwhile(ctx context.Context, s Settings, before keep.Server, by manner) (token secret.Token, done bool, err error) {
	waits, stop := context.WithCancel(ctx)
	var looks sync.WaitGroup
	var found error
	looks.Go(func() {
		defer stop()
		for !done && found == nil {
			select {
			case <-waits.Done():
				return
			case <-time.After(lookAfter):
			}
			if now := kept(s); now != before { // else the service would be asked for nothing
				before = now
				done, found = already(waits, s, by)
			}
		}
	})
	token, err = by.ask(waits, s, name(s.Config))
	stop()
	looks.Wait()
	if done || found != nil && !errors.Is(found, errStopped) {
		return secret.Token{}, done, found
	}
	return token, false, err
}

// askOnce shows a code for a server of that name, and returns the claim token that it brings when it was confirmed.
func askOnce(ctx context.Context, s Settings, name string) (secret.Token, error) {
	token, err := ask(ctx, s, name)
	if ctx.Err() != nil {
		return secret.Token{}, errStopped
	}
	return token, err
}

// askAgain is askOnce until one of its codes was confirmed.
func askAgain(ctx context.Context, s Settings, name string) (secret.Token, error) {
	for {
		token, err := askOnce(ctx, s, name)
		switch {
		case ctx.Err() != nil || !errors.Is(err, accounts.ErrExpired) && !errors.Is(err, outage.Err):
			return token, err
		case errors.Is(err, outage.Err):
			select {
			case <-ctx.Done():
			case <-time.After(againAfter):
			}
		}
	}
}

func ask(ctx context.Context, s Settings, name string) (secret.Token, error) {
	c := accounts.New(s.Config.ServiceURL(), nil, s.Version, s.Now)
	asked, err := c.Ask(ctx, name)
	if err != nil {
		return secret.Token{}, err
	}
	minutes, code := (asked.ExpiresIn+59)/60, cmp.Or(asked.ShortCode, asked.UserCode)
	if _, err := fmt.Fprintf(s.Out, "Open %s and type the code %s there, within %d minutes.\nFrom another network, open %s\n", asked.Where, code, minutes, asked.Complete); err != nil {
		return secret.Token{}, err
	}
	return c.Wait(ctx, asked)
}

// handToGate gives a claim token to the gate that runs on this machine, by the code that stands in its folder.
func handToGate(ctx context.Context, s Settings, token secret.Token) error {
	window, err := keep.Opened(s.Config.Folder, s.Now())
	if err != nil {
		return err
	}
	for _, page := range window.Pages {
		u, err := url.Parse(page)
		if err == nil && (strings.HasPrefix(u.Host, "127.0.0.1:") || len(window.Pages) == 1) {
			return handOver(ctx, s, u.Host, window.Secret, token)
		}
	}
	return errors.New("the gate that uses this folder does not say where it listens; start it again")
}

// serverPort is where servers listen when nothing else is said.
const serverPort = "32400"

// Remote is a server beside this machine that somebody wants to claim.
type Remote struct {
	Server string // how it is named: by its number, with a port or not
	// SetUp is its set-up code; empty where its owner has waived that.
	SetUp secret.Token
	// Person is who claims it by name and password; nil: by a code, which is shown, and confirmed at the service.
	Person *accounts.Person
}

// Beside looks whether a server that is named so can be claimed, before anybody is asked for anything.
func Beside(ctx context.Context, server string) error {
	at, err := remote(server)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, (&url.URL{Scheme: "http", Host: at, Path: "/identity"}).String(), nil)
	if err != nil {
		return errors.New("the server's address is none")
	}
	r.Header.Set("Accept", "application/json")
	answer, err := plainly(10 * time.Second).Do(r)
	if err != nil {
		return fmt.Errorf("nothing answers at %s; see that the gate runs there, and on which port: the address may end with one, such as 192.168.1.20:32401", at)
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ MediaContainer struct{ Claimed bool } }
	if json.NewDecoder(io.LimitReader(answer.Body, longestReply)).Decode(&said) == nil && said.MediaContainer.Claimed {
		return fmt.Errorf("the server at %s belongs to somebody already; if it is yours, it stands under Servers in your account", at)
	}
	return nil // what else it is shows when it is claimed
}

// plainly asks a server in the house, through no proxy: it would look like one.
func plainly(patience time.Duration) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{}}
}

// SetUpCounts looks whether a server takes a claim by that set-up code, before anybody confirms one: it is asked by the claim itself, without a token, which
// claims nothing. An empty code counts while its owner has waived it.
func SetUpCounts(ctx context.Context, server string, code secret.Token) error {
	at, err := remote(server)
	if err != nil {
		return err
	}
	switch status, text, err := offer(ctx, at, code, secret.Token{}); {
	case err != nil:
		return err
	case status == http.StatusBadRequest: // the token alone was wrong
		return nil
	case code.Empty():
		return fmt.Errorf("no set-up code was given, and the server at %s was not claimed: %s", at, text)
	default:
		return fmt.Errorf("the server at %s was not claimed: %s", at, text)
	}
}

// ClaimRemote gets a claim token and hands it to a server.
func ClaimRemote(ctx context.Context, s Settings, r Remote) error {
	at, err := remote(r.Server)
	if err != nil {
		return err
	}
	var token secret.Token
	if r.Person != nil {
		token, err = accounts.New(s.Config.ServiceURL(), nil, s.Version, s.Now).Fetch(ctx, *r.Person)
	} else {
		token, err = askOnce(ctx, s, "Media server at "+at)
	}
	if err != nil {
		return err
	}
	return handOver(ctx, s, at, r.SetUp, token)
}

// remote reads how somebody names a server: by its number, with a port or not.
func remote(server string) (string, error) {
	server = strings.TrimSuffix(strings.TrimPrefix(server, "http://"), "/")
	if a, err := netip.ParseAddr(strings.Trim(server, "[]")); err == nil {
		return net.JoinHostPort(a.String(), serverPort), nil
	}
	if _, err := netip.ParseAddrPort(server); err != nil {
		return "", fmt.Errorf("name the server by its IP address, such as 192.168.1.20: it takes no claim by a name, which could be anybody's")
	}
	return server, nil
}

// said is a server's answer as a terminal may show it: whoever answers at the address may be anybody.
func said(answer []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(answer), "?")))
}

// longestReply bounds what is read of a server's answer, in bytes.
const longestReply = 4 << 10

// handOver gives a claim token to a server at an address.
func handOver(ctx context.Context, s Settings, at string, code, token secret.Token) error {
	status, text, err := offer(ctx, at, code, token)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the server at %s was not claimed: %s", at, text)
	}
	return claimed(s.Out, s.Config.ServiceURL())
}

// offer sends a claim token to a server at an address, and returns what it says to that, fit for a terminal.
func offer(ctx context.Context, at string, code, token secret.Token) (status int, text string, err error) {
	target := url.URL{Scheme: "http", Host: at, Path: "/myplex/claim", RawQuery: url.Values{"token": {token.Reveal()}}.Encode()}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return 0, "", errors.New("the server's address is none")
	}
	if !code.Empty() {
		r.Header.Set("X-Usher-Setup", code.Reveal())
	}
	answer, err := plainly(time.Minute).Do(r)
	if err != nil {
		wrapped := new(url.Error) // whose words repeat the address with the token
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, "", fmt.Errorf("no server answers at %s: %w", at, err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, longestReply))
	if err != nil {
		return 0, "", fmt.Errorf("the server at %s did not finish its answer: %w", at, err)
	}
	return answer.StatusCode, said(raw), nil
}
