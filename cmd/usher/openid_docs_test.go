package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/testdb"
)

// The commands that docs/apps.md shows for OpenID Connect do, one after the other, what stands beside them.
func TestTheOpenIDCommandsOfTheAppsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^(curl .*)$`).FindAllStringSubmatch(string(page), -1)
	wants := []string{
		`"device_authorization_endpoint":`, `"alg":"EdDSA"`, `"id_token":"`, `"preferred_username":"ann.walker"`, `"refresh_token":"`, `"active":true`, ``,
		`"user_code_short":"`, `"authorization_pending"`, `"scope":"servers ssf.read"`,
	}
	if len(commands) != len(wants) {
		t.Fatalf("%d commands were found, %d are known", len(commands), len(wants))
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		site := "http://" + listener.Addr().String()
		d := openDoors(t, databaseURL, func(cfg *config.Config) { cfg.Origin = site })
		server := &http.Server{Handler: d.every}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		env := d.documented(site)
		for i, command := range commands {
			said := d.shell(command[1], env)
			if !strings.Contains(said, wants[i]) || wants[i] == "" && said != "" {
				t.Errorf("%s\nsays %s", command[1], said)
			}
			var told map[string]any
			if json.Unmarshal([]byte(said), &told) != nil {
				continue
			}
			for name, key := range map[string]string{"TOKEN": "access_token", "REFRESH": "refresh_token", "DEVICE": "device_code"} {
				if text, is := told[key].(string); is {
					env[name] = text
				}
			}
		}
	})
}

// documented makes the clients and the person of the page, and gets as far as a code by the same flow that the pages call.
func (d *doors) documented(site string) map[string]string {
	d.Helper()
	h := &holder{doors: d}
	h.anna = d.person("ann.walker", clientPassword, false)
	a := &app{doors: d, secret: secret.NewToken(), Client: relyingparty.Client{
		ID: "jellyfin", Name: "Jellyfin", RedirectURIs: []string{"https://jf.example.org/cb"}, Auth: relyingparty.Basic, CreatedAt: d.at,
		Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.OfflineAccess}, Grants: []relyingparty.Grant{relyingparty.Code, relyingparty.Refresh},
	}}
	tv := relyingparty.Client{
		ID: "tv", Name: "TV", Auth: relyingparty.None, CreatedAt: d.at,
		Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Player}, Grants: []relyingparty.Grant{relyingparty.DeviceCode, relyingparty.Refresh},
	}
	machine := &app{doors: d, Client: relyingparty.Client{ID: "attic", Name: "Attic", CreatedAt: d.at}}
	aServer(&machine.Client)
	machine.makeKey()
	d.must(d.db.RegisterClient(d.Context(), a.Client, []secret.Token{a.secret}, audit.New(d.at, audit.ClientRegistered, audit.CLI, "")))
	for _, c := range []relyingparty.Client{tv, machine.Client} {
		d.must(d.db.RegisterClient(d.Context(), c, nil, audit.New(d.at, audit.ClientRegistered, audit.CLI, "")))
	}
	claims := machine.claims()
	claims["aud"] = site

	id, err := d.grants().Begin(d.Context(), grant.Asked{
		ClientID: a.ID, RedirectURI: a.RedirectURIs[0], ResponseType: "code", Scope: "openid profile offline_access", Challenge: someChallenge, ChallengeMethod: "S256",
	}, device.Client{})
	d.must(err)
	p, err := d.grants().Look(d.Context(), id)
	d.must(err)
	f, err := d.resolver.Resolve(d.Context(), credential.Browser, secret.TokenOf(h.signedIn(h.anna)))
	d.must(err)
	answer, err := d.grants().Approve(d.Context(), p, grant.Holder{Found: f, Person: h.anna}, device.Client{})
	d.must(err)
	return map[string]string{"SITE": site, "SECRET": a.secret.Reveal(), "CODE": answer.Fields[0].Value, "VERIFIER": someVerifier, "ASSERTION": machine.signed(claims)}
}
