package keep

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 14, 20, 0, 0, 0, time.UTC)

func openFolder(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := Open(path, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func somebodys() Server {
	return Server{Service: "https://accounts.example.org", ID: "abc123", Name: "Attic", Owner: Owner{"sub1", "Ada"}, ClaimedAt: at}
}

func TestAFolderKeepsKeyAndOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not", "yet")
	f := openFolder(t, path)
	if _, claimed := f.Server(); claimed {
		t.Error("a fresh folder belongs to somebody")
	}
	if err := f.SaveServer(somebodys()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := openFolder(t, path)
	if s, claimed := again.Server(); !claimed || s.ID != "abc123" || s.Owner.Name != "Ada" || !s.ClaimedAt.Equal(at) {
		t.Errorf("after a restart the server is %+v, claimed: %t", s, claimed)
	}
	if !again.Key().Equal(f.Key()) || again.Thumbprint() != f.Thumbprint() || !bytes.Equal(again.Derive("a"), f.Derive("a")) {
		t.Error("after a restart the key is another")
	}
	if bytes.Equal(again.Derive("a"), again.Derive("b")) {
		t.Error("one key serves two purposes")
	}
	if err := again.Forget(); err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
	if _, claimed := openFolder(t, path).Server(); claimed {
		t.Error("a forgotten owner is back after a restart")
	}
}

func TestNobodyElseMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	f := openFolder(t, path)
	if err := f.SaveServer(somebodys()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenWindow(at, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Write("others.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) < 6 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	_ = f.Close()
	if err := os.Chmod(filepath.Join(path, keyFile), 0o644); err != nil { // as a backup program may restore it
		t.Fatal(err)
	}
	openFolder(t, path)
	if info, err := os.Stat(filepath.Join(path, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the restored key: %v, %v", info.Mode(), err)
	}
}

func TestTwoGatesDoNotShareAFolder(t *testing.T) {
	path := t.TempDir()
	first := openFolder(t, path)
	if _, err := Open(path, at); !errors.Is(err, ErrInUse) {
		t.Errorf("a second gate gets %v", err)
	}
	_ = first.Close()
	openFolder(t, path)
}

// The doctor, and a claim that waits, look into the folder of a gate that may be starting.
func TestWhoLooksKeepsNoGateOut(t *testing.T) {
	path := t.TempDir()
	_ = openFolder(t, path).Close()
	looks, err := os.Open(filepath.Join(path, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(looks.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = looks.Close() })
	openFolder(t, path)
}

// A backup may come without the lock: the server is there all the same.
func TestAFolderWithoutItsLock(t *testing.T) {
	path := t.TempDir()
	f := openFolder(t, path)
	if err := errors.Join(f.SaveServer(somebodys()), f.Close(), os.Remove(filepath.Join(path, lockFile))); err != nil {
		t.Fatal(err)
	}
	seen, running, err := Look(path)
	if err != nil || running {
		t.Fatalf("running %t, %v", running, err)
	}
	defer func() { _ = seen.Close() }()
	if _, claimed := seen.Server(); !claimed || seen.Thumbprint() != f.Thumbprint() {
		t.Error("it is another server")
	}
	if _, err := os.Stat(filepath.Join(path, lockFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking changed something: %v", err)
	}
	if _, _, err := Look(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}

// Attack D14: whatever has happened to the files, the gate starts and the server can be claimed.
func TestAnUnreadableFileIsSetAside(t *testing.T) {
	foreign := openFolder(t, t.TempDir())
	if err := foreign.SaveServer(somebodys()); err != nil {
		t.Fatal(err)
	}
	otherServer, _ := foreign.disk.read(serverFile)
	spoils := map[string]func(whole []byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"torn":         func(whole []byte) []byte { return whole[:len(whole)/2] },
		"zeros":        func(whole []byte) []byte { return make([]byte, len(whole)) },
		"another kind": func([]byte) []byte { return []byte(`{"PlexOnlineToken":""}`) },
		"another's":    func([]byte) []byte { return otherServer },
	}
	for name, spoil := range spoils {
		for _, file := range []string{keyFile, serverFile} {
			for _, both := range []bool{false, true} {
				t.Run(name+" "+file, func(t *testing.T) {
					path := t.TempDir()
					before := openFolder(t, path)
					if err := before.SaveServer(somebodys()); err != nil {
						t.Fatal(err)
					}
					_ = before.Close()
					whole, _ := before.disk.read(file)
					wrong := []string{file}
					if both {
						wrong = append(wrong, file+copySuffix)
					}
					for _, n := range wrong {
						if err := os.WriteFile(filepath.Join(path, n), spoil(whole), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					f := openFolder(t, path)
					_, claimed := f.Server()
					if claimed == both {
						t.Errorf("claimed: %t, though the copy was spoilt as well: %t", claimed, both)
					}
					if len(f.Aside()) < len(wrong) {
						t.Errorf("set aside: %q", f.Aside())
					}
					for _, n := range f.Aside() {
						if _, err := os.Stat(filepath.Join(path, n)); err != nil {
							t.Error(err)
						}
					}
					if err := f.SaveServer(somebodys()); err != nil {
						t.Errorf("claiming it afterwards: %v", err)
					}
					_ = f.Close()
					if f := openFolder(t, path); len(f.Aside()) > 0 {
						t.Errorf("a second start still sets aside %q", f.Aside())
					}
				})
			}
		}
	}
}

func TestAFolderInPlaceOfAFileIsSetAside(t *testing.T) {
	path := t.TempDir()
	if err := os.Mkdir(filepath.Join(path, serverFile), 0o700); err != nil { // as container engines do for a mount that is not there
		t.Fatal(err)
	}
	f := openFolder(t, path)
	if err := f.SaveServer(somebodys()); err != nil || len(f.Aside()) != 1 {
		t.Errorf("%v, set aside: %q", err, f.Aside())
	}
}

func TestWhatAReaderRefusesIsSetAside(t *testing.T) {
	f := openFolder(t, t.TempDir())
	refuse := func([]byte) error { return errForeign }
	if set, err := f.Read("admitted.json", at, refuse); set || err != nil || len(f.Aside()) > 0 {
		t.Errorf("nothing to read: %t, %v, %q", set, err, f.Aside())
	}
	if err := f.Write("admitted.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if set, err := f.Read("admitted.json", at, refuse); set || err != nil || len(f.Aside()) != 1 || !strings.HasPrefix(f.Aside()[0], "admitted.json"+asideMark) {
		t.Errorf("unreadable: %t, %v, %q", set, err, f.Aside())
	}
	if err := f.Write("admitted.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	var got string
	if set, err := f.Read("admitted.json", at, func(raw []byte) error { got = string(raw); return nil }); !set || err != nil || got != "{}" {
		t.Errorf("whole: %t, %v, %q", set, err, got)
	}
}

func TestAServerThatCannotBeReadAgainIsNotWritten(t *testing.T) {
	f := openFolder(t, t.TempDir())
	for name, spoil := range map[string]func(*Server){
		"no id":      func(s *Server) { s.ID = "" },
		"path in id": func(s *Server) { s.ID = "../x" },
		"no owner":   func(s *Server) { s.Owner.Subject = "" },
		"no service": func(s *Server) { s.Service = "accounts.example.org" },
		"long name":  func(s *Server) { s.Name = strings.Repeat("x", longestName+1) },
	} {
		s := somebodys()
		spoil(&s)
		if err := f.SaveServer(s); err == nil {
			t.Errorf("%s: it was written", name)
		}
	}
	if _, claimed := f.Server(); claimed {
		t.Error("a refused identity counts")
	}
}

func FuzzServer(f *testing.F) {
	const print = "thumb"
	whole, err := formatServer(somebodys(), print)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), string(whole[:40]), "", "null", "{}", `{"usher_gate":1}`, `[{"usher_gate":1}]`, `{"usher_gate":1,"key":"thumb","service":"http://a","id":"b","owner":{"sub":"c"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseServer(raw, print)
		if err != nil {
			return
		}
		again, err := formatServer(s, print)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := parseServer(again, print); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if _, err := parseServer(raw, "another"); err == nil {
			t.Fatal("an identity counts for another key")
		}
	})
}

func FuzzKey(f *testing.F) {
	folder, err := Open(f.TempDir(), at)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := formatKey(folder.Key())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if key, err := parseKey(raw); err == nil && thumbprint(key) == "" {
			t.Fatal("a key without a name")
		}
	})
}
