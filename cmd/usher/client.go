package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/registration"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

type clientCmd struct {
	Add    clientAddCmd    `cmd:"" help:"Register an app that signs people in by OpenID Connect, and print its secret."`
	List   clientListCmd   `cmd:"" help:"List the registered apps by their ids."`
	Show   clientShowCmd   `cmd:"" help:"Show one app."`
	Change clientChangeCmd `cmd:"" help:"Change an app: what is not given stays as it is."`
	Secret clientSecretCmd `cmd:"" help:"Make one more secret for an app and print it, or end the older ones."`
	Remove clientRemoveCmd `cmd:"" help:"Remove an app, with everything that is signed in to it."`
}

// clientParts are the flags that say what an app is. A list that is given takes the old one's place; an empty text empties it.
type clientParts struct {
	RedirectURI    []string `name:"redirect-uri" sep:"none" placeholder:"URL" help:"Where people come back to after signing in, letter for letter. Again for more."`
	PostLogoutURI  []string `name:"post-logout-uri" sep:"none" placeholder:"URL" help:"Where a browser may go after signing out. Again for more."`
	Scope          []string `placeholder:"SCOPE" help:"All it may ask for: openid, profile, email, offline_access, player; for a client itself servers (a media server), ssf.read and ssf.manage (shared signals)."`
	Grant          []string `placeholder:"GRANT" help:"authorization_code, refresh_token, device_code, client_credentials."`
	Auth           *string  `placeholder:"WAY" help:"How it proves itself: none, client_secret_basic, client_secret_post, private_key_jwt."`
	KeysFile       *string  `placeholder:"FILE" help:"JWK Set with its public keys."`
	LogoutURI      *string  `name:"logout-uri" placeholder:"URL" help:"Is told when somebody is signed out (back-channel logout)."`
	TrustedPrivate *bool    `negatable:"" help:"The logout address may be in a private network, or without https."`
	FirstParty     *bool    `negatable:"" help:"It belongs to the house: nobody is asked whether it may know them."`
}

// on writes what the flags say over a client.
func (p clientParts) on(c *relyingparty.Client) error {
	for _, list := range []struct {
		given []string
		into  *[]string
	}{{p.RedirectURI, &c.RedirectURIs}, {p.PostLogoutURI, &c.PostLogoutURIs}} {
		if list.given != nil {
			*list.into = filled(list.given)
		}
	}
	if p.Scope != nil {
		c.Scopes = scopesNamed(filled(p.Scope))
	}
	if p.Grant != nil {
		c.Grants = grantsNamed(filled(p.Grant))
	}
	if p.Auth != nil {
		c.Auth = relyingparty.Auth(*p.Auth)
	}
	if p.LogoutURI != nil {
		c.LogoutURI = *p.LogoutURI
	}
	if p.TrustedPrivate != nil {
		c.TrustedPrivate = *p.TrustedPrivate
	}
	if p.FirstParty != nil {
		c.FirstParty = *p.FirstParty
	}
	return p.keysOn(c)
}

func (p clientParts) keysOn(c *relyingparty.Client) error {
	if p.KeysFile == nil {
		return nil
	}
	c.Keys = ""
	if *p.KeysFile == "" {
		return nil
	}
	text, err := os.ReadFile(*p.KeysFile)
	if err != nil {
		return fmt.Errorf("reading the keys: %w", err)
	}
	c.Keys = strings.TrimSpace(string(text))
	return nil
}

// filled leaves the empty texts out; nil when nothing is left.
func filled(all []string) (some []string) {
	for _, text := range all {
		if text != "" {
			some = append(some, text)
		}
	}
	return some
}

func scopesNamed(names []string) (all []relyingparty.Scope) {
	for _, name := range names {
		all = append(all, relyingparty.Scope(name))
	}
	return all
}

func grantsNamed(names []string) (all []relyingparty.Grant) {
	for _, name := range names {
		all = append(all, relyingparty.NamedGrant(name))
	}
	return all
}

// registration is the flow that registers clients.
func (s *stack) registration() *registration.Service {
	return &registration.Service{Store: s.db, Now: s.now}
}

// onClients does something with the registered apps, and tells what is wrong in words.
func (s settings) onClients(ctx context.Context, w world, id string, act func(*registration.Service) error) error {
	return s.onService(ctx, w, func(st *stack) error {
		err := act(st.registration())
		refused := new(registration.Refused)
		switch {
		case errors.As(err, &refused):
			return errors.New("that cannot be registered:" + inFlags(refused))
		case errors.Is(err, relyingparty.ErrNotFound):
			return fmt.Errorf("there is no app %q; usher client list names all", id)
		case errors.Is(err, relyingparty.ErrTaken):
			return fmt.Errorf("there is an app %q already, or one was removed and is still being signed out", id)
		case errors.Is(err, relyingparty.ErrConfigured):
			return fmt.Errorf("%q stands in the configuration file: change it there, and start the service again", id)
		case errors.Is(err, relyingparty.ErrNoSecret):
			return fmt.Errorf("%q proves itself without a secret", id)
		case errors.Is(err, relyingparty.ErrManySecrets):
			return fmt.Errorf("%q has %d secrets, which is the most there can be: end the older ones with --retire first", id, relyingparty.MostSecrets)
		case errors.Is(err, credential.ErrSpent):
			return fmt.Errorf("%q has no older secret", id)
		}
		return err
	})
}

// clientFlags are what the parts of a client are called on the command line.
var clientFlags = map[relyingparty.Field]string{
	relyingparty.FieldID: "--id", relyingparty.FieldName: "the name", relyingparty.FieldRedirectURIs: "--redirect-uri", relyingparty.FieldPostLogoutURIs: "--post-logout-uri",
	relyingparty.FieldScopes: "--scope", relyingparty.FieldGrants: "--grant", relyingparty.FieldAuth: "--auth", relyingparty.FieldKeys: "--keys-file",
	relyingparty.FieldLogoutURI: "--logout-uri", relyingparty.FieldTrustedPrivate: "--trusted-private", relyingparty.FieldFirstParty: "--first-party",
}

// inFlags says each problem on a line of its own, by the flag that somebody typed or has to.
func inFlags(refused *registration.Refused) string {
	var b strings.Builder
	for _, p := range refused.Problems {
		fmt.Fprintf(&b, "\n  %s: %v", clientFlags[p.Field], p.Err)
	}
	return b.String()
}

type clientAddCmd struct {
	settings
	Label string `arg:"" name:"name" help:"What people read when they sign in to it."`
	ID    string `name:"id" placeholder:"ID" help:"The client_id; one is made when this is not given."`
	clientParts
}

// Run registers the app and prints what has to be typed into it.
func (c clientAddCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, c.ID, func(f *registration.Service) error {
		client := relyingparty.Client{
			ID: c.ID, Name: c.Label, Auth: relyingparty.Basic, Grants: []relyingparty.Grant{relyingparty.Code},
			Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email},
		}
		if c.KeysFile != nil {
			client.Auth = relyingparty.PrivateKey
		}
		if err := c.on(&client); err != nil {
			return err
		}
		made, shown, err := f.Register(ctx, audit.CLI, client)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w.Out, "Registered: %s\nclient_id: %s\n", made.Name, made.ID); err != nil || shown.Empty() {
			return err
		}
		return printSecret(w, shown)
	})
}

func printSecret(w world, shown secret.Token) error {
	_, err := fmt.Fprintf(w.Out, "client_secret, shown only this once: %s\n", shown.Reveal())
	return err
}

type clientListCmd struct{ settings }

// Run prints every app, a page at a time.
func (c clientListCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, "", func(f *registration.Service) error {
		t := tabwriter.NewWriter(w.Out, 0, 4, 2, ' ', 0)
		for after := ""; ; {
			page, next, err := f.List(ctx, after)
			if err != nil {
				return err
			}
			for _, client := range page {
				where := "registered"
				if client.Configured {
					where = "configuration"
				}
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", client.ID, client.Name, client.Auth, where, moment(client.CreatedAt))
			}
			if after = next; after == "" {
				return t.Flush()
			}
		}
	})
}

// which names one app on the command line.
type which struct {
	Which string `arg:"" name:"id" help:"The app's client_id."`
}

type clientShowCmd struct {
	settings
	which
}

// Run prints everything about the app but its secrets, which nobody can read.
func (c clientShowCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, c.Which, func(f *registration.Service) error {
		sheet, err := f.Show(ctx, c.Which)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.Out, 0, 4, 2, ' ', 0)
		rows := [][2]string{
			{"client_id", sheet.ID}, {"name", sheet.Name}, {"proves itself by", string(sheet.Auth)}, {"scopes", relyingparty.JoinScopes(sheet.Scopes)},
			{"logout address", sheet.LogoutURI}, {"sign-outs to tell", strconv.Itoa(sheet.Untold)}, {"may be private", yesNo[sheet.TrustedPrivate]}, {"belongs to the house", yesNo[sheet.FirstParty]},
			{"stands in the configuration", yesNo[sheet.Configured]}, {"registered", moment(sheet.CreatedAt)},
		}
		for _, g := range sheet.Grants {
			rows = append(rows, [2]string{"grant", string(g)})
		}
		for _, uri := range sheet.RedirectURIs {
			rows = append(rows, [2]string{"redirect_uri", uri})
		}
		for _, uri := range sheet.PostLogoutURIs {
			rows = append(rows, [2]string{"post_logout_uri", uri})
		}
		for _, made := range sheet.Secrets {
			rows = append(rows, [2]string{"secret made", moment(made)})
		}
		for _, row := range rows {
			_, _ = fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
		return t.Flush()
	})
}

type clientChangeCmd struct {
	settings
	which
	Label *string `name:"label" placeholder:"TEXT" help:"What people read when they sign in to it."`
	clientParts
}

// Run changes what is given.
func (c clientChangeCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, c.Which, func(f *registration.Service) error {
		sheet, err := f.Show(ctx, c.Which)
		if err != nil {
			return err
		}
		client := sheet.Client
		if c.Label != nil {
			client.Name = *c.Label
		}
		if err := c.on(&client); err != nil {
			return err
		}
		if err := f.Change(ctx, audit.CLI, client); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "Changed: %s\n", client.ID)
		return err
	})
}

type clientSecretCmd struct {
	settings
	which
	Retire bool `help:"End all secrets but the newest, and make none."`
}

// Run makes a secret, or ends the older ones.
func (c clientSecretCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, c.Which, func(f *registration.Service) error {
		if c.Retire {
			if err := f.RetireSecrets(ctx, audit.CLI, c.Which); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w.Out, "Only the newest secret counts now: %s\n", c.Which)
			return err
		}
		_, shown, err := f.NewSecret(ctx, audit.CLI, c.Which)
		if err != nil {
			return err
		}
		return printSecret(w, shown)
	})
}

type clientRemoveCmd struct {
	settings
	which
}

// Run removes the app.
func (c clientRemoveCmd) Run(ctx context.Context, w world) error {
	return c.onClients(ctx, w, c.Which, func(f *registration.Service) error {
		if err := f.Remove(ctx, audit.CLI, c.Which); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.Out, "Removed: %s\n", c.Which)
		return err
	})
}
