package web

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"

	"usher/internal/secret"
)

// quietZone is the white border that readers need around a QR code, in modules (ISO/IEC 18004).
const quietZone = 4

// qrForApp is the label of the code that authenticator apps read.
const qrForApp = "QR code for your authenticator app"

// drawQR draws a text as a QR code, black on white whatever the scheme: many readers do not see a light code on a dark ground. Dark modules that
// follow each other in a row are one stroke. The label says what it is for, to whoever cannot see it.
func drawQR(text secret.Token, label string) (template.HTML, error) {
	code, err := qr.Encode(text.Reveal(), qr.M)
	if err != nil {
		return "", fmt.Errorf("drawing a QR code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) { // outside is white
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, run, run)
				x += run
			}
		}
	}
	side := code.Size + 2*quietZone
	svg := fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges">`+
		`<rect width="%d" height="%d" fill="white"/><path fill="black" d="%s"/></svg>`, side, side, template.HTMLEscapeString(label), side, side, path.String())
	return template.HTML(svg), nil //nolint:gosec // numbers only
}
