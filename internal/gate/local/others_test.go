package local

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"usher/internal/gate/neighbours"
)

// What others in the network say of themselves is text, and leads to nowhere but where they were heard. It is told to whoever is near, of the network by which
// they come.
func TestOtherServersOnThePage(t *testing.T) {
	h := newHouse(t)
	if text := textOf(t, h.browser().get("/.usher/")); strings.Contains(text, "Other servers") {
		t.Error("a list of nobody")
	}
	listed := func(name, at string, claimed bool) neighbours.Neighbour {
		return neighbours.Neighbour{Name: name, At: netip.MustParseAddrPort(at), Claimed: claimed}
	}
	h.beside = map[netip.Addr][]neighbours.Neighbour{
		netip.MustParseAddr("192.168.1.20"): {
			listed(`"><script>alert(1)</script>`, "192.168.1.66:80", false), listed("javascript:alert(1)", "[fd00::21]:65535", true), listed("Loft", "[fe80::22%eth0]:32400", false),
		},
		netip.MustParseAddr("192.168.9.20"): {listed("Flat", "192.168.9.21:32400", false)},
	}
	for _, path := range []string{"/.usher/", "/.usher/settings"} {
		text := textOf(t, h.browser().get(path))
		for _, want := range []string{
			`<a href="http://192.168.1.66:80/.usher/" rel="noreferrer"><bdi>&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</bdi><small>192.168.1.66:80 · belongs to nobody yet</small>`,
			`<a href="http://[fd00::21]:65535/.usher/" rel="noreferrer"><bdi>javascript:alert(1)</bdi><small>[fd00::21]:65535 · belongs to somebody</small>`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s on %s: %s", want, path, text)
			}
		}
		if strings.Contains(text, "Loft") || strings.Contains(text, "Flat") {
			t.Errorf("too much on %s: %s", path, text)
		}
	}
	far := h.browser()
	far.peer = outside
	named := h.browser()
	named.host = "attic.example.org"
	for why, answer := range map[string]*http.Response{
		"outside": far.get("/.usher/"), "by a name": named.get("/.usher/"),
		"through a proxy":      h.browser().send(http.MethodGet, "/.usher/", nil, "X-Forwarded-For", "192.168.1.30"),
		"from another website": h.browser().send(http.MethodGet, "/.usher/", nil, "Sec-Fetch-Site", "cross-site"),
	} {
		if text := textOf(t, answer); strings.Contains(text, "192.168.1.66") || answer.StatusCode == http.StatusOK {
			t.Errorf("%s it is told who is there: %d %s", why, answer.StatusCode, text)
		}
	}
}
