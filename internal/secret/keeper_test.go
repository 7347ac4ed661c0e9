package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Many processes start at once in an empty folder: one makes the ring, and the file holds that very ring.
func TestCreateKeeperRaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	made := make([]*Keeper, 8)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			k, err := CreateKeeper(path)
			if err != nil && !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
			made[i] = k
		})
	}
	wg.Wait()
	made = slices.DeleteFunc(made, func(k *Keeper) bool { return k == nil })
	if len(made) != 1 {
		t.Fatalf("%d rings were made", len(made))
	}
	read, err := OpenKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	if read.Ring().Index("email", "x")[0] != made[0].Ring().Index("email", "x")[0] {
		t.Error("the file holds another ring than the one in use")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestKeeperReadsOnlyWhatIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	k, err := CreateKeeper(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	material := regexp.MustCompile(`"value": *"([^"]+)"`).FindSubmatch(whole)
	if material == nil {
		t.Fatal("found no key in the file")
	}
	before := k.Ring()
	for _, broken := range []string{"", "{}", string(whole[:len(whole)/2]), strings.Replace(string(whole), string(material[1]), string(material[1][:10]), 1), "null", "[]"} {
		other := path + ".broken"
		if err := os.WriteFile(other, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		err := k.Reload()
		if err == nil || strings.Contains(err.Error(), string(material[1][:10])) || k.Ring() != before {
			t.Errorf("a broken file of %d bytes: %v", len(broken), err)
		}
	}
}

func TestRotationHasItsOrder(t *testing.T) {
	r := newRing(t)
	if _, err := r.FinishRotation(); err == nil {
		t.Error("finished what was not begun")
	}
	for range 3 {
		mid, err := r.BeginRotation()
		if err != nil {
			t.Fatal(err)
		}
		end, err := mid.FinishRotation()
		if err != nil {
			t.Fatal(err)
		}
		if end.Rotating() || end.Generation() != r.Generation()+2 || len(end.IndexPrefixes()) != 1 || end.IndexPrefixes()[0] != mid.IndexPrefixes()[1] {
			t.Errorf("generation %d after %d", end.Generation(), r.Generation())
		}
		r = end
	}
}

// Each purpose has keys of its own: one value is another thing in every function.
func TestPurposesAreApart(t *testing.T) {
	r := newRing(t)
	seen := map[string]bool{}
	for _, v := range []string{
		r.Index("email", "x")[0], r.Index("user name", "x")[0], r.HashToken("email", TokenOf("x"))[0], r.HashToken("reset", TokenOf("x"))[0],
		r.HashShort("email", TokenOf("x"))[0], r.Tag([]byte("email\x00x")), r.Obscure("email", "x"), r.Obscure("rate", "x"),
	} {
		if seen[v] || len(v) != 40 || strings.Trim(v, "0123456789abcdefghijklmnopqrstuv") != "" {
			t.Errorf("%q", v)
		}
		seen[v] = true
	}
	if !strings.HasPrefix(r.Index("email", "x")[0], r.IndexPrefixes()[0]) {
		t.Error("an index does not begin with its key's prefix")
	}
}

func TestKeeperOfMemory(t *testing.T) {
	k := KeeperOf(newRing(t))
	next, err := k.Ring().BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Replace(next), k.Reload()); err != nil || k.Ring() != next {
		t.Errorf("%v", err)
	}
}

func TestNewDigits(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		d := NewDigits(6).Reveal()
		if len(d) != 6 || strings.Trim(d, "0123456789") != "" {
			t.Errorf("%d characters", len(d))
		}
		seen[d] = true
	}
	if len(seen) < 190 {
		t.Errorf("only %d different codes of 200", len(seen))
	}
}
