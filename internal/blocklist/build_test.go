package blocklist_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"usher/internal/blocklist"
)

// The process that TestAKilledBuild starts and kills: it builds until the first report of progress, and stays there.
const childSource, childTarget = "BLOCKLIST_TEST_SOURCE", "BLOCKLIST_TEST_TARGET"

func TestMain(m *testing.M) {
	if source := os.Getenv(childSource); source != "" {
		err := blocklist.Build(context.Background(), source, os.Getenv(childTarget), 1, func(int64, int64) {
			fmt.Println("building")
			select {}
		})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// folder writes the passwords as range files of one download, padding included, lines in falling order.
func folder(t *testing.T, passwords []string, name func(prefix string) string) string {
	t.Helper()
	ranges := map[string][]string{}
	for _, password := range passwords {
		sum := fmt.Sprintf("%X", sha1.Sum([]byte(password)))
		ranges[sum[:5]] = append(ranges[sum[:5]], sum[5:]+":7")
	}
	dir := t.TempDir()
	for prefix, lines := range ranges {
		slices.Sort(lines)
		slices.Reverse(lines)
		lines = append(lines, strings.Repeat("0", 35)+":0")
		if err := os.WriteFile(filepath.Join(dir, name(prefix)), []byte(strings.Join(lines, "\r\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBothFormsOfADownloadMakeTheSameFilter(t *testing.T) {
	passwords := numbered(400)
	fromFile := openFilter(t, buildFrom(t, passwords))
	for form, name := range map[string]func(string) string{
		"upper":     func(prefix string) string { return prefix },
		"lower":     strings.ToLower,
		"upper.txt": func(prefix string) string { return prefix + ".txt" },
		"lower.txt": func(prefix string) string { return strings.ToLower(prefix) + ".txt" },
	} {
		source := folder(t, passwords, name)
		if err := os.WriteFile(filepath.Join(source, ".listing"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "pwned.filter")
		if err := blocklist.Build(context.Background(), source, path, 1, nil); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		filter := openFilter(t, path)
		if a, b := filter.Stats(), fromFile.Stats(); a.Keys != b.Keys || a.Ranges != b.Ranges {
			t.Errorf("%s: %+v from the folder, %+v from the file", form, a, b)
		}
		for _, password := range passwords {
			if !filter.Contains(sha1.Sum([]byte(password))) {
				t.Fatalf("%s: %q is lost", form, password)
			}
		}
	}
}

func TestBuildKeepsWhatIsCommonEnough(t *testing.T) {
	var lines []string
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("%x:%d", sha1.Sum([]byte(fmt.Sprint("leaked-", i))), i))
	}
	slices.Sort(lines)
	source := write(t, "\ufeff"+strings.Join(append(lines, lines[49]), "\n")) // lower case, a doubled line, no last line end
	for minCount, kept := range map[int]uint64{-1: 49, 0: 49, 1: 49, 25: 25, 49: 1} {
		path := filepath.Join(t.TempDir(), "pwned.filter")
		if err := blocklist.Build(context.Background(), source, path, minCount, nil); err != nil {
			t.Fatal(err)
		}
		filter := openFilter(t, path)
		if got := filter.Stats(); got.Keys != kept || got.Lines != 51 {
			t.Errorf("least count %d: %+v, want %d keys of 51 lines", minCount, got, kept)
		}
		if !filter.Contains(sha1.Sum([]byte("leaked-49"))) || filter.Contains(sha1.Sum([]byte("leaked-0"))) {
			t.Errorf("least count %d: the wrong ones are kept", minCount)
		}
	}
}

func TestBuildNamesFileAndLine(t *testing.T) {
	good := strings.Repeat("1", 40) + ":3\n"
	other := strings.Repeat("2", 40)
	file := func(text string) string { return write(t, text) }
	ranged := func(name, text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	tail := strings.Repeat("a", 35)
	for name, test := range map[string]struct{ source, want string }{
		"no colon":           {file(good + other + "\n"), "pwned.txt line 2"},
		"short hash":         {file(good + other[1:] + ":3\n"), "pwned.txt line 2"},
		"long hash":          {file(good + other + "2:3\n"), "pwned.txt line 2"},
		"not hexadecimal":    {file(good + "g" + other[1:] + ":3\n"), "pwned.txt line 2"},
		"no count":           {file(good + other + ":\n"), "pwned.txt line 2"},
		"negative count":     {file(good + other + ":-3\n"), "pwned.txt line 2"},
		"huge count":         {file(good + other + ":99999999999999999999\n"), "pwned.txt line 2"},
		"blank line":         {file(good + "\n" + other + ":3\n"), "pwned.txt line 2"},
		"plain passwords":    {file("password\n123456\n"), "pwned.txt line 1"},
		"long line":          {file(good + strings.Repeat("x", 500) + "\n"), "pwned.txt line 2"},
		"endless line":       {file(good + good + strings.Repeat("x", 1<<20)), "pwned.txt line 3"},
		"ordered by count":   {file(other + ":9\n" + good), "pwned.txt line 2: the hashes are not in rising order"},
		"nothing kept":       {file(strings.Repeat("1", 40) + ":0\n"), "no password with a count of 1"},
		"empty file":         {file(""), "no password with a count of 1"},
		"empty folder":       {t.TempDir(), "no range files"},
		"malformed range":    {ranged("0AF3C", tail+":2\n"+tail+"a:2\n"), "0AF3C line 2"},
		"whole hash in one":  {ranged("0AF3C", good), "0AF3C line 1"},
		"another file":       {ranged("README", "hello"), "README is not a range file"},
		"six digits":         {ranged("0AF3CC", tail+":2\n"), "0AF3CC is not a range file"},
		"mixed case":         {ranged("0Af3C", tail+":2\n"), "0Af3C is a range file twice over or oddly named"},
		"nothing but pads":   {ranged("0AF3C", tail+":0\n"), "no password with a count of 1"},
		"another file's end": {ranged("0AF3C.zip", tail+":2\n"), "0AF3C.zip is not a range file"},
	} {
		dir := t.TempDir()
		err := blocklist.Build(context.Background(), test.source, filepath.Join(dir, "pwned.filter"), 1, nil)
		if !errors.Is(err, blocklist.ErrSource) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), other[2:]) || strings.Contains(err.Error(), tail)) {
			t.Errorf("%s: the error quotes the line: %v", name, err)
		}
		expectFiles(t, dir)
	}
	both := ranged("0AF3C", tail+":2\n")
	if err := os.WriteFile(filepath.Join(both, "0af3c.txt"), []byte(tail+":2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := blocklist.Build(context.Background(), both, filepath.Join(t.TempDir(), "f"), 1, nil); !errors.Is(err, blocklist.ErrSource) {
		t.Errorf("one range in two files: %v", err)
	}
}

func TestBuildThatCannotWork(t *testing.T) {
	source := download(t, numbered(100))
	dir := t.TempDir()
	for name, test := range map[string]struct {
		source, target string
		want           error
	}{
		"no source":         {filepath.Join(dir, "none"), filepath.Join(dir, "f"), os.ErrNotExist},
		"no target folder":  {source, filepath.Join(dir, "none", "f"), os.ErrNotExist},
		"target is source":  {source, source, os.ErrExist},
		"target is folder":  {source, t.TempDir(), nil},
		"source is a range": {folder(t, numbered(1), strings.ToLower), dir, nil},
	} {
		err := blocklist.Build(context.Background(), test.source, test.target, 1, nil)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
		if _, err := os.Stat(test.target + ".partial"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a partial file is left: %v", name, err)
		}
	}
	if _, err := os.Stat(source); err != nil {
		t.Errorf("the download is gone: %v", err)
	}
}

func TestBuildReportsProgress(t *testing.T) {
	passwords := numbered(40_000)
	for form, source := range map[string]string{
		"file":   download(t, passwords),
		"folder": folder(t, passwords[:600], strings.ToLower),
	} {
		var reports [][2]int64
		path := filepath.Join(t.TempDir(), "pwned.filter")
		err := blocklist.Build(context.Background(), source, path, 1, func(done, total int64) {
			reports = append(reports, [2]int64{done, total})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(reports) < 3 {
			t.Errorf("%s: %d reports", form, len(reports))
		}
		for i, report := range reports {
			if report[0] <= 0 || report[0] > report[1] || i > 0 && report[0] < reports[i-1][0] {
				t.Errorf("%s: report %d is %v after %v", form, i, report, reports[max(i-1, 0)])
			}
		}
		if last := reports[len(reports)-1]; last[0] != last[1] {
			t.Errorf("%s: the last report is %v", form, last)
		}
	}
}

func TestACancelledBuildChangesNothing(t *testing.T) {
	for form, source := range map[string]string{
		"file":   download(t, numbered(40_000)),
		"folder": folder(t, numbered(300), strings.ToLower),
	} {
		dir := t.TempDir()
		target := filepath.Join(dir, "pwned.filter")
		ctx, cancel := context.WithCancel(context.Background())
		stop := func(int64, int64) { cancel() }
		if err := blocklist.Build(ctx, source, target, 1, stop); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", form, err)
		}
		expectFiles(t, dir)

		if err := os.WriteFile(target, []byte("the old one"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := blocklist.Build(ctx, source, target, 1, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", form, err)
		}
		expectFiles(t, dir, "pwned.filter")
		if old, err := os.ReadFile(target); err != nil || string(old) != "the old one" {
			t.Errorf("%s: the old filter is touched: %v", form, err)
		}
	}
}

func TestAKilledBuildIsTakenOver(t *testing.T) {
	passwords := numbered(40_000)
	source := download(t, passwords)
	dir := t.TempDir()
	target := filepath.Join(dir, "pwned.filter")

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childSource+"="+source, childTarget+"="+target)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, len("building"))
	_, err = io.ReadFull(output, word)
	if err != nil || string(word) != "building" {
		t.Errorf("the child says %q, %v", word, err)
	}
	if err := blocklist.Build(context.Background(), source, target, 1, nil); !errors.Is(err, blocklist.ErrBusy) {
		t.Errorf("two builds at once: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	expectFiles(t, dir, "pwned.filter.partial")
	if _, err := blocklist.Open(target + ".partial"); !errors.Is(err, blocklist.ErrFilter) {
		t.Errorf("a part of a filter opens: %v", err)
	}

	if err := blocklist.Build(context.Background(), source, target, 1, nil); err != nil {
		t.Fatal(err)
	}
	expectFiles(t, dir, "pwned.filter")
	if err := openFilter(t, target).Verify(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestARebuildLeavesTheOpenFilterAlone(t *testing.T) {
	path := buildFrom(t, []string{"the old one"})
	old := openFilter(t, path)
	if err := blocklist.Build(context.Background(), download(t, []string{"the new one"}), path, 1, nil); err != nil {
		t.Fatal(err)
	}
	sumOld, sumNew := sha1.Sum([]byte("the old one")), sha1.Sum([]byte("the new one"))
	fresh := openFilter(t, path)
	if !old.Contains(sumOld) || old.Contains(sumNew) || !fresh.Contains(sumNew) || fresh.Contains(sumOld) {
		t.Error("the open filter and the new file are not apart")
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte("0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2"), true)
	f.Add([]byte("000000005AD76BD555C1D6D771DE417A4B87E4B4:4\n00000000A8DAE4228F821FB418F59826079BF368:2\n"), false)
	f.Add([]byte("\ufeff:\n"), false)
	f.Add(bytes.Repeat([]byte("f"), 200), true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, ranged bool) {
		work, err := os.MkdirTemp(dir, "build")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(work)
		source := filepath.Join(work, "source")
		file := source
		if ranged {
			file = filepath.Join(source, "0AF3C")
			if err := os.Mkdir(source, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(work, "filter")
		if err := blocklist.Build(context.Background(), source, target, 1, nil); err != nil {
			if !errors.Is(err, blocklist.ErrSource) {
				t.Fatal(err)
			}
			return
		}
		filter, err := blocklist.Open(target)
		if err != nil {
			t.Fatal(err)
		}
		defer filter.Close()
		if err := filter.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
		if filter.Stats().Keys == 0 {
			t.Fatal("a filter of nothing")
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pwned.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func expectFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
}
