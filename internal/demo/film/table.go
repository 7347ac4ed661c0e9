package film

// The planes of coefficients, as probabilities tell them apart (RFC 6386 §13.3).
const (
	planeY  = 0 // the luma beside a second transform
	planeY2 = 1
	planeUV = 2
)

// A probability belongs to a plane, one of eight bands of positions, one of three contexts, and one of eleven decisions.
const (
	bands     = 8
	contexts  = 3
	decisions = 11
)

// frequency is the place of a probability.
func frequency(plane, band, context, decision int) int16 {
	return int16(((plane*bands+band)*contexts+context)*decisions + decision)
}

// band is that of a position; behind the last one nothing is sent.
var band = [16]int{0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7}

// zigzag is the order in which a block is sent.
var zigzag = [16]int{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}

// ranges of large values, with the probabilities of the bits that say where in it one is (RFC 6386 §13.2).
var ranges = [6][]uint8{{159}, {165, 145}, {173, 148, 140}, {176, 155, 140, 135}, {180, 157, 141, 134, 130}, {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}}

// updated are the probabilities with which a frame leaves a probability as it is (RFC 6386 §13.4). What is missing at the end of a text is 255.
var updated = [4][bands][contexts]string{
	{{"", "", ""}, {"\xb0\xf6", "\xdf\xf1\xfc", "\xf9\xfd\xfd"},
		{"\xff\xf4\xfc", "\xea\xfe\xfe", "\xfd"}, {"\xff\xf6\xfe", "\xef\xfd\xfe", "\xfe\xff\xfe"},
		{"\xff\xf8\xfe", "\xfb\xff\xfe", ""}, {"\xff\xfd\xfe", "\xfb\xfe\xfe", "\xfe\xff\xfe"},
		{"\xff\xfe\xfd\xff\xfe", "\xfa\xff\xfe\xff\xfe", "\xfe"}, {"", "", ""}},
	{{"\xd9", "\xe1\xfc\xf1\xfd\xff\xff\xfe", "\xea\xfa\xf1\xfa\xfd\xff\xfd\xfe"}, {"\xff\xfe", "\xdf\xfe\xfe", "\xee\xfd\xfe\xfe"},
		{"\xff\xf8\xfe", "\xf9\xfe", ""}, {"\xff\xfd", "\xf7\xfe", ""},
		{"\xff\xfd\xfe", "\xfc", ""}, {"\xff\xfe\xfe", "\xfd", ""},
		{"\xff\xfe\xfd", "\xfa", "\xfe"}, {"", "", ""}},
	{{"\xba\xfb\xfa", "\xea\xfb\xf4\xfe", "\xfb\xfb\xf3\xfd\xfe\xff\xfe"}, {"\xff\xfd\xfe", "\xec\xfd\xfe", "\xfb\xfd\xfd\xfe\xfe"},
		{"\xff\xfe\xfe", "\xfe\xfe\xfe", ""}, {"\xff\xfe", "\xfe\xfe", "\xfe"},
		{"", "\xfe", ""}, {"", "", ""},
		{"", "", ""}, {"", "", ""}},
	{{"\xf8", "\xfa\xfe\xfc\xfe", "\xf8\xfe\xf9\xfd"}, {"\xff\xfd\xfd", "\xf6\xfd\xfd", "\xfc\xfe\xfb\xfe\xfe"},
		{"\xff\xfe\xfc", "\xf8\xfe\xfd", "\xfd\xff\xfe\xfe"}, {"\xff\xfb\xfe", "\xf5\xfb\xfe", "\xfd\xfd\xfe"},
		{"\xff\xfb\xfd", "\xfc\xfd\xfe", "\xff\xfe"}, {"\xff\xfc", "\xf9\xff\xfe", "\xff\xff\xfe"},
		{"\xff\xff\xfd", "\xfa", ""}, {"", "\xfe", ""}},
}

// frequencies are updated, one after the other.
var frequencies = func() (all [4 * bands * contexts * decisions]uint8) {
	for i := range all {
		text := updated[i/(bands*contexts*decisions)][i/(contexts*decisions)%bands][i/decisions%contexts]
		all[i] = 255
		if at := i % decisions; at < len(text) {
			all[i] = text[at]
		}
	}
	return all
}()
