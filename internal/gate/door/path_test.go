package door

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
)

func TestCanonicalPath(t *testing.T) {
	for raw, want := range map[string]string{
		"":                   "/",
		"/":                  "/",
		"/a//b":              "/a/b",
		"//a///":             "/a/",
		"//evil.example/x":   "/evil.example/x",
		"/a%20b":             "/a%20b",
		"/%41":               "/A",
		"/a;b":               "/a%3Bb",
		"/a%3bb":             "/a%3Bb",
		"/a+b":               "/a%2Bb",
		"/photo/:/transcode": "/photo/:/transcode",
		"/100%25.mp3":        "/100%25.mp3",
		"/Vol. 1./x":         "/Vol.%201./x",
		"/..a/b..c":          "/..a/b..c",
		"/%C3%A9":            "/%C3%A9",
		"/a%3Fb%23c":         "/a%3Fb%23c",
		"/.":                 "", "/..": "", "/a/../b": "", "/a/%2e%2e/b": "", "/a/.%2E/b": "", "/./a": "", "/..;/a": "", "/a/..;x=1/b": "", "/..%3b/a": "", "/..%20/a": "", "/.../a": "", "/%20/a": "", "/;x/a": "",
		"/a%2fb": "", "/a%2Fb": "", "/a%5cb": "", `/a\b`: "", "/a%00b": "", "/a%0d%0ab": "", "/a%7f": "", "/%ff": "", "/a#b": "", "/a?b": "",
		"/%252e%252e/a": "", "/a%252fb": "", "a": "", "*": "", "/a%zz": "", "/a%": "",
	} {
		got, err := CanonicalPath(raw)
		if got.Encoded != want || (err != nil) != (want == "") {
			t.Errorf("%q is %q (%v), want %q", raw, got.Encoded, err, want)
		}
	}
}

func TestOwnPaths(t *testing.T) {
	for raw, want := range map[string]bool{
		"/.usher": true, "/.usher/auth": true, "/.USHER/auth": true, "//.usher//auth": true, "/.usher./auth": true, "/.usher%20/auth": true, "/.usher;x/auth": true, "/%2eusher/": true,
		"/identity": true, "/Identity": true, "/myplex/claim": true, "/identity/x": true,
		"/": false, "/usher": false, "/a/.usher/": false, "/.usherx": false, "/x/identity": false, "/web/": false,
	} {
		p, err := CanonicalPath(raw)
		if err != nil || p.Own() != want {
			t.Errorf("%q: own %t (%v), want %t", raw, p.Own(), err, want)
		}
	}
}

// readings are how servers are known to read a path that they receive.
var readings = map[string]func(string) string{
	"as it stands":        func(s string) string { return s },
	"decoded":             decoded,
	"decoded twice":       func(s string) string { return decoded(decoded(s)) },
	"cleaned":             func(s string) string { return path.Clean(decoded(s)) },
	"cleaned first":       func(s string) string { return decoded(path.Clean(s)) },
	"backslashes":         func(s string) string { return path.Clean(strings.ReplaceAll(decoded(s), `\`, "/")) },
	"parameters":          func(s string) string { return path.Clean(decoded(withoutParameters(s))) },
	"parameters, decoded": func(s string) string { return path.Clean(withoutParameters(decoded(s))) },
	"lower case":          func(s string) string { return strings.ToLower(decoded(s)) },
	"of Windows":          func(s string) string { return path.Clean(trimmed(strings.ToLower(decoded(s)))) },
	"ends at NUL":         func(s string) string { before, _, _ := strings.Cut(decoded(s), "\x00"); return before },
	"ends at #":           func(s string) string { before, _, _ := strings.Cut(s, "#"); return decoded(before) },
	"of a URL": func(s string) string {
		u, err := url.Parse(s)
		if err != nil {
			return s
		}
		return u.Path
	},
}

func decoded(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

func withoutParameters(s string) string {
	segments := strings.Split(s, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return strings.Join(segments, "/")
}

func trimmed(s string) string {
	segments := strings.Split(s, "/")
	for i := range segments {
		segments[i] = strings.TrimRight(segments[i], ". ")
	}
	return strings.Join(segments, "/")
}

// Attack G3: whatever is sent, and however the media server reads what it receives, it is not one of the places that the gate keeps to itself; and where
// reading does not fold, it is the very path that was judged.
func FuzzThePathJudgedIsThePathReceived(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/.usher/auth", "/a/../.usher/auth", "/a/%2e%2e/.usher/auth", "//.usher/x", "/;/.usher/", "/.usher;x/a", "/a%2f..%2f.usher", "/a%5c..%5c.usher/x",
		"/.usher%00/x", "/x#/../.usher/", "/.UsHeR/", "/.usher./x", "/%252eusher/x", "/identity", "/IDENTITY%20", "/myplex/claim", "/a/.;/b", "/%e2%80%a5/x", "/a%0a", "/ %20", "/%c0%ae%c0%ae/x", "http://other/a/../b", "/a?b=/.usher/", "A:*", "a:/.usher/x", "https:/.usher/x", "?", "*"} {
		f.Add(seed)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) }))
	f.Cleanup(upstream.Close)
	gate := httptest.NewServer(judging(open(f, upstream.URL, nil).door))
	f.Cleanup(gate.Close)
	f.Fuzz(func(t *testing.T, target string) {
		status, received := sendRaw(t, gate.Listener.Addr().String(), target)
		if status != http.StatusOK {
			return
		}
		received, _, _ = strings.Cut(received, "?")
		judged, err := CanonicalPath(received)
		if err != nil || judged.Encoded != received {
			t.Fatalf("%q was received as %q, which is not the one spelling", target, received)
		}
		for name, read := range readings {
			got := read(received)
			first, _, _ := strings.Cut(strings.TrimLeft(got, "/"), "/")
			for _, own := range []string{".usher", "identity", "myplex"} {
				if strings.EqualFold(strings.TrimRight(first, ". "), own) {
					t.Errorf("%q was received as %q, which %s is %q", target, received, name, got)
				}
			}
		}
		for _, name := range []string{"decoded", "decoded twice", "cleaned", "backslashes", "ends at NUL", "ends at #"} {
			if got := strings.TrimSuffix(readings[name](received), "/"); got != strings.TrimSuffix(judged.Plain, "/") {
				t.Errorf("%q was judged as %q, and is %q %s", target, judged.Plain, got, name)
			}
		}
	})
}

// judging is a door that looks at the path alone.
func judging(d *Door) http.Handler {
	who := d.Decider.admit(key{}, ann(), time.Time{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := pathOf(r)
		if err != nil || p.Own() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		d.inside.ServeHTTP(w, r.WithContext(withPassage(r.Context(), &passage{path: p, who: who, d: d, watched: true})))
	})
}

// sendRaw sends a request line as it is, and returns what came back; status 0 when nothing did.
func sendRaw(t *testing.T, addr, target string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: media.example\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, ""
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, ""
	}
	return answer.StatusCode, string(body)
}
