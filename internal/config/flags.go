package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Flags takes what the command line says. One Flags may stand under several commands, as only one of them runs.
type Flags struct {
	fields reflect.Value // a struct with one []string per setting, and the path of the file last
}

// NewFlags returns Flags of the service that nothing was given to. Where keys are named, help shows these and --config, and the others count all
// the same.
func NewFlags(shown ...string) *Flags { return service.flags(shown) }

// flags makes a flag for each setting; where some are shown, the help of the command is about these.
func (p program) flags(shown []string) *Flags {
	var fields []reflect.StructField
	for _, s := range p.settings() {
		help := s.help
		switch {
		case s.preset != "" && s.zero == "":
			help += " Default: " + s.preset + "."
		case s.zero != "":
			help += " Default: " + s.zero + "."
		}
		f := flagField(p.of.Field(s.field).Name, s.flag(), s.value, help, s.group)
		if shown != nil && !slices.Contains(shown, s.key) {
			f.Tag += ` hidden:""`
		}
		fields = append(fields, f)
	}
	fields = append(fields, flagField("ConfigFile", "config", "FILE", "The configuration file. Default: "+p.file+", when there is one.", "Configuration"))
	return &Flags{reflect.New(reflect.StructOf(fields)).Elem()}
}

// flagField takes every value as text and any number of times, so that Load can name all that is wrong at once.
func flagField(name, flag, value, help, group string) reflect.StructField {
	tag := fmt.Sprintf("name:%s placeholder:%s help:%s group:%s sep:\"none\"",
		strconv.Quote(flag), strconv.Quote(value), strconv.Quote(help), strconv.Quote(group))
	return reflect.StructField{Name: name, Type: reflect.TypeFor[[]string](), Tag: reflect.StructTag(tag)}
}

// Fields is a pointer to a struct with a field per setting in the tags of kong, for the kong.Plugins of a command.
func (f *Flags) Fields() any { return f.fields.Addr().Interface() }

// texts returns what was given for the n-th setting, nil when nothing was.
func (f *Flags) texts(n int) []string {
	if f == nil {
		return nil
	}
	return f.fields.Field(n).Interface().([]string)
}

// files returns what was given as --config.
func (f *Flags) files() []string {
	if f == nil {
		return nil
	}
	return f.texts(f.fields.NumField() - 1)
}
