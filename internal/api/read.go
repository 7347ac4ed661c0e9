package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
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

// fields are the texts of a request, by name.
type fields map[string]string

// readFields reads a flat JSON object of texts. Nothing is forgiven: a field that is not in the list, or is there twice, would be read one way
// here and another way by whatever stands before us.
func readFields(r *http.Request, known ...string) (fields, error) {
	if !isJSON(r.Header["Content-Type"]) {
		return nil, errNotJSON
	}
	raw, err := io.ReadAll(r.Body)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, errTooLarge
	case err != nil || !utf8.Valid(raw) || !json.Valid(raw):
		return nil, errBadRequest
	}
	return fieldsOf(raw, known)
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
func fieldsOf(raw []byte, known []string) (fields, error) {
	words := json.NewDecoder(bytes.NewReader(raw))
	if first, err := words.Token(); err != nil || first != json.Delim('{') {
		return nil, errFields
	}
	got := fields{}
	for words.More() {
		name, err := words.Token()
		if err != nil {
			return nil, errFields
		}
		value, err := words.Token()
		if err != nil || !got.add(name, value, known) {
			return nil, errFields
		}
	}
	return got, nil
}

// add takes one field, unless it should not be there. null says as much as no field at all.
func (f fields) add(name, value any, known []string) bool {
	key, is := name.(string)
	if _, twice := f[key]; !is || twice {
		return false
	}
	for _, k := range known {
		if k == key {
			text, is := value.(string)
			f[key] = text
			return (is || value == nil) && strings.IndexByte(text, 0) < 0
		}
	}
	return false
}
