package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"usher/internal/household"
	"usher/internal/player"
)

type playerHomeCmd struct{ playerFile }

// Run lists who may be watching.
func (c playerHomeCmd) Run(ctx context.Context, w world) error {
	p, kept, _, err := c.signedIn(w)
	if err != nil {
		return err
	}
	all, err := p.Home(ctx, kept)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(w.Out, "Nobody else: this account is in no Home.")
		return err
	}
	for _, m := range all {
		var says []string
		if m.You {
			says = append(says, "is watching")
		}
		if m.PIN {
			says = append(says, "PIN")
		}
		line := m.Name
		if len(says) > 0 {
			line += " (" + strings.Join(says, ", ") + ")"
		}
		if _, err := fmt.Fprintln(w.Out, line); err != nil {
			return err
		}
	}
	return nil
}

type playerSwitchCmd struct {
	playerFile
	Name string `arg:"" help:"Who it is, as usher player home lists them."`
}

// Run switches to somebody of the Home, and asks for the PIN where there is one.
func (c playerSwitchCmd) Run(ctx context.Context, w world) error {
	p, kept, path, err := c.signedIn(w)
	if err != nil {
		return err
	}
	all, err := p.Home(ctx, player.Kept{Service: kept.Service, Token: kept.Token}) // also when whoever was watching has left the Home
	if err != nil {
		return err
	}
	who, err := player.Find(all, c.Name)
	if err != nil {
		return errors.Join(err, errors.New("usher player home lists who may be watching"))
	}
	pin := ""
	if who.PIN {
		typed, err := newQuestions(w).hidden(ctx, "PIN: ")
		if err != nil {
			return err
		}
		if pin = typed.Reveal(); len(pin) != household.PINLength {
			return fmt.Errorf("%s asks for a PIN of four digits", who.Name)
		}
	}
	kept, is, err := p.Switch(ctx, kept, who.ID, pin)
	if err != nil {
		return err
	}
	if err := player.Keep(path, kept); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.Out, "%s is watching.\n", is.Name)
	return err
}
