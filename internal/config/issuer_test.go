package config

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestIssuersOfTheFile(t *testing.T) {
	inFolder(t, exampleFile+exampleIssuer)
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Issuer{{
		ID: "club", Name: "Film club", Issuer: "https://login.club.example.org", ClientID: "usher", SecretFile: "/run/secrets/usher-club", Logo: "/etc/usher/club.svg",
		EmailDomains: []string{"club.example.org"},
	}}
	if got := c.Issuers(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := c.IssuerProblem("club", "logo", "is odd").String(); got != "issuer club, logo (usher.toml) is odd" {
		t.Error(got)
	}
}

func TestIssuersOfTheFileThatAreWrong(t *testing.T) {
	for change, want := range map[string]string{
		`id = "google"`:                        "issuer google, id (usher.toml) is taken by the settings that begin with it; choose another",
		`id = "Club"`:                          "issuer Club, id (usher.toml) has to be 1 to 32 small letters, digits and dashes",
		`id = "../x"`:                          "issuer ../x, id (usher.toml) has to be 1 to 32 small letters, digits and dashes",
		`id = ""`:                              "issuer 1 (usher.toml) needs an id that no other has",
		`name = ""`:                            "issuer club, name (usher.toml) is missing",
		`secret_file = ""`:                     "issuer club, secret_file (usher.toml) is missing",
		`issuer = "http://club.example.org"`:   "issuer club, issuer (usher.toml) is \"http://club.example.org\"; it has to begin with https, unless it is this machine",
		`scopes = ["email"]`:                   "issuer club, scopes (usher.toml) has to have openid among them",
		`email_domains = ["Club.example.org"]`: "issuer club, email_domains (usher.toml) has \"Club.example.org\", which is no domain in small letters",
		`email_domains = ["org"]`:              "issuer club, email_domains (usher.toml) has \"org\", which is no domain in small letters",
		`domains = ["club.example.org"]`:       "issuer 1, domains (usher.toml) is not a setting",
	} {
		key, _, _ := strings.Cut(change, " ")
		lines := slices.DeleteFunc(strings.Split(exampleIssuer, "\n"), func(line string) bool { return strings.HasPrefix(line, key+" ") })
		inFolder(t, strings.Join(append(lines, change), "\n"))
		_, err := Load(nil, nil)
		found := false
		for _, p := range problemsOf(t, err) {
			found = found || strings.HasPrefix(p.String(), want)
		}
		if !found {
			t.Errorf("%q: %v, want %s", change, err, want)
		}
	}
	inFolder(t, exampleIssuer+exampleIssuer)
	if _, err := Load(nil, nil); err == nil {
		t.Error("two of one id")
	}
}

func TestEveryPartOfAnIssuerIsDocumented(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Issuer]()) {
		if key, help := f.Tag.Get("key"), f.Tag.Get("help"); key == "" || !strings.HasSuffix(help, ".") || !strings.Contains(Markdown(), "| `"+key+"` | "+cell(help)) {
			t.Errorf("%s has no row", f.Name)
		}
	}
}

// Apple hands its key out in a file of several lines.
func TestAppleKeyHasSeveralLines(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nMIGT\r\nAgEA\n-----END PRIVATE KEY-----"
	inFolder(t, "")
	if err := os.WriteFile("apple.p8", []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := []string{"USHER_APPLE_CLIENT_ID=org.example.usher", "USHER_APPLE_TEAM_ID=TEAM", "USHER_APPLE_KEY_ID=KEY", "USHER_APPLE_KEY_FILE=apple.p8"}
	c, err := Load(nil, given)
	if err != nil || c.AppleKey.Reveal() != key {
		t.Errorf("the key is %q, %v", c.AppleKey.Reveal(), err)
	}
	for _, wrong := range []string{key + "\x00", key + "\x1b[0m"} {
		if _, err := Load(nil, append(given[:3:3], "USHER_APPLE_KEY="+wrong)); err == nil || strings.Contains(err.Error(), "MIGT") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
