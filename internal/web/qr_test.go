package web

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"usher/internal/mfa"
	"usher/internal/secret"
)

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// What is drawn reads back, with the border that readers need and nothing but black on white, for short and for long names.
func TestDrawnQRCodesRead(t *testing.T) {
	for _, name := range []string{"a@b.c", "ann@example.org", strings.Repeat("a", 64) + "@" + strings.Repeat("long.", 30) + "example.org", "änn+tv@münchen.example"} {
		address := mfa.Address("Usher", name, mfa.NewKey())
		drawn, err := drawQR(address, qrForApp)
		if err != nil {
			t.Fatal(err)
		}
		svg := string(drawn)
		_, side, _ := strings.Cut(svg, `viewBox="0 0 `)
		side, _, _ = strings.Cut(side, " ")
		n, err := strconv.Atoi(side)
		if err != nil {
			t.Fatal(err)
		}
		const scale = 4
		picture := image.NewGray(image.Rect(0, 0, n*scale, n*scale))
		for i := range picture.Pix {
			picture.Pix[i] = 255
		}
		for _, m := range run.FindAllStringSubmatch(svg, -1) {
			x, y, length := number(t, m[1]), number(t, m[2]), number(t, m[3])
			if x < quietZone || y < quietZone || x+length > n-quietZone || y >= n-quietZone || m[3] != m[4] {
				t.Errorf("%s: a stroke at %d, %d leaves its place", name, x, y)
			}
			for px := range length * scale * scale {
				picture.SetGray(x*scale+px%(length*scale), y*scale+px/(length*scale), color.Gray{})
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, picture); err != nil {
			t.Fatal(err)
		}
		command := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "PNG:-")
		command.Stdin = &file
		out, err := command.Output()
		if err != nil || strings.TrimSpace(string(out)) != address.Reveal() {
			t.Errorf("%s reads %q, %v", name, out, err)
		}
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatFitsInNoQRCode(t *testing.T) {
	if drawn, err := drawQR(secret.TokenOf(strings.Repeat("x", 5000)), ""); err == nil || drawn != "" {
		t.Error("five thousand letters fit")
	}
}
