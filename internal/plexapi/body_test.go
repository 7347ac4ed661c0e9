package plexapi

import (
	"maps"
	"strings"
	"testing"
)

func TestFieldsOfJSON(t *testing.T) {
	for raw, want := range map[string]fields{
		``: {}, ` `: {}, `""`: {}, `null`: {}, `[1,{"a":2}]`: {}, `{}`: {},
		`{"user":{"login":"ann","password":"x"}}`:                 {"user[login]": "ann", "user[password]": "x"},
		`{"strong":true,"n":1.50,"none":null,"no":false,"é":"ö"}`: {"strong": "true", "n": "1.50", "none": "", "no": "false", "é": "ö"},
		`{"a":[1,[2,{"b":3}]],"c":"d"}`:                           {"c": "d"},
		`{"a":{"b":{"c":{"d":"e"}}}}`:                             {"a[b][c][d]": "e"},
	} {
		got, err := fieldsOfJSON([]byte(raw))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v %v, want %v", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":"\u0000"}`, `{"a":1}{}`, `{"a":`, "{\"a\":\"\xff\"}", `{"a":{"b":{"c":{"d":{"e":1}}}}}`, `{"a[b]":1,"a":{"b":2}}`,
	} {
		if got, err := fieldsOfJSON([]byte(raw)); err == nil {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func TestFieldsOfForm(t *testing.T) {
	got, err := fieldsOfForm("user%5Blogin%5D=ann&x=a+b%26c&empty=")
	if err != nil || !maps.Equal(got, fields{"user[login]": "ann", "x": "a b&c", "empty": ""}) {
		t.Errorf("%v %v", got, err)
	}
	for _, raw := range []string{"a=1&a=2", "a=%00", "a=%ff", "%ff=a", "a=%zz", "a;b=c"} {
		if got, err := fieldsOfForm(raw); err == nil {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

// FuzzFields: a body is read in one way or not at all.
func FuzzFields(f *testing.F) {
	for _, raw := range []string{`{"user":{"login":"a"}}`, `{"a":1,"a":2}`, `{"a":[{"b":1}]}`, "a=1&a=2", "user%5Blogin%5D=a&b=%ff", `""`, strings.Repeat(`{"a":`, 50)} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, read := range []func() (fields, error){
			func() (fields, error) { return fieldsOfJSON([]byte(raw)) }, func() (fields, error) { return fieldsOfForm(raw) },
		} {
			got, err := read()
			if err != nil {
				continue
			}
			for name, value := range got {
				if !clean(name) || !clean(value) {
					t.Fatalf("%q gives %q", raw, got)
				}
			}
		}
	})
}
