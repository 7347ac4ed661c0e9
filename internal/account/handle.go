package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// HandleKind tells the things an account is found by apart.
type HandleKind string

// What an account is found by.
const (
	ByEmail    HandleKind = "email"
	ByUserName HandleKind = "user name"
	ByIdentity HandleKind = "identity" // issuer NUL subject; nobody types it
)

// Handle is one thing an account is found by, in its one canonical spelling. Counters and look-ups use only this form, so that no
// second spelling of a name has a budget of its own.
type Handle struct {
	Kind  HandleKind
	Value string
}

// Errors about what somebody typed. Their texts are for people.
var (
	ErrBadAddress  = errors.New("This does not look like an e-mail address.")
	ErrBadUserName = errors.New("A user name has 3 to 32 letters or digits; dots, dashes and underscores may stand inside.")
	ErrBadName     = errors.New("A name has at most 64 characters, and no line breaks.")
)

const (
	longestAddress   = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
	longestLocalPart = 64  // RFC 5321 §4.5.3.1.1
)

// EmailHandle checks an address and returns it trimmed, together with its handle: the whole address with ASCII letters in lower
// case. Unicode letters are not folded: two addresses that a mail server may tell apart stay apart, and mail goes to the form its
// owner confirmed.
func EmailHandle(typed string) (string, Handle, error) {
	address := strings.TrimSpace(typed)
	if !plausibleAddress(address) {
		return "", Handle{}, ErrBadAddress
	}
	return address, Handle{ByEmail, asciiLower(address)}, nil
}

// SameAddress reports whether two typed addresses are one.
func SameAddress(a, b string) bool {
	_, one, err := EmailHandle(a)
	_, other, oerr := EmailHandle(b)
	return err == nil && oerr == nil && one == other
}

// plausibleAddress accepts dot-atom addresses with one "@" (RFC 5321 §4.1.2), also internationalised (RFC 6531). Quoted local parts
// and address literals are refused: nobody's mailbox needs them, and parsers disagree about them.
func plausibleAddress(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	if !found || len(s) > longestAddress || len(local) > longestLocalPart || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		return false
	}
	return dotAtom(local, "!#$%&'*+-/=?^_`{|}~") && dotAtom(domain, "-") && strings.Contains(domain, ".") && plainDomain(domain)
}

func dotAtom(s, extra string) bool {
	if s == "" || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, c := range s {
		switch {
		case c == '.' || strings.ContainsRune(extra, c):
		case c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)):
		case unicode.In(c, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point): // nobody would see it
			return false
		case c >= utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)):
		default:
			return false
		}
	}
	return true
}

func plainDomain(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return true
}

func asciiLower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + ('a' - 'A')
		}
		return c
	}, s)
}

// UserNameHandle checks a user name and returns it as it is shown, together with its handle: PRECIS UsernameCaseMapped (RFC 8265
// §3.3), narrowed to letters, digits and . - _ of three to 32 characters, so that it can stand in a header, a URL and a DN.
func UserNameHandle(typed string) (string, Handle, error) {
	shown := strings.TrimSpace(typed)
	if len(shown) > 4*32 || !utf8.ValidString(shown) {
		return "", Handle{}, ErrBadUserName
	}
	mapped, err := precis.UsernameCaseMapped.String(shown)
	if err != nil || !plainUserName(mapped) {
		return "", Handle{}, ErrBadUserName
	}
	return norm.NFC.String(shown), Handle{ByUserName, mapped}, nil
}

func plainUserName(s string) bool {
	if n := utf8.RuneCountInString(s); n < 3 || n > 32 {
		return false
	}
	last := '.'
	for _, c := range s {
		separator := strings.ContainsRune(".-_", c)
		if !separator && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) {
			return false
		}
		if separator && strings.ContainsRune(".-_", last) { // neither at the start nor doubled
			return false
		}
		last = c
	}
	return !strings.ContainsRune(".-_", last)
}

// LoginHandle returns the handle that somebody means who types an address or a user name to sign in. What cannot be either still gets a
// handle of its own, which no account has, so that refusing it takes the same way and the same time.
func LoginHandle(typed string) Handle {
	if len(typed) > 4*longestAddress {
		typed = typed[:4*longestAddress]
	}
	if _, h, err := ReadHandle(typed); err == nil {
		return h
	}
	return Handle{"nobody", strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(typed, "?")))}
}

// ReadHandle reads an address or a user name, and returns it as it is shown, together with its handle. ErrBadAddress, ErrBadUserName.
func ReadHandle(typed string) (string, Handle, error) {
	if strings.Contains(typed, "@") {
		return EmailHandle(typed)
	}
	return UserNameHandle(typed)
}

// Addressee is to whom a mail goes that is for whoever has a handle.
type Addressee struct {
	Email     string
	AccountID string // empty where an address was typed: the mail is for whoever has it
	Nobody    bool   // the user name is nobody's, or of an account that is locked: the mail costs what it costs, and nobody gets it
}

// AddresseeOf finds whom somebody means by what ReadHandle has read.
func AddresseeOf(shown string, h Handle, find func(Handle) (Account, error)) (Addressee, error) {
	if h.Kind == ByEmail {
		return Addressee{Email: shown}, nil
	}
	a, err := find(h)
	if errors.Is(err, ErrNotFound) || err == nil && a.State == Locked {
		return Addressee{Email: shown + "@invalid", Nobody: true}, nil
	}
	return Addressee{Email: a.Email, AccountID: a.ID}, err
}

// DisplayName checks and trims a display name.
func DisplayName(typed string) (string, error) {
	name := norm.NFC.String(strings.TrimSpace(typed))
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > LongestName {
		return "", ErrBadName
	}
	for _, c := range name {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) && c != '\u200d' || c == '\u2028' || c == '\u2029' {
			return "", ErrBadName
		}
	}
	return name, nil
}
