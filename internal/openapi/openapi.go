// Package openapi reads a description of an API (OpenAPI 3.1) into what a page shows of it: what can be asked, with which fields, and what is
// answered. It refuses to know which API it is.
package openapi

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is a whole API.
type Document struct {
	Title      string
	Text       string // Paragraphs, divided by empty lines
	Operations []Operation
	Refusal    []Field   // what every refusal consists of (RFC 9457); none where the description has no such answer
	Problems   []Problem // left to who knows them
}

// Problem is one kind of refusal.
type Problem struct {
	Name   string // the end of its type
	Status int
	Title  string // when it happens
	Text   string // what to do
}

// Operation is one thing that can be asked.
type Operation struct {
	Method  string // in capitals
	Path    string
	Summary string
	Text    string
	Shows   []string // the ways to show who asks: "bearer", "basic"; empty when nobody is asked
	Fields  []Field  // of the request
	Answers []Answer
}

// Field is a part of a request or an answer.
type Field struct {
	Name     string
	Type     string // "text", "number", "yes or no", "list", "list of objects", "object", "time", "always …", or the values it may have
	Text     string
	Required bool
	Fields   []Field // of an object, or of each object of a list
}

// Answer is one of the statuses that an operation answers with.
type Answer struct {
	Status  string
	Text    string
	Refused bool // with what Document.Refusal says
	Fields  []Field
}

type schema struct {
	Ref         string    `yaml:"$ref"`
	Type        string    `yaml:"type"`
	Format      string    `yaml:"format"`
	Description string    `yaml:"description"`
	Required    []string  `yaml:"required"`
	Properties  yaml.Node `yaml:"properties"`
	Const       string    `yaml:"const"`
	Enum        []string  `yaml:"enum"`
	Items       *schema   `yaml:"items"`
}

type body struct {
	Content map[string]struct {
		Schema schema `yaml:"schema"`
	} `yaml:"content"`
}

type response struct {
	Ref         string `yaml:"$ref"`
	Description string `yaml:"description"`
	body        `yaml:",inline"`
}

type operation struct {
	Summary     string                `yaml:"summary"`
	Description string                `yaml:"description"`
	Security    []map[string][]string `yaml:"security"`
	Parameters  []struct {
		Name        string `yaml:"name"`
		Required    bool   `yaml:"required"`
		Description string `yaml:"description"`
		Schema      schema `yaml:"schema"`
	} `yaml:"parameters"`
	RequestBody struct {
		body `yaml:",inline"`
	} `yaml:"requestBody"`
	Responses yaml.Node `yaml:"responses"`
}

type source struct {
	Info struct {
		Title       string `yaml:"title"`
		Description string `yaml:"description"`
	} `yaml:"info"`
	Paths      yaml.Node `yaml:"paths"`
	Components struct {
		Schemas         map[string]schema   `yaml:"schemas"`
		Responses       map[string]response `yaml:"responses"`
		SecuritySchemes map[string]struct {
			Scheme string `yaml:"scheme"`
		} `yaml:"securitySchemes"`
	} `yaml:"components"`
}

// Parse reads a description, in its own order. What it refers to has to stand in it.
func Parse(text []byte) (Document, error) {
	var s source
	if err := yaml.Unmarshal(text, &s); err != nil {
		return Document{}, fmt.Errorf("reading an API's description: %w", err)
	}
	d := Document{Title: s.Info.Title, Text: s.Info.Description}
	for _, r := range s.Components.Responses {
		if !r.refuses() {
			continue
		}
		var err error
		if d.Refusal, err = s.fields(r.body); err != nil {
			return d, err
		}
	}
	err := pairs(s.Paths, func(path string, methods yaml.Node) error {
		return pairs(methods, func(method string, node yaml.Node) error {
			var o operation
			if err := node.Decode(&o); err != nil {
				return fmt.Errorf("%s %s: %w", method, path, err)
			}
			shown, err := s.shown(o)
			shown.Method, shown.Path = strings.ToUpper(method), path
			d.Operations = append(d.Operations, shown)
			return err
		})
	})
	return d, err
}

// pairs goes over a mapping in the order in which it is written.
func pairs(m yaml.Node, f func(key string, value yaml.Node) error) error {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if err := f(m.Content[i].Value, *m.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (s source) shown(o operation) (Operation, error) {
	out := Operation{Summary: o.Summary, Text: o.Description}
	for _, way := range o.Security {
		for name := range way {
			out.Shows = append(out.Shows, s.Components.SecuritySchemes[name].Scheme)
		}
	}
	for _, p := range o.Parameters {
		out.Fields = append(out.Fields, Field{Name: p.Name, Type: typeOf(p.Schema), Text: p.Description, Required: p.Required})
	}
	fields, err := s.fields(o.RequestBody.body)
	out.Fields = append(out.Fields, fields...)
	if err != nil {
		return out, err
	}
	return out, pairs(o.Responses, func(status string, node yaml.Node) error {
		var r response
		if err := node.Decode(&r); err != nil {
			return err
		}
		if r.Ref != "" {
			known, is := s.Components.Responses[strings.TrimPrefix(r.Ref, "#/components/responses/")]
			if !is {
				return fmt.Errorf("nothing is called %s", r.Ref)
			}
			out.Answers = append(out.Answers, Answer{Status: status, Text: known.Description, Refused: known.refuses()})
			return nil
		}
		fields, err := s.fields(r.body)
		out.Answers = append(out.Answers, Answer{Status: status, Text: r.Description, Fields: fields})
		return err
	})
}

// refuses reports whether an answer is a problem document (RFC 9457).
func (r response) refuses() bool {
	_, is := r.Content["application/problem+json"]
	return is
}

func (s source) fields(b body) (fields []Field, err error) {
	for _, content := range b.Content {
		sc, err := s.resolve(content.Schema)
		if err != nil {
			return nil, err
		}
		if fields, err = s.within(sc, 0); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// deepest is how far objects may stand within objects; what refers to itself goes deeper.
const deepest = 8

// within lists the fields of an object, with those of what stands in them.
func (s source) within(sc schema, depth int) (fields []Field, err error) {
	if depth > deepest {
		return nil, errors.New("an object stands within itself, or too deep")
	}
	err = pairs(sc.Properties, func(name string, node yaml.Node) error {
		var f schema
		if err := node.Decode(&f); err != nil {
			return err
		}
		text := f.Description
		if f, err = s.resolve(f); err != nil {
			return err
		}
		item := f
		if f.Items != nil {
			if item, err = s.resolve(*f.Items); err != nil {
				return err
			}
		}
		inner, err := s.within(item, depth+1)
		kind := typeOf(f)
		if f.Items != nil && len(inner) > 0 {
			kind = "list of objects"
		}
		fields = append(fields, Field{name, kind, cmp.Or(text, f.Description), slices.Contains(sc.Required, name), inner})
		return err
	})
	return fields, err
}

func (s source) resolve(sc schema) (schema, error) {
	if sc.Ref == "" {
		return sc, nil
	}
	known, is := s.Components.Schemas[strings.TrimPrefix(sc.Ref, "#/components/schemas/")]
	if !is {
		return sc, fmt.Errorf("nothing is called %s", sc.Ref)
	}
	return known, nil
}

func typeOf(s schema) string {
	switch {
	case s.Const != "":
		return "always " + s.Const
	case len(s.Enum) > 0:
		return strings.Join(s.Enum, ", ")
	case s.Format == "date-time":
		return "time"
	}
	switch s.Type {
	case "integer", "number":
		return "number"
	case "boolean":
		return "yes or no"
	case "array":
		return "list"
	case "object":
		return "object"
	}
	return "text"
}
