package passwordpolicy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"golang.org/x/text/unicode/norm"
)

// zxcvbn's work grows with the square of the length, times the ways to read digits and signs as letters. Both are bounded
// so that the worst input costs milliseconds.
const (
	maxEstimated   = 72     // what is looked at, in zxcvbn's units
	readingsBudget = 20_000 // length squared times readings
	maxOwnWords    = 256
)

type estimate struct {
	score   int
	unknown bool // zxcvbn found no word, name, date or row of keys in any part
}

// estimateStrength takes a normalised password. What lies beyond the bounds is left out and so counts for nothing.
func estimateStrength(password string, words []string) estimate {
	var spell speller
	spelt := affordable(spell.out(password))
	own := make([]string, 0, len(words))
	for _, word := range words[:min(len(words), maxOwnWords)] {
		own = append(own, spell.out(word))
	}
	result := zxcvbn.PasswordStrength(spelt, own)
	alone := len(result.Sequence) == 1 && result.Sequence[0].Pattern == "bruteforce"
	return estimate{score: result.Score, unknown: alone}
}

// speller writes any text in ASCII, because the library takes bytes for characters and loses its place in anything else.
// Accents are left out ("pässwörd" is the word it looks like), what cannot be seen is dropped, neighbours in the code
// chart become neighbours in the alphabet, and every other sign gets a stand-in of its own, the same wherever it stands.
// Signs beyond the basic plane (emoji) count as two, as they do in the reference implementation.
type speller struct {
	standIns map[rune]string
	used     int
}

// The stand-ins are control characters, which no password has, without those that count as space, in an order that has no
// runs.
const standIns = "\x01\x12\x03\x14\x05\x16\x07\x18\x0e\x1a\x10\x02\x13\x04\x15\x06\x17\x08\x19\x0f\x1b\x11\x7f"

func (s *speller) out(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i := 0; i < len(runes); {
		if n, step := codeChartRun(runes[i:]); n > 0 {
			b.WriteString(alphabet(n, step))
			i += n
			continue
		}
		b.WriteString(s.sign(runes[i]))
		i++
	}
	return b.String()
}

func (s *speller) sign(r rune) string {
	if r < utf8.RuneSelf {
		return string(r)
	}
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
		return ""
	}
	if first, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(r))); first < utf8.RuneSelf {
		return string(first)
	}
	if known, ok := s.standIns[r]; ok {
		return known
	}
	if s.standIns == nil {
		s.standIns = map[rune]string{}
	}
	standIn := s.next()
	if r > 0xffff {
		standIn += s.next()
	}
	s.standIns[r] = standIn
	return standIn
}

func (s *speller) next() string {
	s.used++
	at := s.used % len(standIns)
	return standIns[at : at+1]
}

// codeChartRun counts how many runes at the start are evenly spaced in the code chart, as in "абвгд", and tells the step;
// 0 below three.
func codeChartRun(runes []rune) (n int, step rune) {
	if len(runes) < 3 {
		return 0, 0
	}
	const furthest = 5 // zxcvbn's own bound for a sequence
	step = runes[1] - runes[0]
	if step == 0 || step > furthest || step < -furthest {
		return 0, 0
	}
	n = 1
	for n < len(runes) && runes[n-1] >= utf8.RuneSelf && runes[n] >= utf8.RuneSelf && runes[n]-runes[n-1] == step {
		n++
	}
	if n < 3 {
		return 0, 0
	}
	return n, step
}

// alphabet gives n letters in a row, forwards or backwards as the step has it.
func alphabet(n int, step rune) string {
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = 'a' + byte(i%26)
		if step < 0 {
			letters[i] = 'z' - byte(i%26)
		}
	}
	return string(letters)
}

// affordable is the longest beginning of a spelt text that stays within the budget, but 16 signs in any case: without a
// word in them those already score 4.
func affordable(spelt string) string {
	const always = 16
	signs := map[byte]bool{}
	for i := range min(len(spelt), maxEstimated) {
		if strings.IndexByte(readAsLetters, spelt[i]) >= 0 {
			signs[spelt[i]] = true
		}
		if n := i + 1; n > always && n*n*readings(signs) > readingsBudget {
			return spelt[:i]
		}
	}
	return spelt[:min(len(spelt), maxEstimated)]
}

// The signs zxcvbn reads as letters, and, for each letter, the signs that may stand for it.
const readAsLetters = "4@8({[<3691!|705$+%2"

func lookalikes() [12]string {
	return [...]string{"4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"}
}

// readings counts the tables of substitutions that zxcvbn will try.
func readings(signs map[byte]bool) int {
	count := 1
	for _, likes := range lookalikes() {
		present := 0
		for i := range len(likes) {
			if signs[likes[i]] {
				present++
			}
		}
		count *= max(1, present)
	}
	return count
}
