package main

import (
	"encoding/hex"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// aToken is the spelling of every token there is.
var aToken = regexp.MustCompile(`\b[0-9a-v]{52}\b`)

// anAppPassword is how one is shown.
var anAppPassword = regexp.MustCompile(`\b(usher|gate)(-[2-9a-z]{4}){7}\b`)

// aClaim is the spelling of a claim token.
var aClaim = regexp.MustCompile(`\bclaim-[0-9a-v]{32}\b`)

// secretFields are the fields whose values nobody but their owner should read.
var secretFields = map[string]bool{
	"email": true, "login": true, "password": true, "current": true, "remove_password": true, "code": true, "off_code": true, "ticket": true, "display_name": true, "user_name": true,
	"username": true, "q": true, "user_code": true, "device_code": true, "account": true,
}

// keepSecret remembers what must not be found afterwards. What is shorter than six characters is found everywhere by chance.
func (s *story) keepSecret(text string) {
	if text = strings.TrimSpace(text); len(text) >= 6 {
		s.secrets[text] = true
	}
}

func (s *story) keepTokens(text string) {
	for _, token := range slices.Concat(aToken.FindAllString(text, -1), aClaim.FindAllString(text, -1)) {
		s.keepSecret(token)
	}
	for _, shown := range anAppPassword.FindAllString(text, -1) {
		s.keepSecret(shown)
		s.keepSecret(strings.ReplaceAll(shown, "-", ""))
	}
}

func (s *story) keepForm(body string) {
	values, err := url.ParseQuery(body)
	if err != nil || len(body) > 4096 {
		return // an attacker's
	}
	for name, typed := range values {
		for _, v := range typed {
			if secretFields[name] {
				s.keepSecret(v)
			}
		}
	}
}

// remains is what a story leaves behind.
type remains struct {
	story     string
	secrets   []string
	artefacts map[string]string
}

// leave collects what can only be read while the services run, or is written beside the database.
func (s *story) leave(t *testing.T) remains {
	r := remains{story: s.name, artefacts: map[string]string{}}
	for name, n := range s.nodes {
		if n.running() {
			if body, _, err := n.ask("/metrics"); err == nil {
				r.artefacts["metrics of "+name] = withoutSamples(body)
			}
		}
	}
	if path, ok := strings.CutPrefix(s.database, "sqlite:"); ok {
		for _, file := range []string{path, path + "-wal"} {
			if raw, err := os.ReadFile(file); err == nil {
				r.artefacts["running "+filepath.Base(file)] = string(raw)
			}
		}
	}
	return r
}

// withoutSamples takes the figures away: six of their digits are a code by chance.
func withoutSamples(metrics string) string {
	return regexp.MustCompile(`(?m) [0-9.e+-]+$`).ReplaceAllString(metrics, " #")
}

// dump adds the secrets, the database at rest, and what the services printed. The set-up link is printed on purpose, once, for whoever started the service.
func (s *story) dump(t *testing.T, r *remains) {
	for name, n := range s.nodes {
		r.artefacts["output of "+name] = regexp.MustCompile(`(?m)^First administrator.*$`).ReplaceAllString(n.out.String(), "")
		r.artefacts["log of "+name] = n.errs.String()
	}
	if s.gate != nil {
		r.artefacts["log of the gate"] = s.gate.errs.String()
	}
	if path, ok := strings.CutPrefix(s.database, "sqlite:"); ok {
		files, _ := filepath.Glob(path + "*")
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
			r.artefacts["resting "+filepath.Base(file)] = string(raw)
		}
	} else {
		out, err := exec.Command("pg_dump", "--inserts", "--dbname", s.database).CombinedOutput()
		if err != nil {
			t.Errorf("%s: pg_dump: %v\n%s", s.name, err, out)
		}
		r.artefacts["dump"] = string(out)
	}
	for _, b := range s.browsers {
		s.keepSecret(b.agent)
	}
	r.secrets = slices.Sorted(maps.Keys(s.secrets))
}

// sweep searches what every story left behind for every secret that was used in it.
type sweep struct {
	mu   sync.Mutex
	left []remains
}

func (w *sweep) add(r remains) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = append(w.left, r)
}

// markers are no secrets: one stands in the database, one in the log, one in the metrics, one in the output of any run that looks at all of them.
var markers = []string{"create table", `"msg":"serving"`, "usher_hash_total", "usher is ready"}

func (w *sweep) run(t *testing.T) {
	secrets, size, seen := 0, 0, map[string]bool{}
	for _, r := range w.left {
		if len(r.secrets) == 0 {
			t.Errorf("%s: no secret was kept", r.story)
		}
		for name, text := range r.artefacts {
			size += len(text)
			text = smallLetters(text)
			for _, marker := range markers {
				seen[marker] = seen[marker] || strings.Contains(text, marker)
			}
			for _, secret := range r.secrets {
				if form := foundIn(text, secret); form != "" {
					t.Errorf("%s: %s holds %s %q", r.story, name, form, secret)
				}
			}
		}
		secrets += len(r.secrets)
	}
	t.Logf("%d secrets of %d stories looked for in %d bytes", secrets, len(w.left), size)
	for _, marker := range markers {
		if !seen[marker] {
			t.Errorf("%q is nowhere: the sweep does not see what it should", marker)
		}
	}
}

// foundIn says in which form a secret stands in a text, whose letters are small.
func foundIn(text, secret string) string {
	secret = smallLetters(secret)
	if isCode(secret) {
		if standsAlone(text, secret) {
			return "the code"
		}
		return ""
	}
	for i, spelling := range spellings(secret) {
		if strings.Contains(text, spelling) {
			return []string{"the secret", "in a query the secret", "in a path the secret", "in hex the secret"}[i]
		}
	}
	return ""
}

// spellings are the forms in which a secret could stand somewhere.
func spellings(secret string) []string {
	return []string{secret, smallLetters(url.QueryEscape(secret)), smallLetters(url.PathEscape(secret)), hex.EncodeToString([]byte(secret))}
}

func isCode(s string) bool { return len(s) == 6 && strings.Trim(s, "0123456789") == "" }

// standsAlone looks for six digits that are not part of a longer number, which would have them by chance.
func standsAlone(text, code string) bool {
	for at := 0; ; {
		next := strings.Index(text[at:], code)
		if next < 0 {
			return false
		}
		begin, end := at+next, at+next+len(code)
		if !inNumber(text, begin-1) && !inNumber(text, end) {
			return true
		}
		at = end
	}
}

func inNumber(text string, i int) bool {
	return i >= 0 && i < len(text) && (text[i] == '.' || '0' <= text[i] && text[i] <= '9')
}

// smallLetters is strings.ToLower for ASCII letters alone: most of what is swept is no text.
func smallLetters(text string) string {
	small := []byte(text)
	for i, c := range small {
		if 'A' <= c && c <= 'Z' {
			small[i] = c + 'a' - 'A'
		}
	}
	return string(small)
}
