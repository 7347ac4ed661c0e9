package signing

import (
	"crypto/sha256"
	"sync"
)

// mostVerified bounds what a process remembers of tokens whose signature was right: so many, and as many again of those before.
const mostVerified = 10_000

// memory knows what tokens say whose signature was checked a short while ago. A signature stays right for as long as its key counts, which is looked at each
// time; everything else about a token is judged anew. Its zero value is ready.
type memory struct {
	mu          sync.Mutex
	now, before map[[sha256.Size]byte]Claims
}

// knows returns what a token says whose signature was found right; nil when it was not. Nobody changes it.
func (m *memory) knows(token [sha256.Size]byte) Claims {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.now[token]; c != nil {
		return c
	}
	c := m.before[token]
	if c != nil {
		m.keep(token, c)
	}
	return c
}

func (m *memory) learn(token [sha256.Size]byte, c Claims) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(token, c)
}

func (m *memory) keep(token [sha256.Size]byte, c Claims) {
	if m.now == nil || len(m.now) >= mostVerified {
		m.before, m.now = m.now, map[[sha256.Size]byte]Claims{}
	}
	m.now[token] = c
}
