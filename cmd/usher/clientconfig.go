package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"strings"

	"usher/internal/config"
	"usher/internal/registration"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// configuredClients are the apps of the configuration, with their secrets read, and all that is wrong with them.
func configuredClients(cfg config.Config) (all []registration.Configured, problems []config.Problem) {
	for _, entry := range cfg.Clients() {
		client, err := configuredClient(entry)
		if err != nil {
			problems = append(problems, cfg.ClientProblem(entry.ID, "secret_file", err.Error()))
		}
		for _, p := range client.Check() {
			problems = append(problems, cfg.ClientProblem(entry.ID, string(p.Field), "cannot be that. "+p.Err.Error()))
		}
		all = append(all, client)
	}
	return all, problems
}

func configuredClient(entry config.Client) (c registration.Configured, err error) {
	c.Client = relyingparty.Client{
		ID: entry.ID, Name: entry.Name, RedirectURIs: filled(entry.RedirectURIs), PostLogoutURIs: filled(entry.PostLogoutURIs), Scopes: scopesNamed(entry.Scopes),
		Grants: grantsNamed(entry.Grants), Auth: relyingparty.Auth(entry.Auth), Keys: entry.Keys, LogoutURI: entry.LogoutURI,
		TrustedPrivate: entry.TrustedPrivate, FirstParty: entry.FirstParty, Configured: true,
	}
	if c.Scopes == nil {
		c.Scopes = []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email}
	}
	if c.Grants == nil {
		c.Grants = []relyingparty.Grant{relyingparty.Code}
	}
	usual := relyingparty.None
	switch {
	case entry.SecretFile != "":
		usual = relyingparty.Basic
	case entry.Keys != "":
		usual = relyingparty.PrivateKey
	}
	c.Auth = cmp.Or(c.Auth, usual)
	switch {
	case c.HasSecret() && entry.SecretFile == "":
		return c, errors.New("is missing: without it the app cannot prove itself")
	case !c.HasSecret() && entry.SecretFile != "":
		return c, errors.New("is of no use: the app proves itself without a secret")
	case entry.SecretFile != "":
		c.Secrets, err = readSecrets(entry.SecretFile)
	}
	return c, err
}

// secretFileLimit is more than relyingparty.MostSecrets of the longest with their line ends.
const secretFileLimit = 1024

// readSecrets reads one secret from each line. The error completes a sentence, and never carries what was read.
func readSecrets(path string) (all []secret.Token, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err := io.ReadAll(io.LimitReader(file, secretFileLimit))
	if err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	for line := range strings.Lines(string(text)) {
		if s := secret.TokenOf(strings.TrimSpace(line)); !s.Empty() {
			if !s.IsClientSecret() {
				return nil, errors.New("holds a line that is no secret: 32 to 128 letters, digits, dashes, dots, underscores and tildes")
			}
			all = append(all, s)
		}
	}
	if len(all) == 0 || len(all) > relyingparty.MostSecrets {
		return nil, errors.New("has to hold one secret, or up to five during a change, one on a line")
	}
	return all, nil
}
