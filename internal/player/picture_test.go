package player

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os/exec"
	"strings"
	"testing"
)

// What a terminal shows is a picture that a phone reads.
func TestPicture(t *testing.T) {
	const address = "https://accounts.example.org/link?user_code=BCDF-GHJK"
	drawn, err := Picture(address)
	if err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	if err := png.Encode(&photo, photographed(t, drawn)); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "PNG:-")
	command.Stdin = &photo
	out, err := command.Output()
	if read := strings.TrimSpace(string(out)); err != nil || read != address {
		t.Errorf("a phone reads %q, %v", read, err)
	}
	for _, line := range strings.Split(strings.TrimSuffix(drawn, "\n"), "\n") {
		if !strings.HasPrefix(line, blackOnWhite) || !strings.HasSuffix(line, ownColours) {
			t.Fatal("a line keeps the terminal's own colours, or does not give them back")
		}
	}
	if _, err := Picture(strings.Repeat("x", 5000)); err == nil {
		t.Error("what is too long is drawn")
	}
}

// photographed is a terminal's screen with cells of 4 by 8 pixels.
func photographed(t *testing.T, drawn string) image.Image {
	t.Helper()
	lines := strings.Split(strings.NewReplacer(blackOnWhite, "", ownColours, "").Replace(strings.TrimSuffix(drawn, "\n")), "\n")
	width := len([]rune(lines[0]))
	screen := image.NewGray(image.Rect(0, 0, width*4, len(lines)*8))
	for y, line := range lines {
		cells := []rune(line)
		if len(cells) != width {
			t.Fatalf("line %d has %d cells, the first %d", y, len(cells), width)
		}
		for x, c := range cells {
			for part := range 8 {
				dark := c == '█' || c == '▀' && part < 4 || c == '▄' && part >= 4
				for px := range 4 {
					if !dark {
						screen.SetGray(x*4+px, y*8+part, color.Gray{Y: 255})
					}
				}
			}
		}
	}
	return screen
}
