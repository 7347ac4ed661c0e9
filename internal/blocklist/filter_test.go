package blocklist_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"usher/internal/blocklist"
)

// download writes the passwords as one Pwned Passwords file, each with count 7.
func download(t testing.TB, passwords []string) string {
	t.Helper()
	lines := make([]string, len(passwords))
	for i, password := range passwords {
		lines[i] = fmt.Sprintf("%X:7\r\n", sha1.Sum([]byte(password)))
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "pwned.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func buildFrom(t testing.TB, passwords []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pwned.filter")
	if err := blocklist.Build(context.Background(), download(t, passwords), path, 1, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFilter(t testing.TB, path string) *blocklist.Filter {
	t.Helper()
	filter, err := blocklist.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := filter.Close(); err != nil {
			t.Error(err)
		}
	})
	return filter
}

func numbered(n int) []string {
	passwords := make([]string, n)
	for i := range passwords {
		passwords[i] = fmt.Sprintf("leaked-%d", i)
	}
	return passwords
}

func TestFilterHoldsAllAndFewStrangers(t *testing.T) {
	for _, n := range []int{1, 2, 3, 17, 300, 5_000, 100_000} {
		passwords := numbered(n)
		filter := openFilter(t, buildFrom(t, passwords))
		for _, password := range passwords {
			if !filter.Contains(sha1.Sum([]byte(password))) {
				t.Fatalf("%d passwords: %q is lost", n, password)
			}
		}
		if got := filter.Stats(); got.Keys != uint64(n) || got.Lines != uint64(n) || got.MinCount != 1 || got.Ranges == 0 {
			t.Errorf("%d passwords: stats %+v", n, got)
		}
		if err := filter.Verify(context.Background()); err != nil {
			t.Errorf("%d passwords: %v", n, err)
		}
		random := rand.New(rand.NewPCG(uint64(n), 3))
		const strangers = 1_000_000
		found := 0
		for range strangers {
			var sum [20]byte
			binary.BigEndian.PutUint64(sum[:], random.Uint64())
			if filter.Contains(sum) {
				found++
			}
		}
		// 15.3 are expected at one in 65,536; 40 is six deviations off.
		if found > 40 {
			t.Errorf("%d passwords: %d of %d strangers are found", n, found, strangers)
		}
	}
}

func TestFilterLooksAtTheFirstEightBytes(t *testing.T) {
	filter := openFilter(t, buildFrom(t, []string{"leaked"}))
	sum := sha1.Sum([]byte("leaked"))
	sum[19] ^= 1
	if !filter.Contains(sum) {
		t.Error("the key is more than the first eight bytes")
	}
	sum[7] ^= 1
	if filter.Contains(sum) {
		t.Error("the key is less than the first eight bytes")
	}
}

func TestOpenRefusesWhatIsNotAFilter(t *testing.T) {
	whole, err := os.ReadFile(buildFrom(t, numbered(1000)))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(b []byte) []byte) []byte { return change(slices.Clone(whole)) }
	for name, content := range map[string][]byte{
		"empty":             {},
		"short":             whole[:100],
		"header only":       whole[:headerSize],
		"one byte short":    whole[:len(whole)-1],
		"one byte long":     append(slices.Clone(whole), 0),
		"other magic":       with(func(b []byte) []byte { b[0] ^= 1; return b }),
		"damaged table":     with(func(b []byte) []byte { b[500] ^= 1; return b }),
		"damaged checksum":  with(func(b []byte) []byte { b[headerSize-1] ^= 1; return b }),
		"other version":     with(func(b []byte) []byte { b[8] = 9; return reseal(b) }),
		"other shard count": with(func(b []byte) []byte { b[12] = 7; return reseal(b) }),
		"other key count":   with(func(b []byte) []byte { b[16]++; return reseal(b) }),
		"huge segment":      with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+12:], 1<<31); return reseal(b) }),
		"odd segment":       with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+12:], 3); return reseal(b) }),
		"many segments":     with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+16:], 1<<31); return reseal(b) }),
		"all segments":      with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+16:], 1<<32-1); return reseal(b) }),
		"no segments":       with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+16:], 0); return reseal(b) }),
		"an empty shard with a seed": with(func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[72+8:], 0)
			return reseal(b)
		}),
		"more keys than room": with(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[72+8:], 1<<30); return reseal(b) }),
	} {
		path := filepath.Join(t.TempDir(), "filter")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if filter, err := blocklist.Open(path); !errors.Is(err, blocklist.ErrFilter) {
			t.Errorf("%s: Open gives %v, %v", name, filter, err)
		}
	}
	if _, err := blocklist.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := blocklist.Open(t.TempDir()); err == nil {
		t.Error("a folder is opened as a filter")
	}
}

func TestVerifyFindsOneChangedBit(t *testing.T) {
	path := buildFrom(t, numbered(1000))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 0x10
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	filter := openFilter(t, path)
	if err := filter.Verify(context.Background()); !errors.Is(err, blocklist.ErrFilter) {
		t.Errorf("Verify: %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := filter.Verify(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Verify: %v", err)
	}
}

func TestAFileCutShortUnderUsIsReportedNotFatal(t *testing.T) {
	path := buildFrom(t, numbered(50_000))
	filter := openFilter(t, path)
	sum := sha1.Sum([]byte("leaked-1"))
	if !filter.Contains(sum) || filter.Err() != nil {
		t.Fatal("the filter does not work to begin with")
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if filter.Contains(sum) {
		t.Error("found in a file that is gone")
	}
	if !errors.Is(filter.Err(), blocklist.ErrUnreadable) {
		t.Errorf("Err() = %v", filter.Err())
	}
	if err := filter.Verify(context.Background()); !errors.Is(err, blocklist.ErrUnreadable) {
		t.Errorf("Verify: %v", err)
	}
}

func TestAClosedFilterFindsNothing(t *testing.T) {
	filter, err := blocklist.Open(buildFrom(t, numbered(10)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum([]byte("leaked-1"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 {
			filter.Contains(sum)
		}
	}()
	if err := errors.Join(filter.Close(), filter.Close()); err != nil {
		t.Error(err)
	}
	<-done
	if filter.Contains(sum) || filter.Err() != nil {
		t.Error("a closed filter answers")
	}
	if err := filter.Verify(context.Background()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Verify: %v", err)
	}
}

const headerSize = 72 + 256*24 + sha256.Size

// reseal makes the header's checksum right again, so that the checks behind it are reached.
func reseal(b []byte) []byte {
	sum := sha256.Sum256(b[:headerSize-sha256.Size])
	copy(b[headerSize-sha256.Size:], sum[:])
	return b
}

func FuzzOpen(f *testing.F) {
	for _, n := range []int{1, 3, 200} {
		whole, err := os.ReadFile(buildFrom(f, numbered(n)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole, uint16(72+12), uint32(1<<18), uint64(1))
		f.Add(whole, uint16(72+16), uint32(1<<31), uint64(1)<<63)
		f.Add(whole, uint16(16), uint32(0), uint64(1)<<20)
		f.Add(whole[:len(whole)/2], uint16(0), uint32(0), uint64(0))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, at uint16, value uint32, key uint64) {
		if len(content) >= headerSize {
			content = slices.Clone(content)
			binary.LittleEndian.PutUint32(content[int(at)%(headerSize-sha256.Size-4):], value)
			copy(content, "usherblk\x01\x00\x00\x00\x00\x01\x00\x00")
			reseal(content)
		}
		file, err := os.CreateTemp(dir, "filter")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file.Name())
		if _, err := file.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		filter, err := blocklist.Open(file.Name())
		if err != nil {
			if !errors.Is(err, blocklist.ErrFilter) {
				t.Fatal(err)
			}
			return
		}
		for i := range 256 {
			var sum [20]byte
			binary.BigEndian.PutUint64(sum[:], key)
			sum[0] = byte(i)
			filter.Contains(sum)
		}
		if filter.Err() != nil {
			t.Fatal("a probe left the file")
		}
		if err := filter.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkContains(b *testing.B) {
	filter := openFilter(b, buildFrom(b, numbered(100_000)))
	random := rand.New(rand.NewPCG(1, 1))
	var sum [20]byte
	for b.Loop() {
		binary.BigEndian.PutUint64(sum[:], random.Uint64())
		filter.Contains(sum)
	}
}
