package device

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestDescribe(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "browser Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                         "browser Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "browser Edge on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0":           "browser Opera on Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5":                       "browser Vivaldi on Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "browser Safari on Mac",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "phone Safari on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1":  "phone Chrome on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15":        "phone Firefox on iPad",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                         "phone Chrome on Android",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 EdgA/140.0.0.0":          "phone Edge on Android",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":     "phone Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                          "browser Chrome on ChromeOS",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36":                           "browser Chrome on Linux",
		"curl/8.14.1": "browser curl",
		"":            "browser Browser",
		"<script>alert(1)</script> Firefox/1 \x00\xff": "browser Firefox",
	} {
		kind, name, product := Describe(agent)
		if got := string(kind) + " " + name; got != want || !strings.HasPrefix(name, product) {
			t.Errorf("%q is %q (%s), want %q", agent, got, product, want)
		}
	}
}

// Whatever a client claims, what is shown is made of our own words.
func FuzzDescribe(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	f.Add("")
	f.Add("Edg\x00iPhone\xff")
	f.Add(strings.Repeat("Chrome/", 1000))
	f.Fuzz(func(t *testing.T, agent string) {
		kind, name, product := Describe(agent)
		if kind != Browser && kind != Phone {
			t.Errorf("kind %q", kind)
		}
		known := product == "Browser"
		for _, p := range products {
			known = known || product == p.name
		}
		rest, on := strings.CutPrefix(name, product+" on ")
		for _, s := range systems {
			on = on && rest != "" || rest == s.name
		}
		if !known || name != product && !on || len(name) > 64 {
			t.Errorf("%q is described as %q, %q", agent, name, product)
		}
	})
}

func TestClaimed(t *testing.T) {
	for _, c := range []struct{ name, product, agent, want string }{
		{"Attic TV", "AtticPlayer", "x/1", "Attic TV|AtticPlayer"},
		{"", "AtticPlayer", "x/1", "AtticPlayer|AtticPlayer"},
		{"", "", "AtticPlayer/2.1 (TV)", "AtticPlayer|AtticPlayer"},
		{"Attic TV", "", "", "Attic TV|App"},
		{"", "", "", "App|App"},
		{"", "", "Mozilla/5.0 (X11; Linux x86_64)", "App|App"},
		{" Attic \t\r\n TV\x00", "Evil\u202egpj", "", "Attic TV|Evilgpj"},
		{"\u200b\u2066\xff", "\u00a0", "\x1b[31m", "[31m|[31m"},
		{strings.Repeat("x", 100), strings.Repeat("ä ", 100), "", strings.Repeat("x", 64) + "|" + strings.TrimSpace(strings.Repeat("ä ", 32))},
	} {
		if name, product := Claimed(c.name, c.product, c.agent); name+"|"+product != c.want {
			t.Errorf("%q, %q, %q: %q|%q, want %q", c.name, c.product, c.agent, name, product, c.want)
		}
	}
}

// Whatever software claims, what is shown is one short line.
func FuzzClaimed(f *testing.F) {
	f.Add("Attic TV", "AtticPlayer", "AtticPlayer/2.1")
	f.Add("\u202e\n", "\xff", " / ")
	f.Fuzz(func(t *testing.T, name, product, agent string) {
		name, product = Claimed(name, product, agent)
		for _, line := range []string{name, product} {
			if line == "" || len([]rune(line)) > longestClaim || strings.TrimSpace(line) != line {
				t.Errorf("%q", line)
			}
			for _, c := range line {
				if !unicode.IsGraphic(c) || c != ' ' && unicode.IsSpace(c) {
					t.Errorf("%q has %q", line, c)
				}
			}
		}
	})
}

func TestClientSeen(t *testing.T) {
	c := Client{Address: netip.MustParseAddr("192.0.2.7"), Place: "Lyon"}
	if got := c.Seen(); got != (Seen{Address: "192.0.2.7", Place: "Lyon"}) {
		t.Errorf("%+v", got)
	}
	if got := c.OnPage("player.example").Seen(); got != (Seen{"192.0.2.7", "Lyon", "player.example"}) {
		t.Errorf("%+v", got)
	}
	if got := (Client{}).Seen(); got != (Seen{}) {
		t.Errorf("from nowhere: %+v", got)
	}
}

type shelf struct {
	touched []Device
	err     error
}

func (s *shelf) TouchDevices(_ context.Context, used []Device) error {
	s.touched = append(s.touched, used...)
	return s.err
}

func TestTouches(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var touches Touches
	store := &shelf{}
	touches.Note(Device{ID: "a", UsedAt: now})
	touches.Note(Device{ID: "a", Seen: Seen{Address: "192.0.2.8"}, UsedAt: now.Add(time.Second)})
	if err := touches.Flush(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	want := []Device{{ID: "a", Seen: Seen{Address: "192.0.2.8"}, UsedAt: now.Add(time.Second)}}
	if !slices.Equal(store.touched, want) {
		t.Errorf("wrote %+v", store.touched)
	}
	if err := touches.Flush(t.Context(), store); err != nil || len(store.touched) != 1 {
		t.Errorf("wrote again: %d, %v", len(store.touched), err)
	}
	store.err = errors.New("not now")
	touches.Note(Device{ID: "x", UsedAt: now})
	if err := touches.Flush(t.Context(), store); !errors.Is(err, store.err) {
		t.Error(err)
	}
}

func TestClientAt(t *testing.T) {
	at := netip.MustParseAddr("192.0.2.7")
	place := func(a netip.Addr) string { return "the place of " + a.String() }
	if got, want := ClientAt(at, place, "Firefox"), (Client{Address: at, Place: "the place of 192.0.2.7", UserAgent: "Firefox"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := ClientAt(at, place, strings.Repeat("x", 5000)).UserAgent; len(got) != 512 {
		t.Errorf("%d bytes of the header are kept", len(got))
	}
}

// A number is always the same, fits what JavaScript counts exactly, and is hardly ever another's.
func TestNumber(t *testing.T) {
	seen := map[int64]bool{}
	for i := range 100_000 {
		n := Number(strconv.Itoa(i))
		if n < 0 || n >= 1<<53 || seen[n] || n != Number(strconv.Itoa(i)) {
			t.Fatalf("%d has the number %d", i, n)
		}
		seen[n] = true
	}
}

func TestTame(t *testing.T) {
	long := strings.Repeat("x", 200)
	got := Claim{long, " 1.0\n", "Li\x00nux", "\u202e6", "P\tC", "", "\u200bV", "player,controller"}.Tame()
	want := Claim{long, "1.0", "Li nux", "6", "P C", "", "V", "player,controller"}
	if got != want {
		t.Errorf("%+v", got)
	}
}

func TestIsIdentifier(t *testing.T) {
	for _, name := range []string{"x", "attic  player", "3f0a-…-é", strings.Repeat("x", LongestIdentifier)} {
		if !IsIdentifier(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", LongestIdentifier+1), "a\x00b", "a\nb", "a\xffb", "a\u200bb", "a\u202eb", "a\uffffb"} {
		if IsIdentifier(name) {
			t.Errorf("%q is one", name)
		}
	}
}
