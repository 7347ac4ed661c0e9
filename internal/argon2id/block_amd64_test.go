//go:build amd64 && !purego

package argon2id

import "testing"

// Without AVX2 the other tests would compare the portable kernel with itself.
func TestAVX2IsTestedHere(t *testing.T) {
	if name := fastest().name; name != "avx2" {
		t.Fatalf("the kernel is %s: run these tests on a processor with AVX2", name)
	}
}
