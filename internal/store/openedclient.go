package store

import (
	"sync"

	"usher/internal/relyingparty"
)

// openedClient is what a client's sealed facts say. It is remembered, since it is asked for with most requests, and counts only for the very text that it was
// opened from: every change seals anew.
type openedClient struct {
	sealed string
	relyingparty.Client
}

// mostOpened is how many clients are remembered. Anybody with an account may bring some, and take them away again.
const mostOpened = 1000

// openedClients remembers opened clients by their ids, none past the next sweep.
type openedClients struct {
	mu  sync.RWMutex
	all map[string]openedClient
}

func (o *openedClients) find(id, sealed string) (relyingparty.Client, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	known, is := o.all[id]
	return known.Client, is && known.sealed == sealed
}

// keep remembers a client, in the place of whichever others it takes when there are too many.
func (o *openedClients) keep(c relyingparty.Client, sealed string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[string]openedClient{}
	}
	for other := range o.all {
		if len(o.all) < mostOpened {
			break
		}
		delete(o.all, other)
	}
	o.all[c.ID] = openedClient{sealed, c}
}

func (o *openedClients) forget(id string) {
	o.mu.RLock()
	_, is := o.all[id]
	o.mu.RUnlock()
	if !is {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, id)
}

func (o *openedClients) forgetAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.all)
}
