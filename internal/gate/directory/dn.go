package directory

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// dn is a distinguished name, the nearest part first. Names of more than one attribute to a part are nobody's here.
type dn []rdn

type rdn struct{ kind, value string } // the kind in our spelling, the value as it was written

var errNoName = errors.New("directory: not a name")

// longestName bounds a name, in bytes.
const longestName = 1024

// parseDN reads a name as RFC 4514 §3 writes it, with the blanks of older clients around its signs (RFC 2253 §4).
func parseDN(text string) (dn, error) {
	if len(text) > longestName || !utf8.ValidString(text) {
		return nil, errNoName
	}
	var all dn
	for rest := strings.TrimSpace(text); rest != ""; {
		kind, after, ok := strings.Cut(rest, "=")
		value, more, err := cutValue(after)
		if kind = strings.TrimSpace(kind); !ok || kind == "" || err != nil {
			return nil, errNoName
		}
		all = append(all, rdn{spelled(kind), value})
		if more == "" {
			return all, nil
		}
		if rest = strings.TrimSpace(more[1:]); rest == "" {
			return nil, errNoName
		}
	}
	return all, nil
}

// cutValue reads a value up to the sign that ends it. Blanks at its ends count where they are escaped.
func cutValue(text string) (value, more string, err error) {
	text = strings.TrimLeft(text, " ")
	var out []byte
	kept := 0 // how much of out stays, whatever blanks follow
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ',' || c == ';':
			return string(out[:max(kept, len(strings.TrimRight(string(out), " ")))]), text[i:], valid(out)
		case c == '+' || c == '"' || c == '<' || c == '>' || c == 0 || c == '#' && len(out) == 0:
			return "", "", errNoName
		case c != '\\':
			out = append(out, c)
		case i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			b, _ := hex.DecodeString(text[i+1 : i+3])
			out, i = append(out, b...), i+2
			kept = len(out)
		case i+1 < len(text) && strings.IndexByte(`\,;+"<>#= `, text[i+1]) >= 0:
			out, i = append(out, text[i+1]), i+1
			kept = len(out)
		default:
			return "", "", errNoName
		}
	}
	return string(out[:max(kept, len(strings.TrimRight(string(out), " ")))]), "", valid(out)
}

func valid(value []byte) error {
	if len(value) == 0 || !utf8.Valid(value) {
		return errNoName
	}
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// key is the name in its one spelling, in which no value has a comma.
func (n dn) key() string {
	var b strings.Builder
	for i, part := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ToLower(part.kind) + "=")
		for _, c := range []byte(folded(part.value)) {
			if strings.IndexByte(`\,=`, c) >= 0 {
				b.WriteString(`\` + hex.EncodeToString([]byte{c}))
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

// String writes the name as RFC 4514 §2.4 wants it.
func (n dn) String() string {
	parts := make([]string, len(n))
	for i, part := range n {
		parts[i] = part.kind + "=" + escaped(part.value)
	}
	return strings.Join(parts, ",")
}

func escaped(value string) string {
	var b strings.Builder
	for i, c := range value {
		switch {
		case c < ' ' || c == 0x7f:
			b.WriteString(`\` + hex.EncodeToString([]byte{byte(c)}))
			continue
		case strings.ContainsRune(`\,;+"<>=`, c), c == '#' && i == 0, c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// below is the name of what lies under n.
func (n dn) below(kind, value string) dn { return append(dn{{kind, value}}, n...) }

// login is who is meant by the name of a bind, in its one spelling: uid=X or cn=X among the people, or a user name or an address by itself.
func (d *Directory) login(name string) (login string, ok bool) {
	if len(name) > longestName || !utf8.ValidString(name) {
		return "", false
	}
	if !strings.Contains(name, "=") {
		login = spelledLogin(name)
		return login, login != ""
	}
	n, err := parseDN(name)
	if err != nil || len(n) < 2 || !slices.Contains([]string{"uid", "cn", "mail"}, n[0].kind) || n[1:].key() != d.people().key() {
		return "", false
	}
	login = spelledLogin(n[0].value)
	return login, login != ""
}

// spelledLogin is the one spelling of what somebody is called: as accounts have it, so that no second spelling has tries of its own. Addresses that a mail server
// may tell apart stay apart.
func spelledLogin(typed string) string {
	typed = strings.TrimSpace(typed)
	if strings.Contains(typed, "@") {
		return strings.Map(func(c rune) rune {
			if 'A' <= c && c <= 'Z' {
				return c + 'a' - 'A'
			}
			return c
		}, typed)
	}
	if mapped, err := precis.UsernameCaseMapped.String(typed); err == nil {
		return mapped
	}
	return strings.ToLower(typed)
}
