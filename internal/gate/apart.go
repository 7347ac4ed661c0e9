package gate

import (
	"fmt"
	"os"
	"path/filepath"
)

// apart refuses a gate's folder that is the folder of films or lies in it: everybody who is let in could read the server's key there.
func apart(films, folder string) error {
	top, err := os.Stat(films)
	if err != nil {
		return fmt.Errorf("looking at the folder of --media: %w", err)
	}
	at, err := filepath.Abs(folder)
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	if err != nil {
		return fmt.Errorf("looking where the gate's folder is: %w", err)
	}
	for dir := at; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && os.SameFile(top, info) {
			return fmt.Errorf("the gate's folder %s lies in the folder of films %s, where whoever is let in could read the server's key; put it elsewhere, and name it with --folder", folder, films)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
