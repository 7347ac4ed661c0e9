package notice

import (
	"strings"
	"testing"
)

func TestDefaultPartsCanBeSent(t *testing.T) {
	for _, contact := range []string{"", "help@watch.example.org"} {
		if wrong := DefaultParts("watch.example.org", contact).Check(); len(wrong) > 0 {
			t.Errorf("%v", wrong)
		}
	}
}

func TestPartsAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"": "Write something", " \n ": "Write something", strings.Repeat("é", LongestPart+1): "too long",
		"See https://evil.example": "Leave links out", "See HTTP: evil": "Leave links out", "Www.evil.example": "Leave links out", "ftp://x": "Leave links out", "<b>x": "Leave links out",
		"a\x00b": "not text", "a\u202eb": "not text", "a\x1b[2Jb": "not text", "a\xffb": "not text",
		"Two lines,\r\n\r\nand a tab\tor two.": "", strings.Repeat("é", LongestPart): "", "Write to help@watch.example.org or open watch.example.org/help.": "",
	} {
		p := DefaultParts("watch.example.org", "")
		p.Happened = text
		got := ""
		for _, wrong := range p.Check() {
			got = wrong.Sentence
			if wrong.Key != DataHappened || !strings.Contains(wrong.Error(), wrong.Sentence) {
				t.Errorf("%q: %v", text, wrong)
			}
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

func TestPartsAreListedInOrder(t *testing.T) {
	p := DefaultParts("watch.example.org", "x")
	for i, part := range p.List() {
		if part.Key != PartTitles[i].Key || part.Text == "" || *p.At(part.Key) != part.Text {
			t.Errorf("part %d is %+v", i, part)
		}
	}
	if p.At("x") != nil {
		t.Error("there is a part of no such key")
	}
}
