package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"usher/internal/social"
)

// The bounds of one conversation.
const (
	patience  = 10 * time.Second // for one answer
	bodyLimit = 1 << 20
	headLimit = 64 << 10
)

// newClient returns a client that waits and reads within bounds, and follows no redirect: what a service says comes from the address that is known.
func newClient() *http.Client {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: patience}).DialContext,
		TLSHandshakeTimeout:    patience,
		ResponseHeaderTimeout:  patience,
		MaxResponseHeaderBytes: headLimit,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Timeout:       patience,
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded ends an answer that is longer than any that is meant.
type bounded struct{ http.RoundTripper }

// RoundTrip makes one call.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{http.MaxBytesReader(nil, response.Body, bodyLimit), response.Body}
	return response, nil
}

// with has the libraries use our client.
func with(ctx context.Context, client *http.Client) context.Context {
	return oidc.ClientContext(ctx, client) // the same key as that of oauth2
}

// plain takes from an error what may hold secrets: addresses with their queries, and bodies of answers.
func plain(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		code := refused.ErrorCode
		if len(code) > 60 {
			code = code[:60]
		}
		return fmt.Errorf("the token endpoint answers %d %q", status, code)
	}
	var tried *url.Error
	if errors.As(err, &tried) {
		return fmt.Errorf("calling %s: %w", originOf(tried.URL), tried.Err)
	}
	return err
}

// away reports whether a call failed because the other side was not there, and not because of what it said.
func away(err error) bool {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError
	}
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF)
}

// failed says why a conversation ended, for the log, and what follows from it.
func failed(what string, err error) error {
	kind := social.ErrRefused
	if away(err) {
		kind = social.ErrUnreachable
	}
	return fmt.Errorf("%w: %s: %w", kind, what, plain(err))
}

// refused is an answer that does not hold.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{social.ErrRefused}, args...)...)
}
