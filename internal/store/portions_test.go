package store

import (
	"slices"
	"strconv"
	"testing"
)

// A thousand polls that wait are asked about in five statements, of few different texts, and nobody is left out.
func TestPortions(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 2: 1, 20: 1, 21: 1, 200: 1, 201: 2, 1000: 5, 10_000: 50} {
		all := make([]string, n)
		for i := range all {
			all[i] = strconv.Itoa(i)
		}
		lists := portions(all)
		var got []string
		for _, list := range lists {
			if !slices.Contains(listedSizes, len(list)) {
				t.Errorf("of %d, a list of %d", n, len(list))
			}
			got = append(got, slices.Compact(list)...)
		}
		if len(lists) != want || !slices.Equal(got, all) {
			t.Errorf("%d values make %d lists, want %d; %d are in them", n, len(lists), want, len(got))
		}
	}
}
