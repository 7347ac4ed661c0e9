package plexapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strconv"
	"strings"
)

// node is a thing of an answer: an element in XML, an object in JSON. It is described once, and spelled in either.
type node struct {
	name   string
	fields []field
	// plain nodes are not wrapped in an object that names them, where older addresses answer JSON.
	plain bool
}

// field is one fact of a node. Its value is nil, a bool, an int64, a string, a node, a list or a text: the first four are attributes in XML.
type field struct {
	name  string
	value any
}

// list is several nodes. In XML they stand within an element of the list's name, or, when bare, directly within their parent. A list without a
// name is, in JSON, all there is of its node.
type list struct {
	nodes []node
	bare  bool
}

// text is a value that in XML is an element of its own, with its type when that is told.
type text struct{ value, kind string }

// integer is the type of a text that is a whole number, in JSON as well.
const integer = "integer"

// spell writes a node as the call wants it.
func (c *call) spell(n node) []byte {
	var b bytes.Buffer
	if c.json {
		if c.old && !n.plain {
			n = node{fields: []field{{n.name, n}}}
		}
		n.writeJSON(&b)
		b.WriteByte('\n')
		return b.Bytes()
	}
	b.WriteString(xmlBegin)
	n.writeXML(&b)
	b.WriteByte('\n')
	return b.Bytes()
}

const xmlBegin = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func (n node) writeXML(b *bytes.Buffer) {
	b.WriteString("<" + n.name)
	var inner bytes.Buffer
	for _, f := range n.fields {
		switch v := f.value.(type) {
		case node:
			v.name = f.name
			v.writeXML(&inner)
		case list:
			v.writeXML(&inner, f.name)
		case text:
			v.writeXML(&inner, f.name)
		default:
			b.WriteString(" " + f.name + `="` + escapeXML(scalar(f.value)) + `"`)
		}
	}
	if inner.Len() == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	b.Write(inner.Bytes())
	b.WriteString("</" + n.name + ">")
}

func (l list) writeXML(b *bytes.Buffer, name string) {
	if l.bare || name == "" {
		for _, n := range l.nodes {
			n.writeXML(b)
		}
		return
	}
	node{name: name, fields: []field{{"", list{nodes: l.nodes, bare: true}}}}.writeXML(b)
}

func (t text) writeXML(b *bytes.Buffer, name string) {
	if t.kind != "" {
		b.WriteString("<" + name + ` type="` + t.kind + `">`)
	} else {
		b.WriteString("<" + name + ">")
	}
	b.WriteString(escapeXML(t.value) + "</" + name + ">")
}

// scalar is an attribute's text: 1 and 0 for yes and no, nothing for null.
func scalar(value any) string {
	switch v := value.(type) {
	case bool:
		if v {
			return "1"
		}
		return "0"
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return v
	}
	return ""
}

// escapeXML also breaks up the four capital letters that one client looks for.
func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return strings.ReplaceAll(b.String(), "HTTP", "&#72;TTP")
}

func (n node) writeJSON(b *bytes.Buffer) {
	if len(n.fields) == 1 && n.fields[0].name == "" {
		writeJSON(b, n.fields[0].value)
		return
	}
	b.WriteByte('{')
	for i, f := range n.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		writeJSON(b, f.name)
		b.WriteByte(':')
		writeJSON(b, f.value)
	}
	b.WriteByte('}')
}

func writeJSON(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case node:
		v.writeJSON(b)
	case list:
		b.WriteByte('[')
		for i, n := range v.nodes {
			if i > 0 {
				b.WriteByte(',')
			}
			n.writeJSON(b)
		}
		b.WriteByte(']')
	case text:
		if v.kind == integer {
			b.WriteString(v.value)
			return
		}
		writeJSON(b, v.value)
	case string:
		if standsForItself(v) {
			b.WriteString(`"` + v + `"`)
			return
		}
		raw, _ := json.Marshal(v) // a string always can be
		b.Write(bytes.ReplaceAll(raw, []byte("HTTP"), []byte(`\u0048TTP`)))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	default:
		raw, _ := json.Marshal(v) // nil always can be
		b.Write(raw)
	}
}

// standsForItself reports whether a text is spelled in JSON as it is, between quotes: nearly every one, and players poll.
func standsForItself(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return !strings.Contains(text, "HTTP")
}

// reply sends an answer. Its type has no parameters: one client hands raw bytes to its caller otherwise.
func (c *call) reply(status int, n node) error {
	contentType := "application/xml"
	if c.json {
		contentType = "application/json"
	}
	raw := c.spell(n)
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	_, _ = c.w.Write(raw) // the reader may be gone; nothing is left to tell them
	return nil
}
