package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheWindowClosesByItself(t *testing.T) {
	f := openFolder(t, t.TempDir())
	if w, err := f.Window(); err != nil || w.OpenAt(at) || w.Knows("") {
		t.Errorf("before it was ever opened: %v, %v", w.OpenAt(at), err)
	}
	w, err := f.OpenWindow(at, []string{"http://192.168.1.20:32400/web"})
	if err != nil {
		t.Fatal(err)
	}
	if !w.OpenAt(at.Add(WindowLife-time.Second)) || w.OpenAt(at.Add(WindowLife)) || w.WaivedAt(at) {
		t.Error("it is not open for a quarter of an hour")
	}
	link := w.Links()[0]
	if link != "http://192.168.1.20:32400/web?setup="+w.Spelled() || len(w.Spelled()) != 14 {
		t.Error("the ready link does not carry the secret in three groups")
	}
	for _, typed := range []string{w.Spelled(), strings.ToLower(w.Spelled()), strings.ReplaceAll(w.Spelled(), "-", " "), w.Secret.Reveal()} {
		if !w.Knows(typed) {
			t.Error("the secret is not known in another spelling")
		}
	}
	if w.Knows("") || w.Knows(w.Spelled()[1:]) || w.Knows("AAAA-AAAA-AAAA") {
		t.Error("something else is taken for the secret")
	}
	if text := fmt.Sprintf("%v %+v", w, w); strings.Contains(text, w.Secret.Reveal()) {
		t.Error("a printed window shows its secret")
	}
}

func TestACommandOpensTheWindowOfARunningGate(t *testing.T) {
	path := t.TempDir()
	if _, err := Reopen(path, at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where no gate was: %v", err)
	}
	f := openFolder(t, path)
	first, err := f.OpenWindow(at, []string{"http://192.168.1.20:32400/web"})
	if err != nil {
		t.Fatal(err)
	}
	later := at.Add(time.Hour)
	for _, c := range []struct {
		reopen func(string, time.Time) (Window, error)
		waived bool
	}{{Reopen, false}, {ReopenWaived, true}} {
		opened, err := c.reopen(path, later)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := f.Window()
		if err != nil || !seen.OpenAt(later) || !seen.Knows(opened.Spelled()) || seen.Knows(first.Spelled()) || seen.WaivedAt(later) != c.waived {
			t.Errorf("the gate sees open: %t, waived: %t, %v", seen.OpenAt(later), seen.WaivedAt(later), err)
		}
		if seen.WaivedAt(later.Add(WindowLife)) || len(opened.Links()) != 1 {
			t.Error("the secret stays waived, or the link is lost")
		}
	}
	if now, err := Opened(path, later); err != nil || !now.WaivedAt(later) {
		t.Errorf("an open window was opened again: %v", err)
	}
	if anew, err := Opened(path, later.Add(WindowLife)); err != nil || !anew.OpenAt(later.Add(WindowLife)) || anew.WaivedAt(later.Add(WindowLife)) {
		t.Errorf("a closed window stays closed, or comes with a waiver: %v", err)
	}
	if err := os.WriteFile(filepath.Join(path, windowFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err := f.Window(); err != nil || w.OpenAt(later) {
		t.Errorf("a torn window is open: %t, %v", w.OpenAt(later), err)
	}
}

func FuzzWindow(f *testing.F) {
	for _, seed := range []string{`{"secret":"ABCDEFGHJKLM","until":"2026-03-14T20:00:00Z","pages":["http://a"]}`, `{"secret":""}`, "null", "", "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if w, err := parseWindow(raw); err == nil && (!w.Knows(w.Spelled()) || w.Knows("")) {
			t.Fatal("a window without a secret of its own")
		}
	})
}
