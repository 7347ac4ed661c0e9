package door

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrPath says that a path has a spelling that the media server might read as another place.
var ErrPath = errors.New("door: a path that can be read in two ways")

// Path is a path in the one spelling in which it is judged and in which the media server receives it.
type Path struct {
	// Plain is decoded, begins with a slash, and has neither dot segments nor empty ones, but for the last.
	Plain string
	// Encoded is the same with everything escaped that some server reads as more than a letter.
	Encoded string
}

// CanonicalPath brings a path, escaped as it stood in the request, to its one spelling, or refuses it. Slashes that stand together become one. Refused are
// dot segments, slashes and backslashes in disguise, bare backslashes and #, control characters, what is no UTF-8, and escapes of escapes. ErrPath.
func CanonicalPath(raw string) (Path, error) {
	if raw == "" {
		return Path{"/", "/"}, nil
	}
	if raw[0] != '/' || strings.ContainsAny(raw, "\\#?") {
		return Path{}, ErrPath
	}
	segments := strings.Split(raw[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || !cleanSegment(plain) {
			return Path{}, ErrPath
		}
		if plain != "" || i == len(segments)-1 {
			kept = append(kept, plain)
		}
	}
	plain := "/" + strings.Join(kept, "/")
	return Path{plain, encodePath(plain)}, nil
}

// cleanSegment takes what stands between two slashes, decoded once.
func cleanSegment(s string) bool {
	bare, _, _ := strings.Cut(s, ";")                                      // some servers drop what follows
	if s != "" && strings.Trim(bare, ". ") == "" || !utf8.ValidString(s) { // others drop dots and blanks at the end of a name
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == 0x7f, c == '/', c == '\\':
			return false
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]): // a server that decodes twice
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

const upperHex = "0123456789ABCDEF"

// encodePath escapes all but unreserved characters and those that mean the same in both spellings. A semicolon and a plus are escaped: servers differ about them.
func encodePath(plain string) string {
	clean := true
	for i := range len(plain) {
		clean = clean && stays(plain[i])
	}
	if clean {
		return plain
	}
	var b strings.Builder
	for i := range len(plain) {
		if c := plain[i]; stays(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

func stays(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~:@!$&'()*,=", c) >= 0
}

// Own reports whether the path is one of the gate's own, which never reaches the media server: /.usher, /identity, /myplex, and whatever a server could take
// for these that does not tell upper from lower case, or drops dots, blanks or parameters at the end of a name.
func (p Path) Own() bool {
	first, _, _ := strings.Cut(p.Plain[1:], "/")
	first, _, _ = strings.Cut(first, ";")
	first = strings.TrimRight(first, ". ")
	return strings.EqualFold(first, ".usher") || strings.EqualFold(first, "identity") || strings.EqualFold(first, "myplex")
}
