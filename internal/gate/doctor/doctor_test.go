package doctor

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/gate/watch"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// expects looks at the state, and for a word in the cure of what is not good.
func expects(t *testing.T, f Finding, state State, cure string) {
	t.Helper()
	if f.State != state || !strings.Contains(f.Cure, cure) || (f.Cure == "") != (state == Good) || f.Says == "" {
		t.Errorf("found %+v, want %s with %q", f, state, cure)
	}
}

func TestClocks(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		state State
	}{{0, Good}, {20 * time.Second, Good}, {-20 * time.Second, Good}, {time.Minute, Wrong}, {-time.Minute, Wrong}, {24 * time.Hour, Wrong}} {
		ours := noon.Add(c.ahead)
		f := compare(noon.Format(http.TimeFormat), ours, ours.Add(time.Second))
		cure := ""
		if c.state != Good {
			cure = "timedatectl"
		}
		expects(t, f, c.state, cure)
	}
	expects(t, compare("yesterday", noon, noon), Odd, "date -u")
}

// What a page shows is whole sentences; an address keeps its spelling.
func TestFindingsReadAsSentences(t *testing.T) {
	for want, f := range map[string]Finding{
		"None: nothing stands behind it.":                good("none: nothing stands behind it"),
		"It goes with the service's.":                    good("it goes with the service's"),
		"http://127.0.0.1:8096 answers.":                 good("http://127.0.0.1:8096 answers"),
		"localhost:8484 does not answer. Start it.":      wrong("localhost:8484 does not answer", "Start it."),
		"Its owner signed it out. Bring it back, please": odd("its owner signed it out.", "Bring it back, please"),
	} {
		if got := f.Sentences(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := Patient{Service: u, Now: time.Now}
	expects(t, p.tls(t.Context()), Wrong, "authority")
	p.Client = accounts.New(u, nil, "", time.Now)
	expects(t, p.Reach(t.Context()), Wrong, "line about the certificate")
	pool := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, c := range map[string]struct {
		config *tls.Config
		cure   string
	}{
		"another name": {&tls.Config{RootCAs: pool, ServerName: "else.example.net"}, "Correct --service"},
		"ended":        {&tls.Config{RootCAs: pool, Time: at(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))}, "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&tls.Dialer{Config: c.config}).DialContext(t.Context(), "tcp", u.Host)
			expects(t, untrusted(u.Host, err), Wrong, c.cure)
		})
	}
	_, err = net.Dial("tcp", "127.0.0.1:1")
	expects(t, untrusted(u.Host, err), Wrong, "curl")
}

func TestAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		told  []string
		state State
		cure  string
	}{
		"in the house":     {[]string{"http://192.168.1.20:32400", "http://127.0.0.1:32400"}, Good, ""},
		"version 6":        {[]string{"https://[2001:db8::20]"}, Good, ""},
		"the machine's":    {[]string{"http://127.0.0.1:32400"}, Odd, "--address"},
		"by name":          {[]string{"http://localhost:32400", "http://[::1]:32400"}, Odd, "--address"},
		"none":             {nil, Odd, "--address"},
		"leads nowhere":    {[]string{"http://192.168.1.20:32400", "https://nowhere.invalid"}, Odd, "the DNS entry of nowhere.invalid"},
		"no address":       {[]string{"http://%zz"}, Odd, "--address"},
		"none, and a good": {[]string{"http://%zz", "http://192.168.1.20"}, Good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := Patient{Addresses: c.told}.addresses(t.Context())
			expects(t, f, c.state, c.cure)
			if c.state == Good && f.Says != strings.Join(c.told, ", ") {
				t.Errorf("found %+v", f)
			}
		})
	}
}

func TestNamesThatLeadNowhere(t *testing.T) {
	for host, state := range map[string]State{"localhost:8484": Good, "127.0.0.1": Good, "nowhere.invalid": Wrong, "nowhere.invalid:8443": Wrong} {
		t.Run(host, func(t *testing.T) {
			f := Patient{Service: &url.URL{Scheme: "https", Host: host}}.dns(t.Context())
			cure := ""
			if state == Wrong {
				cure = "getent hosts nowhere.invalid"
			}
			expects(t, f, state, cure)
		})
	}
}

// Attack G11: a media server that answers beside the gate keeps nobody out.
func TestAWayAroundTheGate(t *testing.T) {
	for name, c := range map[string]struct {
		network, listen, upstream string
		state                     State
		cure                      string
	}{
		"everywhere":                    {"tcp4", "0.0.0.0:0", "http://127.0.0.1", Odd, "127.0.0.1 alone"},
		"here alone":                    {"tcp4", "127.0.0.1:0", "http://127.0.0.1", Good, ""},
		"by name":                       {"tcp4", "127.0.0.1:0", "http://localhost", Good, ""},
		"another machine":               {"tcp4", "127.0.0.1:0", "http://192.0.2.7", Odd, "firewall"},
		"its own address":               {"tcp4", "127.0.0.2:0", "http://127.0.0.2", Odd, "firewall"},
		"another's by name":             {"tcp4", "127.0.0.1:0", "http://jellyfin", Odd, "container"},
		"version 6":                     {"tcp6", "[::1]:0", "http://127.0.0.1", Odd, "127.0.0.1 alone"},
		"version 6, everywhere":         {"tcp6", "[::]:0", "http://127.0.0.1", Odd, "127.0.0.1 alone"},
		"version 6, its own address":    {"tcp6", "[::1]:0", "http://[::1]", Odd, "firewall"},
		"version 6, another machine":    {"tcp6", "[::1]:0", "http://[2001:db8::7]", Odd, "firewall"},
		"version 6, mapped, here alone": {"tcp4", "127.0.0.1:0", "http://[::ffff:127.0.0.1]", Good, ""},
		"version 6, mapped, everywhere": {"tcp4", "0.0.0.0:0", "http://[::ffff:127.0.0.1]", Odd, "firewall"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen(c.network, c.listen)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			_, port, err := net.SplitHostPort(l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			p := Patient{Upstream: c.upstream + ":" + port, Port: "32400", Machine: []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.IPv6Loopback()}} // in place of addresses that others reach
			expects(t, p.around(t.Context()), c.state, c.cure)
		})
	}
}

func TestSignalsThatAreNotHeard(t *testing.T) {
	known := watch.Known{State: accounts.Good, Heard: noon}
	for name, c := range map[string]struct {
		p     Patient
		state State
	}{
		"lately":   {Patient{Running: true, Known: known, Now: at(noon.Add(time.Minute))}, Good},
		"long ago": {Patient{Running: true, Known: known, Now: at(noon.Add(time.Hour))}, Wrong},
		"never":    {Patient{Running: true, Known: watch.Known{State: accounts.Good}, Now: at(noon)}, Odd},
		"stopped":  {Patient{Known: known, Now: at(noon)}, Odd},
		"nobody's": {Patient{Running: true, Now: at(noon)}, Odd},
	} {
		t.Run(name, func(t *testing.T) {
			if f := c.p.signals(t.Context()); f.State != c.state {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// Whoever may not look into the gate's folder is not told that the server is nobody's.
func TestAFolderOfSomebodyElse(t *testing.T) {
	p := Patient{Path: "usher-gate", Barred: true}
	expects(t, p.key(t.Context()), Wrong, "sudo -u")
	expects(t, p.claim(t.Context()), Odd, "line about the key")
}

// Where the gate could make no key, starting it is no cure.
func TestNoKeyAndNoPlaceForOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expects(t, Patient{Path: filepath.Join(filepath.Dir(file), "new", "gate")}.key(t.Context()), Wrong, "start the gate: it makes one")
	f := Patient{Path: filepath.Join(file, "gate")}.key(t.Context())
	expects(t, f, Wrong, "install -d")
	if strings.Contains(f.Cure, "start the gate") {
		t.Errorf("found %+v", f)
	}
}

// Whoever knows no set-up code is told that the server was taken, and nothing of where its folder lies.
func TestStrangersLearnNoFolder(t *testing.T) {
	path := t.TempDir()
	folder, err := keep.Open(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	p := Patient{Path: path, Folder: folder, Known: watch.Known{State: accounts.Unclaimed, Since: noon}, Now: at(noon)}
	f := p.claim(t.Context())
	expects(t, f, Wrong, path)
	if bare := f.Bare(); bare.State != Wrong || !strings.Contains(bare.Sentences(), "Claim it again") || strings.Contains(bare.Sentences(), path) {
		t.Errorf("a stranger reads %+v", bare)
	}
}
