package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"usher/internal/player"
)

type playerCmd struct {
	Login   playerLoginCmd   `cmd:"" help:"Sign in as a TV does: show a code, and wait until somebody types it."`
	Me      playerMeCmd      `cmd:"" help:"Say whose account this player is signed in to."`
	Home    playerHomeCmd    `cmd:"" help:"List who of the Home may be watching."`
	Switch  playerSwitchCmd  `cmd:"" help:"Say who of the Home is watching."`
	SignOut playerSignOutCmd `cmd:"" help:"Sign this player out."`
}

// playerFile is where a player keeps its sign-in.
type playerFile struct {
	Keep string `placeholder:"FILE" help:"Where the sign-in is kept, for its owner alone (usher/player.json among the user's settings)."`
}

func (f playerFile) path(w world) (string, error) {
	if f.Keep != "" {
		return f.Keep, nil
	}
	for _, v := range w.Environ {
		if dir, is := strings.CutPrefix(v, "XDG_CONFIG_HOME="); is && filepath.IsAbs(dir) {
			return filepath.Join(dir, "usher", "player.json"), nil
		}
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "usher", "player.json"), err
}

type playerLoginCmd struct {
	playerFile
	Service *url.URL `required:"" placeholder:"URL" help:"The service's address, such as https://accounts.example.org."`
	Name    string   `placeholder:"TEXT" help:"How this player calls itself (the name of this machine)."`
}

// Run shows a code, waits, and keeps the sign-in.
func (c playerLoginCmd) Run(ctx context.Context, w world) error {
	path, err := c.path(w)
	if err != nil {
		return err
	}
	if c.Service.Host == "" || c.Service.Scheme != "https" && c.Service.Scheme != "http" || strings.Trim(c.Service.Path, "/") != "" {
		return errors.New("the service is named by its whole address without a path, such as https://accounts.example.org")
	}
	if c.Name == "" {
		if c.Name, err = os.Hostname(); err != nil {
			return err
		}
	}
	p := player.At(c.Service)
	asked, err := p.Ask(ctx, c.Name, c.Name+" "+path)
	if err != nil {
		return err
	}
	if err := showCode(w, asked); err != nil {
		return err
	}
	waited, stop := context.WithCancel(ctx)
	defer stop()
	shown := countDown(waited, w, time.Duration(asked.ExpiresIn)*time.Second)
	kept, who, err := p.Wait(ctx, asked)
	stop()
	<-shown
	if ctx.Err() != nil {
		return errors.New("stopped; nobody was signed in")
	}
	if err != nil {
		return err
	}
	if err := player.Keep(path, kept); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.Out, "Signed in as %s. Kept in %s.\n", who.Name, path)
	return err
}

// showCode tells where to type which code; on a terminal, with a picture of it.
func showCode(w world, asked player.Waiting) error {
	if isTerminal(w) {
		picture, err := player.Picture(asked.Complete)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(w.Out, "\n", picture, "\n"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w.Out, "Go to %s and type %s\n(or %s, from another network)\n", asked.Where, asked.UserCode, asked.LongCode)
	return err
}

// countDown shows on a terminal how long the code still works, until ctx ends; elsewhere it says once that it waits.
func countDown(ctx context.Context, w world, life time.Duration) (done <-chan struct{}) {
	over := make(chan struct{})
	if !isTerminal(w) {
		_, _ = fmt.Fprintf(w.Out, "Waiting for %s at most.\n", life)
		close(over)
		return over
	}
	go func() {
		defer close(over)
		for end := time.Now().Add(life); ; {
			left := max(0, time.Until(end).Round(time.Second))
			_, _ = fmt.Fprintf(w.Out, "\rWaiting. The code works for %d:%02d more.  ", int(left.Minutes()), int(left.Seconds())%60)
			select {
			case <-ctx.Done():
				_, _ = fmt.Fprint(w.Out, "\n")
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return over
}

func isTerminal(w world) bool {
	file, is := w.Out.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

type playerMeCmd struct{ playerFile }

// Run asks the service whose account it is.
func (c playerMeCmd) Run(ctx context.Context, w world) error {
	p, kept, _, err := c.signedIn(w)
	if err != nil {
		return err
	}
	who, err := p.Me(ctx, kept)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.Out, "Signed in as %s at %s.\n", who.Name, kept.Service)
	return err
}

type playerSignOutCmd struct{ playerFile }

// Run ends the sign-in at the service and forgets it here. One that has ended there already is forgotten too.
func (c playerSignOutCmd) Run(ctx context.Context, w world) error {
	p, kept, path, err := c.signedIn(w)
	if err != nil {
		return err
	}
	refused := new(player.Refused)
	if err := p.SignOut(ctx, kept); err != nil && (!errors.As(err, &refused) || refused.Status != http.StatusUnauthorized) {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.Out, "Signed out.")
	return err
}

func (f playerFile) signedIn(w world) (p *player.Player, kept player.Kept, path string, err error) {
	if path, err = f.path(w); err != nil {
		return nil, kept, path, err
	}
	kept, err = player.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, kept, path, errors.New("this player is not signed in; run usher player login --service URL")
	}
	if err != nil {
		return nil, kept, path, err
	}
	service, err := url.Parse(kept.Service)
	return player.At(service), kept, path, err
}
