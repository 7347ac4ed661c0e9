package config

import (
	"reflect"
	"strings"
)

// program is one of those that have settings, and where these come from.
type program struct {
	of     reflect.Type // a struct with a field for each
	prefix string       // starts each of its environment variables
	file   string       // is read where no other is named
}

var (
	service = program{reflect.TypeFor[Config](), "USHER_", "usher.toml"}
	beside  = program{reflect.TypeFor[Gate](), "USHER_GATE_", "usher-gate.toml"}
)

// setting is one field of Config with what its tags say.
type setting struct {
	key    string // as in the file: snake_case
	group  string
	preset string // the default, as text
	zero   string // what an empty or zero value means
	value  string // placeholder in the help of commands
	help   string
	enum   []string
	lines  bool // the text may have several lines, as keys in files do
	kind   reflect.Type
	field  int
	prefix string // of its variable
}

// settings lists every setting of the service in the order of Config.
func settings() []setting { return service.settings() }

// settings lists every setting in the order of the struct.
func (p program) settings() []setting {
	list := make([]setting, 0, p.of.NumField())
	group := ""
	for i := range p.of.NumField() {
		f := p.of.Field(i)
		if !f.IsExported() {
			continue
		}
		if g := f.Tag.Get("group"); g != "" {
			group = g
		}
		s := setting{
			lines: f.Tag.Get("lines") != "", key: f.Tag.Get("key"), group: group, preset: f.Tag.Get("default"), zero: f.Tag.Get("zero"),
			value: f.Tag.Get("value"), help: f.Tag.Get("help"), kind: f.Type, field: i, prefix: p.prefix,
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			s.enum = strings.Split(enum, ",")
		}
		list = append(list, s)
	}
	return list
}

// find returns the setting with this key.
func (p program) find(key string) (setting, bool) {
	for _, s := range p.settings() {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

func (s setting) flag() string     { return strings.ReplaceAll(s.key, "_", "-") }
func (s setting) variable() string { return s.prefix + strings.ToUpper(s.key) }
func (s setting) list() bool       { return s.kind.Kind() == reflect.Slice }

// whole reports whether the setting is a whole number, which a file writes without quotes.
func (s setting) whole() bool { return s.kind == reflect.TypeFor[int]() }

// in returns the setting's field of c, a pointer to the program's struct.
func (s setting) in(c any) reflect.Value { return reflect.ValueOf(c).Elem().Field(s.field) }
