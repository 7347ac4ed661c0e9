package plexapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// fields are the texts of a body by name; what stands in an inner object is called as forms call it: user[login].
type fields map[string]string

// read reads a body that is a form or JSON. A field that is there twice would be read one way here and another way by whatever stands before us.
func (c *call) read() error {
	mediaType, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if mediaType != "application/json" && mediaType != "application/x-www-form-urlencoded" {
		return nil // nothing that any client sends its fields in
	}
	raw, err := io.ReadAll(c.r.Body)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return errTooLarge
	case err != nil:
		return errBadRequest
	}
	if mediaType == "application/json" {
		c.body, err = fieldsOfJSON(raw)
	} else {
		c.body, err = fieldsOfForm(string(raw))
	}
	return err
}

func fieldsOfForm(raw string) (fields, error) {
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errBadRequest
	}
	got := fields{}
	for name, values := range form {
		if len(values) != 1 || !clean(name) || !clean(values[0]) {
			return nil, errBadRequest
		}
		got[name] = values[0]
	}
	return got, nil
}

func clean(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// deepest is how many objects may stand in each other.
const deepest = 4

// fieldsOfJSON reads an object word by word: encoding/json itself takes the last of two fields of one name. No body, null and other single values
// have no fields. Lists are passed over: no client sends us one.
func fieldsOfJSON(raw []byte) (fields, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return fields{}, nil
	}
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, errBadRequest
	}
	got := fields{}
	if raw[0] != '{' {
		return got, nil
	}
	words := json.NewDecoder(bytes.NewReader(raw))
	words.UseNumber()
	_, _ = words.Token() // the brace that was just seen
	return got, got.readObject(words, "", 1)
}

func (f fields) readObject(words *json.Decoder, within string, depth int) error {
	for words.More() {
		word, err := words.Token()
		name, is := word.(string)
		if err != nil || !is || depth > deepest {
			return errBadRequest
		}
		if within != "" {
			name = within + "[" + name + "]"
		}
		if err := f.readValue(words, name, depth); err != nil {
			return err
		}
	}
	_, err := words.Token() // the closing brace
	return err
}

func (f fields) readValue(words *json.Decoder, name string, depth int) error {
	word, err := words.Token()
	if err != nil {
		return errBadRequest
	}
	text := ""
	switch word := word.(type) {
	case json.Delim:
		if word == '{' {
			return f.readObject(words, name, depth+1)
		}
		return passList(words)
	case string:
		text = word
	case json.Number:
		text = word.String()
	case bool:
		text = map[bool]string{true: "true", false: "false"}[word]
	}
	if _, twice := f[name]; twice || !clean(name) || !clean(text) {
		return errBadRequest
	}
	f[name] = text
	return nil
}

// passList reads to the end of a list whose beginning was read.
func passList(words *json.Decoder) error {
	for open := 1; open > 0; {
		word, err := words.Token()
		if err != nil {
			return errBadRequest
		}
		switch word {
		case json.Delim('['), json.Delim('{'):
			open++
		case json.Delim(']'), json.Delim('}'):
			open--
		}
	}
	return nil
}
