package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"usher/internal/config"
	"usher/internal/testdb"
)

// The curl commands that docs/apps.md shows do, one after the other, what stands beside them.
func TestTheCommandsOfTheAppsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    (curl .*)$`).FindAllStringSubmatch(string(page), -1)
	wants := []string{
		`"token_type":"Bearer"`, `"user_name":"ann.walker"`, `"name":"Attic"`, ``, `"user_code_long":"`, `/problems/authorization-pending`,
		`"members":[{"id":"`, `"name":"Kim"`, `"name":"Kim"`, `{"servers":[`, ``,
		`"authToken":"`, `"authentication_token":"`, `"authToken":null`, `"authToken":null`, `<user id="`, `{"pong":true}`, ` clientIdentifier="attic"`, `"clientIdentifier":"shed"`, `"users":[{"id":`,
		`"title":"Ida"`, `protected="1"`, `"title":"Ida"`, `authenticationToken="`, ``,
		``, `{"nonce":"`, `{"keys":[{"`,
		`{"token":"claim-`, `<authentication-token>`, ``,
	}
	if len(commands) != len(wants) {
		t.Fatalf("%d commands were found, %d are known", len(commands), len(wants))
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		d := openDoors(t, databaseURL, func(cfg *config.Config) { cfg.Origin = "http://" + listener.Addr().String() })
		kim := d.managed(d.person("ann.walker", clientPassword, false), "Kim", "0417")
		server := &http.Server{Handler: d.every}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		env := map[string]string{"SITE": "http://" + listener.Addr().String(), "PASSWORD": clientPassword, "MEMBER": kim.AccountID}
		for i, command := range commands {
			if strings.HasSuffix(command[1], "/api/v1/home") { // the token before was signed out
				env["TOKEN"] = aToken.FindString(d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": "ann.walker", "password": clientPassword}}).Body.String())
			}
			said := d.shell(command[1], env)
			if !strings.Contains(said, wants[i]) || wants[i] == "" && said != "" {
				t.Errorf("%s\nsays %s", command[1], said)
			}
			if device := aDeviceCode.FindStringSubmatch(said); device != nil {
				env["DEVICE"] = device[1]
				continue
			}
			if member := aMember.FindStringSubmatch(said); member != nil && strings.Contains(command[1], "friendlyName") {
				env["NUMBER"], env["MEMBER"] = member[1], member[2]
			}
			if strings.Contains(command[1], "/switch") {
				env["SWITCHED"] = aToken.FindString(said)
				continue
			}
			if pin := aPin.FindStringSubmatch(said); pin != nil {
				env["PIN"] = pin[1]
			}
			for name, found := range map[string]string{"TOKEN": aToken.FindString(said), "CLAIM": aClaim.FindString(said)} {
				if found != "" && !strings.Contains(command[1], "exchange") && !strings.Contains(command[1], "nonce") {
					env[name] = found
				}
			}
		}
	})
}

var aDeviceCode = regexp.MustCompile(`"device_code":"([^"]+)"`)

// shell runs a command as somebody who types it.
func (d *doors) shell(command string, env map[string]string) string {
	d.Helper()
	c := exec.CommandContext(d.Context(), "sh", "-c", command)
	c.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		c.Env = append(c.Env, name+"="+value)
	}
	said, err := c.CombinedOutput()
	if err != nil {
		d.Errorf("%s: %v\n%s", command, err, said)
	}
	return string(said)
}
