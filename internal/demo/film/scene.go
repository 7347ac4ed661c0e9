package film

import "math"

// colour is red, green and blue as light adds up, from 0 to 1 and beyond.
type colour struct{ r, g, b float64 }

func (c colour) plus(d colour, times float64) colour {
	return colour{c.r + d.r*times, c.g + d.g*times, c.b + d.b*times}
}

func mix(a, b colour, t float64) colour {
	t = max(0, min(1, t))
	return colour{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

var (
	wall  = colour{.07, .055, .09}
	floor = colour{.10, .07, .10}
	seat  = colour{.34, .08, .12}
	coat  = colour{.05, .04, .07}
	amber = colour{1, .70, .32}
)

// The screen of the cinema, in squares.
const (
	screenLeft, screenRight = 34.0, 126.0
	screenTop, screenBottom = 6.0, 50.0
)

// draw is the film at a time, in seconds from the beginning of the reel.
func draw(t float64) *picture {
	p := newPicture()
	var reds, greens, blues [4]float64 // of the squares that share a chroma
	for cy := range rows * 2 {
		for cx := range columns * 2 {
			for i := range 4 {
				x, y := cx*2+i%2, cy*2+i/2
				c := cinema(float64(x), float64(y), t)
				reds[i], greens[i], blues[i] = 255*min(1, c.r), 255*min(1, c.g), 255*min(1, c.b)
				luma := 16 + .257*reds[i] + .504*greens[i] + .098*blues[i] // ITU-R BT.601
				p.y.of[y*p.y.wide+x] = uint8(luma + grain(x, y, t))
			}
			r, g, b := mean(reds), mean(greens), mean(blues)
			p.u.of[cy*p.u.wide+cx] = uint8(128.5 - .148*r - .291*g + .439*b)
			p.v.of[cy*p.v.wide+cx] = uint8(128.5 + .439*r - .368*g - .071*b)
		}
	}
	return p
}

func mean(all [4]float64) float64 { return (all[0] + all[1] + all[2] + all[3]) / 4 }

// grain is that of film. It also makes the film as large as real ones are.
func grain(x, y int, t float64) float64 {
	h := uint32(x)*374761393 + uint32(y)*668265263 + uint32(t*perSecond)*2246822519
	h = (h ^ h>>13) * 1274126177
	return float64((h^h>>16)&3) - 1.5
}

// cinema is a house with a film on, in which an usher lights somebody's way.
func cinema(x, y, t float64) colour {
	walk := x - usher(t)
	var c colour
	switch {
	case walk > 3 && walk < 5.5 && y > 51 && y < 54:
		c = colour{1, .9, .6} // the light in the hand
	case figure(walk, y):
		c = coat
	case x >= screenLeft && x < screenRight && y >= screenTop && y < screenBottom:
		return morning((x-screenLeft)/(screenRight-screenLeft), (y-screenTop)/(screenBottom-screenTop), t)
	default:
		c = house(x, y, t).plus(amber, .55*falling(math.Hypot((walk-7)/15, (y-60)/6)))
	}
	return seats(c, x, y, t)
}

// house is the room in the light of the screen.
func house(x, y, t float64) colour {
	c := wall
	if y > 54 {
		c = floor
	}
	far := math.Hypot((x-80)/62, (y-30)/34)
	return c.plus(colour{.9, .75, .7}, .3*falling(far*far)*(.25+.75*light(t)))
}

// falling is how light gets less with distance.
func falling(far float64) float64 { return math.Exp(-far * far) }

// light is how far the morning has come.
func light(t float64) float64 { return .5 - .5*math.Cos(2*math.Pi*t/20) }

// usher is where the usher walks: in from the left, and out to the right.
func usher(t float64) float64 { return -24 + t*10.4 }

// figure is the usher, a hand before the body.
func figure(x, y float64) bool {
	head, body := math.Hypot(x, y-46) < 2.8, math.Abs(x) < 2.4+(y-49)/8 && y >= 48 && y < 64
	return head || body || x > 0 && x < 4 && y >= 52 && y < 54
}

// seats are three rows, with people in some of them.
func seats(c colour, x, y, t float64) colour {
	for row, top := range []float64{64, 72, 81} {
		wide := 13 + float64(row)*2
		n := math.Floor((x + float64(row)*5) / wide)
		at := math.Mod(x+float64(row)*5, wide) - wide/2
		if int(n*7+float64(row)*3)%5 == 0 && math.Hypot(at, y-top+1.5) < 3+.3*float64(row) {
			c = coat
		}
		edge := math.Pow(math.Abs(at)/(wide/2-.6), 6) + math.Max(0, top+2-y)/4
		if y >= top && edge < 1 {
			lit := .10 + .16*light(t)*math.Max(0, 1-(y-top)/5) + .02*float64(2-row)
			c = mix(colour{}, seat, 1.6*lit+.18)
		}
	}
	return c
}

// morning is the film on the screen: the night goes, the sun comes up over hills, and it gets dark again.
func morning(x, y, t float64) colour {
	day := light(t)
	sky := mix(colour{.05, .06, .20}, colour{.45, .68, .95}, day*day)
	low := mix(colour{.16, .10, .28}, colour{1, .78, .50}, day)
	c := mix(sky, low, math.Pow(y*1.25, 2))
	if star := uint32(math.Floor(x*92))*2654435761 ^ uint32(math.Floor(y*44))*40503*65537; star>>7&127 == 0 {
		c = c.plus(colour{.9, .9, 1}, math.Max(0, .8-2*day))
	}
	sun := math.Hypot((x-.62)*2.1, y-1.02+.72*day)
	c = c.plus(colour{1, .75, .35}, .5*math.Exp(-sun*5)*(.2+day))
	if sun < .115 {
		c = mix(colour{1, .52, .25}, colour{1, .93, .66}, day)
	}
	for i, hill := range []colour{{.30, .36, .52}, {.20, .30, .36}, {.10, .17, .18}} {
		f := float64(i)
		top := .66 + .1*f + .055*math.Sin(x*(5+2.3*f)+f*2.1+.01*t) + .025*math.Sin(x*(13-3*f)+f)
		if y > top {
			c = mix(colour{hill.r * .25, hill.g * .22, hill.b * .4}, hill, day)
		}
	}
	return c
}
