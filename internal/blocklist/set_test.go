package blocklist_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"usher/internal/blocklist"
)

func TestBuiltinHoldsEveryRankedEntryThatAPolicyCouldAccept(t *testing.T) {
	set := blocklist.Builtin()
	count := 0
	for name, list := range frequency.FrequencyLists {
		for _, entry := range list {
			if len(entry) < 8 {
				continue
			}
			if !set.Contains(entry) || !set.Contains(strings.ToUpper(entry)) {
				t.Errorf("%s: %q is not on the list", name, entry)
			}
			if name == "passwords" {
				count++
			}
		}
	}
	if count < 3000 {
		t.Errorf("%d leaked passwords of eight characters or more, want at least 3,000", count)
	}
	if set.Len() < count {
		t.Errorf("Len() = %d, less than the %d leaked passwords", set.Len(), count)
	}
	for _, stranger := range []string{"", "tall pine under snow", "passwordpasswordpasswordx"} {
		if set.Contains(stranger) {
			t.Errorf("%q is on the list", stranger)
		}
	}
}

func TestReadTakesLinesAsTheyAre(t *testing.T) {
	text := "\ufeffFirst Line\r\n\n# not a comment\nStra\u00dfe 12345\ncafe\u0301 au lait\n  spaced  \nfirst line\nno end"
	set, err := blocklist.Read("own.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, held := range []string{
		"first line", "FIRST LINE", "# not a comment", "STRASSE 12345", "caf\u00e9 au lait", "CAFE\u0301 au lait", "  spaced  ", "no end",
	} {
		if !set.Contains(held) {
			t.Errorf("%q is not found", held)
		}
	}
	for _, stranger := range []string{"", "spaced", "not a comment", "\ufefffirst line", "first line\r"} {
		if set.Contains(stranger) {
			t.Errorf("%q is found", stranger)
		}
	}
	if set.Len() != 6 {
		t.Errorf("Len() = %d, want 6: the doubled line counts once", set.Len())
	}
}

func TestReadNamesFileAndLine(t *testing.T) {
	long := strings.Repeat("x", blocklist.MaxLine+1)
	for name, test := range map[string]struct{ text, want string }{
		"not UTF-8":      {"good\nb\xffd\n", "own.txt line 2 is not UTF-8"},
		"UTF-16":         {"p\x00a\x00s\x00s\x00", "own.txt line 1 is not UTF-8"},
		"a little long":  {"good\n\n" + long + "\n", "own.txt line 3 is longer"},
		"long, with CR":  {long + "\r\n", "own.txt line 1 is longer"},
		"very long":      {"good\n" + strings.Repeat(long, 50), "own.txt line 2 is longer"},
		"very long last": {"good\ngood\n" + strings.Repeat(long, 200), "own.txt line 3 is longer"},
	} {
		_, err := blocklist.Read("own.txt", strings.NewReader(test.text))
		if !errors.Is(err, blocklist.ErrList) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
	exactly := strings.Repeat("x", blocklist.MaxLine)
	if set, err := blocklist.Read("own.txt", strings.NewReader("\ufeff"+exactly+"\r\n")); err != nil || !set.Contains(exactly) {
		t.Errorf("a line of %d bytes is refused: %v", blocklist.MaxLine, err)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.txt")
	if _, err := blocklist.ReadFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
	if err := os.WriteFile(path, []byte("aisle light\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := blocklist.ReadFile(path)
	if err != nil || !set.Contains("Aisle Light") {
		t.Errorf("ReadFile: %v", err)
	}
	if _, err := blocklist.ReadFile(t.TempDir()); err == nil {
		t.Error("a folder is read as a list")
	}
}

func TestNoSetIsEmpty(t *testing.T) {
	var none *blocklist.Set
	if none.Len() != 0 || none.Contains("password1") {
		t.Error("a nil set holds something")
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"one\ntwo\n", "\ufeffone\r\n", "\xff\n", "a\x00b", "\u00df\nSS\n", strings.Repeat("y", 1030)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := blocklist.Read("fuzz", strings.NewReader(string(text)))
		if err != nil {
			if !errors.Is(err, blocklist.ErrList) {
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
		for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if line != "" && !set.Contains(line) {
				t.Fatalf("line %d, %q, is read but not found", i+1, line)
			}
		}
	})
}
