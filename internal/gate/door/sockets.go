package door

import "sync"

// mostSockets is how many websockets one account has open at once: each costs the gate memory for as long as it is open.
const mostSockets = 200

// sockets counts the websockets that are open, by account.
type sockets struct {
	mu  sync.Mutex
	all map[string]int
}

func (s *sockets) enter(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]int{}
	}
	if s.all[account] >= mostSockets {
		return false
	}
	s.all[account]++
	return true
}

func (s *sockets) leave(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[account]--; s.all[account] <= 0 {
		delete(s.all, account)
	}
}
