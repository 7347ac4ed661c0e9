package config

import (
	"reflect"
	"strings"
)

// envPrefix starts every environment variable of the service.
const envPrefix = "USHER_"

// setting is one field of Config with what its tags say.
type setting struct {
	key    string // as in the file: snake_case
	group  string
	preset string // the default, as text
	zero   string // what an empty or zero value means
	value  string // placeholder in the help of commands
	help   string
	enum   []string
	kind   reflect.Type
	field  int
}

// settings lists every setting in the order of Config.
func settings() []setting {
	t := reflect.TypeFor[Config]()
	list := make([]setting, 0, t.NumField())
	group := ""
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if g := f.Tag.Get("group"); g != "" {
			group = g
		}
		s := setting{
			key: f.Tag.Get("key"), group: group, preset: f.Tag.Get("default"), zero: f.Tag.Get("zero"),
			value: f.Tag.Get("value"), help: f.Tag.Get("help"), kind: f.Type, field: i,
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			s.enum = strings.Split(enum, ",")
		}
		list = append(list, s)
	}
	return list
}

// find returns the setting with this key.
func find(key string) (setting, bool) {
	for _, s := range settings() {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

func (s setting) flag() string     { return strings.ReplaceAll(s.key, "_", "-") }
func (s setting) variable() string { return envPrefix + strings.ToUpper(s.key) }
func (s setting) list() bool       { return s.kind.Kind() == reflect.Slice }

// whole reports whether the setting is a whole number, which a file writes without quotes.
func (s setting) whole() bool { return s.kind == reflect.TypeFor[int]() }

// in returns the setting's field of c.
func (s setting) in(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().Field(s.field) }
