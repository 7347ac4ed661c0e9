package device

import (
	"context"
	"sync"
)

// Touches collects when and where devices were last used, so that reading a page costs no write. What is not yet written is lost with
// the process; it is only ever some seconds.
type Touches struct {
	mu   sync.Mutex
	used map[string]Device
}

// Note remembers a use of a device: its UsedAt and Seen.
func (t *Touches) Note(d Device) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used == nil {
		t.used = map[string]Device{}
	}
	t.used[d.ID] = d
}

// Store writes last uses.
type Store interface {
	TouchDevices(ctx context.Context, used []Device) error
}

// Flush writes what was noted; when that fails it is noted again by the next use.
func (t *Touches) Flush(ctx context.Context, s Store) error {
	t.mu.Lock()
	used := t.used
	t.used = nil
	t.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	all := make([]Device, 0, len(used))
	for _, d := range used {
		all = append(all, d)
	}
	return s.TouchDevices(ctx, all)
}
