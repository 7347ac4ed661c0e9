package accounts

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"usher/internal/outage"
	"usher/internal/secret"
)

// Waiting is a claim that somebody has begun on the server's page: which code to confirm, and where. The zero Waiting is none.
type Waiting struct {
	Code     string
	Short    string // the same for the server's own network, often empty
	Where    string
	Complete string // Where with Code filled in
	Until    time.Time
	// Problem is why it came to nothing; nil while it waits.
	Problem error
}

// Going reports whether a code still waits to be confirmed.
func (w Waiting) Going() bool { return w.Code != "" && w.Problem == nil }

// Claims lets people claim the server from its page, one claim at a time.
type Claims struct {
	Client *Client
	About  func() About
	// Claimed is told when the server has found an owner, before anybody else is, and returns when people can come; it may be nil.
	Claimed func(ctx context.Context)
	// GivenUp is told when the server was given up here; it may be nil.
	GivenUp func()
	Log     *slog.Logger

	mu      sync.Mutex
	waiting Waiting
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Begin asks for a code, or returns the one that waits already. outage.Err.
func (c *Claims) Begin(ctx context.Context) (Waiting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting.Going() {
		return c.waiting, nil
	}
	asked, err := c.Client.Ask(ctx, c.About().Name)
	if err != nil {
		c.waiting = Waiting{}
		return Waiting{}, err
	}
	c.waiting = Waiting{
		Code: asked.UserCode, Short: asked.ShortCode, Where: asked.Where, Complete: asked.Complete, Until: c.Client.now().Add(time.Duration(asked.ExpiresIn) * time.Second),
	}
	waits, stop := context.WithCancel(context.WithoutCancel(ctx)) // it goes on when the page has been answered
	c.stop = stop
	c.running.Go(func() { c.finish(waits, asked) })
	return c.waiting, nil
}

// finish waits until the code is confirmed, and claims.
func (c *Claims) finish(ctx context.Context, asked Asked) {
	token, err := c.Client.Wait(ctx, asked)
	if err == nil {
		err = c.redeem(ctx, token)
	}
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.waiting = Waiting{}
		return
	}
	c.waiting.Problem = err
	c.Log.Warn("the server was not claimed", "error", err)
}

// Waiting returns the claim that was begun last.
func (c *Claims) Waiting() Waiting {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

// Redeem claims the server with a token that somebody handed over. ErrDead, ErrTaken, ErrTooMany; outage.Err.
func (c *Claims) Redeem(ctx context.Context, token secret.Token) error {
	if err := c.redeem(ctx, token); err != nil {
		return err
	}
	c.Stop()
	return nil
}

// redeem leaves a server alone that counts for somebody. One that was signed out or given up may be claimed anew, with the key it has.
func (c *Claims) redeem(ctx context.Context, token secret.Token) error {
	switch st, err := c.Client.Standing(ctx); {
	case err == nil && st.State == Good:
		return ErrTaken
	case errors.Is(err, outage.Err), ctx.Err() != nil:
		return err
	}
	if err := c.Client.Claim(ctx, token, c.About()); err != nil {
		return err
	}
	if c.Claimed != nil {
		c.Claimed(ctx)
	}
	c.Log.Info("the server was claimed")
	return nil
}

// Unclaim gives the server up, here and at the service. ErrUnclaimed; outage.Err; *Refused.
func (c *Claims) Unclaim(ctx context.Context) error {
	if err := c.Client.Unclaim(ctx); err != nil {
		return err
	}
	if c.GivenUp != nil {
		c.GivenUp()
	}
	return nil
}

// Start claims an unclaimed server with a token from its configuration, for as long as the token can live; the service may be slower to start.
func (c *Claims) Start(ctx context.Context, token secret.Token) {
	for end := time.Now().Add(tokenLife); ; {
		err := c.redeem(ctx, token)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrTaken):
			c.Log.Info("the claim token of the configuration is not needed: the server is claimed")
			return
		case !errors.Is(err, outage.Err) || time.Now().After(end):
			c.Log.Warn("the claim token of the configuration was not taken", "error", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryPause):
		}
	}
}

const (
	tokenLife  = 4 * time.Minute // of a claim token
	retryPause = 5 * time.Second
)

// Stop ends a claim that waits; its code counts for nothing here any more.
func (c *Claims) Stop() {
	c.mu.Lock()
	if c.stop != nil {
		c.stop()
	}
	c.waiting = Waiting{}
	c.mu.Unlock()
}

// Close ends what is still going on.
func (c *Claims) Close() {
	c.Stop()
	c.running.Wait()
}
