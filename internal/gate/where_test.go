package gate

import (
	"net/netip"
	"slices"
	"testing"
)

// The first link that is printed is one that opens: by a number of version 4, or on the machine itself where there is none.
func TestTheLikeliestAddressStandsFirst(t *testing.T) {
	six, four := netip.MustParseAddr("fd00::2"), netip.MustParseAddr("192.168.1.20")
	for _, c := range []struct {
		private []netip.Addr
		want    []string
	}{
		{[]netip.Addr{six, four}, []string{"http://192.168.1.20:32400", "http://127.0.0.1:32400", "http://[fd00::2]:32400"}},
		{[]netip.Addr{six}, []string{"http://127.0.0.1:32400", "http://[fd00::2]:32400"}},
		{nil, []string{"http://127.0.0.1:32400"}},
	} {
		if got := likeliest(c.private, "32400"); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %q", c.private, got)
		}
	}
}
