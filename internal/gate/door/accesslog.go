package door

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"

	"usher/internal/forwarded"
)

// answer remembers what was sent.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the kernel's own way from a file to the client.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(a.ResponseWriter, r)
	a.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController flush and take over the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// methods are those that the log names; the others are strangers' inventions.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true, http.MethodDelete: true, http.MethodOptions: true,
}

// recorded writes one line for the request. It holds no path, for paths say what people watch, and queries hold tokens; of the client only its network.
func (d *Door) recorded(w http.ResponseWriter, r *http.Request) {
	start, a := d.Now(), &answer{ResponseWriter: w}
	defer func() {
		method := r.Method
		if !methods[method] {
			method = "other"
		}
		if a.status == 0 {
			a.status = http.StatusOK
		}
		client, _, _ := d.origin(r)
		addr, _ := netip.ParseAddr(client)
		d.Requests.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", method), slog.String("to", d.destination(r)), slog.Int("status", a.status),
			slog.Int64("bytes", a.bytes), slog.Float64("duration_ms", float64(d.Now().Sub(start).Microseconds())/1000), slog.String("client", forwarded.Network(addr)))
	}()
	d.serve(a, r)
}

// destination is whose the path is: the gate's or the media server's.
func (d *Door) destination(r *http.Request) string {
	p, err := pathOf(r)
	switch {
	case err != nil:
		return "nobody"
	case p.Own():
		return "gate"
	}
	return "media"
}
