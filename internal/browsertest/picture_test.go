package browsertest

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	pictureFile  = "../../docs/picture.png"
	pictureBytes = 300 << 10 // at most
)

// TestPicture keeps the README's picture, which TestTheTour takes anew with USHER_TEST_SCREENSHOTS.
func TestPicture(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatalf("the README's picture: %v\nUSHER_TEST_SCREENSHOTS=FOLDER go test -run TestTheTour ./internal/browsertest makes it", err)
	}
	size, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil || size.Width < 1000 || len(file) > pictureBytes {
		t.Errorf("the README's picture is %d × %d in %d bytes (%v), want at least 1000 wide in at most %d bytes", size.Width, size.Height, len(file), err, pictureBytes)
	}
}

// comesFrom makes the tab another machine's: another address, and another name for the browser.
func (b *tab) comesFrom(address, agent string) {
	b.t.Helper()
	b.run("coming from elsewhere", network.SetExtraHTTPHeaders(network.Headers{"X-Forwarded-For": address}), chromedp.ActionFunc(func(ctx context.Context) error {
		return emulation.SetUserAgentOverride(agent).WithAcceptLanguage("en-GB").Do(ctx)
	}))
}

// pictureScale is pixels to a CSS pixel.
const pictureScale = 1.5

func (b *tab) window(s scheme, width, height int64) image.Image {
	b.t.Helper()
	b.show(wide, s)
	b.run("making a window", emulation.SetDeviceMetricsOverride(width, height, 1, false))
	shot, err := png.Decode(bytes.NewReader(b.photograph(pictureScale)))
	if err != nil {
		b.t.Fatal(err)
	}
	return shot
}

// sideBySide puts pages beside each other, with round corners on nothing, so that they stand well on any ground.
func sideBySide(t *testing.T, pages ...image.Image) []byte {
	t.Helper()
	const gap = 36
	var all image.Rectangle
	for i, page := range pages {
		all.Max.X += page.Bounds().Dx() + min(i, 1)*gap
		all.Max.Y = max(all.Max.Y, page.Bounds().Dy())
	}
	board, x := image.NewNRGBA(all), 0
	for _, page := range pages {
		at := image.Rect(x, 0, x+page.Bounds().Dx(), page.Bounds().Dy())
		draw.DrawMask(board, at, page, page.Bounds().Min, rounded{at.Sub(at.Min), 24}, image.Point{}, draw.Over)
		x = at.Max.X + gap
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, board); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// rounded is a mask: a rectangle at the origin with round corners.
type rounded struct {
	box    image.Rectangle
	radius float64
}

func (r rounded) ColorModel() color.Model { return color.AlphaModel }
func (r rounded) Bounds() image.Rectangle { return r.box }
func (r rounded) At(x, y int) color.Color {
	inside := func(v, length int) float64 { // how far into a corner, from its centre
		p := float64(v) + 0.5
		return max(r.radius-p, p-(float64(length)-r.radius), 0)
	}
	distance := math.Hypot(inside(x, r.box.Dx()), inside(y, r.box.Dy()))
	return color.Alpha{uint8(255 * min(max(r.radius-distance+0.5, 0), 1))}
}
