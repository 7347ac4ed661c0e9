//go:build !linux

package argon2id

// mapping stands for memory of the Go heap, which the collector takes back once released.
type mapping struct{}

func mapBlocks(n int) ([]block, mapping, error) { return make([]block, n), mapping{}, nil }

func (mapping) unmap() {}
