package film

// plane is one of luma and chroma, in squares of 4 by 4 pixels of its own.
type plane struct {
	wide int
	of   []uint8
}

func newPlane(wide, high int) plane { return plane{wide, make([]uint8, wide*high)} }

// predicted is the mean of what is above and to the left of a macroblock of size by size squares (RFC 6386 §12.2).
func (p plane) predicted(top, left, size int) int {
	sum, count := 0, 0
	if top > 0 {
		for i := range size {
			sum += int(p.of[(top-1)*p.wide+left+i])
		}
		count += size
	}
	if left > 0 {
		for i := range size {
			sum += int(p.of[(top+i)*p.wide+left-1])
		}
		count += size
	}
	if count == 0 {
		return 128
	}
	return (2*sum + count) / (2 * count)
}
