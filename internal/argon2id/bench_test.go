package argon2id

import (
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
)

// Compare the two with: go test -run '^$' -bench . -count 5 ./internal/argon2id

func BenchmarkXCrypto(b *testing.B) {
	p := DefaultParams()
	salt := make([]byte, saltLength)
	forEachWidth(b, func() {
		argon2.IDKey([]byte("correct horse battery staple"), salt, p.Passes, p.MemoryKiB, p.Lanes, tagLength)
	})
}

func BenchmarkHash(b *testing.B) {
	benchmarkPool(b, fastest())
}

// What processors without AVX2 get.
func BenchmarkPortable(b *testing.B) {
	benchmarkPool(b, portable())
}

func benchmarkPool(b *testing.B, k kernel) {
	p := newPool(b, 2, 0, DefaultParams())
	p.kernel = k
	forEachWidth(b, func() {
		if _, err := p.Hash(b.Context(), []byte("correct horse battery staple")); err != nil {
			b.Error(err)
		}
	})
}

// forEachWidth shares b.N runs of one hash among one goroutine, then among two.
func forEachWidth(b *testing.B, hash func()) {
	for _, width := range []struct {
		name       string
		goroutines int
	}{{"goroutines=1", 1}, {"goroutines=2", 2}} {
		b.Run(width.name, func(b *testing.B) {
			b.ReportAllocs()
			var wg sync.WaitGroup
			for g := range width.goroutines {
				wg.Go(func() {
					for i := g; i < b.N; i += width.goroutines {
						hash()
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
		})
	}
}
