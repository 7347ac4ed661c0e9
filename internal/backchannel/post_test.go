package backchannel

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// receiver answers as a client might.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

func TestPost(t *testing.T) {
	url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.PostFormValue("logout_token") != "a.b.c" || r.URL.RawQuery != "x=1" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	if err := post(t.Context(), newCaller(trusted), url+"/out?x=1", "a.b.c"); err != nil {
		t.Error(err)
	}
	for _, status := range []int{201, 202, 400, 401, 404, 500, 503} {
		url, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err := post(t.Context(), newCaller(trusted), url, "t"); err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Attack L9: a client that is not trusted is not called in a private network, whatever its name is; and no client can send us on.
func TestPostIsGuarded(t *testing.T) {
	url, calls := receiver(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"} { // localhost is a name that leads inside, as any name may by the second look-up
		err := post(t.Context(), newCaller(public), "http://"+host+":"+port+"/", "t")
		if err == nil || !strings.Contains(err.Error(), errAddress.Error()) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls came through", calls.Load())
	}
	away, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusTemporaryRedirect) })
	if err := post(t.Context(), newCaller(trusted), away, "t"); err == nil || calls.Load() != 0 {
		t.Errorf("a redirect was followed: %v", err)
	}
	t.Setenv("HTTP_PROXY", url)
	t.Setenv("http_proxy", url)
	if err := post(t.Context(), newCaller(public), "http://127.0.0.2:9/", "t"); err == nil || calls.Load() != 0 {
		t.Errorf("a proxy was asked: %v", err)
	}
}

// A client that answers without end, or not at all, holds nothing up for long, and what went wrong names no address.
func TestPostIsBounded(t *testing.T) {
	endless, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	if err := post(t.Context(), newCaller(trusted), endless, "t"); err != nil { // it has taken the token
		t.Error(err)
	}
	long, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	if err := post(t.Context(), newCaller(trusted), long, "t"); err == nil {
		t.Error("a header without end is read")
	}
	hanging, _ := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	})
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := post(ctx, newCaller(trusted), hanging, "t"); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
	for name, to := range map[string]string{"nobody listens there": "http://127.0.0.1:1/", "the name is not found": "http://nowhere.invalid/"} {
		if err := post(t.Context(), newCaller(trusted), to, "t"); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
