package middleware

import "net/http"

// answer remembers what was sent, and sees to it that nothing is cached by accident.
type answer struct {
	http.ResponseWriter
	status int // 0 until the header is on its way
	bytes  int64
}

// WriteHeader passes interim answers (1xx) through and remembers the final one.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.begin(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

// begin looks at Cache-Control last, because http.Error and http.FileServer take it off again.
func (a *answer) begin(status int) {
	a.status = status
	if h := a.Header(); h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// Write sends 200 first when no status was sent.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.begin(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// FlushError is what http.ResponseController calls; it sends the header.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.begin(http.StatusOK)
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines.
func (a *answer) Unwrap() http.ResponseWriter {
	return a.ResponseWriter
}

// statusSent is the status the client sees; a handler that wrote nothing answered 200.
func (a *answer) statusSent() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}
