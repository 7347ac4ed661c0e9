package gate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"usher/internal/config"
	"usher/internal/secret"
)

// speaksHTTP2 is a client that speaks HTTP/2 without TLS, and nothing else.
func speaksHTTP2(t *testing.T) *http.Client {
	t.Helper()
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: only}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// before runs a claimed gate before a media server, and returns where it is, and a token that lets ann in.
func before(t *testing.T, media http.Handler) (at, token string) {
	t.Helper()
	service := serves(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"active":true,"sub":"acc-ann","sid":"s","exp":%d,"username":"ann","groups":["owner"]}`, time.Now().Add(time.Hour).Unix())
	})
	upstream := httptest.NewServer(media)
	t.Cleanup(upstream.Close)
	path := t.TempDir()
	if err := claimedFolder(t, path, service.String()).Close(); err != nil {
		t.Fatal(err)
	}
	at = runs(t, config.Gate{Service: service.String(), Folder: path, Upstream: upstream.URL})
	return at, "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"srv-1"}`)) + "." + secret.NewToken().Reveal()
}

// A proxy that speaks HTTP/2 to the gate gets ranges, and streams as they come.
func TestHTTP2(t *testing.T) {
	film, more := bytes.Repeat([]byte("0123456789"), 300_000), make(chan struct{})
	at, token := before(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/film" {
			http.ServeContent(w, r, "film.mp4", time.Unix(1e9, 0), bytes.NewReader(film))
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Remote-User"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, " and more")
		case <-r.Context().Done():
		}
	}))
	client := speaksHTTP2(t)
	ask := func(path, asked string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + token}, "Range": {asked}}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		if answer.ProtoMajor != 2 {
			t.Errorf("%s is answered in %s", path, answer.Proto)
		}
		return answer
	}
	whole := ask("/film", "bytes=15-2000014")
	if got, err := io.ReadAll(whole.Body); err != nil || whole.StatusCode != http.StatusPartialContent || !bytes.Equal(got, film[15:2000015]) {
		t.Errorf("%s, %d bytes, %v", whole.Status, len(got), err)
	}
	stream, first := ask("/stream", ""), make([]byte, 3)
	if _, err := io.ReadFull(stream.Body, first); err != nil || string(first) != "ann" { // while the rest is not there yet
		t.Errorf("it begins with %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(stream.Body); err != nil || string(rest) != " and more" {
		t.Errorf("it goes on with %q, %v", rest, err)
	}
}

// fields are a request of HTTP/2, in the order in which they are sent.
type fields []string

// with adds fields at the end.
func (f fields) with(more ...string) fields { return slices.Concat(f, more) }

// but puts another value in the place of one.
func (f fields) but(name, value string) fields {
	out := f.with()
	for i := 0; i < len(out); i += 2 {
		if out[i] == name {
			out[i+1] = value
		}
	}
	return out
}

// sendsFrames sends one request as it is, which no client would, and returns the status and the body of its answer; 0: the gate refuses to read it.
func sendsFrames(t *testing.T, at string, head fields, body string, trailer fields) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	var block bytes.Buffer
	packer := hpack.NewEncoder(&block)
	packed := func(f fields) []byte {
		block.Reset()
		for i := 0; i < len(f); i += 2 {
			_ = packer.WriteField(hpack.HeaderField{Name: f[i], Value: f[i+1]})
		}
		return bytes.Clone(block.Bytes())
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.AllowIllegalWrites = true
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: packed(head), EndHeaders: true, EndStream: body == "" && trailer == nil})
	if body != "" {
		_ = framer.WriteData(1, trailer == nil, []byte(body))
	}
	if trailer != nil {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: packed(trailer), EndHeaders: true, EndStream: true})
	}
	for {
		frame, err := framer.ReadFrame()
		if errors.As(err, new(net.Error)) || errors.Is(err, io.EOF) {
			if neither := new(net.OpError); errors.As(err, &neither) && neither.Timeout() {
				t.Error("no answer came")
			}
			return 0, ""
		}
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			return 0, ""
		case *http2.MetaHeadersFrame:
			_, _ = fmt.Sscan(f.PseudoValue("status"), &status)
			if f.StreamEnded() {
				return status, answer
			}
		case *http2.DataFrame:
			answer += string(f.Data())
			if f.StreamEnded() {
				return status, answer
			}
		}
	}
}

// Attack G12, by HTTP/2: what has no place in a request has it refused; what has one hides nothing, and decides nothing that was not judged.
func TestSmugglingByHTTP2(t *testing.T) {
	type received struct {
		Target, Host, Body string
		Header, Trailer    http.Header
	}
	at, token := before(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(received{r.RequestURI, r.Host, string(body), r.Header, r.Trailer})
	}))
	get := fields{":method", "GET", ":scheme", "http", ":authority", "attic", ":path", "/x", "authorization", "Bearer " + token}
	post := get.but(":method", "POST")
	for name, c := range map[string]struct {
		head    fields
		body    string
		trailer fields
		refused bool // or it is received as /x
		late    bool // it may be answered before it is seen that there is more than was said
	}{
		"nothing odd":           {head: get},
		"upper case":            {head: get.with("Remote-User", "mallory"), refused: true},
		"blank in a name":       {head: get.with("remote-user ", "mallory"), refused: true},
		"colon in a name":       {head: get.with("x: remote-user", "mallory"), refused: true},
		"line in a name":        {head: get.with("x: y\r\nremote-user", "mallory"), refused: true},
		"no name":               {head: get.with("", "mallory"), refused: true},
		"line in a value":       {head: get.with("x-a", "b\r\nRemote-User: mallory"), refused: true},
		"LF in a value":         {head: get.with("x-a", "b\nRemote-User: mallory"), refused: true},
		"NUL in a value":        {head: get.with("x-a", "b\x00mallory"), refused: true},
		"connection":            {head: get.with("connection", "x-usher-assertion, remote-user"), refused: true},
		"keep-alive":            {head: get.with("keep-alive", "mallory"), refused: true},
		"proxy-connection":      {head: get.with("proxy-connection", "remote-user"), refused: true},
		"upgrade":               {head: get.with("upgrade", "websocket"), refused: true},
		"chunks":                {head: post.with("transfer-encoding", "chunked"), body: "0\r\n\r\nGET /mallory HTTP/1.1\r\n\r\n", refused: true},
		"te":                    {head: get.with("te", "gzip"), refused: true},
		"another host":          {head: get.with("host", "mallory.example"), refused: true},
		"two hosts":             {head: get.but(":authority", "").with("host", "attic", "host", "mallory.example"), refused: true},
		"host twice the same":   {head: get.with("host", "attic")},
		"authority with a path": {head: get.but(":authority", "attic/../mallory"), refused: true},
		"authority with a line": {head: get.but(":authority", "attic\r\nRemote-User: mallory"), refused: true},
		"pseudo at the end":     {head: get.with(":path", "/mallory"), refused: true},
		"path twice":            {head: append(fields{":path", "/mallory"}, get...), refused: true},
		"unknown pseudo":        {head: append(fields{":remote-user", "mallory"}, get...), refused: true},
		"websocket":             {head: append(fields{":protocol", "websocket"}, get.but(":method", "CONNECT")...), refused: true},
		"tunnel":                {head: fields{":method", "CONNECT", ":authority", "mallory:1", "authorization", "Bearer " + token}, refused: true},
		"trace":                 {head: get.but(":method", "TRACE"), refused: true},
		"method with a line":    {head: get.but(":method", "GET / HTTP/1.1\r\nRemote-User: mallory\r\n\r\nGET"), refused: true},
		"another scheme":        {head: get.but(":scheme", "gopher://mallory"), refused: true},
		"scheme of TLS":         {head: get.but(":scheme", "https")},
		"no path":               {head: get.but(":path", ""), refused: true},
		"path without a slash":  {head: get.but(":path", "x"), refused: true},
		"asterisk":              {head: get.but(":path", "*"), refused: true},
		"path with a line":      {head: get.but(":path", "/x HTTP/1.1\r\nRemote-User: mallory\r\n\r\n"), refused: true},
		"dots":                  {head: get.but(":path", "/x/../.usher/keys"), refused: true},
		"dots in disguise":      {head: get.but(":path", "/x/%2e%2e/mallory"), refused: true},
		"slash in disguise":     {head: get.but(":path", "/x%2fmallory"), refused: true},
		"fragment":              {head: get.but(":path", "/x#/mallory"), refused: true},
		"two slashes":           {head: get.but(":path", "//x")},
		"absolute":              {head: get.but(":path", "http://mallory.example/x")},
		"underscore":            {head: get.with("remote_user", "mallory")},
		"identity":              {head: get.with("remote-user", "mallory", "x-usher-assertion", "mallory")},
		"where it comes from":   {head: get.with("x-forwarded-for", "mallory", "x-forwarded-host", "mallory")},
		"trailer":               {head: post.with("te", "trailers", "trailer", "remote-user"), body: "a", trailer: fields{"remote-user", "mallory"}},
		"trailer not said":      {head: post, body: "a", trailer: fields{"remote-user", "mallory"}},
		"request in a body":     {head: post.with("content-length", "0"), body: "GET /mallory HTTP/1.1\r\nHost: a\r\n\r\n", late: true},
		"two lengths":           {head: post.with("content-length", "1", "content-length", "28"), body: "aGET /mallory HTTP/1.1\r\n\r\n", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := sendsFrames(t, at, c.head, c.body, c.trailer)
			if c.refused {
				if status != 0 && (status < 400 || status >= 500) {
					t.Errorf("%d %s", status, answer)
				}
				return
			}
			if c.late && status == 0 {
				return
			}
			var got received
			if status != http.StatusOK || json.Unmarshal([]byte(answer), &got) != nil {
				t.Fatalf("%d %s", status, answer)
			}
			if got.Target != "/x" || got.Host != "attic" || got.Header.Get("Remote-User") != "ann" || got.Header.Get("X-Forwarded-Proto") != "http" || strings.Contains(answer, "mallory") {
				t.Errorf("the media server received %s", answer)
			}
		})
	}
}
