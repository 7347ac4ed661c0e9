package accounts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/outage"
)

// A service that takes questions and answers none keeps nobody waiting behind others: one question is asked for all of them, and none for those who come after.
func TestNobodyQueuesForAddressesWhileTheServiceHangs(t *testing.T) {
	var asked atomic.Int32
	hung := make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-hung:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(hung)
		service.Close()
	})
	client, _ := claimedAt(t, service.URL)
	p := &Places{Client: client, patience: 200 * time.Millisecond, known: []string{"https://attic.example"}}
	learn := func() {
		known, err := p.Learn(t.Context())
		if !errors.Is(err, outage.Err) || len(known) != 1 {
			t.Errorf("%v, %v", known, err)
		}
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(learn)
	}
	all.Wait()
	learn()
	if n := asked.Load(); n != 1 {
		t.Errorf("the service was asked %d times", n)
	}
}
