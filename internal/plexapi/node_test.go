package plexapi

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSpell(t *testing.T) {
	n := node{name: "user", fields: []field{
		{"id", int64(7)}, {"home", true}, {"guest", false}, {"locale", nil}, {"title", `"A" & <b>`},
		{"subscription", node{fields: []field{{"active", false}, {"features", list{}}}}},
		{"roles", list{nodes: []node{{name: "role", fields: []field{{"id", "plex"}}}}}},
		{"User", list{bare: true, nodes: []node{{name: "User", fields: []field{{"id", int64(1)}}}}}},
		{"pin", text{"42", "integer"}}, {"code", text{value: "AB"}},
	}}
	xmlWant := xmlBegin + `<user id="7" home="1" guest="0" locale="" title="&#34;A&#34; &amp; &lt;b&gt;"><subscription active="0"><features/></subscription>` +
		`<roles><role id="plex"/></roles><User id="1"/><pin type="integer">42</pin><code>AB</code></user>` + "\n"
	jsonWant := `{"id":7,"home":true,"guest":false,"locale":null,"title":"\"A\" \u0026 \u003cb\u003e","subscription":{"active":false,"features":[]},` +
		`"roles":[{"id":"plex"}],"User":[{"id":1}],"pin":42,"code":"AB"}`
	plain := n
	plain.plain = true
	for _, c := range []struct {
		call
		node
		want string
	}{
		{call{}, n, xmlWant}, {call{old: true}, n, xmlWant}, {call{json: true}, n, jsonWant + "\n"},
		{call{json: true, old: true}, n, `{"user":` + jsonWant + "}\n"}, {call{json: true, old: true}, plain, jsonWant + "\n"},
		{call{json: true}, node{name: "friends", fields: []field{{"", list{}}}}, "[]\n"}, {call{}, node{name: "friends", fields: []field{{"", list{}}}}, xmlBegin + "<friends/>\n"},
	} {
		if got := string(c.spell(c.node)); got != c.want {
			t.Errorf("spelled\n%s\nwant\n%s", got, c.want)
		}
	}
}

// FuzzXML: whatever people and clients call themselves, an answer can be read back, says the same in both forms, and has the four letters nowhere.
func FuzzXML(f *testing.F) {
	for _, text := range []string{"ann", "HTTP/1.1 200", "HHTTPTTP", `a"b'c<d>&e]]>`, "line\r\n\tone", "\u202e\u2028é", "\x00\x01\xff", "\ufffe\uffff", `\u0048TTP`, "&#72;TTP"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		n := node{name: "user", fields: []field{{"title", typed}, {"code", text{value: typed}}}}
		var inXML struct {
			Title string `xml:"title,attr"`
			Code  string `xml:"code"`
		}
		raw := (&call{}).spell(n)
		if err := xml.Unmarshal(raw, &inXML); err != nil {
			t.Fatalf("%q is spelled %s: %v", typed, raw, err)
		}
		var inJSON struct{ Title, Code string }
		rawJSON := (&call{json: true}).spell(n)
		if err := json.Unmarshal(rawJSON, &inJSON); err != nil {
			t.Fatalf("%q is spelled %s: %v", typed, rawJSON, err)
		}
		if strings.Contains(string(raw)+string(rawJSON), "HTTP") {
			t.Fatalf("%q is spelled %s %s", typed, raw, rawJSON)
		}
		if utf8.ValidString(typed) && inJSON.Title != typed || inJSON.Title != inJSON.Code || inXML.Title != inXML.Code {
			t.Fatalf("%q became %q and %q", typed, inJSON.Title, inXML.Title)
		}
		if clean := xmlText(typed); clean && inXML.Title != typed {
			t.Fatalf("%q became %q", typed, inXML.Title)
		}
	})
}

// xmlText reports whether XML can hold a text as it stands.
func xmlText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}
