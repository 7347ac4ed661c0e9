package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// readEntries reads what stands in the file as [[key]], each into an E whose tags name its keys; path is used in messages only.
func readEntries[E any](key, path string, value any, id func(E) string) (all []E, problems []Problem) {
	entries, is := value.([]map[string]any)
	if !is {
		return nil, []Problem{{key, path, "is written with two brackets: [[" + key + "]]"}}
	}
	seen := map[string]bool{}
	for n, entry := range entries {
		var e E
		name := fmt.Sprintf("%s %d", key, n+1)
		for _, part := range slices.Sorted(maps.Keys(entry)) {
			if err := setPart(&e, part, entry[part]); err != nil {
				problems = append(problems, Problem{name + ", " + showName(part), path, err.Error()})
			}
		}
		if id(e) == "" || seen[id(e)] {
			problems = append(problems, Problem{name, path, "needs an id that no other has"})
		}
		seen[id(e)] = true
		all = append(all, e)
	}
	return all, problems
}

// setPart sets one value of an entry. The error completes a sentence that begins with the key.
func setPart[E any](entry *E, key string, value any) error {
	field, known := entryFields[E]()[key]
	if !known {
		return errors.New(unknown(suggest(key, slices.Sorted(maps.Keys(entryFields[E]())))))
	}
	into := reflect.ValueOf(entry).Elem().Field(field)
	switch into := into.Addr().Interface().(type) {
	case *string:
		text, is := value.(string)
		if !is {
			return errors.New("has to be a text in quotes")
		}
		*into = strings.TrimSpace(text)
	case *bool:
		yes, is := value.(bool)
		if !is {
			return errors.New("has to be true or false, without quotes")
		}
		*into = yes
	case *[]string:
		list, is := value.([]any)
		if !is {
			return errors.New(`has to be a list of texts, such as ["a", "b"]`)
		}
		all, err := texts(list)
		*into = all
		return err
	}
	return nil
}

// entryFields are the fields of an entry by their keys.
func entryFields[E any]() map[string]int {
	all := map[string]int{}
	for n, f := range reflect.VisibleFields(reflect.TypeFor[E]()) {
		all[f.Tag.Get("key")] = n
	}
	return all
}

// entryMarkdown documents the keys of an entry as rows of a table.
func entryMarkdown[E any](b *strings.Builder) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[E]()) {
		fmt.Fprintf(b, "| `%s` | %s |\n", f.Tag.Get("key"), cell(f.Tag.Get("help")))
	}
}
