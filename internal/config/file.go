package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"github.com/BurntSushi/toml"
)

const (
	fileLimit = 1 << 20
)

// read reads the configuration file: the one flags or environment name, else the program's own where there is one. An empty
// path reads none.
func (p program) read(named []string) (inFile, []Problem) {
	path := p.file
	if len(named) > 0 {
		path = named[len(named)-1]
	}
	if path == "" {
		return inFile{}, nil
	}
	text, err := readFile(path, fileLimit)
	if errors.Is(err, fs.ErrNotExist) && len(named) == 0 {
		return inFile{}, nil
	}
	if err != nil {
		return inFile{}, []Problem{{"", showName(path), "cannot be read: " + err.Error()}}
	}
	return p.parseFile(path, text)
}

// inFile is what a file says.
type inFile struct {
	settings map[string]given
	clients  []Client
	issuers  []Issuer
	path     string
}

// parseFile reads TOML; path is used in messages only.
func (p program) parseFile(path, text string) (inFile, []Problem) {
	var table map[string]any
	if _, err := toml.Decode(text, &table); err != nil {
		return inFile{}, []Problem{{"", path, notTOML(err)}}
	}
	found := inFile{settings: map[string]given{}, path: path}
	var problems []Problem
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if wrong, entries := found.readEntries(p, key, table[key]); entries {
			problems = append(problems, wrong...)
			continue
		}
		s, known := p.find(key)
		if !known {
			problems = append(problems, Problem{showName(key), path, unknown(p.suggestKey(key, table[key]))})
			continue
		}
		texts, err := s.fromTOML(table[key])
		if err != nil {
			problems = append(problems, Problem{key, path, err.Error()})
			continue
		}
		found.settings[key] = given{texts, path}
	}
	return found, problems
}

// readEntries reads what the service's file holds besides settings, and reports whether the key begins such entries.
func (f *inFile) readEntries(p program, key string, value any) (wrong []Problem, entries bool) {
	switch {
	case p == service && key == clientKey:
		f.clients, wrong = readClients(f.path, value)
	case p == service && key == issuerKey:
		f.issuers, wrong = readIssuers(f.path, value)
	default:
		return nil, false
	}
	return wrong, true
}

// notTOML says where the text stops being TOML. The parser's own words quote the text, which may be a password, so they
// are not shown.
func notTOML(err error) string {
	var at toml.ParseError
	if !errors.As(err, &at) {
		return "is not TOML"
	}
	return fmt.Sprintf("is not TOML at line %d, column %d: one key = value on a line, texts in quotes, no key twice", at.Position.Line, at.Position.Col)
}

// fromTOML turns a value of the file into the texts a flag would give, and insists on the right TOML type.
func (s setting) fromTOML(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		if !s.list() && !s.whole() {
			return []string{v}, nil
		}
	case int64:
		if s.whole() {
			return []string{strconv.FormatInt(v, 10)}, nil
		}
	case []any:
		if s.list() {
			return texts(v)
		}
	}
	switch {
	case s.list():
		return nil, errors.New(`has to be a list of texts, such as ["a", "b"]`)
	case s.whole():
		return nil, errors.New("has to be a whole number, without quotes")
	}
	return nil, errors.New("has to be a text in quotes")
}

func texts(values []any) ([]string, error) {
	list := make([]string, 0, len(values))
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, errors.New(`has to be a list of texts, such as ["a", "b"]`)
		}
		list = append(list, text)
	}
	return list, nil
}

// suggestKey also looks into tables, which other services use: [smtp] server is our smtp_server.
func (p program) suggestKey(key string, value any) string {
	if table, ok := value.(map[string]any); ok {
		for _, inner := range slices.Sorted(maps.Keys(table)) {
			if meant := suggest(key+"_"+inner, p.keys()); meant != "" {
				return meant + ", outside any table"
			}
		}
	}
	return suggest(key, p.keys())
}
