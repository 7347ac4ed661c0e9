package proxytest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// newerCaddy is the Caddy of its own project, which is built when all tests are asked for (USHER_TEST_FULL): Debian's is years older.
const (
	newerCaddy   = "newer caddy"
	caddyModule  = "github.com/caddyserver/caddy/v2"
	caddyVersion = "v2.11.9"
)

// traefikProgram names a Traefik to be tried too. Debian has none, and Go builds none from what its project publishes as modules.
const traefikProgram = "USHER_TEST_TRAEFIK"

// Names are the names of those that are tried.
func Names() []string {
	all := slices.Collect(maps.Keys(installed))
	if os.Getenv("USHER_TEST_FULL") != "" {
		all = append(all, newerCaddy)
	}
	if os.Getenv(traefikProgram) != "" {
		all = append(all, "traefik")
	}
	return all
}

// find returns a proxy's program, and what starts it.
func find(t testing.TB, name string) (program string, start proxy) {
	t.Helper()
	switch name {
	case newerCaddy:
		program, err := builtCaddy()
		if err != nil {
			t.Fatalf("%s %s is not to be had here: %v", caddyModule, caddyVersion, err)
		}
		return program, caddy
	case "traefik":
		return os.Getenv(traefikProgram), traefik
	}
	program, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing; scripts/test installs it", name)
	}
	return program, installed[name]
}

// builtCaddy builds the newer Caddy with the Go that runs the tests, in a folder that stays: the second time there is next to nothing left to do.
var builtCaddy = sync.OnceValues(func() (program string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "usher-test", "caddy-"+caddyVersion)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module proxies\n\ngo 1.26\n\nrequire "+caddyModule+" "+caddyVersion+"\n"), 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(folder, "caddy")
	c := exec.Command("go", "build", "-mod=mod", "-o", program, caddyModule+"/cmd/caddy")
	c.Dir, c.Env = folder, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("building it: %w: %s", err, said.String())
	}
	return program, nil
})

func traefik(t testing.TB, program, folder, gate, upstream, listen string) *exec.Cmd {
	everyHost := strings.NewReplacer("127.0.0.1:32400", gate, "127.0.0.1:8096", upstream, "Host(`media.example`) && ", "", "Host(`media.example`)", "PathPrefix(`/`)")
	write(t, folder, "usher.yaml", everyHost.Replace(Guide(t, "traefik", "yaml")))
	c := exec.Command(program, "--entrypoints.web.address="+listen, "--providers.file.filename="+folder+"/usher.yaml", "--log.level=error", "--global.checknewversion=false", "--global.sendanonymoususage=false")
	c.Dir = folder
	return c
}
