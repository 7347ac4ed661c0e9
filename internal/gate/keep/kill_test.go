package keep

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	killFolder = "USHER_TEST_KEEP_FOLDER"
	killStep   = "USHER_TEST_KEEP_STEP"
)

// A gate that is killed at any of its writes loses nothing: neither its key, nor the last owner it was told is written.
func TestKilledAtEveryWrite(t *testing.T) {
	if os.Getenv(killFolder) != "" {
		writeUntilKilled(t)
		return
	}
	path := t.TempDir()
	key, killed := "", 0
	for step := 1; ; step++ {
		command := exec.Command(os.Args[0], "-test.run=^TestKilledAtEveryWrite$", "-test.v")
		command.Env = append(os.Environ(), killFolder+"="+path, killStep+"="+strconv.Itoa(step))
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		err := command.Run()
		status, _ := command.ProcessState.Sys().(syscall.WaitStatus)
		if err != nil && (!status.Signaled() || status.Signal() != syscall.SIGKILL) {
			t.Fatalf("step %d: %v\n%s", step, err, out.String())
		}
		if err != nil {
			killed++
		}
		key = whole(t, path, key, out.String())
		if err == nil {
			break // it came to its end before that step
		}
	}
	if killed < 30 {
		t.Errorf("the gate was killed only %d times", killed)
	}
}

// whole opens the folder after a kill and compares it with what the gate had said it wrote.
func whole(t *testing.T, path, key, said string) string {
	t.Helper()
	f, err := Open(path, time.Now().Add(2*tempLife))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if len(f.Aside()) > 0 {
		t.Fatalf("a kill left %q unreadable", f.Aside())
	}
	if key != "" && f.Thumbprint() != key {
		t.Fatal("the key was lost")
	}
	if named := last(said, "key "); named != "" && named != f.Thumbprint() {
		t.Fatal("a key that was in use is gone")
	}
	s, claimed := f.Server()
	written, begun := last(said, "written "), last(said, "writing ")
	if begun == "" {
		return f.Thumbprint()
	}
	if !claimed && begun != "nobody" && written != "nobody" && written != "" {
		t.Fatalf("written %q, and nobody's after the kill", written)
	}
	if claimed && s.Name != written && s.Name != begun && written != "" {
		t.Fatalf("%q is on the disk; %q was written, %q begun", s.Name, written, begun)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempMark) {
			t.Fatalf("%s is left over", entry.Name())
		}
	}
	return f.Thumbprint()
}

// last is the rest of the last line that begins like this.
func last(text, begin string) (rest string) {
	for line := range strings.Lines(text) {
		if after, is := strings.CutPrefix(line, begin); is {
			rest = strings.TrimSpace(after)
		}
	}
	return rest
}

// writeUntilKilled does everything a gate writes, and dies at one step of it.
func writeUntilKilled(t *testing.T) {
	die, err := strconv.Atoi(os.Getenv(killStep))
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	f, err := open(disk{os.Getenv(killFolder), func() {
		if steps++; steps == die {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}, time.Now().Add(2*tempLife))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("key " + f.Thumbprint())
	for _, name := range []string{"one", "two", "nobody", "three"} {
		fmt.Println("writing " + name)
		s := somebodys()
		s.Name = name
		save := func() error { return f.SaveServer(s) }
		if name == "nobody" {
			save = f.Forget
		}
		if err := save(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("written " + name)
		if _, err := f.OpenWindow(time.Now(), nil); err != nil {
			t.Fatal(err)
		}
		if err := f.Write("admitted.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
}
