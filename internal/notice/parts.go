package notice

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parts are what an incident's notice says, the same on the page and by mail. Each is plain text, its paragraphs apart by an empty line.
type Parts struct {
	Happened string `json:"happened"`
	Exposed  string `json:"exposed"` // and what was not
	Doing    string `json:"doing"`
	ToDo     string `json:"to_do"`
	Further  string `json:"further"`
	Never    string `json:"never"`
	Help     string `json:"help"`
	Contact  string `json:"contact"`
}

// Part is one of them with its name.
type Part struct {
	Key      string // one of the Data… constants
	Title    string
	Text     string
	Required bool
}

// LongestPart is the limit of one part, in code points.
const LongestPart = 2000

// PartTitles are the parts in their order, without a text.
var PartTitles = []Part{
	{Key: DataHappened, Title: "What happened", Required: true},
	{Key: DataExposed, Title: "What was exposed, and what was not", Required: true},
	{Key: DataDoing, Title: "What we are doing", Required: true},
	{Key: DataToDo, Title: "What to do", Required: true},
	{Key: DataFurther, Title: "Further protection"},
	{Key: DataNever, Title: "What we never do", Required: true},
	{Key: DataHelp, Title: "Step-by-step help"},
	{Key: DataContact, Title: "Contact"},
}

// At returns the part of that key, to read or to write; nil when there is none.
func (p *Parts) At(key string) *string {
	return map[string]*string{
		DataHappened: &p.Happened, DataExposed: &p.Exposed, DataDoing: &p.Doing, DataToDo: &p.ToDo,
		DataFurther: &p.Further, DataNever: &p.Never, DataHelp: &p.Help, DataContact: &p.Contact,
	}[key]
}

// List returns every part in order, empty ones among them.
func (p Parts) List() []Part {
	all := make([]Part, len(PartTitles))
	for i, part := range PartTitles {
		part.Text = *p.At(part.Key)
		all[i] = part
	}
	return all
}

// DefaultParts are good first words for a service at a host; contact may be empty. They say what holds for every such notice, and nothing that an
// operator would have to know first.
func DefaultParts(host, contact string) Parts {
	p := Parts{
		Happened: "We have reason to believe that somebody got hold of account data of this service who should not have it.",
		Exposed:  "Names, addresses and passwords may be among it, in encrypted form. We hold no payment data.",
		Doing:    "We have closed the gap as far as we know it, and we are finding out how it came about. We tell you when we know more.",
		ToDo: "Type " + host + " into your browser yourself, choose “Forgot?” there, and follow the steps to a new password. It takes about two minutes. " +
			"If you use the old password anywhere else, change it there too.",
		Further: "With the second step, a password alone opens nothing. If your account has none yet, turn it on afterwards. If it has one, it stays, and you need it to choose the new password.",
		Never:   "Nobody will ever ask for your password or a payment card by e-mail.",
		Help:    "Type " + host + "/help/reset-required into your browser.",
	}
	if contact != "" {
		p.Contact = "You reach us at " + contact + "."
	}
	return p
}

// PartError says what is wrong with one part, for whoever writes it.
type PartError struct{ Key, Sentence string }

// Error is the sentence, after the part's key.
func (e *PartError) Error() string { return e.Key + ": " + e.Sentence }

// Check reports every part that cannot be sent. Such mails are faked often, so ours carry no link, and nothing that a mail reader makes one of.
func (p Parts) Check() []*PartError {
	var wrong []*PartError
	for _, part := range p.List() {
		if sentence := part.check(); sentence != "" {
			wrong = append(wrong, &PartError{part.Key, sentence})
		}
	}
	return wrong
}

func (p Part) check() string {
	low := strings.ToLower(p.Text)
	switch {
	case p.Required && strings.TrimSpace(p.Text) == "":
		return "Write something here."
	case utf8.RuneCountInString(p.Text) > LongestPart:
		return fmt.Sprintf("This is too long: at most %d characters.", LongestPart)
	case !utf8.ValidString(p.Text) || strings.ContainsFunc(p.Text, forbidden):
		return "There is a character in it that is not text."
	case strings.Contains(low, "http") || strings.Contains(low, "www.") || strings.Contains(low, "://") || strings.ContainsAny(p.Text, "<>"):
		return "Leave links out: write addresses as people type them, without http and www."
	}
	return ""
}

func forbidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || unicode.Is(unicode.Cf, r)
}

// Paragraphs takes a part's text apart.
func Paragraphs(text string) []string {
	var all []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if line := strings.Join(strings.Fields(paragraph), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func (p Parts) with(check string) map[string]string {
	data := map[string]string{DataCheck: check}
	for _, part := range p.List() {
		data[part.Key] = part.Text
	}
	return data
}
