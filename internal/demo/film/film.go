// Package film owns the film of the demonstration: it draws one, and writes it so that every browser plays it, with nothing downloaded and nothing installed. It
// refuses to know who watches. Why it is made this way: docs/decisions/the-film-of-the-demonstration.md.
package film

import (
	"context"
	"fmt"
	"io"
	"time"
)

// The film: how large its picture is, and how long it runs. It shows one reel again and again.
const (
	Width  = 640
	Height = 360
	Length = reels * reelLength

	perSecond  = 16
	reelLength = 20 * time.Second
	reels      = 6
)

// Write draws the film and writes it as WebM with VP8 (RFC 6386): some 15 MB, more than browsers fetch ahead, so that it stops where its server stops.
func Write(ctx context.Context, w io.Writer) error {
	seconds := int(reelLength / time.Second)
	reel := make([]cluster, seconds)
	for i := range reel {
		for j := range perSecond {
			reel[i] = append(reel[i], draw(float64(i*perSecond+j)/perSecond).encode())
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if _, err := w.Write(head(reel)); err != nil {
		return fmt.Errorf("writing the film: %w", err)
	}
	for second := range reels * seconds {
		if _, err := w.Write(reel[second%seconds].element(second)); err != nil {
			return fmt.Errorf("writing the film: %w", err)
		}
	}
	return nil
}
