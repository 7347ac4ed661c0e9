package passwordpolicy_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"usher/internal/blocklist"
	"usher/internal/passwordpolicy"
)

func policy(minLength int) passwordpolicy.Policy {
	return passwordpolicy.Policy{
		MinLength: minLength,
		List:      &blocklist.List{Common: blocklist.Builtin(), House: []string{"tv.riverside.example"}},
	}
}

func account() []string {
	return []string{"anna.kowalska@lamplight.example", "annak77", "Zoë Łukasz"}
}

func TestLengthIsCountedInCodePoints(t *testing.T) {
	const (
		ascii  = "vQ7#kz!Lw2@xR9^p"
		emoji  = "🐝🎻🧊🚲🌋🪁🧶🦷🍄🛶🎯🧭🪵🦩🧲🫖"
		script = "жёлтыйкитчитаетл"
	)
	marks := strings.Repeat("\u0301", 20) // do not combine with each other
	first := func(text string, n int) string { return string([]rune(text)[:n]) }
	pairs := func(n int) string { // each pair becomes one code point
		return strings.Join(strings.Split(first("uaeoiUAEOIncsyzk", n), ""), "\u0301") + "\u0301"
	}
	for _, test := range []struct {
		name     string
		min      int
		password string
		short    bool
	}{
		{"7 of 8", 8, first(ascii, 7), true},
		{"8 of 8", 8, first(ascii, 8), false},
		{"14 of 15", 15, first(ascii, 14), true},
		{"15 of 15", 15, first(ascii, 15), false},
		{"16 of 15", 15, first(ascii, 16), false},
		{"14 of 14", 14, first(ascii, 14), false},
		{"7 emoji of 8, 28 bytes", 8, first(emoji, 7), true},
		{"8 emoji of 8", 8, first(emoji, 8), false},
		{"14 emoji of 15", 15, first(emoji, 14), true},
		{"15 emoji of 15", 15, first(emoji, 15), false},
		{"16 emoji of 15", 15, first(emoji, 16), false},
		{"7 letters of 8, 14 bytes", 8, first(script, 7), true},
		{"8 letters of 8", 8, first(script, 8), false},
		{"14 letters of 15", 15, first(script, 14), true},
		{"16 letters of 15", 15, first(script, 16), false},
		{"7 pairs of 8, 14 code points as typed", 8, pairs(7), true},
		{"8 pairs of 8", 8, pairs(8), false},
		{"14 pairs of 15", 15, pairs(14), true},
		{"15 pairs of 15", 15, pairs(15), false},
		{"a letter and 6 marks of 8", 8, "q" + first(marks, 6), true},
		{"a letter and 7 marks of 8", 8, "q" + first(marks, 7), false},
		{"a minimum below the rule", 0, first(ascii, 7), true},
		{"a minimum above the rule", 99, first(ascii, 15), false},
	} {
		verdict := policy(test.min).Check(test.password, nil)
		if short := verdict.Reason == passwordpolicy.TooShort; short != test.short {
			t.Errorf("%s: %v", test.name, verdict.Reason)
		}
		if test.short && !strings.Contains(verdict.Sentence(), fmt.Sprint(max(test.min, 8))) {
			t.Errorf("%s: the sentence does not say the length: %s", test.name, verdict.Sentence())
		}
	}
	for _, password := range []string{first(ascii, 9), first(emoji, 8), first(script, 16), pairs(15)} {
		if verdict := policy(8).Check(password, nil); !verdict.OK() {
			t.Errorf("%q is refused: %v", password, verdict.Reason)
		}
	}
}

func TestLongPasswords(t *testing.T) {
	rule := policy(8)
	words := strings.Repeat("tall pine under snow, ", 100)
	for name, test := range map[string]struct {
		password string
		want     passwordpolicy.Reason
	}{
		"64":                       {words[:64], passwordpolicy.Accepted},
		"256":                      {words[:256], passwordpolicy.Accepted},
		"257":                      {words[:257], passwordpolicy.TooLong},
		"256 of 4 bytes, 1,024":    {repeatRunes("🐝🎻🧊🚲🌋🪁🧶🦷🍄🛶🎯", 256), passwordpolicy.Accepted},
		"257 of 4 bytes":           {repeatRunes("🐝🎻🧊🚲🌋🪁🧶🦷🍄🛶🎯", 257), passwordpolicy.TooLong},
		"512 that compose to 256":  {norm.NFD.String(repeatRunes("áḅéḱíñọṕṣûẃ", 256)), passwordpolicy.Accepted},
		"a megabyte":               {strings.Repeat("x7#q", 1<<18), passwordpolicy.TooLong},
		"a megabyte of bad UTF-8":  {strings.Repeat("\xff", 1<<20), passwordpolicy.TooLong},
		"200 times one letter":     {strings.Repeat("a", 200), passwordpolicy.Easy},
		"32 times one word":        {strings.Repeat("sunshine", 32), passwordpolicy.Easy},
		"100 times one emoji":      {strings.Repeat("🐝", 100), passwordpolicy.Easy},
		"the alphabet":             {"abcdefghijklmnopqrstuvwxyz", passwordpolicy.Easy},
		"another alphabet":         {"абвгдежзийклмнопрст", passwordpolicy.Easy},
		"that alphabet, backwards": {"тсрпонмлкйизжедгвба", passwordpolicy.Easy},
	} {
		if verdict := rule.Check(test.password, nil); verdict.Reason != test.want {
			t.Errorf("%s: %v, want %v", name, verdict.Reason, test.want)
		}
	}
}

func repeatRunes(text string, n int) string {
	runes := []rune(text)
	out := make([]rune, n)
	for i := range out {
		out[i] = runes[(i*i+i/7)%len(runes)]
	}
	return string(out)
}

func TestNormalize(t *testing.T) {
	for typed, want := range map[string]string{
		"  spaces stay  ":        "  spaces stay  ",
		"cafe\u0301":             "caf\u00e9",
		"\u212bngstrom":          "\u00c5ngstrom",
		"\u1112\u1161\u11ab":     "\ud55c",
		"\ufb01nal":              "\ufb01nal", // compatibility forms stay
		"":                       "",
		"\U0001f469\u200d\u2695": "\U0001f469\u200d\u2695",
	} {
		if got, err := passwordpolicy.Normalize(typed); got != want || err != nil {
			t.Errorf("Normalize(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
	for typed, want := range map[string]error{
		"nul\x00inside":          passwordpolicy.ErrUnreadable,
		"line\nbreak":            passwordpolicy.ErrUnreadable,
		"tab\tinside":            passwordpolicy.ErrUnreadable,
		"delete\x7f":             passwordpolicy.ErrUnreadable,
		"next line\u0085":        passwordpolicy.ErrUnreadable,
		"bad \xc3\x28 bytes":     passwordpolicy.ErrUnreadable,
		"surrogate \xed\xa0\x80": passwordpolicy.ErrUnreadable,
		strings.Repeat("a", 257): passwordpolicy.ErrTooLong,
	} {
		got, err := passwordpolicy.Normalize(typed)
		if got != "" || !errors.Is(err, want) {
			t.Errorf("Normalize(%q) = %q, %v, want %v", typed, got, err, want)
		}
	}
}

// The cap that stands before the normal form is computed must not refuse what fits afterwards.
func TestNoTextShrinksToLessThanAQuarter(t *testing.T) {
	longest := map[string]int{} // a decomposed text, and the most bytes a single code point takes to say it
	for r := rune(1); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		decomposed := norm.NFD.String(string(r))
		longest[decomposed] = max(longest[decomposed], utf8.RuneLen(r))
	}
	for r := rune(1); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) || !norm.NFC.IsNormalString(string(r)) {
			continue
		}
		typed := 0
		for _, part := range norm.NFD.String(string(r)) {
			typed += longest[string(part)]
		}
		if typed > 4*utf8.RuneLen(r) {
			t.Errorf("%U can be typed in %d bytes and becomes %d", r, typed, utf8.RuneLen(r))
		}
	}
}

func TestReasons(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pwned.txt")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%X:3\n", sha1.Sum([]byte("tall-heron-leaked-41"))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := blocklist.Build(context.Background(), path, path+".filter", 1, nil); err != nil {
		t.Fatal(err)
	}
	filter, err := blocklist.Open(path + ".filter")
	if err != nil {
		t.Fatal(err)
	}
	defer filter.Close()
	own, err := blocklist.Read("own.txt", strings.NewReader("grey heron on the roof\n"))
	if err != nil {
		t.Fatal(err)
	}
	rule := policy(8)
	rule.List.Breached, rule.List.Operator = filter, own
	for password, want := range map[string]passwordpolicy.Reason{
		"":                                 passwordpolicy.TooShort,
		"password123":                      passwordpolicy.Known,
		"Grey Heron On The Roof":           passwordpolicy.Known,
		"tall-heron-leaked-41":             passwordpolicy.Leaked,
		"kowalska1989":                     passwordpolicy.Context,
		"riverside!!":                      passwordpolicy.Context,
		"usherusher":                       passwordpolicy.Context,
		"KowalskaAnnaLamplight":            passwordpolicy.Context,
		"Kowalska+lamp":                    passwordpolicy.Easy,
		"P@ssw0rd1999!":                    passwordpolicy.Easy,
		"pa\u0308sswo\u0308rd1":            passwordpolicy.Easy,
		"ｐａｓｓｗｏｒｄ１９９９":                     passwordpolicy.Easy,
		"pass\u200bword\u200b1\u200b":      passwordpolicy.Easy,
		"mnbvcxzlkj":                       passwordpolicy.Easy,
		"15.03.1987":                       passwordpolicy.Easy,
		"kq7!vz#t":                         passwordpolicy.Thin,
		"kq7!vz#tw":                        passwordpolicy.Accepted,
		"tall pine under snow":             passwordpolicy.Accepted,
		"ALLCAPITALSTREESWALKING":          passwordpolicy.Accepted,
		"der Wal frühstückt Ölfarbe":       passwordpolicy.Accepted,
		"四角い西瓜が屋根を渡る夜":                     passwordpolicy.Accepted,
		"🐝🎻🧊🚲🌋🪁🧶🦷":                         passwordpolicy.Accepted,
		"nul\x00nul\x00nul":                passwordpolicy.Unreadable,
		"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8": passwordpolicy.Unreadable,
	} {
		verdict := rule.Check(password, account())
		if verdict.Reason != want {
			t.Errorf("Check(%q) = %v (score %d), want %v", password, verdict.Reason, verdict.Score, want)
		}
		if verdict.OK() != (want == passwordpolicy.Accepted) {
			t.Errorf("Check(%q): OK() = %v for %v", password, verdict.OK(), verdict.Reason)
		}
		score, sentence := rule.Strength(password, account())
		if (score >= 3) != verdict.OK() || sentence == "" || password != "" && sentence != verdict.Sentence() {
			t.Errorf("Strength(%q) = %d, %q, beside %v", password, score, sentence, verdict.Reason)
		}
	}
}

func TestEveryRankedEntryIsRefused(t *testing.T) {
	for _, minLength := range []int{8, 15} {
		rule := policy(minLength)
		for name, list := range frequency.FrequencyLists {
			for _, entry := range list {
				if len(entry) < minLength {
					continue
				}
				if verdict := rule.Check(entry, nil); verdict.OK() {
					t.Errorf("%s: %q is accepted", name, entry)
				}
				if verdict := rule.Check(strings.ToUpper(entry), nil); verdict.OK() {
					t.Errorf("%s: %q in capitals is accepted", name, entry)
				}
			}
		}
	}
}

// The block list's own test takes 20,000; here, with the strength of each, 2,000, and a million with PASSPHRASES=1000000.
func TestGeneratedPassphrasesAreAccepted(t *testing.T) {
	tries := 2_000
	if asked := os.Getenv("PASSPHRASES"); asked != "" {
		if _, err := fmt.Sscan(asked, &tries); err != nil {
			t.Fatal(err)
		}
	}
	rule := policy(15)
	words := frequency.FrequencyLists["english_wikipedia"][:7776]
	var refused atomic.Int64
	var workers sync.WaitGroup
	for worker := range 2 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(worker)))
			for range tries / 2 {
				if !rule.Check(passphrase(random, words), account()).OK() {
					refused.Add(1)
				}
			}
		})
	}
	workers.Wait()
	if refused.Load() > int64(tries/10_000) {
		t.Errorf("%d of %d generated passphrases are refused", refused.Load(), tries)
	}
}

// passphrase has three to five words, and 15 characters at least.
func passphrase(random *rand.Rand, words []string) string {
	separator := []string{"", " ", "-"}[random.IntN(3)]
	for {
		var phrase []string
		for range 3 + random.IntN(3) {
			phrase = append(phrase, words[random.IntN(len(words))])
		}
		if text := strings.Join(phrase, separator); len(text) >= 15 {
			return text
		}
	}
}

func TestOneNormalFormOneVerdict(t *testing.T) {
	rule := policy(8)
	sign := rapid.OneOf(
		rapid.SampledFrom([]rune("aeoAON k7!\u0301\u030a\u0308\u212b\u212a\u00c5\u00e9\u1100\u1161\uac00\u0323\u00f6\u1fbe\u0344\u0341\u0390🐝")),
		rapid.Rune(),
	)
	rapid.Check(t, func(t *rapid.T) {
		typed := string(rapid.SliceOfN(sign, 0, 300).Draw(t, "typed"))
		composed := rule.Check(norm.NFC.String(typed), account())
		for _, other := range []string{typed, norm.NFD.String(typed)} {
			if norm.NFC.String(other) != norm.NFC.String(typed) {
				continue
			}
			if verdict := rule.Check(other, account()); verdict != composed {
				t.Fatalf("%q: %v, composed %v", other, verdict, composed)
			}
		}
	})
}

func TestTheZeroVerdictIsNoAcceptance(t *testing.T) {
	var none passwordpolicy.Verdict
	if none.OK() {
		t.Error("a verdict nobody gave accepts")
	}
	var zero passwordpolicy.Policy
	if zero.Check("1234567", nil).OK() || zero.Check("abcdefgh", nil).OK() || !zero.Check("tall pine under snow", nil).OK() {
		t.Error("the zero policy does not hold the rule")
	}
	for _, reason := range []passwordpolicy.Reason{passwordpolicy.Same, passwordpolicy.Voided} {
		if verdict := zero.Refuse(reason); verdict.OK() || verdict.Reason != reason {
			t.Errorf("Refuse(%v) = %+v", reason, verdict)
		}
	}
}

func TestSentencesAreInOurVoice(t *testing.T) {
	seen := map[string]passwordpolicy.Reason{}
	for reason := passwordpolicy.Unjudged; reason.String() != "unknown"; reason++ {
		sentence := passwordpolicy.Verdict{Reason: reason, MinLength: 12, Score: 3}.Sentence()
		if other, twice := seen[sentence]; twice {
			t.Errorf("%v and %v say the same", reason, other)
		}
		seen[sentence] = reason
		if !strings.HasSuffix(sentence, ".") || strings.ContainsAny(sentence, "!%") || len(sentence) > 140 {
			t.Errorf("%v: %q", reason, sentence)
		}
		for _, jargon := range []string{"invalid", "session", "token", "score", "entropy", "hash", "Unicode", "UTF", "oops", "please"} {
			if strings.Contains(strings.ToLower(sentence), strings.ToLower(jargon)) {
				t.Errorf("%v: %q has %q in it", reason, sentence, jargon)
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d sentences", len(seen))
	}
	_, empty := policy(12).Strength("", nil)
	if !strings.Contains(empty, "12") {
		t.Errorf("the sentence for an empty field does not say the length: %s", empty)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"", "cafe\u0301", "\x00", "\xff", "\u0344\u1fbe", strings.Repeat("\u0316\u0301", 40), strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := passwordpolicy.Normalize(typed)
		if err != nil {
			return
		}
		if twice, err := passwordpolicy.Normalize(once); twice != once || err != nil {
			t.Fatalf("%q becomes %q, then %q, %v", typed, once, twice, err)
		}
		if len(once) > passwordpolicy.MaxBytes || utf8.RuneCountInString(once) > passwordpolicy.MaxLength || !utf8.ValidString(once) {
			t.Fatalf("%q is out of bounds", once)
		}
	})
}

func FuzzCheck(f *testing.F) {
	rule := policy(8)
	f.Add("password123", "anna@lamplight.example")
	f.Add("🐝🐝🐝🐝🐝🐝🐝🐝", "🐝")
	f.Add("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "")
	f.Add("4@8({[<3691!|170$5+7%24@8({[<3691!|170$5+7%2", "abcdefgh")
	f.Add("\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b", "\xff")
	f.Add(strings.Repeat("ж", 256), "ж")
	f.Fuzz(func(t *testing.T, password, value string) {
		verdict := rule.Check(password, []string{value})
		if verdict.Reason == passwordpolicy.Unjudged || verdict.OK() && verdict.Score < 3 || verdict.Score > 4 {
			t.Fatalf("verdict %+v", verdict)
		}
		if again := rule.Check(password, []string{value}); again != verdict {
			t.Fatalf("%+v, then %+v", verdict, again)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	rule := policy(8)
	for name, password := range map[string]string{
		"phrase":   "tall pine under snow",
		"repeated": strings.Repeat("a", 200),
		"digits":   strings.Repeat("3141592653", 20),
		"signs":    strings.Repeat("4@8({[<3691!|170$5+7%2", 4),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rule.Check(password, account())
			}
		})
	}
}

func TestChooseGivesTheFormThatIsHashed(t *testing.T) {
	chosen, err := policy(8).Choose("cafe\u0301 under tall pines", account())
	if chosen != "caf\u00e9 under tall pines" || err != nil {
		t.Errorf("Choose = %q, %v", chosen, err)
	}
	chosen, err = policy(8).Choose("kowalska1989", account())
	refused, ok := errors.AsType[*passwordpolicy.RefusedError](err)
	if chosen != "" || !ok || refused.Verdict.Reason != passwordpolicy.Context || strings.Contains(err.Error(), "kowalska") {
		t.Errorf("Choose = %q, %v", chosen, err)
	}
}
