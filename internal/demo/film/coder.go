package film

// outcome is that of a decision.
type outcome bool

// coder writes decisions, each in as little room as its probability allows (RFC 6386 §7.3).
type coder struct {
	out    []byte
	bottom uint32
	span   uint32
	wait   int // bits until the next byte is whole
}

func newCoder() *coder { return &coder{span: 255, wait: 24} }

// bit writes a decision that is false with a probability, in 256ths.
func (c *coder) bit(b outcome, probability uint8) {
	split := 1 + (c.span-1)*uint32(probability)>>8
	if b {
		c.bottom += split
		c.span -= split
	} else {
		c.span = split
	}
	for c.span < 128 {
		c.span <<= 1
		if c.bottom>>31 == 1 {
			c.carry()
		}
		c.bottom <<= 1
		if c.wait--; c.wait == 0 {
			c.out = append(c.out, byte(c.bottom>>24))
			c.bottom &= 1<<24 - 1
			c.wait = 8
		}
	}
}

// carry adds one to what is written.
func (c *coder) carry() {
	at := len(c.out) - 1
	for ; c.out[at] == 255; at-- {
		c.out[at] = 0
	}
	c.out[at]++
}

// number writes so many bits, the highest first.
func (c *coder) number(n, bits int) {
	for bits--; bits >= 0; bits-- {
		c.bit(n>>bits&1 == 1, 128)
	}
}

// end pushes out what is held back.
func (c *coder) end() []byte {
	c.number(0, 32)
	return c.out
}
