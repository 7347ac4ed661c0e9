package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"usher/internal/config"
	"usher/internal/issuer"
	"usher/internal/registration"
	"usher/internal/secret"
	"usher/internal/signup"
	"usher/internal/social"
	"usher/internal/web"
)

// outside is what is configured to sign people in besides this service itself, with its files read.
type outside struct {
	services issuer.Configured
	logos    map[string]web.Logo
}

// configured is what the files say that the configuration names; *config.Invalid with all that is wrong in any of them.
func configured(cfg config.Config) ([]registration.Configured, outside, error) {
	clients, wrong := configuredClients(cfg)
	others, more := configuredOutside(cfg)
	return clients, others, config.Wrong(append(wrong, more...))
}

// configuredOutside reads the files of the configuration, and says all that is wrong with them.
func configuredOutside(cfg config.Config) (o outside, problems []config.Problem) {
	var err error
	o.logos = map[string]web.Logo{}
	if cfg.GoogleClientID != "" {
		o.services.Google = &issuer.Google{ClientID: cfg.GoogleClientID, Secret: cfg.GoogleClientSecret, Issuer: cfg.GoogleIssuer}
	}
	if cfg.AppleClientID != "" {
		o.services.Apple = &issuer.Apple{ClientID: cfg.AppleClientID, TeamID: cfg.AppleTeamID, KeyID: cfg.AppleKeyID, Key: cfg.AppleKey, Issuer: cfg.AppleIssuer}
		if _, err = issuer.AppleAs(*o.services.Apple, nil); err != nil {
			problems = append(problems, config.Problem{Key: "apple_key", Text: "is no .p8 key of Apple: it has to be the whole file, with its first and last line"})
		}
	}
	if cfg.FacebookClientID != "" {
		o.services.Facebook = &issuer.Facebook{ClientID: cfg.FacebookClientID, Secret: cfg.FacebookClientSecret, Dialog: cfg.FacebookDialog, Graph: strings.TrimSuffix(cfg.FacebookGraph, "/")}
	}
	for _, entry := range cfg.Issuers() {
		further := issuer.Further{
			ID: entry.ID, Name: entry.Name, Issuer: entry.Issuer, ClientID: entry.ClientID, Scopes: entry.Scopes, Logo: entry.Logo != "", EmailDomains: entry.EmailDomains,
		}
		if further.Secret, err = readOneSecret(entry.SecretFile); err != nil {
			problems = append(problems, cfg.IssuerProblem(entry.ID, "secret_file", err.Error()))
		}
		if entry.Logo != "" {
			if o.logos[entry.ID], err = readLogo(entry.Logo); err != nil {
				problems = append(problems, cfg.IssuerProblem(entry.ID, "logo", err.Error()))
			}
		}
		o.services.Further = append(o.services.Further, further)
	}
	return o, problems
}

// Limits of the files.
const (
	logoLimit         = 64 << 10
	issuerSecretLimit = 4 << 10
)

// readOneSecret reads what an issuer gave. Its shape is the issuer's own.
func readOneSecret(path string) (secret.Token, error) {
	text, err := readBounded(path, issuerSecretLimit)
	if err != nil {
		return secret.Token{}, err
	}
	line := strings.TrimSpace(string(text))
	if line == "" || strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return secret.Token{}, errors.New("has to hold the secret, and nothing else")
	}
	return secret.TokenOf(line), nil
}

// logoTypes are the pictures that every browser shows.
var logoTypes = map[string]string{".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}

func readLogo(path string) (web.Logo, error) {
	kind := logoTypes[strings.ToLower(filepath.Ext(path))]
	if kind == "" {
		return web.Logo{}, errors.New("has to end with .svg, .png or .webp")
	}
	body, err := readBounded(path, logoLimit)
	if err != nil {
		return web.Logo{}, err
	}
	shown := http.DetectContentType(body)
	if kind == logoTypes[".svg"] && !strings.Contains(string(body), "<svg") || kind != logoTypes[".svg"] && shown != kind {
		return web.Logo{}, errors.New("is no picture of the kind that its name says")
	}
	return web.Logo{Type: kind, Body: body}, nil
}

func readBounded(path string, limit int64) (body []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if body, err = io.ReadAll(io.LimitReader(file, limit+1)); err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	if int64(len(body)) > limit {
		return nil, errors.New("is too large")
	}
	return body, nil
}

// openOutside makes the conversations with the configured services.
func (s *service) openOutside(o outside) (err error) {
	s.logos = o.logos
	s.issuers, err = issuer.New(issuer.Setup{Origin: s.cfg.OriginURL().String(), Now: s.now, Log: s.log}, o.services)
	return err
}

// socials brings people in by other services.
func (s *service) socials(signUps *signup.Service) *social.Service {
	return &social.Service{
		Store: s.db, Resolver: s.resolver, Providers: s.issuers, SignUps: signUps, AskCode: s.cfg.OutsideSecondStep == config.On, Now: s.now, Log: s.log,
	}
}

// postedFromElsewhere is where Apple's own page posts its answer, without any cookie of ours. It is parked, and changes nothing.
func (s *service) postedFromElsewhere(path string) bool {
	return s.cfg.AppleClientID != "" && path == social.ReturnPath(config.Apple)
}
