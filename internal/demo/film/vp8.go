package film

// A frame here is a key frame of VP8 in its simplest form: no filter, one partition of coefficients, and every macroblock predicted as a flat square. Pictures are
// drawn in squares of 4 by 4 pixels, so that each block is flat as well and only its first coefficient is sent: that of the luma by way of the second transform.

// The picture in macroblocks of 16 by 16 pixels.
const (
	columns = Width / 16
	rows    = (Height + 15) / 16
)

// picture has the luma of each square, and the chroma of each two by two squares.
type picture struct{ y, u, v plane }

func newPicture() *picture {
	return &picture{newPlane(columns*4, rows*4), newPlane(columns*2, rows*2), newPlane(columns*2, rows*2)}
}

// writer collects the decisions of a frame, with what the next ones hang on.
type writer struct {
	seen    *picture // as whoever plays it sees what was written
	skipped []bool   // macroblocks in which nothing is sent
	tokens  []token
	often   [len(frequencies)][2]int // how many decisions go by a probability
	over    struct {
		y2   [columns]int // whether the block above sent anything
		u, v [columns * 2]int
	}
	left struct {
		y2   int
		u, v [2]int
	}
}

// token is one decision, and where its probability is; below zero it is a fixed one.
type token struct {
	at  int16
	bit outcome
}

// encode writes the frame (RFC 6386 §9 and §19).
func (p *picture) encode() []byte {
	w := &writer{seen: newPicture(), tokens: make([]token, 0, columns*rows*64)}
	for row := range rows {
		w.left.y2, w.left.u, w.left.v = 0, [2]int{}, [2]int{}
		for column := range columns {
			w.macroblock(p, row, column)
		}
	}
	first, second := newCoder(), newCoder()
	probabilities := w.header(first)
	for _, skipped := range w.skipped {
		first.bit(outcome(skipped), 128)
		first.bit(true, 145) // its luma is predicted flat
		first.bit(false, 156)
		first.bit(false, 163)
		first.bit(false, 142) // and so is its chroma
	}
	for _, t := range w.tokens {
		probability := uint8(-t.at)
		if t.at >= 0 {
			probability = probabilities[t.at]
		}
		second.bit(t.bit, probability)
	}
	one, two := first.end(), second.end()
	tag := len(one)<<5 | 1<<4 // a key frame that is shown
	out := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a, Width & 255, Width >> 8, Height & 255, Height >> 8}
	return append(append(out, one...), two...)
}

// header writes what counts for the whole frame, and returns the probabilities that its tokens go by. Those that nothing goes by stay as they are.
func (w *writer) header(c *coder) (probabilities [len(frequencies)]uint8) {
	c.number(0, 1+1)         // the colours of television, and to be clamped
	c.number(0, 1+1+6+3+1+2) // no segments, no filter, one partition
	c.number(0, 7+5)         // the finest steps for all
	c.number(1, 1)           // what follows counts from here on
	for i, kept := range frequencies {
		all := w.often[i][0] + w.often[i][1]
		c.bit(all > 0, kept)
		if all > 0 {
			probabilities[i] = uint8(max(1, min(255, 256*w.often[i][0]/all)))
			c.number(int(probabilities[i]), 8)
		}
	}
	c.number(1, 1) // macroblocks in which nothing is sent say so,
	c.number(128, 8)
	return probabilities
}

// macroblock sends what its prediction lacks.
func (w *writer) macroblock(p *picture, row, column int) {
	luma := w.luma(p, row, column)
	u, v := lacking(p.u, w.seen.u, row, column), lacking(p.v, w.seen.v, row, column)
	nothing := luma == [16]int{} && u == [4]int{} && v == [4]int{}
	w.skipped = append(w.skipped, nothing)
	overU, overV := w.over.u[column*2:column*2+2], w.over.v[column*2:column*2+2]
	if nothing {
		w.over.y2[column], w.left.y2, w.left.u, w.left.v = 0, 0, [2]int{}, [2]int{}
		clear(overU)
		clear(overV)
		return
	}
	sent := w.block(planeY2, w.over.y2[column]+w.left.y2, luma[:])
	w.over.y2[column], w.left.y2 = sent, sent
	for range 16 {
		w.decide(frequency(planeY, band[1], 0, 0), false) // nothing but what the second transform brings
	}
	w.chroma(u, overU, &w.left.u)
	w.chroma(v, overV, &w.left.v)
}

func (w *writer) chroma(levels [4]int, over []int, left *[2]int) {
	for i := range levels {
		sent := w.block(planeUV, over[i%2]+left[i/2], levels[i:i+1])
		over[i%2], left[i/2] = sent, sent
	}
}

// luma is what the second transform has to bring to the sixteen squares of a macroblock, in steps of 8.
func (w *writer) luma(p *picture, row, column int) (levels [16]int) {
	flat := w.seen.y.predicted(row*4, column*4, 4)
	at := func(i int) int { return (row*4+i/4)*p.y.wide + column*4 + i%4 }
	var lacks, back [16]int
	for i := range lacks {
		lacks[i] = int(p.y.of[at(i)]) - flat
	}
	for i, sum := range turned(lacks) {
		levels[i], back[i] = sum/2, sum/2*8
	}
	for i, sum := range turned(back) {
		w.seen.y.of[at(i)] = uint8(max(0, min(255, flat+((sum+3)>>3+4)>>3)))
	}
	return levels
}

// turned is the Walsh-Hadamard transform of four by four (RFC 6386 §14.3), which is its own way back.
func turned(in [16]int) [16]int {
	for range 2 { // down and across: either changes the one for the other
		var out [16]int
		for i := range 4 {
			a, b, c, d := in[i], in[4+i], in[8+i], in[12+i]
			out[4*i], out[4*i+1], out[4*i+2], out[4*i+3] = a+b+c+d, a+b-c-d, a-b-c+d, a-b+c-d
		}
		in = out
	}
	return in
}

// lacking is what the four squares of one chroma lack, in steps of 4, of which eight make one: it arrives exactly.
func lacking(p, seen plane, row, column int) (levels [4]int) {
	flat := seen.predicted(row*2, column*2, 2)
	for i := range levels {
		at := (row*2+i/2)*p.wide + column*2 + i%2
		levels[i], seen.of[at] = 2*(int(p.of[at])-flat), p.of[at]
	}
	return levels
}
