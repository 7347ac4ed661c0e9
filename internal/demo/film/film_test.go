package film

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var written = sync.OnceValues(func() ([]byte, error) {
	var film bytes.Buffer
	err := Write(context.Background(), &film)
	return film.Bytes(), err
})

func whole(t *testing.T) []byte {
	t.Helper()
	film, err := written()
	if err != nil {
		t.Fatal(err)
	}
	return film
}

// The film as a browser shows it: as large and long as promised, with what was drawn in it, from the beginning and from any place people jump to.
func TestTheFilmPlaysAsItWasDrawn(t *testing.T) {
	film := whole(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = w.Write([]byte(`<!doctype html><title>Film</title><video muted preload="auto" src="film.webm"></video>`))
			return
		}
		w.Header().Set("Content-Type", "video/webm")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(film))
	}))
	t.Cleanup(site.Close)
	ctx := browser(t)
	var shown struct {
		Ready, Width, Height int
		Duration             float64
	}
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(ctx, chromedp.Navigate(site.URL), chromedp.Evaluate(`new Promise((done, failed) => {
		const v = document.querySelector("video"), look = () => done({Ready: v.readyState, Width: v.videoWidth, Height: v.videoHeight, Duration: v.duration});
		v.onerror = () => failed(new Error(v.error.message)); v.readyState > 3 ? look() : v.oncanplaythrough = look })`, &shown, wait)); err != nil {
		t.Fatal(err)
	}
	if shown.Ready != 4 || shown.Width != Width || shown.Height != Height || math.Abs(shown.Duration-Length.Seconds()) > .1 {
		t.Errorf("the browser shows %+v", shown)
	}
	for _, at := range []float64{0, 8, 15.5, 20 + 8, Length.Seconds() - 1} {
		var seen []float64
		if err := chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(jump, at+.03), &seen, wait)); err != nil {
			t.Fatal(err)
		}
		drawn := draw(math.Mod(at, reelLength.Seconds()))
		if off := drawn.differs(seen); off > 3 {
			t.Errorf("at %v s the picture is off by %.1f of 255 on the whole", at, off)
		}
	}
}

// jump goes to a time and reads the luma of each square, from the picture that is shown there.
const jump = `new Promise((done) => {
	const v = document.querySelector("video");
	v.onseeked = () => {
		const c = document.createElement("canvas"); c.width = 640; c.height = 360;
		const p = c.getContext("2d"); p.drawImage(v, 0, 0);
		const d = p.getImageData(0, 0, 640, 360).data, seen = [];
		for (let y = 2; y < 360; y += 4) for (let x = 2; x < 640; x += 4) { const i = (y * 640 + x) * 4; seen.push(16 + .257 * d[i] + .504 * d[i+1] + .098 * d[i+2]) }
		done(seen);
	};
	v.currentTime = %v;
})`

// differs is by how much the luma is off, on average.
func (p *picture) differs(seen []float64) (off float64) {
	for i, v := range seen {
		off += math.Abs(v-float64(p.y.of[i])) / float64(len(seen))
	}
	return off
}

func browser(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Browsers fetch some seconds and at least two megabytes ahead. What is shown has to stop when the server does, so the film is larger than that by far.
func TestTheFilmIsLongerThanBrowsersFetchAhead(t *testing.T) {
	size := 0
	p := draw(8)
	for range perSecond {
		size += len(p.encode())
	}
	if ahead := float64(4<<20) / float64(size); ahead > Length.Seconds()/2 {
		t.Errorf("four megabytes are %.0f s of it, of %.0f", ahead, Length.Seconds())
	}
}

// What the head says of the length is true, and each cue leads to a cluster.
func TestCuesLeadToClusters(t *testing.T) {
	all := whole(t)
	body := bytes.Index(all, []byte{0x18, 0x53, 0x80, 0x67}) + 12
	if size := int(binary.BigEndian.Uint64(all[body-8:]) &^ (1 << 56)); body+size != len(all) {
		t.Errorf("the segment is said to have %d bytes, and has %d", size, len(all)-body)
	}
	cue := []byte{0xF1, 1, 0, 0, 0, 0, 0, 0, 8}
	cues := 0
	for at := body; ; cues++ {
		next := bytes.Index(all[at:], cue)
		if next < 0 || at+next > body+20_000 {
			break
		}
		at += next + len(cue)
		if to := body + int(binary.BigEndian.Uint64(all[at:])); !bytes.HasPrefix(all[to:], []byte{0x1F, 0x43, 0xB6, 0x75}) {
			t.Errorf("cue %d leads to % x", cues, all[to:to+4])
		}
	}
	if cues != int(Length/time.Second) {
		t.Errorf("%d cues", cues)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("the disk is full")

func TestItStops(t *testing.T) {
	if err := Write(t.Context(), full{}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Write(ctx, full{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it goes on when it is told to stop: %v", err)
	}
}
