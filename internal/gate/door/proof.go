package door

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"usher/internal/secret"
)

// proof is what somebody shows to be let in: a token alone, or a password beside a name.
type proof struct {
	kind  kind
	login string // in its one spelling; of passwords
	text  secret.Token
	once  string // not empty: what this proves is found by nobody else
}

// kind is what a proof is.
type kind byte

const (
	byToken kind = iota
	// byAppPassword is a password that was made for this server: random, and looked up like a token.
	byAppPassword
	// byAccount is the account's own password, with the code of the second step behind it.
	byAccount
)

func tokenProof(token secret.Token) proof { return proof{text: token} }

// What the service takes for a name and a password at all. longestLogin is longer than any address or user name, in bytes; a password has at most
// longestPassword code points or bytes in NFC, and the digits of the second step behind it. A text shrinks to a quarter at most when it is normalised.
const (
	longestLogin         = 320
	longestPassword      = 256 + 6
	longestPasswordBytes = 1024 + 6
)

// loginOf brings a name into its one spelling. It is empty for what is none.
func loginOf(typed string) string {
	if typed = strings.TrimSpace(typed); len(typed) > longestLogin || !isText(typed) {
		return ""
	}
	return strings.ToLower(typed)
}

// isPassword reports whether a text may be a password of any account's.
func isPassword(text string) bool {
	if len(text) > 4*longestPasswordBytes || !isText(text) {
		return false
	}
	text = norm.NFC.String(text)
	return text != "" && len(text) <= longestPasswordBytes && utf8.RuneCountInString(text) <= longestPassword
}

// isText reports whether something is UTF-8 without control characters, among them NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// passwordProof is what a name and a password are here. An app password of the whole account is none, and is taken for a token that does not count: it would open
// more than this server.
func passwordProof(login string, password secret.Token) proof {
	if read, is := secret.ReadServerPassword(password); is {
		return proof{kind: byAppPassword, login: loginOf(login), text: read}
	}
	if _, is := secret.ReadAppPassword(password); is {
		return tokenProof(password)
	}
	return proof{kind: byAccount, login: loginOf(login), text: password}
}

func (p proof) empty() bool { return p.text.Empty() }

// keyOf names a proof by a hash from which none can be made. That of an account's password, which may be guessed at, is worth nothing outside of this process.
func (d *Decider) keyOf(p proof) key {
	var memory [512]byte
	b := memory[:0]
	switch p.kind { // a token's begins with a length, and so with a zero
	case byAppPassword:
		b = append(b, byte(p.kind))
	case byAccount:
		b = append(append(b, byte(p.kind)), d.salt...)
		for _, part := range []string{p.once, p.login} {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
		}
	}
	return sha256.Sum256(append(append(b, d.bound...), p.text.Reveal()...))
}

// worthAsking reports whether a proof may be one for this server, as far as that is seen: a token says where it counts, and nobody has no name or an endless
// password. A stranger's question that the service cannot even read would be no guess there, and free.
func (d *Decider) worthAsking(p proof) bool {
	switch p.kind {
	case byAppPassword:
		return p.login != ""
	case byAccount:
		return p.login != "" && isPassword(p.text.Reveal())
	}
	return madeFor(d.server, p.text.Reveal())
}

// answersTo reports whether somebody who shows an app password is who the name beside it says: by the name that the media server knows them by, or by an address
// that they proved.
func (a *admitted) answersTo(p proof) bool {
	if p.kind != byAppPassword {
		return true
	}
	return p.login != "" && (strings.EqualFold(p.login, a.told.user) || strings.EqualFold(p.login, a.Email) || strings.EqualFold(p.login, a.Account))
}

// takesPasswords reports whether the owner lets people type the account's own password here, as far as that is known. Any stranger has it ask: something ends only
// where the answer has become no since.
func (d *Decider) takesPasswords(ctx context.Context) (bool, error) {
	if d.Passwords == nil {
		return false, nil
	}
	on, err := d.Passwords.TakesPasswords(ctx)
	if err == nil && d.takes.Swap(on) && !on {
		d.EndPasswords("")
	}
	return on, err
}
