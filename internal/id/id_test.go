package id

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	var all []string
	for i := range 2000 {
		v := New(now.Add(time.Duration(i) * time.Millisecond))
		if !Valid(v) || seen[v] {
			t.Fatalf("%q", v)
		}
		seen[v] = true
		all = append(all, v)
	}
	if !slices.IsSorted(all) {
		t.Error("identifiers do not sort by time")
	}
	if a, b := New(now), New(now); a == b || a[:8] != b[:8] {
		t.Errorf("of one moment: %s, %s", a, b)
	}
	if New(now.AddDate(500, 0, 0)) < New(now) {
		t.Error("time overflows within centuries")
	}
}

func TestValid(t *testing.T) {
	v := New(time.Unix(1_800_000_000, 0))
	for _, bad := range []string{"", v[1:], v + "0", strings.ToUpper(v[:25]) + "A", v[:25] + "w", v[:25] + "\x00", v[:25] + "é", v[:24] + "é", " " + v[1:], v[:25] + "="} {
		if Valid(bad) {
			t.Errorf("%q is valid", bad)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add(New(time.Unix(1_800_000_000, 0)))
	f.Add("'; DROP TABLE account; --x")
	f.Add(strings.Repeat("v", Length))
	f.Fuzz(func(t *testing.T, s string) {
		if Valid(s) && (len(s) != 26 || strings.Trim(s, "0123456789abcdefghijklmnopqrstuv") != "") {
			t.Errorf("%q is valid", s)
		}
	})
}
