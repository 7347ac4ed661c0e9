package blocklist

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds that keep one check cheap whatever an account is called.
const (
	maxWords       = 256
	maxValue       = 512 // bytes of one context value; a mail address has at most 254
	maxValues      = 32
	minWord        = 3 // code points; shorter pieces say nothing
	maxDecoration  = 8 // code points around a word that still count as trivial: a whole date, "123!", "2026!!"
	maxPerPassword = 1024
)

func product() []string {
	return []string{"usher", "ushers", "ushertv", "usherapp", "myusher", "usherpassword", "usheraccount"}
}

// appendWords takes each value apart, be it a name, a mail address, a host or an origin: "anna.k@tv.example.org" gives
// itself, "anna.k", "annak", "anna", "tv.example.org", "tvexampleorg", "example" and "org".
func appendWords(words, values []string) []string {
	for _, value := range values[:min(len(values), maxValues)] {
		if len(value) > maxValue || !utf8.ValidString(value) {
			continue
		}
		value = fold(value)
		if _, host, origin := strings.Cut(value, "://"); origin {
			value = host
		}
		words = appendWord(words, value)
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			local, _, _ := strings.Cut(value[:at], "+")
			words = appendWord(words, value[:at])
			words = appendWord(words, local)
			words = appendWord(words, value[at+1:])
		}
	}
	return words
}

func appendWord(words []string, value string) []string {
	pieces := strings.FieldsFunc(value, func(r rune) bool { return lettersOnly(r) < 0 })
	for _, word := range append(pieces, value, squeeze(value)) {
		if utf8.RuneCountInString(word) >= minWord {
			words = append(words, word)
		}
	}
	return words
}

// squeeze drops what is neither letter, mark nor digit: "anna.k-77" is "annak77".
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsNumber(r) {
			return r
		}
		return lettersOnly(r)
	}, s)
}

// decorated tells whether the folded password is made of nothing but the folded words: as they are, backwards, with
// digits and punctuation around or between them, or with digits and signs in the place of letters.
func decorated(password string, words []string) bool {
	if len(password) > maxPerPassword {
		return false
	}
	for _, core := range cores(password) {
		forms := []string{core, squeeze(core), lettersI.Replace(core), lettersL.Replace(core)}
		if bare := strings.Map(lettersOnly, core); trivial(password, bare) {
			forms = append(forms, bare)
		}
		for _, form := range forms {
			if tiled(form, words) || tiled(backwards(form), words) {
				return true
			}
		}
	}
	return false
}

// tiled tells whether words, one after the other, make the whole text; no text is made of none.
func tiled(text string, words []string) bool {
	reached := make([]bool, len(text)+1)
	reached[0] = true
	for at := range text {
		if !reached[at] {
			continue
		}
		for _, word := range words {
			if strings.HasPrefix(text[at:], word) {
				reached[at+len(word)] = true
			}
		}
	}
	return text != "" && reached[len(text)]
}

// cores are the password itself and what is left when trivial decoration is taken off its end, or off both ends.
func cores(password string) []string {
	all := []string{password}
	tail := strings.TrimRightFunc(password, isDecoration)
	for _, core := range []string{tail, strings.TrimLeftFunc(tail, isDecoration), strings.TrimLeftFunc(password, isDecoration)} {
		if trivial(password, core) {
			all = append(all, core)
		}
	}
	return all
}

// trivial tells whether what was taken off the whole is little enough, and what is left long enough to be a word.
func trivial(whole, rest string) bool {
	left := utf8.RuneCountInString(rest)
	return left >= minWord && utf8.RuneCountInString(whole)-left <= maxDecoration
}

func lettersOnly(r rune) rune {
	if unicode.IsLetter(r) || unicode.IsMark(r) {
		return r
	}
	return -1
}

func isDecoration(r rune) bool {
	return unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) || unicode.IsSpace(r)
}

// A 1 stands for i or for l, hence two tables.
var (
	lettersI = strings.NewReplacer("0", "o", "1", "i", "!", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "8", "b", "9", "g")
	lettersL = strings.NewReplacer("0", "o", "1", "l", "|", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "8", "b", "6", "g")
)

func backwards(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}
