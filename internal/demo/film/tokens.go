package film

import "math/bits"

// block sends the coefficients of one block (RFC 6386 §13), and reports by 1 that there were some.
func (w *writer) block(plane, context int, levels []int) (sent int) {
	end := len(levels)
	for end > 0 && levels[order(len(levels), end-1)] == 0 {
		end--
	}
	afterZero := false
	for i := range end {
		level := levels[order(len(levels), i)]
		at := frequency(plane, band[i], context, 0)
		if !afterZero { // nothing ends in zero
			w.decide(at, true)
		}
		w.level(at, level)
		afterZero, context = level == 0, min(2, abs(level))
	}
	if end < 16 {
		w.decide(frequency(plane, band[end], context, 0), false)
	}
	return min(end, 1)
}

// order is the place of the i-th coefficient that is sent.
func order(all, i int) int {
	if all == 1 {
		return 0
	}
	return zigzag[i]
}

// level sends one coefficient by the tree of RFC 6386 §13.2, whose probabilities begin at a place.
func (w *writer) level(at int16, level int) {
	size := abs(level)
	w.decide(at+1, size > 0)
	if size == 0 {
		return
	}
	w.decide(at+2, size > 1)
	switch {
	case size == 1:
	case size <= 4:
		w.decide(at+3, false)
		w.decide(at+4, size > 2)
		if size > 2 {
			w.decide(at+5, size > 3)
		}
	default:
		w.decide(at+3, true)
		w.large(at, size)
	}
	w.decide(-128, level < 0)
}

// large sends a size in a range, and where it is in that.
func (w *writer) large(at int16, size int) {
	which := min(5, bits.Len(uint(size-3))-2) // they begin at 5, 7, 11, 19, 35 and 67
	w.decide(at+6, which > 1)
	switch {
	case which < 2:
		w.decide(at+7, which == 1)
	default:
		w.decide(at+8, which > 3)
		w.decide(at+9+int16(which/4), which%2 == 1)
	}
	more := ranges[which]
	for i, probability := range more {
		w.decide(-int16(probability), (size-3-2<<which)>>(len(more)-1-i)&1 == 1)
	}
}

// decide notes a decision, by the place of its probability or by minus a fixed one.
func (w *writer) decide(at int16, bit outcome) {
	w.tokens = append(w.tokens, token{at, bit})
	if at < 0 {
		return
	}
	if bit {
		w.often[at][1]++
	} else {
		w.often[at][0]++
	}
}

func abs(v int) int { return max(v, -v) }
