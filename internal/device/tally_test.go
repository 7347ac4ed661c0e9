package device

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	for want, kinds := range map[string][]Kind{
		"":                     {},
		"1 browser":            {Browser},
		"2 browsers and 1 app": {App, Browser, Browser},
		"1 browser, 2 phones and tablets and 1 app": {Phone, App, Browser, Phone},
	} {
		var devices []Device
		for _, k := range kinds {
			devices = append(devices, Device{ID: string(k), Kind: k})
		}
		if got := Count(devices); got.String() != want {
			t.Errorf("%v: %q", kinds, got)
		}
	}
	if got := Count([]Device{{ID: "this", Kind: Browser}, {ID: "that", Kind: Browser}}, "this"); got.String() != "1 browser" {
		t.Errorf("the asking one is counted: %q", got)
	}
}

// Every kind has its words, or it would be signed out without being named.
func TestTallyKnowsEveryKind(t *testing.T) {
	for _, kind := range []Kind{Browser, Phone, App} {
		if got := Count([]Device{{Kind: kind}}).String(); !strings.HasPrefix(got, "1 ") {
			t.Errorf("%s is not counted", kind)
		}
	}
}
