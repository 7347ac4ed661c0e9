package web

import (
	"fmt"
	"html/template"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"usher/internal/notice"
)

// input is one field of a form as the "field", "password" and "code" parts draw it.
type input struct {
	ID, Name, Label, Type, Value, Autocomplete string
	Mode, Hint, Error, Max                     string
	From, To                                   string // the first and the last day that may be chosen
	Link, LinkText                             string // a way out beside the label, such as "Forgot?"
	Strength                                   string // path that judges the password while it is typed
	Focus                                      bool
}

// Describedby lists the ids of the hint and the error, for aria-describedby.
func (in input) Describedby() string {
	var ids []string
	if in.Error != "" {
		ids = append(ids, in.ID+"-error")
	}
	if in.Hint != "" || in.Strength != "" {
		ids = append(ids, in.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

// newInput reads key-value pairs, so that a template says only what a field needs.
// A field in error takes the focus; without errors the one marked "focus" does.
func newInput(form Form, pairs ...string) (input, error) {
	if len(pairs)%2 != 0 {
		return input{}, fmt.Errorf("field: odd number of arguments")
	}
	in := input{Type: "text"}
	keys := map[string]*string{
		"id": &in.ID, "name": &in.Name, "label": &in.Label, "type": &in.Type, "value": &in.Value,
		"autocomplete": &in.Autocomplete, "mode": &in.Mode, "hint": &in.Hint, "max": &in.Max, "from": &in.From, "to": &in.To,
		"link": &in.Link, "linktext": &in.LinkText, "strength": &in.Strength,
	}
	for i := 0; i < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if key == "focus" {
			in.Focus = form.First() == "" && value == "yes"
			continue
		}
		to, ok := keys[key]
		if !ok {
			return input{}, fmt.Errorf("field: unknown key %q", key)
		}
		*to = value
	}
	if in.Name == "" || in.Label == "" || in.Autocomplete == "" {
		return input{}, fmt.Errorf("field %q: name, label and autocomplete are needed", in.Name)
	}
	if in.ID == "" {
		in.ID = in.Name
	}
	in.Error = form.On(in.Name)
	in.Focus = in.Focus || form.First() == in.Name
	return in, nil
}

// confirmation is a danger that asks once more in place, without script.
type confirmation struct {
	Label, Question, Detail, Action, Button string
	ID, Subject                             string // of a list row: which one, and its name as a person gave it
}

func newConfirmation(label, question, detail, action, button string) confirmation {
	return confirmation{Label: label, Question: question, Detail: detail, Action: action, Button: button}
}

// Of puts the confirmation at the end of a list row; the question then ends in the
// row's name, kept apart so that its writing direction cannot turn the sentence.
func (c confirmation) Of(id, subject string) confirmation {
	c.ID, c.Subject = id, subject
	return c
}

func (rd *Renderer) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":      rd.assetPath,
		"icon":       icon,
		"mark":       mark,
		"field":      newInput,
		"confirm":    newConfirmation,
		"number":     groupDigits,
		"address":    breakable,
		"rfc3339":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"utc":        func(layout string, t time.Time) string { return t.UTC().Format(layout) },
		"paragraphs": notice.Paragraphs,
		"words":      func(words ...string) []string { return words },
	}
}

// breakable is an address that breaks behind its scheme and before the dots of a name, where a line is too short for it, and not within a number or a port.
func breakable(address string) template.HTML {
	scheme, host, named := strings.Cut(address, "://")
	if !named {
		scheme, host = "", address
	}
	name, _, _ := strings.Cut(host, ":")
	text := template.HTMLEscapeString(host)
	if _, err := netip.ParseAddr(name); err != nil {
		text = strings.ReplaceAll(text, ".", "<wbr>.")
	}
	if named {
		text = template.HTMLEscapeString(scheme+"://") + "<wbr>" + text
	}
	return template.HTML(text) //nolint:gosec // all of it is escaped
}

// groupDigits writes 1204311 as 1,204,311; the script rewrites it for the reader's locale.
func groupDigits(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
