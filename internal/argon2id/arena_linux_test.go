package argon2id

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// Each of these hashes maps 32 MiB of its own; forty left behind would be more than a gigabyte.
func TestLargeHashesLeaveNoMemoryMapped(t *testing.T) {
	p := newPool(t, 1, 0, cheap)
	large := "$argon2id$v=19$m=32768,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
	before := mappedKiB(t)
	for range 40 {
		if _, err := p.Verify(t.Context(), large, []byte("a password")); err != nil {
			t.Fatal(err)
		}
	}
	if grown := mappedKiB(t) - before; grown > 256<<10 {
		t.Errorf("%d KiB more are mapped than before", grown)
	}
}

// Releasing twice is what an idle pool does that is released again at the end.
func TestReleaseUnmapsOnce(t *testing.T) {
	a := new(arena)
	before := mappedKiB(t)
	if err := a.reserve(1 << 20); err != nil {
		t.Fatal(err)
	}
	during := mappedKiB(t)
	a.release()
	a.release()
	if after := mappedKiB(t); during-before < 1<<20 || after-before > 256<<10 {
		t.Errorf("mapped %d KiB before, %d during, %d after", before, during, after)
	}
}

func mappedKiB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmSize:")
	line, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
