package argon2id

import (
	"errors"
	"strings"
	"testing"
)

const (
	salt16 = "c2l4dGVlbiBieXRlIHNsdA"
	tag32  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	good   = "$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32
)

func TestParse(t *testing.T) {
	e, err := parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if e.params != DefaultParams() || string(e.salt) != "sixteen byte slt" || len(e.tag) != 32 || e.tag[31] != 31 {
		t.Errorf("parsed %+v", e.params)
	}
	if e.text() != good {
		t.Errorf("written back as %s", e.text())
	}
}

func TestParseRefuses(t *testing.T) {
	costs := func(c string) string { return "$argon2id$v=19$" + c + "$" + salt16 + "$" + tag32 }
	parts := func(salt, tag string) string { return "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag }
	for name, c := range map[string]struct {
		phc  string
		want error
	}{
		"nothing":                {"", ErrMalformed},
		"bcrypt":                 {"$2b$12$abcdefghijklmnopqrstuuOmi7aRzgVqRrWBx1E2Za1b8qUNZJpGS", ErrMalformed},
		"argon2i":                {strings.Replace(good, "2id", "2i", 1), ErrMalformed},
		"argon2d":                {strings.Replace(good, "2id", "2d", 1), ErrMalformed},
		"old version":            {strings.Replace(good, "v=19", "v=16", 1), ErrMalformed},
		"no version":             {strings.Replace(good, "v=19$", "", 1), ErrMalformed},
		"no tag":                 {strings.TrimSuffix(good, "$"+tag32), ErrMalformed},
		"something after":        {good + "$", ErrMalformed},
		"space before":           {" " + good, ErrMalformed},
		"line end after":         {good + "\n", ErrMalformed},
		"line end in the tag":    {parts(salt16, tag32[:10]+"\n"+tag32[10:]), ErrMalformed},
		"line end in the salt":   {parts("\r"+salt16, tag32), ErrMalformed},
		"padding":                {good + "=", ErrMalformed},
		"URL alphabet":           {parts("__"+salt16[2:], tag32), ErrMalformed},
		"stray bits":             {good[:len(good)-1] + "9", ErrMalformed},
		"short salt":             {parts("c2hvcnQxMg", tag32), ErrMalformed},
		"long salt":              {parts(strings.Repeat("AAAA", 22), tag32), ErrMalformed},
		"short tag":              {parts(salt16, strings.Repeat("AAAA", 5)), ErrMalformed},
		"long tag":               {parts(salt16, strings.Repeat("AAAA", 22)), ErrMalformed},
		"very long":              {good + strings.Repeat("A", 1<<20), ErrMalformed},
		"costs missing":          {costs("m=19456,t=2"), ErrMalformed},
		"costs in another order": {costs("t=2,m=19456,p=1"), ErrMalformed},
		"cost twice":             {costs("m=19456,m=19456,t=2,p=1"), ErrMalformed},
		"cost in the place of t": {costs("m=19456,m=19456,p=1"), ErrMalformed},
		"key id":                 {costs("m=19456,t=2,p=1,keyid=AA"), ErrMalformed},
		"leading zero":           {costs("m=019456,t=2,p=1"), ErrMalformed},
		"plus":                   {costs("m=+19456,t=2,p=1"), ErrMalformed},
		"minus":                  {costs("m=19456,t=-2,p=1"), ErrMalformed},
		"space in costs":         {costs("m=19456, t=2,p=1"), ErrMalformed},
		"underscore":             {costs("m=19_456,t=2,p=1"), ErrMalformed},
		"hexadecimal":            {costs("m=0x4c00,t=2,p=1"), ErrMalformed},
		"other digits":           {costs("m=١٩٤٥٦,t=2,p=1"), ErrMalformed},
		"empty number":           {costs("m=,t=2,p=1"), ErrMalformed},
		"no passes":              {costs("m=19456,t=0,p=1"), ErrParams},
		"no lanes":               {costs("m=19456,t=2,p=0"), ErrParams},
		"no memory":              {costs("m=0,t=2,p=1"), ErrParams},
		"too little for lanes":   {costs("m=31,t=2,p=4"), ErrParams},
		"a tebibyte":             {costs("m=1073741824,t=1,p=1"), ErrParams},
		"just over a gibibyte":   {costs("m=1048577,t=1,p=1"), ErrParams},
		"65 passes":              {costs("m=8,t=65,p=1"), ErrParams},
		"65 lanes":               {costs("m=19456,t=2,p=65"), ErrParams},
		"256 lanes":              {costs("m=19456,t=2,p=256"), ErrParams},
		"257 lanes":              {costs("m=19456,t=2,p=257"), ErrParams},
		"2^32 passes and two":    {costs("m=19456,t=4294967298,p=1"), ErrParams},
		"2^64 memory":            {costs("m=18446744073709551624,t=2,p=1"), ErrParams},
		"too much work":          {costs("m=1048576,t=5,p=1"), ErrParams},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.phc)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if strings.Contains(err.Error(), tag32[:8]) || strings.Contains(err.Error(), salt16[:8]) {
				t.Errorf("the error quotes the hash: %v", err)
			}
		})
	}
}

func TestParseAcceptsTheEdges(t *testing.T) {
	for _, phc := range []string{
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=1048576,t=4,p=64$" + strings.Repeat("A", 86) + "$" + strings.Repeat("A", 86),
		"$argon2id$v=19$m=512,t=64,p=64$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if _, err := parse(phc); err != nil {
			t.Errorf("%s: %v", phc, err)
		}
	}
}

func TestNeedsRehash(t *testing.T) {
	with := func(costs, salt, tag string) string { return "$argon2id$v=19$" + costs + "$" + salt + "$" + tag }
	salt, short := strings.Repeat("A", 22), strings.Repeat("A", 20)
	for _, c := range []struct {
		phc  string
		want bool
	}{
		{with("m=19456,t=2,p=1", salt, tag32), false},
		{with("m=65536,t=3,p=4", salt, tag32), false},
		{with("m=47104,t=1,p=1", salt, tag32), false}, // OWASP's equal with more memory and fewer passes
		{with("m=12288,t=3,p=1", salt, tag32), true},
		{with("m=19456,t=1,p=1", salt, tag32), true},
		{with("m=19455,t=9,p=1", salt, tag32), true},
		{with("m=19456,t=2,p=1", short, tag32), true},
		{with("m=19456,t=2,p=1", salt, short), true},
		{"$2b$12$abcdefghijklmnopqrstuuOmi7aRzgVqRrWBx1E2Za1b8qUNZJpGS", true},
		{"", true},
	} {
		if got := NeedsRehash(c.phc, DefaultParams()); got != c.want {
			t.Errorf("%s: %v, want %v", c.phc, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add(strings.Replace(good, "m=", "m=0", 1))
	f.Add("$argon2id$v=19$m=1048576,t=4,p=64$" + strings.Repeat("A", 86) + "$" + strings.Repeat("A", 86))
	f.Add("$argon2id$v=19$m=4294967296,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add(good[:40] + "\r\n" + good[40:])
	f.Fuzz(func(t *testing.T, phc string) {
		e, err := parse(phc)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrParams) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if e.text() != phc {
			t.Fatalf("%q is accepted beside its canonical form %q", phc, e.text())
		}
		if e.params.Check() != nil || len(e.salt) < 8 || len(e.salt) > 64 || len(e.tag) < 16 || len(e.tag) > 64 {
			t.Fatalf("accepted out of range: %q", phc)
		}
	})
}
