package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestClientsOfTheFile(t *testing.T) {
	inFolder(t, exampleFile+exampleClient+`
[[client]]
id = "tv"
name = "Television"
post_logout_uris = ["a", "b"]
scopes = ["openid"]
grants = ["device_code"]
auth = "none"
keys = "{}"
logout_uri = "https://x"
trusted_private = true
first_party = true
`)
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := c.Clients()
	if len(all) != 2 || all[0].Name != "Jellyfin in the attic" || all[0].SecretFile != "/run/secrets/usher-jellyfin" || len(all[0].RedirectURIs) != 1 || all[0].FirstParty {
		t.Fatalf("%+v", all)
	}
	want := Client{
		ID: "tv", Name: "Television", PostLogoutURIs: []string{"a", "b"}, Scopes: []string{"openid"}, Grants: []string{"device_code"}, Auth: "none", Keys: "{}",
		LogoutURI: "https://x", TrustedPrivate: true, FirstParty: true,
	}
	if !reflect.DeepEqual(all[1], want) {
		t.Errorf("got %+v, want %+v", all[1], want)
	}
	if got := c.ClientProblem("tv", "auth", "is odd").String(); got != "client tv, auth (usher.toml) is odd" {
		t.Error(got)
	}
	var b strings.Builder
	if err := Describe(&b, c); err != nil || !strings.Contains(b.String(), "jellyfin") || !strings.Contains(b.String(), "Television") {
		t.Errorf("%v: %s", err, b.String())
	}
	if Wrong(nil) != nil || Wrong([]Problem{{"a", "b", "c"}}) == nil {
		t.Error("problems, or none")
	}
}

func TestClientsOfTheFileThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"[client]\nid = \"a\"":                               "client (usher.toml) is written with two brackets: [[client]]",
		"client = \"a\"":                                     "client (usher.toml) is written with two brackets: [[client]]",
		"[[client]]\nname = \"a\"":                           "client 1 (usher.toml) needs an id that no other has",
		"[[client]]\nid = \"a\"\n[[client]]\nid = \"a\"":     "client 2 (usher.toml) needs an id that no other has",
		"[[client]]\nid = \"a\"\nredirect_uri = [\"x\"]":     "client 1, redirect_uri (usher.toml) is not a setting; did you mean redirect_uris?",
		"[[client]]\nid = \"a\"\nredirect_uris = \"x\"":      "client 1, redirect_uris (usher.toml) has to be a list of texts, such as [\"a\", \"b\"]",
		"[[client]]\nid = \"a\"\nscopes = [1]":               "client 1, scopes (usher.toml) has to be a list of texts, such as [\"a\", \"b\"]",
		"[[client]]\nid = \"a\"\nfirst_party = \"yes\"":      "client 1, first_party (usher.toml) has to be true or false, without quotes",
		"[[client]]\nid = 7":                                 "client 1, id (usher.toml) has to be a text in quotes",
		"[[client]]\nid = \"a\"\nsecret = \"0123456789abc\"": "client 1, secret (usher.toml) is not a setting",
	} {
		inFolder(t, text)
		_, err := Load(nil, nil)
		found := false
		for _, p := range problemsOf(t, err) {
			found = found || strings.HasPrefix(p.String(), want)
			if strings.Contains(p.String(), "0123456789abc") {
				t.Errorf("the secret is told: %s", p)
			}
		}
		if !found {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestEveryPartOfAClientIsDocumented(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Client]()) {
		if key, help := f.Tag.Get("key"), f.Tag.Get("help"); key == "" || !strings.HasSuffix(help, ".") || !strings.Contains(Markdown(), "| `"+key+"` | "+cell(help)) {
			t.Errorf("%s has no row", f.Name)
		}
	}
}
