package incident

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"usher/internal/id"
)

// Folder keeps, beside the key ring and so apart from the database, a small file about each incident that requires new passwords: a database
// restored from before it would let the old ones in again. The zero value keeps nothing.
type Folder struct{ Path string }

// File is one incident as it stands in the folder. What it lists comes after, an account a line.
type File struct {
	Incident
	Source string // tells the list from another; empty when nothing does
}

// header is the first line of a file. What can differ between databases, such as the epoch, is not in it.
type header struct {
	Comment string   `json:"comment"`
	Source  string   `json:"source,omitempty"`
	Kept    Incident `json:"incident"`
}

const folderComment = "An incident that Usher has declared. Keep this file beside the key ring: a database that lacks it is not served."

func (f Folder) name(incidentID string) string {
	return filepath.Join(f.Path, incidentID+".incident")
}

// Write puts a whole file in place, on the disk when it returns.
func (f Folder) Write(file File, accounts iter.Seq[string]) error {
	if f.Path == "" {
		return nil
	}
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.Path, ".incident-*") // created with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // a no-op once renamed
	out := bufio.NewWriter(tmp)
	first, err := json.Marshal(header{folderComment, file.Source, file.Incident})
	if err != nil {
		return errors.Join(err, tmp.Close())
	}
	_, _ = out.Write(append(first, '\n')) // Flush tells
	for one := range accounts {
		_, _ = out.WriteString(one)
		_ = out.WriteByte('\n')
	}
	if err := errors.Join(out.Flush(), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), f.name(file.ID)); err != nil {
		return err
	}
	return f.sync()
}

func (f Folder) sync() error {
	d, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Has reports whether there is a file of that incident, or none is ever kept.
func (f Folder) Has(incidentID string) bool {
	if f.Path == "" {
		return true
	}
	_, err := os.Stat(f.name(incidentID))
	return err == nil
}

// Remove takes a file away; that there is none is fine.
func (f Folder) Remove(incidentID string) error {
	if f.Path == "" {
		return nil
	}
	err := os.Remove(f.name(incidentID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, f.sync())
}

// Files returns every incident in the folder, oldest first.
func (f Folder) Files() ([]File, error) {
	if f.Path == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the incidents beside the key ring: %w", err)
	}
	var all []File
	for _, e := range entries {
		incidentID, is := strings.CutSuffix(e.Name(), ".incident")
		if !is || !id.Valid(incidentID) {
			continue
		}
		one, err := f.read(incidentID, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Accounts returns the accounts that a file lists.
func (f Folder) Accounts(incidentID string) (accounts []string, err error) {
	_, err = f.read(incidentID, func(one string) { accounts = append(accounts, one) })
	return accounts, err
}

func (f Folder) read(incidentID string, listed func(string)) (file File, err error) {
	path := f.name(incidentID)
	in, err := os.Open(path)
	if err != nil {
		return file, fmt.Errorf("reading an incident: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	var h header
	if err != nil || json.Unmarshal(first, &h) != nil || h.Kept.ID != incidentID {
		return file, fmt.Errorf("%s is not an incident's file, or damaged: bring it back from a copy of the key ring’s folder, or move it away if you know that it is none", path)
	}
	if listed == nil {
		return File{h.Kept, h.Source}, nil
	}
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if !id.Valid(scanner.Text()) {
			return file, fmt.Errorf("%s is damaged: a line in it is no account", path)
		}
		listed(scanner.Text())
	}
	return File{h.Kept, h.Source}, scanner.Err()
}
