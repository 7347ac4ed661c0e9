package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// tables are the lists of flat objects of a request, by name.
type tables map[string][]fields

// object is what a request says.
type object struct {
	texts  fields
	lists  lists
	tables tables
}

// How many texts a list may have, and how many objects a table.
const (
	mostInList  = 50
	mostInTable = 200
)

// fieldList says which fields a request may have: those that it needs, and others.
type fieldList struct {
	needed, others, lists []string
	tables                map[string][]string // which texts each object in it has
}

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

// table adds a field that is a list of objects, each with these texts; it is not needed.
func (l fieldList) table(name string, columns ...string) fieldList {
	l.tables = map[string][]string{name: columns}
	return l
}

func (l fieldList) has(name string) bool {
	return slices.Contains(l.needed, name) || slices.Contains(l.others, name)
}

// readFields reads a flat JSON object of texts. Nothing is forgiven: a field that is not in the list, or is there twice, would be read one way
// here and another way by whatever stands before us. wrongFields.
func readFields(r *http.Request, list fieldList) (fields, error) {
	got, err := readObject(r, list)
	return got.texts, err
}

// readObject is readFields for an object that has lists of texts in it, too, and of objects.
func readObject(r *http.Request, list fieldList) (object, error) {
	if !isJSON(r.Header["Content-Type"]) {
		return object{}, errNotJSON
	}
	raw, err := io.ReadAll(r.Body)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return object{}, errTooLarge
	case err != nil || !utf8.Valid(raw) || !json.Valid(raw):
		return object{}, errBadRequest
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
func fieldsOf(raw []byte, list fieldList) (object, error) {
	words := json.NewDecoder(bytes.NewReader(raw))
	if first, err := words.Token(); err != nil || first != json.Delim('{') {
		return object{}, errFields
	}
	got, wrong := object{fields{}, lists{}, tables{}}, wrongFields{}
	for words.More() && len(wrong) < mostWrongFields {
		name, err := words.Token()
		if err != nil {
			return object{}, errFields
		}
		var value json.RawMessage
		if err := words.Decode(&value); err != nil {
			return object{}, errFields
		}
		if text := got.add(name.(string), value, list); text != "" {
			wrong = append(wrong, wrongField{plainName(name.(string)), text})
		}
	}
	for _, name := range list.needed {
		if got.texts[name] == "" && !slices.ContainsFunc(wrong, func(w wrongField) bool { return w.Name == name }) {
			wrong = append(wrong, wrongField{name, "is missing"})
		}
	}
	if len(wrong) > 0 {
		return object{}, wrong
	}
	return got, nil
}

// add takes one field, or says why it should not be there.
func (o object) add(name string, raw json.RawMessage, list fieldList) string {
	if columns, is := list.tables[name]; is {
		return o.tables.add(name, raw, needs(columns...))
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return "cannot be read"
	}
	if slices.Contains(list.lists, name) {
		return o.lists.add(name, value)
	}
	return o.texts.add(name, value, list)
}

// add takes one table, or says why it should not be there.
func (t tables) add(name string, raw json.RawMessage, columns fieldList) string {
	if _, twice := t[name]; twice {
		return "is there twice"
	}
	var all []json.RawMessage
	t[name] = nil
	if json.Unmarshal(raw, &all) != nil || len(all) > mostInTable {
		return fmt.Sprintf("is no list of at most %d objects", mostInTable)
	}
	for _, one := range all {
		row, err := fieldsOf(one, columns)
		if err != nil {
			return "has an object in it that does not have these texts and no others: " + strings.Join(columns.needed, ", ")
		}
		t[name] = append(t[name], row.texts)
	}
	return ""
}

// add takes one list, or says why it should not be there.
func (l lists) add(name string, value any) string {
	if _, twice := l[name]; twice {
		return "is there twice"
	}
	all, is := value.([]any)
	l[name] = nil
	if value != nil && !is || len(all) > mostInList {
		return fmt.Sprintf("is no list of at most %d texts", mostInList)
	}
	for _, one := range all {
		text, is := one.(string)
		if !is || strings.IndexByte(text, 0) >= 0 {
			return fmt.Sprintf("is no list of at most %d texts", mostInList)
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
