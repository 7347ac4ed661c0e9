package player

import (
	"strings"

	"rsc.io/qr"
)

// quietZone is the white border that readers need around a QR code, in modules (ISO/IEC 18004).
const quietZone = 4

// Black on white, whatever the terminal's own colours are: many readers do not see a light code on a dark ground.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	ownColours   = "\x1b[0m"
)

// Picture draws an address as a QR code in half blocks, two rows of modules in each line of a terminal.
func Picture(address string) (string, error) {
	code, err := qr.Encode(address, qr.L)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		b.WriteString(blackOnWhite)
		for x := -quietZone; x < code.Size+quietZone; x++ {
			b.WriteString(block(code.Black(x, y), code.Black(x, y+1)))
		}
		b.WriteString(ownColours + "\n")
	}
	return b.String(), nil
}

func block(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
