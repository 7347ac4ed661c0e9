package response

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/request"
)

func TestAllowed(t *testing.T) {
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /one", "POST /one", "DELETE /one/{id}", "/any", "/"} {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	for path, want := range map[string]string{
		"/one": "GET, HEAD, POST", "/one/2": "DELETE", "/any": "GET, HEAD, POST, PUT, PATCH, DELETE", "/one/2/3": "", "/none": "", "/": "",
	} {
		r := httptest.NewRequest(http.MethodPut, path, nil)
		if got := Allowed(mux, r); got != want {
			t.Errorf("%s allows %q, want %q", path, got, want)
		}
		if r.Method != http.MethodPut {
			t.Errorf("%s: the question changed the request", path)
		}
	}
}

func TestMethods(t *testing.T) {
	for method := range strings.SplitSeq(Methods, ", ") {
		if !KnownMethod(method) {
			t.Errorf("%s is listed and not known", method)
		}
	}
	for _, method := range []string{http.MethodTrace, http.MethodConnect, "BREW", "get", ""} {
		if KnownMethod(method) {
			t.Errorf("%q is known", method)
		}
	}
}

func TestLeft(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	late, end := context.WithTimeout(context.Background(), 0)
	defer end()
	for name, still := range map[string]context.Context{"waits": ctx, "was served too late": late} {
		w := httptest.NewRecorder()
		if Left(w, httptest.NewRequestWithContext(still, http.MethodGet, "/", nil)) {
			t.Errorf("a sender who %s has left", name)
		}
	}
	leave()
	w := httptest.NewRecorder()
	if !Left(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)) || w.Code != StatusLeft {
		t.Errorf("a sender who left is answered %d", w.Code)
	}
}

func TestRetryAfter(t *testing.T) {
	w := httptest.NewRecorder()
	RetryAfter(w, 1500*time.Millisecond)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: %s", got)
	}
}

// The line names the route, never the path, which may carry a token.
func TestLogFailure(t *testing.T) {
	var log bytes.Buffer
	ctx := request.With(context.Background(), request.Facts{ID: "number"})
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/undo/secret", nil)
	r.Pattern = "GET /undo/{token}"
	LogFailure(slog.New(slog.NewTextHandler(&log, nil)), r, errors.New("the disk is full"))
	for _, want := range []string{"request_id=number", "/undo/{token}", "the disk is full"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("the log has the path")
	}
}
