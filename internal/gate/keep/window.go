package keep

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"usher/internal/secret"
)

// WindowLife is how long a server can be claimed on its own page after a start, and after it was opened again.
const WindowLife = 15 * time.Minute

// Set-up secrets are read off a log and typed: no symbol looks like another. 12 of 32 are 60 bits, and live for minutes.
const (
	secretSymbols = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	secretLength  = 12
	secretGroup   = 4
)

// Window is when, and by whose leave, the server can be claimed on its own page.
type Window struct {
	// Secret is asked of whoever claims.
	Secret secret.Token
	Until  time.Time
	// Waived is until when the private network may hand over a claim token without the secret; zero: not at all.
	Waived time.Time
	// Pages are the addresses of the server's page, without the secret.
	Pages []string
}

// OpenAt reports whether the window is open.
func (w Window) OpenAt(now time.Time) bool { return now.Before(w.Until) && !w.Secret.Empty() }

// WaivedAt reports whether the secret is not asked of programs in the private network.
func (w Window) WaivedAt(now time.Time) bool { return now.Before(w.Waived) }

// Knows reports whether a typed text is the secret; letters may be small, and what stands between the groups does not count.
func (w Window) Knows(typed string) bool {
	typed = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	return !w.Secret.Empty() && subtle.ConstantTimeCompare([]byte(typed), []byte(w.Secret.Reveal())) == 1
}

// Spelled returns the secret as it is shown, in groups.
func (w Window) Spelled() string {
	var groups []string
	for text := w.Secret.Reveal(); text != ""; text = text[min(secretGroup, len(text)):] {
		groups = append(groups, text[:min(secretGroup, len(text))])
	}
	return strings.Join(groups, "-")
}

// Links are the ready links: who opens one need not type the secret.
func (w Window) Links() []string {
	var all []string
	for _, page := range w.Pages {
		all = append(all, page+"?setup="+w.Spelled())
	}
	return all
}

// windowOnDisk is a Window as it is written.
type windowOnDisk struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
	Waived time.Time `json:"lan_claim_until,omitzero"`
	Pages  []string  `json:"pages"`
}

// window is the newest window read.
type window struct {
	mu   sync.Mutex
	seen fs.FileInfo
	now  Window
}

// OpenWindow opens the window with a new secret; pages are where the server's page can be found.
func (f *Folder) OpenWindow(now time.Time, pages []string) (Window, error) {
	w := newWindow(now, pages)
	return w, writeWindow(f.disk, w)
}

// Reopen opens the window of the gate that uses the folder at path, which notices by itself. fs.ErrNotExist when no gate was ever started there.
func Reopen(path string, now time.Time) (Window, error) {
	return reopen(path, now, func(*Window) {})
}

// ReopenWaived is Reopen, and lets the private network hand over a claim token without the secret.
func ReopenWaived(path string, now time.Time) (Window, error) {
	return reopen(path, now, func(w *Window) { w.Waived = w.Until })
}

func reopen(path string, now time.Time, change func(*Window)) (Window, error) {
	d := disk{path: path}
	before, err := readWindow(d)
	if err != nil {
		return Window{}, err
	}
	w := newWindow(now, before.Pages)
	change(&w)
	return w, writeWindow(d, w)
}

// Opened is the window of the gate that uses the folder at path; where it is closed, it is opened. fs.ErrNotExist as Reopen.
func Opened(path string, now time.Time) (Window, error) {
	w, err := readWindow(disk{path: path})
	if err != nil || w.OpenAt(now) {
		return w, err
	}
	return Reopen(path, now)
}

func newWindow(now time.Time, pages []string) Window {
	return Window{Secret: secret.NewCode(secretSymbols, secretLength), Until: now.Add(WindowLife).UTC(), Pages: pages}
}

func writeWindow(d disk, w Window) error {
	raw, err := json.MarshalIndent(windowOnDisk{w.Secret.Reveal(), w.Until, w.Waived, w.Pages}, "", " ")
	if err != nil {
		return err
	}
	if err := d.write(windowFile, append(raw, '\n')); err != nil {
		return fmt.Errorf("opening the window to claim the server: %w", err)
	}
	return nil
}

// readWindow takes a file that is not whole for no window: what opens nothing does no harm.
func readWindow(d disk) (Window, error) {
	raw, err := d.read(windowFile)
	if err != nil {
		return Window{}, fmt.Errorf("reading when the server can be claimed: %w", err)
	}
	if raw == nil {
		return Window{}, fmt.Errorf("%s: %w", d.path, fs.ErrNotExist)
	}
	w, err := parseWindow(raw)
	if err != nil {
		return Window{}, nil
	}
	return w, nil
}

func parseWindow(raw []byte) (Window, error) {
	var on windowOnDisk
	if json.Unmarshal(raw, &on) != nil || len(on.Secret) != secretLength || strings.Trim(on.Secret, secretSymbols) != "" {
		return Window{}, errForeign
	}
	return Window{secret.TokenOf(on.Secret), on.Until, on.Waived, on.Pages}, nil
}

// Window returns the window as it stands in the folder now, the zero Window when there is none.
func (f *Folder) Window() (Window, error) {
	f.window.mu.Lock()
	defer f.window.mu.Unlock()
	info, err := os.Stat(f.disk.at(windowFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Window{}, nil
	}
	if err != nil {
		return Window{}, err
	}
	if seen := f.window.seen; seen != nil && os.SameFile(seen, info) && seen.ModTime().Equal(info.ModTime()) {
		return f.window.now, nil
	}
	w, err := readWindow(f.disk)
	if err != nil {
		return Window{}, err
	}
	f.window.seen, f.window.now = info, w
	return w, nil
}
