package local

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func asked(peer, host string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/.usher/", nil)
	r.RemoteAddr, r.Host = peer, host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const (
	inside  = "192.168.1.30:50000"
	outside = "203.0.113.9:50000"
	here    = "192.168.1.20:32400"
)

// Attacks R16 and D12: nothing that a request says about where it comes from makes it near, and whatever says that a proxy passed it on makes it far.
func TestForwardedHeadersNeverMakeARequestNear(t *testing.T) {
	near := []string{"127.0.0.1", "192.168.1.2", "::1", "[::1]:80", "::ffff:127.0.0.1", "10.0.0.1, 127.0.0.1", "for=127.0.0.1", `for="[::1]:80"`, "localhost", ""}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "Via", "x-forwarded-for", "X-Forwarded-Host", "CF-Connecting-IP"} {
		for _, value := range near {
			for _, from := range []string{outside, "[2001:db8::1]:1", "100.64.0.1:1", inside, "127.0.0.1:1"} {
				for _, twice := range []bool{false, true} {
					headers := []string{name, value}
					if twice {
						headers = append(headers, name, "127.0.0.1")
					}
					if got := Networks(nil).judge(asked(from, here, headers...)); got != elsewhere {
						t.Errorf("%s: %s from %s, twice: %t: verdict %d", name, value, from, twice, got)
					}
				}
			}
		}
	}
}

func TestWhoReachesThePage(t *testing.T) {
	for name, test := range map[string]struct {
		r    *http.Request
		want verdict
	}{
		"beside it":                    {asked(inside, here), near},
		"the machine itself":           {asked("127.0.0.1:1", "localhost:32400"), near},
		"an SSH tunnel":                {asked("127.0.0.1:1", "127.0.0.1:8888"), near},
		"without a port":               {asked(inside, "192.168.1.20"), near},
		"version 6":                    {asked("[fe80::5%eth0]:1", "[fe80::1]:32400"), near},
		"version 6, loopback":          {asked("[::1]:1", "[::1]:32400"), near},
		"mapped":                       {asked("[::ffff:192.168.1.30]:1", here), near},
		"from outside":                 {asked(outside, here), elsewhere},
		"carrier's network":            {asked("100.64.0.1:1", here), elsewhere},
		"no peer":                      {asked("@", here), elsewhere},
		"a router that hides outside":  {asked("192.168.1.1:1", "203.0.113.80:32400"), elsewhere},
		"a rebound name":               {asked(inside, "evil.example:32400"), wrongHost},
		"a name that looks local":      {asked(inside, "localhost.evil.example"), wrongHost},
		"a name with a dot":            {asked(inside, "localhost.:32400"), wrongHost},
		"a name with a number":         {asked(inside, "127.0.0.1.evil.example"), wrongHost},
		"octal":                        {asked(inside, "0300.0250.1.024:32400"), wrongHost},
		"short":                        {asked(inside, "127.1:32400"), wrongHost},
		"one number":                   {asked(inside, "3232235796"), wrongHost},
		"no host":                      {asked(inside, ""), wrongHost},
		"typed into the address bar":   {asked(inside, here, "Sec-Fetch-Site", "none"), near},
		"from our own page":            {asked(inside, here, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+here), near},
		"another website":              {asked(inside, here, "Sec-Fetch-Site", "cross-site"), otherSite},
		"another port of this machine": {asked(inside, here, "Sec-Fetch-Site", "same-site"), otherSite},
		"two of them":                  {asked(inside, here, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "none"), otherSite},
		"another website, older":       {asked(inside, here, "Origin", "https://evil.example"), otherSite},
		"another port":                 {asked(inside, here, "Origin", "http://192.168.1.20:8096"), otherSite},
		"another scheme":               {asked(inside, here, "Origin", "https://"+here), otherSite},
		"a frame without an origin":    {asked(inside, here, "Origin", "null"), otherSite},
		"two origins":                  {asked(inside, here, "Origin", "http://"+here, "Origin", "https://evil.example"), otherSite},
	} {
		if got := Networks(nil).judge(test.r); got != test.want {
			t.Errorf("%s: verdict %d, want %d", name, got, test.want)
		}
	}
}
