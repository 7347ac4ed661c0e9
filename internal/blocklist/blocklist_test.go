package blocklist_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/trustelem/zxcvbn/frequency"

	"usher/internal/blocklist"
)

func account() []string {
	return []string{"Anna.Kowalska+films@mail.lamplight.example", "annak77", "Zoë Łukasz"}
}

func TestCheckNamesTheList(t *testing.T) {
	own, err := blocklist.Read("own.txt", strings.NewReader("Grey Heron 1989\n"))
	if err != nil {
		t.Fatal(err)
	}
	list := &blocklist.List{
		Common:   blocklist.Builtin(),
		Operator: own,
		Breached: openFilter(t, buildFrom(t, []string{"correcthorse-leaked", "caf\u00e9 leaked"})),
		House:    []string{"tv.riverside.example"},
	}
	for password, want := range map[string]blocklist.Reason{
		"password123":                   blocklist.Common,
		"PassWord123":                   blocklist.Common,
		"grey heron 1989":               blocklist.Operator,
		"correcthorse-leaked":           blocklist.Breached,
		"Correcthorse-leaked":           blocklist.None, // the download is exact, and has its own capitals
		"cafe\u0301 leaked":             blocklist.Breached,
		"riverside2026!":                blocklist.Context,
		"tall pine under snow":          blocklist.None,
		"password123 tall pine":         blocklist.None, // the whole password only
		"kowalska tall pine":            blocklist.None,
		"":                              blocklist.None,
		"anna.kowalska":                 blocklist.Context,
		strings.Repeat("kowalska", 500): blocklist.None, // longer than any password,
	} {
		reason, blocked := list.Check(password, account())
		if reason != want || blocked != (want != blocklist.None) {
			t.Errorf("Check(%q) = %v, %v, want %v", password, reason, blocked, want)
		}
	}
}

func TestContextWordsAreRefusedPlainAndTriviallyDecorated(t *testing.T) {
	list := &blocklist.List{House: []string{"https://tv.riverside.example", "Riverside Film Club"}}
	for _, password := range []string{
		"usher", "Usher123", "USHER!!!", "rehsu", "rehsu2026", "ush3r!!!", "u5her2026", "2026usher", "!!usher!!", "UsherTV2026", "u-s-h-e-r",
		"usher20261121",
		"riverside", "R1vers1de", "Riverside Film Club", "riversidefilmclub7", "edisrevir", "tv.riverside.example",
		"anna.kowalska", "anna_kowalska", "Kowalska1989", "aksl@w0k", "annakowalska!", "lamplight2026", "mail.lamplight.example", "l4mpl1ght",
		"annak77", "annak77!!", "77kanna", "annak123", "zoëłukasz", "ZOE\u0308 łukasz 1", "Łukasz2026",
		"Anna.Kowalska+films@mail.lamplight.example", "anna.kowalska+films",
		"KowalskaAnnaLamplight", "anna1989kowalska!", "usherusherusher", "usher-riverside-2026",
	} {
		if reason, blocked := list.Check(password, account()); !blocked || reason != blocklist.Context {
			t.Errorf("%q is let through: %v", password, reason)
		}
	}
	for _, password := range []string{
		"usher leads the way", "ushering", "kowalska and riverside", "anna loves lamplight", "anna1989kowalska20261", "usher123456789", "zo20261121", "12345678", "!!!!!!!!", "annabel77",
	} {
		if reason, blocked := list.Check(password, account()); blocked {
			t.Errorf("%q is refused: %v", password, reason)
		}
	}
}

func TestContextIsBounded(t *testing.T) {
	list := &blocklist.List{House: []string{"riverside.example"}}
	context := []string{strings.Repeat("many words ", 40), strings.Repeat("x", 100_000), "bad\xff", ""}
	for i := range 100 {
		context = append(context, strings.Repeat(string(rune('a'+i%26)), 4+i/26)+" different pieces")
	}
	words := list.Words(context)
	if len(words) > 256 {
		t.Errorf("%d words", len(words))
	}
	for _, own := range []string{"usher2026", "riverside2026"} {
		if _, blocked := list.Check(own, context); !blocked {
			t.Errorf("%q is crowded out by a long context", own)
		}
	}
	for _, word := range words {
		if len(word) > 512 {
			t.Errorf("a word of %d bytes", len(word))
		}
	}
}

func TestNoListHoldsNothing(t *testing.T) {
	var none *blocklist.List
	if reason, blocked := none.Check("password123", nil); blocked || reason != blocklist.None {
		t.Errorf("a nil list says %v", reason)
	}
	if len(none.Words([]string{"annak77"})) == 0 {
		t.Error("a nil list has no words for the account")
	}
}

// 20,000 phrases; a million with PASSPHRASES=1000000.
func TestGeneratedPassphrasesPass(t *testing.T) {
	list := &blocklist.List{Common: blocklist.Builtin(), House: []string{"riverside.example"}}
	random := rand.New(rand.NewPCG(1, 2))
	words := frequency.FrequencyLists["english_wikipedia"][:7776]
	tries := 20_000
	if asked := os.Getenv("PASSPHRASES"); asked != "" {
		if _, err := fmt.Sscan(asked, &tries); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for range tries {
		var phrase []string
		for range 3 + random.IntN(3) {
			phrase = append(phrase, words[random.IntN(len(words))])
		}
		if _, blocked := list.Check(strings.Join(phrase, []string{"", " ", "-"}[random.IntN(3)]), account()); blocked {
			refused++
		}
	}
	if refused > tries/10_000 {
		t.Errorf("%d of %d generated passphrases are refused", refused, tries)
	}
}

func TestOneNormalFormOneAnswer(t *testing.T) {
	own, err := blocklist.Read("own.txt", strings.NewReader("\u00c5ngstr\u00f6m\ncaf\u00e9 noir\n"))
	if err != nil {
		t.Fatal(err)
	}
	list := &blocklist.List{Common: blocklist.Builtin(), Operator: own}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]rune("aeoAONn \u0301\u030a\u0308\u212b\u00c5\u00e9\u1100\u1161\uac00\u0323\u00f6")), 0, 12)
		password := string(rapid.OneOf(text, rapid.Just([]rune("\u212bngstro\u0308m")), rapid.Just([]rune("cafe\u0301 noir"))).Draw(t, "password"))
		composed, _ := list.Check(norm.NFC.String(password), []string{"zo\u00e9"})
		decomposed, _ := list.Check(norm.NFD.String(password), []string{"zoe\u0301"})
		if composed != decomposed {
			t.Fatalf("%q: composed %v, decomposed %v", password, composed, decomposed)
		}
	})
}

func FuzzCheck(f *testing.F) {
	list := &blocklist.List{Common: blocklist.Builtin(), House: []string{"tv.riverside.example"}}
	f.Add("password123", "anna@riverside.example")
	f.Add("annA\u0301!!", "Anna\u0301 Kowalska")
	f.Add("\xff\x00", "@@@..++")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, password, value string) {
		reason, blocked := list.Check(password, []string{value})
		if blocked != (reason != blocklist.None) {
			t.Fatalf("reason %v, blocked %v", reason, blocked)
		}
		if again, _ := list.Check(norm.NFC.String(password), []string{value}); again != reason {
			t.Fatalf("%v, and normalised %v", reason, again)
		}
	})
}
