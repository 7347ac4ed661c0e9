package request_test

import (
	"context"
	"net/netip"
	"testing"

	"usher/internal/request"
)

func TestFactsTravelWithTheContext(t *testing.T) {
	want := request.Facts{
		ID:     "abcdefghijkl",
		Client: netip.MustParseAddr("2001:db8::1"),
		Secure: true,
		Nonce:  "nonce",
	}
	outer := request.With(context.Background(), request.Facts{ID: "outer"})
	inner, cancel := context.WithCancel(request.With(outer, want))
	defer cancel()
	if got := request.From(inner); got != want {
		t.Errorf("From(inner) = %+v, want %+v", got, want)
	}
	if got := request.From(outer).ID; got != "outer" {
		t.Errorf("the outer context changed: ID = %q", got)
	}
}

func TestNoFactsAreZeroFacts(t *testing.T) {
	got := request.From(context.Background())
	if got != (request.Facts{}) {
		t.Errorf("From(Background) = %+v, want zero", got)
	}
	if got.Client.IsValid() {
		t.Error("an unknown client must be an invalid address")
	}
}

func TestWhyARequestWasRefused(t *testing.T) {
	outer := request.With(context.Background(), request.Facts{ID: "outer"})
	inner, cancel := context.WithCancel(outer)
	defer cancel()
	if got := request.Refused(outer); got != "" {
		t.Errorf("refused for %q before anybody did", got)
	}
	request.Refuse(inner, "first")
	request.Refuse(inner, "second")
	if got := request.Refused(outer); got != "second" {
		t.Errorf("refused for %q", got)
	}
	request.Refuse(context.Background(), "nowhere") // and does not panic
	if got := request.Refused(request.With(outer, request.Facts{})); got != "" {
		t.Errorf("a request of its own was refused for %q", got)
	}
}
