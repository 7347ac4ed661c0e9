package web

import (
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"usher/internal/look"
)

func stylesheet(t *testing.T) string {
	t.Helper()
	css, err := fs.ReadFile(look.Files, "usher.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(css)
}

// The least contrast between two tokens (WCAG 2.2: 1.4.3 for text, 1.4.11 for edges of controls).
const (
	textContrast = 4.5
	edgeContrast = 3
)

func TestContrastIsEnoughInBothSchemes(t *testing.T) {
	css := stylesheet(t)
	light, rest, _ := strings.Cut(css, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "/* Ground */")
	pairs := []struct {
		front, backs string
		least        float64
	}{
		{"ink", "paper card sunk light-soft danger-soft good-soft", textContrast},
		{"muted", "paper card sunk", textContrast},
		{"light", "paper card", textContrast},
		{"light-strong", "paper card sunk light-soft", textContrast},
		{"danger", "paper card sunk danger-soft", textContrast},
		{"good", "paper card good-soft", textContrast},
		{"on-light", "light light-strong", textContrast},
		{"on-danger", "danger", textContrast},
		{"edge", "paper card sunk", edgeContrast},
		{"light", "sunk light-soft", edgeContrast}, // focus rings and icons
		{"danger", "danger-soft", edgeContrast},
	}
	for scheme, block := range map[string]string{"light": light, "dark": dark} {
		tokens := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(block, -1) {
			tokens[m[1]] = m[2]
		}
		for _, p := range pairs {
			for back := range strings.FieldsSeq(p.backs) {
				if tokens[p.front] == "" || tokens[back] == "" {
					t.Fatalf("%s: no token %s or %s", scheme, p.front, back)
				}
				if got := contrast(t, tokens[p.front], tokens[back]); got < p.least {
					t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", scheme, p.front, back, got, p.least)
				}
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (math.Max(la, lb) + .05) / (math.Min(la, lb) + .05)
}

// luminance is WCAG's relative luminance of an sRGB colour written #rrggbb.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
