package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// What is wrong with a request before anybody looks at what it wants.
var (
	errBadRequest = errors.New("api: the request cannot be read")
	errFields     = errors.New("api: fields that are missing, unknown, doubled or no texts")
	errNotJSON    = errors.New("api: the body is not application/json")
	errTooLarge   = errors.New("api: the body is too large")
)

// wrongField is a field that a request has wrongly, or lacks.
type wrongField struct {
	Name string `json:"name"`
	Text string `json:"text"` // completes a sentence that begins with the name; never a value
}

// wrongFields is errFields with the fields that are meant.
type wrongFields []wrongField

func (wrongFields) Error() string { return errFields.Error() }

// Unwrap is errFields.
func (wrongFields) Unwrap() error { return errFields }

// mostWrongFields are named in one answer; who sends more wrong ones has begun to read by then.
const mostWrongFields = 10

// fields are the texts of a request, by name.
type fields map[string]string

// lists are the lists of texts of a request, by name.
type lists map[string][]string

// mostInList is how many texts a list may have.
const mostInList = 50

// fieldList says which fields a request may have: those that it needs, and others.
type fieldList struct{ needed, others, lists []string }

func needs(names ...string) fieldList { return fieldList{needed: names} }

func (l fieldList) may(names ...string) fieldList {
	l.others = names
	return l
}

// list adds fields that are lists of texts; none of them is needed.
func (l fieldList) list(names ...string) fieldList {
	l.lists = names
	return l
}

func (l fieldList) has(name string) bool {
	return slices.Contains(l.needed, name) || slices.Contains(l.others, name)
}

// readFields reads a flat JSON object of texts. Nothing is forgiven: a field that is not in the list, or is there twice, would be read one way
// here and another way by whatever stands before us. wrongFields.
func readFields(r *http.Request, list fieldList) (fields, error) {
	got, _, err := readObject(r, list)
	return got, err
}

// readObject is readFields for an object that has lists of texts in it, too.
func readObject(r *http.Request, list fieldList) (fields, lists, error) {
	if !isJSON(r.Header["Content-Type"]) {
		return nil, nil, errNotJSON
	}
	raw, err := io.ReadAll(r.Body)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, nil, errTooLarge
	case err != nil || !utf8.Valid(raw) || !json.Valid(raw):
		return nil, nil, errBadRequest
	}
	return fieldsOf(raw, list)
}

func isJSON(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(contentTypes[0])
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// fieldsOf reads valid JSON word by word: encoding/json itself takes the last of two fields of one name, and PASSWORD for password.
func fieldsOf(raw []byte, list fieldList) (fields, lists, error) {
	words := json.NewDecoder(bytes.NewReader(raw))
	if first, err := words.Token(); err != nil || first != json.Delim('{') {
		return nil, nil, errFields
	}
	got, many, wrong := fields{}, lists{}, wrongFields{}
	for words.More() && len(wrong) < mostWrongFields {
		name, err := words.Token()
		if err != nil {
			return nil, nil, errFields
		}
		var value any
		if err := words.Decode(&value); err != nil {
			return nil, nil, errFields
		}
		add := func(name string) string { return got.add(name, value, list) }
		if slices.Contains(list.lists, name.(string)) {
			add = func(name string) string { return many.add(name, value) }
		}
		if text := add(name.(string)); text != "" {
			wrong = append(wrong, wrongField{plainName(name.(string)), text})
		}
	}
	for _, name := range list.needed {
		if got[name] == "" && !slices.ContainsFunc(wrong, func(w wrongField) bool { return w.Name == name }) {
			wrong = append(wrong, wrongField{name, "is missing"})
		}
	}
	if len(wrong) > 0 {
		return nil, nil, wrong
	}
	return got, many, nil
}

// add takes one list, or says why it should not be there.
func (l lists) add(name string, value any) string {
	if _, twice := l[name]; twice {
		return "is there twice"
	}
	all, is := value.([]any)
	l[name] = nil
	if value != nil && !is || len(all) > mostInList {
		return "is no list of at most 50 texts"
	}
	for _, one := range all {
		text, is := one.(string)
		if !is || strings.IndexByte(text, 0) >= 0 {
			return "is no list of at most 50 texts"
		}
		l[name] = append(l[name], text)
	}
	return ""
}

// add takes one field, or says why it should not be there. null says as much as no field at all.
func (f fields) add(name string, value any, list fieldList) string {
	if !list.has(name) {
		return "is no field of this request"
	}
	if _, twice := f[name]; twice {
		return "is there twice"
	}
	text, is := value.(string)
	f[name] = text
	switch {
	case !is && value != nil:
		return "is not a text"
	case strings.IndexByte(text, 0) >= 0:
		return "has a character in it that no text has"
	}
	return ""
}

// plainName is a name that somebody sent, fit to be sent back.
func plainName(name string) string {
	const most = 40
	if len(name) > most || strings.ContainsFunc(name, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
		return "…"
	}
	return name
}
